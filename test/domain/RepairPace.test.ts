import { describe, expect, it } from "vitest"
import { paceOf, rememberRepairs, type RepairTimes } from "../../src/domain/RepairPace.ts"

const repaired = (name: string) => ({ _tag: "Restart" as const, id: "1", name, reason: "" })

const after = (...times: ReadonlyArray<number>): RepairTimes =>
  times.reduce<RepairTimes>((memory, time) => rememberRepairs(memory, [repaired("sa")], time), new Map())

const now = { _tag: "Now" }

describe("the pace of repairs", () => {
  it("makes one of two wishes within a second", () => {
    expect(paceOf(new Map(), "sa", 0)).toEqual(now)
    expect(paceOf(after(5_000), "sa", 5_000)).toEqual({ _tag: "Later", at: 6_000, storm: false })
    expect(paceOf(after(5_000), "sa", 5_999)).toEqual({ _tag: "Later", at: 6_000, storm: false })
    expect(paceOf(after(5_000), "sa", 6_000)).toEqual(now)
    expect(paceOf(after(5_000), "other", 5_000)).toEqual(now)
  })

  it("stops at twenty a minute, until the oldest is a minute old", () => {
    const every2s = (count: number) => after(...Array.from({ length: count }, (_, index) => index * 2_000))
    expect(paceOf(every2s(19), "sa", 38_000)).toEqual(now)
    expect(paceOf(every2s(20), "sa", 40_000)).toEqual({ _tag: "Later", at: 60_000, storm: true })
    expect(paceOf(every2s(20), "sa", 59_999)).toEqual({ _tag: "Later", at: 60_000, storm: true })
    expect(paceOf(every2s(20), "sa", 60_000)).toEqual(now)
  })

  it("forgets what is older than a minute", () => {
    expect(rememberRepairs(after(0), [], 59_999).get("sa")).toEqual([0])
    expect(rememberRepairs(after(0), [], 60_000).size).toBe(0)
  })

  it("is not held up by a clock that was set back", () => {
    expect(paceOf(after(1e9), "sa", 5_000)).toEqual(now)
    expect(rememberRepairs(after(1e9), [repaired("sa")], 5_000).get("sa")).toEqual([5_000])
  })
})
