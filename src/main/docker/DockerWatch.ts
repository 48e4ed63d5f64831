import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { DockerEvent } from "../../domain/DockerState.ts"
import * as Metrics from "../../layers/observability/DockerMetrics.ts"
import type { Readiness } from "../../layers/observability/Readiness.ts"
import type { StatusBoard } from "../../layers/observability/StatusBoard.ts"
import type { DockerError } from "../../services/DockerEngine.ts"
import { makeDockerConnection } from "./DockerConnection.ts"
import { follow } from "./EventFeed.ts"
import { makeRounds } from "./Rounds.ts"
import { sentence } from "../../domain/Sentence.ts"

/** What must hold before a program is ready that only watches Docker (SPEC §12), for {@link Readiness}. */
export const conditions = {
  docker: "Docker has not answered yet",
  look: "no look at the containers has succeeded yet"
} as const

export interface Watch<R> {
  readonly readiness: Readiness
  readonly tell?: StatusBoard["tell"] | undefined
  /** How often everything is looked at although nothing was told. */
  readonly pollInterval: Duration.Duration
  /** The actions that events are wanted of; left out: those that can cause work everywhere. */
  readonly actions?: ReadonlyArray<string>
  /** Takes note of an event, now (Unix milliseconds); answers whether it is a reason to look. */
  readonly onEvent: (event: DockerEvent, now: number) => boolean
  /** A look for which no event is the reason is about to be asked for: what was noted before may not hold any more. */
  readonly onResync: (source: "start" | "poll" | "reconnect") => void
  /** Looks, and does what follows; answers when (Unix milliseconds) to look again although nothing happens. */
  readonly look: Effect.Effect<number | undefined, DockerError, R>
}

/**
 * Looks at Docker for ever: at the start, when an event is a reason to, when the last look said so, after the event stream was lost, and at the poll.
 * While Docker is away nothing is done, and one WARN says so.
 */
export const watchDocker = Effect.fnUntraced(function* <R>(watch: Watch<R>) {
  const { readiness, tell = () => {}, pollInterval, onEvent, onResync, look } = watch
  const connection = yield* makeDockerConnection
  const isConnected = () => connection.status().connected
  const rounds = yield* makeRounds({ cannot: sentence`cannot look at the containers`, isConnected })
  tell(() => ({ rebinder: { docker: connection.status() } }))
  const ask = (source: "start" | "event" | "poll") => Effect.andThen(Metrics.dockerEvent(source), rounds.again)

  const becomeReady = Effect.suspend(() => {
    if (readiness.missing().length === 0) return Effect.void
    readiness.set("look", undefined)
    return Effect.logInfo("ready: the first look at the containers succeeded")
  })

  const feed = follow({
    onOpen: (source) =>
      Effect.andThen(
        connection.opened,
        Effect.suspend(() => {
          onResync(source === "start" ? "start" : "reconnect")
          return ask(source)
        })
      ),
    onEvent: (event) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => (onEvent(event, now) ? ask("event") : Effect.void)),
    onLost: connection.lost,
    ...(watch.actions === undefined ? {} : { actions: watch.actions }),
    meanwhile: "nothing is changed until then"
  })

  const poll = Effect.sleep(pollInterval).pipe(
    Effect.andThen(
      Effect.suspend(() => {
        onResync("poll")
        return ask("poll")
      })
    ),
    Effect.forever
  )

  const keep = rounds.keep(Effect.tap(look, () => becomeReady))
  yield* Effect.all([keep, feed, poll], { concurrency: "unbounded", discard: true })
  return yield* Effect.never
})
