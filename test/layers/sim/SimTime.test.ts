import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { describe, expect, it } from "vitest"
import { SimTime } from "../../../src/layers/sim/SimTime.ts"

describe("simulated time", () => {
  it("passes only when it is told to, and wakes sleepers at their time", () => {
    const time = new SimTime(1_000)
    const woken: Array<readonly [string, number]> = []
    const sleeper = (name: string, millis: number) =>
      Effect.gen(function* () {
        yield* Effect.sleep(millis)
        woken.push([name, yield* Clock.currentTimeMillis])
      })
    time.fork(sleeper("late", 300))
    time.fork(sleeper("early", 100))
    time.settle()
    expect(woken).toEqual([])
    time.advance(99.5)
    expect(woken).toEqual([])
    time.advance(200)
    expect(woken).toEqual([["early", 1_100]])
    time.advance(1_000)
    expect(woken).toEqual([
      ["early", 1_100],
      ["late", 1_300]
    ])
    expect(time.now()).toBe(2_299.5)
    expect(time.nowNanos()).toBe(2_299_500_000n)
  })

  it("wakes those of one instant in the order in which they went to sleep", () => {
    const time = new SimTime()
    const woken: Array<number> = []
    for (const index of [0, 1, 2, 3]) time.after(10, () => woken.push(index))
    time.after(5, () => time.after(5, () => woken.push(4)))
    time.advance(10)
    expect(woken).toEqual([0, 1, 2, 3, 4])
  })

  it("carries out what a woken sleeper causes before the next one wakes", () => {
    const time = new SimTime()
    const seen: Array<string> = []
    time.fork(
      Effect.gen(function* () {
        yield* Effect.sleep(10)
        yield* Effect.forkChild(Effect.sync(() => seen.push("child")))
        yield* Effect.yieldNow
        yield* Effect.yieldNow
        seen.push("parent")
      })
    )
    time.settle()
    time.after(10, () => seen.push("timer"))
    time.advance(10)
    expect(seen).toEqual(["child", "parent", "timer"])
  })

  it("forgets the timer of a sleeper that is interrupted", () => {
    const time = new SimTime()
    const fiber = time.fork(Effect.andThen(Effect.sleep(10), Effect.die("woken all the same")))
    time.settle()
    time.fork(Fiber.interrupt(fiber))
    time.advance(20)
    expect(fiber.pollUnsafe()?._tag).toBe("Failure")
    expect(time.now()).toBe(20)
  })

  it("stops a program that goes round without waiting", () => {
    const time = new SimTime()
    time.fork(Effect.forever(Effect.yieldNow))
    expect(() => time.settle()).toThrow("without any time passing")
  })
})
