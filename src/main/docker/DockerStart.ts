import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { DockerEngine, type DockerError } from "../../services/DockerEngine.ts"
import { FatalError } from "../FatalError.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logWarning } from "../../layers/observability/OperatorLog.ts"

const LIMIT = "60 seconds"

const backOff = Schedule.min([Schedule.exponential("250 millis"), Schedule.spaced("5 seconds")]).pipe(
  Schedule.upTo({ duration: LIMIT })
)

/** An answer that waiting does not change: the engine is there and says no. */
const isFinal = ({ reason }: DockerError): boolean => reason === "not-found" || reason === "forbidden"

const fatal = (error: DockerError, selfRef: string): FatalError => {
  if (error.reason === "not-found") {
    return new FatalError({
      message: sentence`Docker knows no container ${selfRef}, which this process takes for its own; DOCKER_HOST has to lead to the engine that runs this container`
    })
  }
  return new FatalError({
    message: isFinal(error)
      ? sentence`this process may not look at its own container: ${error.message}`
      : sentence`Docker is not usable after ${LIMIT}: ${error.message}`
  })
}

/**
 * anchord's own container, as soon as Docker answers: tried again with back-off for 60 s, each failure a log line, and then fatal, so that
 * the restart policy takes over (SPEC §14).
 */
export const awaitDocker = Effect.fnUntraced(function* (selfRef: string) {
  const engine = yield* DockerEngine
  return yield* engine.inspectSelf(selfRef).pipe(
    Effect.tapError((error) =>
      isFinal(error)
        ? Effect.void
        : logWarning(sentence`Docker is not usable yet; trying again`).pipe(
            Effect.annotateLogs({ reason: error.reason, error: error.message })
          )
    ),
    Effect.retry({ schedule: backOff, while: (error) => !isFinal(error) }),
    Effect.mapError((error) => fatal(error, selfRef))
  )
})
