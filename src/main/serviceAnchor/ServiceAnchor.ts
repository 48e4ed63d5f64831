import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { families, type AddressPair, type Family } from "../../domain/Address.ts"
import type { NetlinkChange } from "../../domain/Routing.ts"
import type { Readiness } from "../../layers/observability/Readiness.ts"
import { serviceAnchorStatus } from "../../domain/ServiceAnchorStatus.ts"
import type { StatusBoard } from "../../layers/observability/StatusBoard.ts"
import * as Metrics from "../../layers/observability/ServiceAnchorMetrics.ts"
import type { NameResolver } from "../../services/NameResolver.ts"
import { Netlink } from "../../services/Netlink.ts"
import type { FatalError } from "../FatalError.ts"
import { endedByDefect } from "../Defect.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logWarning } from "../../layers/observability/OperatorLog.ts"
import { requireNetAdmin } from "../NetAdmin.ts"
import { makeLooks, type Looks } from "../Looks.ts"
import { makeNotices } from "../Notices.ts"
import { makeGatewayLookup, type GatewayLookup } from "./GatewayLookup.ts"
import { followGateways, restore, type FamilyOutcome } from "./GatewayRoutes.ts"

export interface ServiceAnchorConfig {
  readonly gatewayHostname: string
  /** Set: no name is ever resolved. */
  readonly gateway: AddressPair | undefined
  readonly resolveInterval: Duration.Duration
}

/** What must hold before a service-anchor is ready (SPEC §12), for {@link Readiness}. */
export const conditions = { route: "no default route leads to the network-anchor yet" } as const

/**
 * How often the name is watched while all is well. A namespace without traffic never notices that its gateway is gone, because the kernel
 * probes neighbours only when it sends to them, and then takes seconds. One look-up of one family costs a fraction of a millisecond.
 */
const WATCH_MILLIS = 500

/** How often both families are looked up while the gateway is unwell, and for how long before it is the watch's pace again. */
const URGENT_MILLIS = 200
const URGENT_FOR_MILLIS = 10_000

/** When its container stops, a namespace loses one thing after the other: what lasts no longer than that is not worth a line. */
const PATIENCE_MILLIS = 1_000

interface Signals {
  /** The routes may not be what they should. */
  readonly routes: Looks
  /** The kernel's neighbour table changed. */
  readonly neighbours: Queue.Queue<void>
  /** The gateway seems to be gone. */
  readonly lookup: Queue.Queue<void>
}

const signal = () => Queue.sliding<void>(1)

const raise = (queue: Queue.Queue<void>) => Effect.asVoid(Queue.offer(queue, undefined))

const listen = Effect.fnUntraced(function* ({ routes, neighbours }: Signals) {
  const netlink = yield* Netlink
  yield* Stream.runForEach(netlink.changes, (change: NetlinkChange) =>
    change === "neighbour" ? raise(neighbours) : routes.again
  )
})

const keepRoutes = (
  gateways: () => AddressPair,
  { routes }: Signals,
  readiness: Readiness,
  onOutcomes: (outcomes: ReadonlyArray<FamilyOutcome>) => void
) => {
  const notices = makeNotices()
  let since: ReadonlyMap<string, number> = new Map()
  let routedBefore = false
  const look = Effect.gen(function* () {
    const outcomes = yield* followGateways(gateways(), routedBefore)
    onOutcomes(outcomes)
    const found = outcomes.flatMap((outcome) => outcome.notices)
    const now = yield* Clock.currentTimeMillis
    const stands = new Map(found.map(({ key }) => [key, since.get(key) ?? now]))
    const lasting = found.filter(({ key }) => now - (stands.get(key) ?? now) >= PATIENCE_MILLIS)
    since = stands
    yield* notices(lasting)
    const present = outcomes.some((outcome) => outcome.present)
    routedBefore ||= present
    readiness.set("route", present ? undefined : conditions.route)
    return lasting.length === found.length && !outcomes.some((outcome) => outcome.failed)
  })
  return routes.keep(look)
}

interface Health {
  /** The kernel cannot reach the gateway: its neighbour entry failed or gets no answer. */
  neighbourFails: boolean
}

const watchNeighbours = Effect.fnUntraced(function* (
  lookup: GatewayLookup,
  health: Health,
  { neighbours, lookup: wanted }: Signals
) {
  const netlink = yield* Netlink
  const isFailing = Effect.fnUntraced(function* () {
    for (const family of families) {
      const gateway = lookup.known()[family]
      if (gateway === undefined) continue
      const entry = (yield* netlink.neighbours(family)).find(({ address }) => address === gateway)
      if (entry?.state === "failed" || entry?.state === "incomplete") return true
    }
    return false
  })
  while (true) {
    yield* Queue.take(neighbours)
    const failing = yield* isFailing().pipe(Effect.catch(() => Effect.succeed(false)))
    if (failing && !health.neighbourFails) yield* raise(wanted)
    health.neighbourFails = failing
    yield* Effect.sleep(URGENT_MILLIS)
  }
})

