import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { DockerEvent } from "../../domain/DockerState.ts"
import * as Metrics from "../../layers/observability/DockerMetrics.ts"
import { DockerEngine, type DockerError } from "../../services/DockerEngine.ts"
import { makeBackOff } from "../BackOff.ts"
import { makeNotices } from "../Notices.ts"
import { sentence } from "../../domain/Sentence.ts"

export interface Feed {
  /** Whenever the stream is open: what it has not told has to be read, at the `start` and after it was lost. */
  readonly onOpen: (source: "start" | "event") => Effect.Effect<void>
  readonly onEvent: (event: DockerEvent) => Effect.Effect<void>
  readonly onLost?: Effect.Effect<void>
  /** The actions that events are wanted of; left out: those that can cause work everywhere. */
  readonly actions?: ReadonlyArray<string>
  /** What becomes of anchord's work while Docker is away, for the log. */
  readonly meanwhile: string
}

const FIRST_PAUSE_MILLIS = 100
const LAST_PAUSE_MILLIS = 5_000

/** A stream that has lasted this long, or told an event, was a good one: its loss is met with the shortest pause again. */
const GOOD_MILLIS = 5_000

/**
 * Follows Docker's events for ever. A lost stream is opened again with back-off (100 ms doubling to 5 s) from the last event
 * that was seen, and then everything is to be read once; until then nothing that works is touched (SPEC §4).
 */
export const follow = Effect.fnUntraced(function* (feed: Feed) {
  const { onOpen, onEvent, onLost = Effect.void, actions, meanwhile } = feed
  const engine = yield* DockerEngine
  let since = yield* Clock.currentTimeNanos
  let opened = 0
  let told = false

  const session = Effect.gen(function* () {
    // A socket proxy may forbid the ping and let everything else through.
    yield* engine.ping.pipe(
      Effect.catchIf(
        ({ reason }) => reason === "forbidden",
        () => Effect.void
      )
    )
    yield* Metrics.connected(true)
    if (opened > 0) yield* Effect.logInfo("Docker is back; reading everything again")
    yield* onOpen(opened === 0 ? "start" : "event")
    opened += 1
    yield* engine.events(since, actions).pipe(
      Stream.runForEach((event) =>
        Effect.suspend(() => {
          if (event.timeNano >= since) since = event.timeNano + 1n
          told = true
          return onEvent(event)
        })
      )
    )
  })

  const lost = (error: DockerError | undefined) =>
    Effect.andThen(Metrics.connected(false), onLost).pipe(Effect.as(error?.message ?? "the stream ended"))

  const notices = makeNotices()
  const backOff = makeBackOff(FIRST_PAUSE_MILLIS, LAST_PAUSE_MILLIS)
  while (true) {
    const begun = yield* Clock.currentTimeMillis
    told = false
    const why = yield* session.pipe(Effect.matchEffect({ onFailure: lost, onSuccess: () => lost(undefined) }))
    const good = told || (yield* Clock.currentTimeMillis) - begun >= GOOD_MILLIS
    if (good) yield* notices([])
    const message = sentence`the Docker event stream is lost; opening it again, ${meanwhile}: ${why}`
    yield* notices([{ key: "stream", level: "WARN", message }])
    if (good) backOff.reset()
    yield* backOff.pause
  }
})
