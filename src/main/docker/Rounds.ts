import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import { makeBackOff } from "../BackOff.ts"
import { makeNotices } from "../Notices.ts"
import { withReason, type Sentence } from "../../domain/Sentence.ts"

const FIRST_RETRY_MILLIS = 500
const LAST_RETRY_MILLIS = 30_000

/** Looks at Docker and what follows from it, one after the other. */
export interface Rounds {
  /** Asks for another round. However often that is before the next one, it is one. */
  readonly again: Effect.Effect<void>
  /**
   * Goes round for ever: when it is asked to, and at the time (Unix milliseconds) that the last round answered, if any. One that fails is done
   * again after a back-off.
   */
  readonly keep: <R>(
    round: Effect.Effect<number | undefined, { readonly message: string }, R>
  ) => Effect.Effect<never, never, R>
}

export interface RoundsInput {
  /** What cannot be done when a round fails, for the log. */
  readonly cannot: Sentence
  /** While there is no connection somebody else says so, and asks for a round when there is one again; without this, there always is. */
  readonly isConnected?: () => boolean
}

export const makeRounds = ({ cannot, isConnected = () => true }: RoundsInput): Effect.Effect<Rounds> =>
  Effect.map(Queue.sliding<void>(1), (asked) => {
    const waitFor = Effect.fnUntraced(function* (at: number | undefined) {
      if (at === undefined) return yield* Queue.take(asked)
      const now = yield* Clock.currentTimeMillis
      yield* Effect.timeoutOption(Queue.take(asked), Math.max(0, at - now))
    })

    const keep: Rounds["keep"] = Effect.fnUntraced(function* (round) {
      const failures = makeNotices()
      const backOff = makeBackOff(FIRST_RETRY_MILLIS, LAST_RETRY_MILLIS)
      yield* Queue.take(asked)
      while (true) {
        const outcome = yield* Effect.result(round)
        if (Result.isSuccess(outcome)) {
          yield* failures([])
          backOff.reset()
          yield* waitFor(outcome.success)
        } else if (isConnected()) {
          yield* failures([{ key: "round", level: "WARN", message: withReason(cannot, outcome.failure.message) }])
          yield* backOff.pause
        } else {
          yield* Queue.take(asked)
        }
      }
    })

    return { again: Effect.asVoid(Queue.offer(asked, undefined)), keep }
  })
