import { describe, expect, it } from "vitest"
import { remembered } from "../../src/domain/Remembered.ts"

/** Doubles even numbers, and counts how often it was asked. */
const doubling = (limit?: number) => {
  let asked = 0
  const work = (number: number): number | undefined => {
    asked += 1
    return number % 2 === 0 ? number * 2 : undefined
  }
  return { double: remembered(String, work, limit), asked: () => asked }
}

describe("a function that keeps its answers", () => {
  it("works each of them out once", () => {
    const { double, asked } = doubling()
    expect([2, 4, 2, 4, 2].map(double)).toEqual([4, 8, 4, 8, 4])
    expect(asked()).toBe(2)
  })

  it("looks again for what it has no answer to", () => {
    const { double, asked } = doubling()
    expect([3, 3].map(double)).toEqual([undefined, undefined])
    expect(asked()).toBe(2)
  })

  it("forgets all when it knows too many, and never holds more than that", () => {
    const { double, asked } = doubling(2)
    for (const number of [2, 4, 6]) double(number)
    expect(asked()).toBe(3)
    expect([6, 2].map(double)).toEqual([12, 4])
    expect(asked()).toBe(4)
  })
})
