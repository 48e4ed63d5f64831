import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { families, type Family } from "../../domain/Address.ts"
import { planExternalDefault, type Gateway } from "../../domain/DefaultRoute.ts"
import { Netlink } from "../../services/Netlink.ts"
import { makeNotices } from "../Notices.ts"

export interface DefaultRouteKeeper {
  /** Asks for another look at the kernel. */
  readonly lookAgain: Effect.Effect<void>
  /** Keeps the chosen gateways the only default routes (SPEC §8.3). */
  readonly keep: Effect.Effect<never, never, Netlink>
}

/** Between two looks: somebody who fights for the route is answered within 100 ms, and does not get all of the processor. */
const GAP = "25 millis"
const CHECK = "30 seconds"
const RETRY = "1 second"

export interface ExternalRoute {
  readonly link: string
  readonly gateways: ReadonlyArray<Gateway>
}

export const makeDefaultRouteKeeper = Effect.fnUntraced(function* (wanted: () => ExternalRoute) {
  const asked = yield* Queue.sliding<void>(1)
  const notices = makeNotices()
  /** The gateway that anchord set last, by family: the same once more means that somebody else changed it. */
  const set = new Map<Family, string>()

  const once = Effect.fn("DefaultRouteKeeper.once")(function* () {
    const netlink = yield* Netlink
    const { link, gateways } = wanted()
    const current = (yield* Effect.forEach(families, (family) => netlink.defaultRoutes(family), {
      concurrency: 2
    })).flat()
    const steps = planExternalDefault({ link, gateways, current })
    if (steps.length === 0) return
    yield* netlink.applyRoutes(steps)
    for (const gateway of gateways) {
      if (!steps.some((step) => step.route.family === gateway.family)) continue
      const again = set.get(gateway.family) === gateway.address
      set.set(gateway.family, gateway.address)
      const line = again
        ? Effect.logWarning("somebody changed the default route; it is set again")
        : Effect.logInfo("the default route leads through the external network")
      yield* line.pipe(
        Effect.annotateLogs({ family: gateway.family, gateway: gateway.address, source: gateway.source, link })
      )
    }
  })

  const keep = Effect.gen(function* () {
    while (true) {
      const failed = yield* once().pipe(
        Effect.matchEffect({
          onFailure: (error) =>
            Effect.as(
              notices([{ key: "route", level: "ERROR", message: `cannot set the default route: ${error.message}` }]),
              true
            ),
          onSuccess: () => Effect.as(notices([]), false)
        })
      )
      yield* Effect.sleep(GAP)
      yield* Queue.take(asked).pipe(Effect.timeoutOption(failed ? RETRY : CHECK))
    }
  })

  return { lookAgain: Effect.asVoid(Queue.offer(asked, undefined)), keep } satisfies DefaultRouteKeeper
})
