import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import { makeLooks, type Looks } from "../../src/main/Looks.ts"

/** Looks that are kept under a test clock, what they will answer, and how many there were. */
const kept = (use: (looks: Looks, seen: { well: boolean; count: number }) => Effect.Effect<void>) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const looks = yield* makeLooks
      const seen = { well: true, count: 0 }
      yield* Effect.forkScoped(
        looks.keep(
          Effect.sync(() => {
            seen.count += 1
            return seen.well
          })
        )
      )
      yield* TestClock.adjust("1 second")
      expect(seen.count).toBe(1)
      yield* use(looks, seen)
    }).pipe(Effect.scoped, Effect.provide(TestClock.layer()))
  )

describe("looks at what is to be kept", () => {
  it("come every 30 s when nobody asks", () =>
    kept((_looks, seen) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("28 seconds")
        expect(seen.count).toBe(1)
        yield* TestClock.adjust("2 seconds")
        expect(seen.count).toBe(2)
      })
    ))

  it("come at once when somebody asks, and then once in 25 ms however often that is", () =>
    kept((looks, seen) =>
      Effect.gen(function* () {
        for (let time = 0; time < 45; time += 1) {
          yield* looks.again
          yield* TestClock.adjust("1 millis")
        }
        expect(seen.count).toBe(3)
        yield* TestClock.adjust("25 millis")
        expect(seen.count).toBe(4)
        yield* TestClock.adjust("1 second")
        expect(seen.count).toBe(4)
      })
    ))

  it("come every second while they fail", () =>
    kept((looks, seen) =>
      Effect.gen(function* () {
        seen.well = false
        yield* looks.again
        yield* TestClock.adjust("10 millis")
        expect(seen.count).toBe(2)
        yield* TestClock.adjust("1 second")
        expect(seen.count).toBe(2)
        yield* TestClock.adjust("100 millis")
        expect(seen.count).toBe(3)
        seen.well = true
        yield* TestClock.adjust("5 seconds")
        expect(seen.count).toBe(4)
      })
    ))
})
