import * as Effect from "effect/Effect"

/** Pauses between attempts, each twice as long as the one before, up to a last length. */
export interface BackOff {
  readonly pause: Effect.Effect<void>
  /** Something went well: the next pause is the shortest again. */
  readonly reset: () => void
}

export const makeBackOff = (firstMillis: number, lastMillis: number): BackOff => {
  let next = firstMillis
  return {
    pause: Effect.suspend(() => {
      const millis = next
      next = Math.min(millis * 2, lastMillis)
      return Effect.sleep(millis)
    }),
    reset: () => void (next = firstMillis)
  }
}
