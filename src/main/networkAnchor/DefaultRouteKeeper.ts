import * as Effect from "effect/Effect"
import { families, familyName, type Family } from "../../domain/Address.ts"
import { planExternalDefault, type Gateway } from "../../domain/DefaultRoute.ts"
import type { RouteStep } from "../../domain/Routing.ts"
import { Netlink } from "../../services/Netlink.ts"
import { makeLooks } from "../Looks.ts"
import { makeNotices } from "../Notices.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logWarning } from "../../layers/observability/OperatorLog.ts"

export interface DefaultRouteKeeper {
  /** Asks for another look at the kernel. */
  readonly lookAgain: Effect.Effect<void>
  /** Keeps the chosen gateways the only default routes (SPEC §8.3). */
  readonly keep: Effect.Effect<never, never, Netlink>
}

export interface ExternalRoute {
  readonly link: string
  readonly gateways: ReadonlyArray<Gateway>
  /** IPv6 has the default of a router advertisement, or none. */
  readonly v6ByAdvertisement: boolean
}

export const makeDefaultRouteKeeper = Effect.fnUntraced(function* (wanted: () => ExternalRoute) {
  const looks = yield* makeLooks
  const notices = makeNotices()
  /** The gateway that anchord set last, by family: the same once more means that somebody else changed it. */
  const set = new Map<Family, string>()

  const change = Effect.fn("route.change")(function* (
    { link, gateways }: Pick<ExternalRoute, "link" | "gateways">,
    steps: ReadonlyArray<RouteStep>
  ) {
    yield* Effect.annotateCurrentSpan({
      link,
      gateways: gateways.map(({ address }) => address).join(" "),
      steps: steps.length
    })
    yield* (yield* Netlink).applyRoutes(steps)
  })

  const once = Effect.fnUntraced(function* () {
    const netlink = yield* Netlink
    const { link, gateways, v6ByAdvertisement } = wanted()
    const current = (yield* Effect.forEach(families, (family) => netlink.defaultRoutes(family), {
      concurrency: 2
    })).flat()
    const steps = planExternalDefault({ link, gateways, current, v6ByAdvertisement })
    if (steps.length === 0) return
    yield* change({ link, gateways }, steps)
    for (const gateway of gateways) {
      if (!steps.some((step) => step.route.family === gateway.family)) continue
      const again = set.get(gateway.family) === gateway.address
      set.set(gateway.family, gateway.address)
      const name = familyName[gateway.family]
      const line = again
        ? logWarning(sentence`somebody changed the ${name} default route; it is set again`)
        : Effect.logInfo(`the ${name} default route leads through the external network`)
      yield* line.pipe(
        Effect.annotateLogs({ family: gateway.family, gateway: gateway.address, source: gateway.source, link })
      )
    }
  })

  const look = Effect.suspend(once).pipe(
    Effect.matchEffect({
      onFailure: ({ message }) =>
        Effect.as(
          notices([{ key: "route", level: "ERROR", message: sentence`cannot set the default route: ${message}` }]),
          false
        ),
      onSuccess: () => Effect.as(notices([]), true)
    })
  )

  return { lookAgain: looks.again, keep: looks.keep(look) } satisfies DefaultRouteKeeper
})
