import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Metrics from "../../layers/observability/DockerMetrics.ts"
import { emptyRefresh, mergeRefresh, type Refresh } from "../../domain/EventScope.ts"

/** What the next reconcile has to look at, and the engine's time of the oldest event that asked for it. */
export interface Work {
  readonly refresh: Refresh
  readonly source: "event" | "poll" | "start"
  readonly eventTimeNano: bigint | undefined
}

/**
 * The work that waits for the reconciler. It is one merged value and no queue: what arrives while a reconcile is under way
 * becomes part of the next one, and a storm of events does not grow anything (SPEC §4).
 */
export interface PendingWork {
  readonly offer: (work: Work) => Effect.Effect<void>
  /** The same for work that was taken and could not be done. */
  readonly putBack: (work: Work) => Effect.Effect<void>
  /** Waits until there is work, and takes all of it. */
  readonly take: Effect.Effect<Work>
}

const nothing: Work = { refresh: emptyRefresh, source: "event", eventTimeNano: undefined }

const earlier = (a: bigint | undefined, b: bigint | undefined): bigint | undefined =>
  a === undefined ? b : b === undefined ? a : a < b ? a : b

const merge = (a: Work, b: Work): Work => ({
  refresh: mergeRefresh(a.refresh, b.refresh),
  source: b.source,
  eventTimeNano: earlier(a.eventTimeNano, b.eventTimeNano)
})

export const makePendingWork: Effect.Effect<PendingWork> = Effect.gen(function* () {
  const waiting = yield* Latch.make(false)
  let pending = nothing
  const putBack = (work: Work) =>
    Effect.suspend(() => {
      pending = merge(pending, work)
      return Latch.open(waiting)
    })
  return {
    putBack,
    offer: (work) => Effect.andThen(Metrics.dockerEvent(work.source), putBack(work)),
    take: waiting.await.pipe(
      Effect.flatMap(() =>
        Effect.sync(() => {
          const taken = pending
          pending = nothing
          Latch.closeUnsafe(waiting)
          return taken
        })
      )
    )
  }
})
