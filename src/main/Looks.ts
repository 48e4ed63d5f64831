import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"

/** Between two looks: somebody who fights for what is kept is answered within 100 ms, and does not get all of the processor. */
const GAP = "25 millis"
const CHECK = "30 seconds"
const RETRY = "1 second"

/** Looks at something in the kernel that is to be kept as it should be. */
export interface Looks {
  /** Asks for another look. However often that is before the next one, it is one. */
  readonly again: Effect.Effect<void>
  /**
   * Looks for ever: at once, when asked to, and every 30 s in case that nobody told of a change; a second after a look that failed. `look`
   * answers whether it went well.
   */
  readonly keep: <R>(look: Effect.Effect<boolean, never, R>) => Effect.Effect<never, never, R>
}

export const makeLooks: Effect.Effect<Looks> = Effect.map(Queue.sliding<void>(1), (asked) => ({
  again: Effect.asVoid(Queue.offer(asked, undefined)),
  keep: Effect.fnUntraced(function* (look) {
    while (true) {
      const well = yield* look
      yield* Effect.sleep(GAP)
      yield* Queue.take(asked).pipe(Effect.timeoutOption(well ? CHECK : RETRY))
    }
  })
}))