const same = (a: AddressPair, b: AddressPair): boolean => families.every((family) => a[family] === b[family])

/**
 * Makes the kernel ask again where the gateway is: a network-anchor that was made anew may have an address that the one before it had, at another
 * MAC address, and what the kernel knew may be good for half a minute and more. At the start as well: the namespace may be older than this process.
 */
const forgetGateways = Effect.fnUntraced(
  function* (gateways: AddressPair) {
    const { forgetNeighbours } = yield* Netlink
    yield* forgetNeighbours(Object.values(gateways))
  },
  Effect.catch(({ command, message }) =>
    logWarning(sentence`cannot make the kernel ask again where the gateway is`).pipe(
      Effect.annotateLogs({ command, error: message })
    )
  )
)

const keepResolving = Effect.fnUntraced(function* (
  lookup: GatewayLookup,
  health: Health,
  interval: Duration.Duration,
  { routes, lookup: wanted }: Signals
) {
  const intervalMillis = Duration.toMillis(interval)
  let lastFull = Number.NEGATIVE_INFINITY
  let unwellSince: number | undefined
  let wasGone = false
  while (true) {
    const now = yield* Clock.currentTimeMillis
    let resolves = true
    if (unwellSince !== undefined || now - lastFull >= intervalMillis || !(yield* lookup.stillSame)) {
      const before = lookup.known()
      resolves = yield* lookup.refresh
      lastFull = now
      const isAnother = !same(before, lookup.known())
      if (isAnother) {
        health.neighbourFails = false
        yield* routes.again
      }
      if (resolves && (isAnother || wasGone)) yield* forgetGateways(lookup.known())
      wasGone = !resolves
    }
    unwellSince = resolves && !health.neighbourFails ? undefined : (unwellSince ?? now)
    const urgent = unwellSince !== undefined && now - unwellSince < URGENT_FOR_MILLIS
    const pause = urgent ? URGENT_MILLIS : Math.min(WATCH_MILLIS, intervalMillis)
    const called = yield* Queue.take(wanted).pipe(Effect.timeoutOption(pause))
    if (called._tag === "Some") unwellSince ??= yield* Clock.currentTimeMillis
  }
})

/**
 * Keeps the default routes of this namespace pointing at the network-anchor for as long as it runs, and leaves the namespace as it was
 * found when the scope closes (SPEC §10). The routes follow the gateway's name within a second, and are set again within 100 ms when
 * somebody changes them. A failed look-up never takes a route away and never ends the program; only a missing NET_ADMIN does.
 */
export const serviceAnchor = Effect.fnUntraced(function* (
  { gatewayHostname, gateway, resolveInterval }: ServiceAnchorConfig,
  readiness: Readiness,
  tell: StatusBoard["tell"] = () => {}
): Effect.fn.Return<never, FatalError, Netlink | NameResolver | Scope.Scope> {
  yield* Metrics.initialise
  yield* requireNetAdmin("service-anchor sets the default route")
  const netlink = yield* Netlink
  yield* Effect.addFinalizer((exit) =>
    endedByDefect(exit) ? Effect.void : restore().pipe(Effect.provideService(Netlink, netlink))
  )
  const signals: Signals = { routes: yield* makeLooks, neighbours: yield* signal(), lookup: yield* signal() }
  const lookup = yield* makeGatewayLookup(gatewayHostname)
  const health: Health = { neighbourFails: false }
  const following =
    gateway === undefined
      ? [watchNeighbours(lookup, health, signals), keepResolving(lookup, health, resolveInterval, signals)]
      : [forgetGateways(gateway)]
  const gateways = () => gateway ?? lookup.known()
  let routed: ReadonlySet<Family> = new Set()
  const onOutcomes = (outcomes: ReadonlyArray<FamilyOutcome>) => {
    routed = new Set(outcomes.filter(({ present }) => present).map(({ family }) => family))
  }
  const hostname = gateway === undefined ? gatewayHostname : undefined
  tell(() => ({ serviceAnchor: serviceAnchorStatus(hostname, gateways(), routed) }))
  yield* Effect.all([listen(signals), keepRoutes(gateways, signals, readiness, onOutcomes), ...following], {
    concurrency: "unbounded",
    discard: true
  })
  return yield* Effect.never
})
