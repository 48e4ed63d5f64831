import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"

/** One thing at a time for each key; different keys do not wait for each other. */
export interface Turns {
  readonly inTurn: (key: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export const makeTurns = (): Turns => {
  const taken = new Map<string, { readonly semaphore: Semaphore.Semaphore; users: number }>()
  const enter = (key: string) => {
    const turn = taken.get(key) ?? { semaphore: Semaphore.makeUnsafe(1), users: 0 }
    taken.set(key, turn)
    turn.users += 1
    return turn
  }
  return {
    inTurn: (key) => (effect) =>
      Effect.acquireUseRelease(
        Effect.sync(() => enter(key)),
        ({ semaphore }) => semaphore.withPermits(1)(effect),
        (turn) =>
          Effect.sync(() => {
            turn.users -= 1
            if (turn.users === 0) taken.delete(key)
          })
      )
  }
}
