import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import type { AnySpan } from "effect/Tracer"
import { families, type Address, type Family } from "../../domain/Address.ts"
import type { DnatTable, FlowSelector } from "../../domain/Dnat.ts"
import { staleFlows } from "../../domain/FlowConsistency.ts"
import * as Metrics from "../../layers/observability/NetworkAnchorMetrics.ts"
import { Conntrack } from "../../services/Conntrack.ts"
import { Netlink } from "../../services/Netlink.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logWarning } from "../../layers/observability/OperatorLog.ts"

export interface FlowFlusher {
  /** Deletes the flows that a change of the maps made wrong. */
  readonly flush: (selectors: ReadonlyArray<FlowSelector>) => Effect.Effect<void>
  /**
   * Deletes whatever flow does not go where the table sends its port, however that came about. The table is asked for after the flows have been
   * read: a flow of a port that was mapped meanwhile is a good one.
   */
  readonly check: (table: () => DnatTable | undefined) => Effect.Effect<void>
  /** Does what is asked for, for ever. */
  readonly keep: Effect.Effect<never, never, Conntrack | Netlink>
}

/** Where a packet can be sent so that the DNAT rules apply to it. */
const ownAddresses: Effect.Effect<
  ReadonlyArray<Address>,
  { readonly command: string; readonly message: string },
  Netlink
> = Effect.flatMap(Netlink, ({ addresses }) =>
  Effect.map(addresses, (all) => all.filter(({ scope }) => scope === "global").map(({ address }) => address))
)

/** What merely passes through on its way out has not been DNATed either, and is left alone. */
const towardsUs = (selector: FlowSelector, destinations: ReadonlyArray<Address>): FlowSelector =>
  selector._tag === "NotDnated" && selector.destinations === undefined ? { ...selector, destinations } : selector

interface Wanted {
  readonly selectors: ReadonlyArray<FlowSelector>
  readonly table: (() => DnatTable | undefined) | undefined
  /** The spans in which it was asked for. */
  readonly askers: ReadonlyArray<AnySpan>
}

const nothing: Wanted = { selectors: [], table: undefined, askers: [] }

/** So many of those that asked while one flush was under way are named in the trace of the next. */
const MOST_ASKERS = 16

const flushFamily = Effect.fnUntraced(function* (family: Family, selectors: ReadonlyArray<FlowSelector>) {
  const conntrack = yield* Conntrack
  const deleted = yield* conntrack.flush(selectors)
  yield* Metrics.flushed(family, deleted)
  if (deleted > 0) {
    yield* Effect.logInfo("deleted conntrack flows whose port has another owner now").pipe(
      Effect.annotateLogs({ family, flows: deleted })
    )
  }
  return deleted
})

/** Answers with how many selectors that were, and how many flows they deleted. */
const carryOut = Effect.fnUntraced(function* ({ selectors, table }: Wanted) {
  const conntrack = yield* Conntrack
  const flows = table?.() === undefined ? [] : (yield* Effect.forEach(families, conntrack.flows)).flat()
  if (selectors.length === 0 && flows.length === 0) return { selectors: 0, deleted: 0 }
  const own = yield* ownAddresses
  const now = table?.()
  const lost = now === undefined ? [] : staleFlows(flows, now, own)
  const all = [...selectors.map((selector) => towardsUs(selector, own)), ...lost]
  let deleted = 0
  for (const family of families) {
    const ofFamily = all.filter((selector) => selector.family === family)
    if (ofFamily.length > 0) deleted += yield* flushFamily(family, ofFamily)
  }
  return { selectors: all.length, deleted }
})

/** A child of the reconcile that asked first, which is over by then, with links to the others. */
const traced = (wanted: Wanted) => {
  const [parent, ...others] = wanted.askers
  return Effect.withSpan(Effect.tap(carryOut(wanted), Effect.annotateCurrentSpan), "conntrack.flush", {
    ...(parent === undefined ? {} : { parent }),
    links: others.map((span) => ({ span, attributes: {} })),
    captureStackTrace: false
  })
}

/**
 * Flushes flows beside the reconciler, so that a flush never delays the next transaction (SPEC §7). What is asked for while one flush is
 * under way is done together by the next. A flush that fails is only logged: the check at the next poll finds what it left.
 */
export const makeFlowFlusher: Effect.Effect<FlowFlusher> = Effect.gen(function* () {
  const waiting = yield* Latch.make(false)
  let wanted = nothing
  const takeAll = Effect.sync(() => {
    const taken = wanted
    wanted = nothing
    Latch.closeUnsafe(waiting)
    return taken
  })
  const keep = waiting.await.pipe(
    Effect.andThen(takeAll),
    Effect.flatMap(traced),
    Effect.catch((error) =>
      logWarning(sentence`deleting conntrack flows failed; the next poll looks again`).pipe(
        Effect.annotateLogs({ command: error.command, error: error.message })
      )
    ),
    Effect.forever
  )
  const ask = (change: (wanted: Wanted) => Wanted) =>
    Effect.flatMap(Effect.option(Effect.currentParentSpan), (asker) => {
      const askers = new Set([...wanted.askers, ...Option.toArray(asker)])
      wanted = { ...change(wanted), askers: [...askers].slice(0, MOST_ASKERS) }
      return Latch.open(waiting)
    })
  return {
    keep,
    check: (table) => ask((before) => ({ ...before, table })),
    flush: (selectors) =>
      selectors.length === 0
        ? Effect.void
        : ask((before) => ({ ...before, selectors: [...before.selectors, ...selectors] }))
  }
})
