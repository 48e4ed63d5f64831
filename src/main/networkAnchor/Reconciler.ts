import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { backendsOf } from "../../domain/Backends.ts"
import { desiredDnat, type DesiredDnat } from "../../domain/DesiredDnat.ts"
import type { DnatPlan, DnatTable } from "../../domain/Dnat.ts"
import { isEmptyPlan } from "../../domain/DnatPlan.ts"
import type { Refresh } from "../../domain/EventScope.ts"
import type { NetworkAnchorSettings } from "../../domain/Settings.ts"
import * as Metrics from "../../layers/observability/NetworkAnchorMetrics.ts"
import type { Readiness } from "../../layers/observability/Readiness.ts"
import type { Conntrack } from "../../services/Conntrack.ts"
import type { DockerEngine } from "../../services/DockerEngine.ts"
import type { Netlink } from "../../services/Netlink.ts"
import type { Nftables } from "../../services/Nftables.ts"
import { makeBackOff } from "../BackOff.ts"
import { makeNotices } from "../Notices.ts"
import type { LastReconcile } from "./AnchorStatus.ts"
import { makeAppliedRules } from "./AppliedRules.ts"
import type { DockerMirror } from "./DockerMirror.ts"
import type { ExternalLink } from "./ExternalLink.ts"
import { makeFlowFlusher } from "./FlowFlusher.ts"
import { makeNeighbourFlusher } from "./NeighbourFlusher.ts"
import type { PendingWork, Work } from "./PendingWork.ts"
import { makeReconcileNotices } from "./ReconcileNotices.ts"
import type { SharedChoice } from "./SharedChoice.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logWarning } from "../../layers/observability/OperatorLog.ts"

/** After so many looks at everything without one backend the operator is told (SPEC §5). */
const RESYNCS_WITHOUT_BACKEND = 5

const NO_BACKEND = sentence`no container in scope carries a usable anchord.expose label; check the labels, ANCHORD_PROJECT or ANCHORD_LABEL_SELECTOR, and that the containers are on the shared network`

const FIRST_RETRY_MILLIS = 100
const LAST_RETRY_MILLIS = 1_000

export interface ReconcilerInput {
  readonly settings: NetworkAnchorSettings
  readonly mirror: DockerMirror
  readonly external: ExternalLink
  readonly shared: SharedChoice
  readonly pending: PendingWork
  readonly readiness: Readiness
  /** Called after each reconcile, also one that failed. */
  readonly onReconciled: (last: LastReconcile) => void
  /** Called after each reconcile, with what it looked at. */
  readonly onLooked: (refresh: Refresh) => Effect.Effect<void>
  /** Called after each reconcile that looked at anchord's own networks. */
  readonly onOwnNetworks: Effect.Effect<void>
}

const secondsSince = Effect.fnUntraced(function* (nanos: bigint) {
  return Number((yield* Clock.currentTimeNanos) - nanos) / 1e9
})

/** Seconds as milliseconds, to two digits. */
const millis = (seconds: number): number => Math.round(seconds * 1e5) / 100

const describeReconcile = (work: Work, backends: number, { table }: DesiredDnat, plan: DnatPlan) => ({
  trigger: work.source,
  backends,
  entries: table.size,
  added: plan.add.length,
  removed: plan.remove.length
})

const logChange = Effect.fnUntraced(function* (fields: ReturnType<typeof describeReconcile>, work: Work) {
  const sinceEvent = work.eventTimeNano === undefined ? undefined : yield* secondsSince(work.eventTimeNano)
  if (sinceEvent !== undefined) yield* Metric.update(Metrics.eventToMap, sinceEvent)
  yield* Effect.logInfo("the DNAT maps changed").pipe(
    Effect.annotateLogs({
      ...fields,
      ...(sinceEvent === undefined ? {} : { eventToMapMs: millis(sinceEvent) })
    })
  )
})

const becomeReady = Effect.fnUntraced(function* (readiness: Readiness) {
  if (readiness.missing().length === 0) return
  readiness.set("nftables", undefined)
  readiness.set("reconcile", undefined)
  yield* Effect.logInfo("ready: the first reconcile succeeded")
})

const makeLonelinessWarning = () => {
  let resyncs = 0
  return (backends: number) => {
    resyncs = backends > 0 ? 0 : resyncs + 1
    return resyncs === RESYNCS_WITHOUT_BACKEND ? logWarning(NO_BACKEND) : Effect.void
  }
}

/** The tables of mappings: the one that was decided last, and what is known of the kernel's. */
const makeTables = Effect.fnUntraced(function* (external: ExternalLink) {
  const rules = yield* makeAppliedRules
  let decided: DnatTable | undefined
  let applied: DnatTable | undefined
  let mapped: DnatTable | undefined
  return {
    /** Brings the kernel to a table, which counts as decided also if the kernel refuses it. */
    apply: Effect.fnUntraced(
      function* (table: DnatTable, verify: boolean) {
        decided = table
        mapped = table
        const change = yield* rules.apply(table, external.current().link, verify)
        applied = table
        return change
      },
      Effect.tapError(() =>
        Effect.sync(() => {
          mapped = undefined
        })
      )
    ),
    decided: () => decided,
    /** Where flows are to go; nobody knows while the kernel refuses a change. */
    mapped: () => mapped,
    entries: () => applied?.size ?? 0
  }
})

