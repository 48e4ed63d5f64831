import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import { families } from "../../domain/Address.ts"
import type { FlowSelector } from "../../domain/Dnat.ts"
import * as Metrics from "../../layers/observability/NetworkAnchorMetrics.ts"
import { Conntrack } from "../../services/Conntrack.ts"

const flushOnce = Effect.fnUntraced(function* (selectors: ReadonlyArray<FlowSelector>) {
  const conntrack = yield* Conntrack
  for (const family of families) {
    const ofFamily = selectors.filter((selector) => selector.family === family)
    if (ofFamily.length === 0) continue
    const flows = yield* conntrack.flush(ofFamily)
    yield* Metrics.flushed(family, flows)
    if (flows > 0)
      yield* Effect.logInfo("flushed conntrack flows of ports that changed").pipe(
        Effect.annotateLogs({ family, flows })
      )
  }
})

/**
 * Flushes flows beside the reconciler, so that a flush never delays the next transaction (SPEC §7). Selectors that arrive
 * while one flush is under way are taken together by the next. A flush that fails is only logged: the check at the
 * next poll finds what it left.
 */
export const make: Effect.Effect<
  (selectors: ReadonlyArray<FlowSelector>) => Effect.Effect<void>,
  never,
  Conntrack | Scope.Scope
> = Effect.gen(function* () {
  const waiting = yield* Latch.make(false)
  let pending: ReadonlyArray<FlowSelector> = []
  const takeAll = Effect.sync(() => {
    const taken = pending
    pending = []
    Latch.closeUnsafe(waiting)
    return taken
  })
  yield* waiting.await.pipe(
    Effect.andThen(takeAll),
    Effect.flatMap(flushOnce),
    Effect.catch((error) =>
      Effect.logWarning("flushing conntrack flows failed; the next poll looks again").pipe(
        Effect.annotateLogs({ command: error.command, error: error.message })
      )
    ),
    Effect.forever,
    Effect.forkScoped
  )
  return (selectors) =>
    Effect.suspend(() => {
      if (selectors.length === 0) return Effect.void
      pending = [...pending, ...selectors]
      return Latch.open(waiting)
    })
})
