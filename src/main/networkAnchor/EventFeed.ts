import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { DockerEvent } from "../../domain/DockerState.ts"
import { fullRefresh } from "../../domain/EventScope.ts"
import * as Metrics from "../../layers/observability/NetworkAnchorMetrics.ts"
import { DockerEngine, type DockerError } from "../../services/DockerEngine.ts"
import type { PendingWork } from "./PendingWork.ts"

const backOff = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")])

/**
 * Follows Docker's events for ever. A lost stream is opened again with back-off (100 ms doubling to 5 s) from the last event
 * that was seen, and then everything is read once; until then nothing that works is touched (SPEC §4).
 */
export const follow = Effect.fnUntraced(function* (
  pending: PendingWork,
  onEvent: (event: DockerEvent) => Effect.Effect<void>
) {
  const engine = yield* DockerEngine
  let since = yield* Clock.currentTimeNanos
  let opened = 0

  const session = Effect.gen(function* () {
    yield* engine.ping
    yield* Metric.update(Metrics.dockerConnected, 1)
    if (opened > 0) yield* Effect.logInfo("Docker is back; reading everything again")
    yield* pending.offer({ refresh: fullRefresh, source: opened === 0 ? "start" : "event", eventTimeNano: undefined })
    opened += 1
    yield* engine.events(since).pipe(
      Stream.runForEach((event) =>
        Effect.suspend(() => {
          if (event.timeNano >= since) since = event.timeNano + 1n
          return onEvent(event)
        })
      )
    )
  })

  const lost = (error: DockerError | undefined) =>
    Metric.update(Metrics.dockerConnected, 0).pipe(
      Effect.andThen(
        Effect.logWarning("the Docker event stream is lost; opening it again, NAT state stays as it is").pipe(
          Effect.annotateLogs({ error: error?.message ?? "the stream ended" })
        )
      )
    )

  const reconnect: Effect.Effect<void> = engine.ping.pipe(
    Effect.retry(backOff),
    Effect.orDie,
    Effect.andThen(Effect.void)
  )

  return yield* session.pipe(
    Effect.matchEffect({ onFailure: lost, onSuccess: () => lost(undefined) }),
    Effect.andThen(Effect.sleep("100 millis")),
    Effect.andThen(reconnect),
    Effect.forever
  )
})