/** One reconcile: look at what the work names, decide, apply, tell. */
const makeReconcile = Effect.fnUntraced(function* (input: ReconcilerInput) {
  const { settings, mirror, external, shared, readiness, onOwnNetworks, onLooked } = input
  const tables = yield* makeTables(external)
  const flusher = yield* makeFlowFlusher
  const neighbours = yield* makeNeighbourFlusher
  const notices = yield* makeReconcileNotices
  const warnWhenAlone = makeLonelinessWarning()

  const decide = Effect.fn("reconcile.decide")(function* () {
    const state = mirror.state()
    const network = yield* shared.choose(state, external.current().networkId)
    const discovered = backendsOf(state, settings.scope, network.networkId)
    return { ...discovered, desired: desiredDnat(discovered.backends) }
  })

  const checkFlows = flusher.check(tables.mapped)

  /** Docker is away, and the kernel is not: what was decided last is still looked after at each poll. */
  const verifyLast = Effect.fnUntraced(function* (work: Work) {
    const last = tables.decided()
    if (last === undefined || !work.refresh.full) return
    yield* tables.apply(last, true)
    yield* checkFlows
  })

  const reconcile = Effect.fn("reconcile")(function* (work: Work) {
    yield* Effect.annotateCurrentSpan({ trigger: work.source })
    const started = yield* Clock.currentTimeNanos
    yield* mirror.refresh(work.refresh).pipe(Effect.tapError(() => verifyLast(work)))
    const lookedAfter = yield* secondsSince(started)
    const { backends, problems, desired } = yield* decide()
    const decidedAfter = yield* secondsSince(started)
    const { plan, wasKnown } = yield* tables.apply(desired.table, work.refresh.full)
    yield* flusher.flush(plan.flush)
    if (work.refresh.full || !wasKnown) yield* checkFlows
    yield* neighbours.follow(backends)
    const appliedAfter = yield* secondsSince(started)
    yield* Metric.update(Metrics.reconcileDuration, appliedAfter)
    yield* Effect.logDebug("reconciled").pipe(
      Effect.annotateLogs({
        trigger: work.source,
        lookMs: millis(lookedAfter),
        decideMs: millis(decidedAfter - lookedAfter),
        applyMs: millis(appliedAfter - decidedAfter)
      })
    )
    yield* Metrics.reconciled("ok")
    const fields = describeReconcile(work, backends.length, desired, plan)
    yield* Effect.annotateCurrentSpan(fields)
    yield* becomeReady(readiness)
    if (!isEmptyPlan(plan)) yield* logChange(fields, work)
    yield* Metrics.recordEntries(desired.table)
    yield* Metric.update(Metrics.conflicts, desired.conflicts.length)
    yield* notices.notify(problems, desired.conflicts)
    if (work.refresh.full) yield* warnWhenAlone(backends.length)
    if (work.refresh.full || work.refresh.self) yield* onOwnNetworks
    yield* onLooked(work.refresh)
  })

  const beside = [flusher.keep, neighbours.keep, notices.keep] as const
  return { reconcile, entries: tables.entries, checkFlows, beside }
})

export interface Reconciler {
  /**
   * Brings the kernel to what Docker's state asks for, one reconcile at a time, for ever (SPEC §4 to §7). A reconcile that fails leaves everything
   * as it is, and its work is done with the next one, which comes after a back-off.
   */
  readonly keep: Effect.Effect<void, never, DockerEngine | Nftables | Conntrack | Netlink>
  /** Deletes the flows that do not go where the maps send their port. Which flows are meant depends on anchord's own addresses: to be asked for when another comes. */
  readonly checkFlows: Effect.Effect<void>
}

export const makeReconciler = Effect.fnUntraced(function* (input: ReconcilerInput) {
  const { pending, onReconciled } = input
  const { reconcile, entries, checkFlows, beside } = yield* makeReconcile(input)
  const failures = makeNotices()

  const failed = (work: Work, message: string) =>
    Effect.all(
      [
        Metrics.reconciled("error"),
        failures([
          {
            key: "reconcile",
            level: "ERROR",
            message: sentence`a reconcile failed and is tried again, NAT state stays as it is: ${message}`
          }
        ]),
        pending.putBack(work)
      ],
      { discard: true }
    )

  const note = (error: string | undefined) =>
    Effect.map(Clock.currentTimeMillis, (at) => onReconciled({ at, error, entries: entries() }))

  const attempt = (work: Work) =>
    reconcile(work).pipe(
      Effect.andThen(failures([])),
      Effect.andThen(note(undefined)),
      Effect.as(true),
      Effect.catchTag(["DockerError", "NftError"], ({ message }) =>
        Effect.andThen(note(message), Effect.as(failed(work, message), false))
      )
    )

  const loop = Effect.gen(function* () {
    const backOff = makeBackOff(FIRST_RETRY_MILLIS, LAST_RETRY_MILLIS)
    while (true) {
      if (yield* attempt(yield* pending.take)) backOff.reset()
      else yield* backOff.pause
    }
  })

  const keep = Effect.all([loop, ...beside], { concurrency: "unbounded", discard: true })
  return { keep, checkFlows }
})
