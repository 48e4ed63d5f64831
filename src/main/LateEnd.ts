import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"

/**
 * Room for work that cannot be interrupted half-way and may take long, in the scope of whoever asks for it. The work is told to end together with
 * everything else, and is waited for last: what was acquired in the scope after this is released before (SPEC §14).
 */
export const makeLateEnd = Effect.map(Effect.acquireRelease(Scope.make(), Scope.close), (scope) => ({
  run: <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Effect.forkIn(work, scope), (fiber) =>
      Effect.onInterrupt(Fiber.join(fiber), () => Effect.sync(() => fiber.interruptUnsafe()))
    )
}))
