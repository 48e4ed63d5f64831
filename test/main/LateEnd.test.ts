import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { expect, it } from "vitest"
import { makeLateEnd } from "../../src/main/LateEnd.ts"

const begun = Effect.fnUntraced(function* (ended: Array<string>, work: Effect.Effect<void>) {
  const { run } = yield* makeLateEnd
  yield* Effect.addFinalizer((exit) => Effect.sync(() => ended.push(`given back, ${exit._tag}`)))
  yield* Effect.ensuring(
    run(work),
    Effect.sync(() => ended.push("the rest"))
  )
})

it("lets everything be given back before work that cannot be interrupted is through, and waits for that", () =>
  Effect.runPromise(
    Effect.gen(function* () {
      const ended: Array<string> = []
      const [started, done] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const work = Deferred.succeed(started, undefined).pipe(
        Effect.andThen(Deferred.await(done)),
        Effect.andThen(Effect.sync(() => ended.push("the work"))),
        Effect.uninterruptible,
        Effect.andThen(Effect.sync(() => ended.push("more work")))
      )
      const fiber = yield* Effect.forkDetach(Effect.scoped(begun(ended, Effect.asVoid(work))))
      yield* Deferred.await(started)
      fiber.interruptUnsafe()
      yield* Effect.replicateEffect(Effect.yieldNow, 100, { discard: true })
      expect(ended).toEqual(["the rest", "given back, Failure"])
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* Deferred.succeed(done, undefined)
      expect(Exit.isFailure(yield* Fiber.await(fiber))).toBe(true)
      expect(ended).toEqual(["the rest", "given back, Failure", "the work"])
    })
  ))

it("fails with what the work fails with", () =>
  Effect.runPromise(
    Effect.gen(function* () {
      const ended: Array<string> = []
      const exit = yield* Effect.exit(Effect.scoped(begun(ended, Effect.die("a bug"))))
      expect(Exit.isFailure(exit) && exit.cause.reasons.map(({ _tag }) => _tag)).toEqual(["Die"])
      expect(ended).toEqual(["the rest", "given back, Failure"])
    })
  ))
