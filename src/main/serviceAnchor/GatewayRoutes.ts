import * as Effect from "effect/Effect"
import { families, type AddressPair, type Family } from "../../domain/Address.ts"
import { isOurs } from "../../domain/DefaultRoute.ts"
import { ORIGINALS_TABLE, type LinkAddress, type RouteStep } from "../../domain/Routing.ts"
import { isDeserted, linkTowards, planFollow, planRestore } from "../../domain/ServiceAnchorRoutes.ts"
import * as Metrics from "../../layers/observability/ServiceAnchorMetrics.ts"
import { Netlink, type NetlinkError } from "../../services/Netlink.ts"
import type { Notice } from "../Notices.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logError } from "../../layers/observability/OperatorLog.ts"

/** What came of bringing one family's default route to its gateway. */
export interface FamilyOutcome {
  readonly family: Family
  readonly present: boolean
  /** The kernel failed at something: it is worth trying again soon. */
  readonly failed: boolean
  readonly notices: ReadonlyArray<Notice>
}

const setsDefault = (step: RouteStep): boolean => step._tag === "Replace" && step.route.table === undefined

const kernelFailed = (family: Family, error: NetlinkError): FamilyOutcome => ({
  family,
  present: false,
  failed: true,
  notices: [
    {
      key: `${family} kernel`,
      level: "ERROR",
      message: sentence`cannot set the ${family} default route: ${error.message}`
    }
  ]
})

const outOfReach = (family: Family, gateway: string): Notice => ({
  key: `${family} reach`,
  level: "WARN",
  message: sentence`the ${family} gateway ${gateway} is on no network of this container; attach it to the network-anchor's shared network`
})

/** Nothing that an operator could mend here: the network-anchor restarts this container, or tells that it has to be. */
const deserted: Notice = {
  key: "namespace",
  level: "INFO",
  message: sentence`the networks of this namespace are gone: the container that it was made for has ended or was restarted`
}

const readRoutes = Effect.fnUntraced(function* (family: Family) {
  const netlink = yield* Netlink
  return yield* Effect.all(
    { main: netlink.defaultRoutes(family), originals: netlink.defaultRoutes(family, ORIGINALS_TABLE) },
    { concurrency: 2 }
  )
})

const changeRoutes = Effect.fn("route.change")(function* (family: Family, steps: ReadonlyArray<RouteStep>) {
  const set = steps.find(setsDefault)
  yield* Effect.annotateCurrentSpan({
    family,
    steps: steps.length,
    ...(set === undefined ? {} : { gateway: set.route.gateway, link: set.route.link })
  })
  const netlink = yield* Netlink
  yield* netlink.applyRoutes(steps)
  if (set === undefined) return
  yield* Metrics.routeReplaced(family)
  yield* Effect.logInfo("the default route leads to the network-anchor").pipe(
    Effect.annotateLogs({ family, gateway: set.route.gateway, link: set.route.link })
  )
})

const followFamily = Effect.fnUntraced(
  function* (family: Family, gateways: AddressPair, addresses: ReadonlyArray<LinkAddress>, routedBefore: boolean) {
    const { main, originals } = yield* readRoutes(family)
    const gateway = gateways[family]
    const steps = planFollow({ main, originals, addresses }, gateway === undefined ? {} : { [family]: gateway })
    if (steps.length > 0) yield* changeRoutes(family, steps)
    const unreachable = gateway !== undefined && linkTowards(gateway, addresses) === undefined
    return {
      family,
      present: main.some(isOurs) || steps.some(setsDefault),
      failed: false,
      notices: !unreachable ? [] : routedBefore && isDeserted(addresses) ? [deserted] : [outOfReach(family, gateway)]
    } satisfies FamilyOutcome
  },
  (effect, family) =>
    effect.pipe(
      Effect.catch((error) => Effect.succeed(kernelFailed(family, error))),
      Effect.tap(({ present }) => Metrics.routePresent(family, present))
    )
)

/**
 * Reads the kernel once and brings the default route of each family to its gateway; neither family stands in the other's way.
 * `routedBefore`: whether one of them has led there already, so that a namespace without networks has lost them.
 */
export const followGateways = Effect.fnUntraced(
  function* (gateways: AddressPair, routedBefore: boolean) {
    const netlink = yield* Netlink
    const addresses = yield* netlink.addresses
    return yield* Effect.forEach(families, (family) => followFamily(family, gateways, addresses, routedBefore))
  },
  Effect.catch((error: NetlinkError) => Effect.succeed(families.map((family) => kernelFailed(family, error))))
)

/** Commands that hang must not keep the process from ending within its 5 s (SPEC §14). */
const RESTORE_LIMIT = "2 seconds"

const restoreFamily = Effect.fn("route.restore")(
  function* (family: Family) {
    const netlink = yield* Netlink
    const steps = planRestore(yield* readRoutes(family), family)
    yield* Effect.annotateCurrentSpan({ family, steps: steps.length })
    yield* Effect.forEach(
      steps,
      (step) =>
        netlink
          .applyRoutes([step])
          .pipe(
            Effect.catch((error) =>
              logError(
                sentence`cannot put a route back as it was; Docker sets it anew when the container that owns this network namespace is restarted`
              ).pipe(Effect.annotateLogs({ family, command: error.command, error: error.message }))
            )
          ),
      { discard: true }
    )
    yield* Metrics.routePresent(family, false)
    if (steps.length > 0)
      yield* Effect.logInfo("default routes are as they were found").pipe(Effect.annotateLogs({ family }))
  },
  (effect, family) =>
    effect.pipe(
      Effect.interruptible,
      Effect.timeout(RESTORE_LIMIT),
      Effect.catch((error) =>
        logError(
          sentence`cannot restore the default routes; Docker sets them anew when the container that owns this network namespace is restarted`
        ).pipe(Effect.annotateLogs({ family, error: error.message }))
      )
    )
)

/** Leaves the namespace as it was found (SPEC §10). What fails for one family or one route is logged, and the next has its turn. */
export const restore = Effect.fnUntraced(function* () {
  yield* Effect.forEach(families, restoreFamily, { discard: true })
})
