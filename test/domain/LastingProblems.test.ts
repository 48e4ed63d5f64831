import { describe, expect, it } from "vitest"
import { lastingProblems } from "../../src/domain/LastingProblems.ts"
import type { LifecycleProblem } from "../../src/domain/LifecycleAction.ts"
import { sentence } from "../../src/domain/Sentence.ts"
import { NOW } from "./lifecycleListings.ts"

const warn: LifecycleProblem = { key: "stale:web", level: "WARN", message: sentence`web has no network` }
const other: LifecycleProblem = { key: "stale:mail", level: "WARN", message: sentence`mail has no network` }
const error: LifecycleProblem = { key: "refused:web", level: "ERROR", message: sentence`web is not re-created` }
const info: LifecycleProblem = { key: "watcher-off", level: "INFO", message: sentence`nobody looks` }

/** What is told at each of these looks, by the milliseconds after the first. */
const looks = (...all: ReadonlyArray<readonly [number, ReadonlyArray<LifecycleProblem>]>) => {
  let since: ReadonlyMap<string, number> = new Map()
  return all.map(([after, problems]) => {
    const found = lastingProblems(problems, since, NOW + after)
    since = found.since
    return [found.told.map(({ key }) => key), found.again === undefined ? undefined : found.again - NOW]
  })
}

describe("a warning", () => {
  it("is told when it stands for two seconds, and then for as long as it does", () => {
    expect(looks([0, [warn]], [1_999, [warn]], [2_000, [warn]], [9_000, [warn]])).toEqual([
      [[], 2_000],
      [[], 2_000],
      [["stale:web"], undefined],
      [["stale:web"], undefined]
    ])
  })

  it("is not told when it is mended before, and waits anew when it comes back", () => {
    expect(looks([0, [warn]], [1_500, []], [2_500, [warn]], [4_499, [warn]], [4_500, [warn]])).toEqual([
      [[], 2_000],
      [[], undefined],
      [[], 4_500],
      [[], 4_500],
      [["stale:web"], undefined]
    ])
  })

  it("waits for itself: each has its own time, whatever its words are by then", () => {
    const reworded = { ...warn, message: sentence`web still has no network` }
    expect(looks([0, [warn]], [1_000, [warn, other]], [2_000, [reworded, other]], [3_000, [warn, other]])).toEqual([
      [[], 2_000],
      [[], 2_000],
      [["stale:web"], 3_000],
      [["stale:web", "stale:mail"], undefined]
    ])
  })

  it("waits its two seconds from then on when the clock is set back", () => {
    expect(looks([0, [warn]], [-60_000, [warn]], [-58_000, [warn]])).toEqual([
      [[], 2_000],
      [[], -58_000],
      [["stale:web"], undefined]
    ])
  })
})

it("an error and an information are told at once", () => {
  expect(looks([0, [error, info, warn]], [0, []])).toEqual([
    [["refused:web", "watcher-off"], 2_000],
    [[], undefined]
  ])
})
