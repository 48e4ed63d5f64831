import { describe, expect, it } from "vitest"
import type { LifecycleAction, ManagedSpec } from "../../src/domain/LifecycleAction.ts"
import type { LifecycleContainer, LifecycleState } from "../../src/domain/LifecycleState.ts"
import { hasFailed, ownerStartIn, paceOf, rememberRepairs, type RepairTimes } from "../../src/domain/RepairPace.ts"

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
    expect(rememberRepairs(after(0), [], 59_999).get("sa")).toEqual({ at: [0], failures: 0, ownerStart: undefined })
    expect(rememberRepairs(after(0), [], 60_000).size).toBe(0)
  })

  it("is slower the more often a repair failed, and the first again when one did not", () => {
    const action = repaired("sa")
    const pauses: Array<number> = []
    let memory: RepairTimes = new Map()
    let time = 0
    for (let failures = 1; failures <= 8; failures += 1) {
      memory = rememberRepairs(memory, [action], time, { left: [action] })
      const pace = paceOf(memory, "sa", time)
      if (pace._tag === "Now" || pace.storm) throw new Error(JSON.stringify(pace))
      expect(paceOf(memory, "sa", pace.at - 1)).toEqual(pace)
      pauses.push(pace.at - time)
      time = pace.at
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
    const mended = rememberRepairs(memory, [action], time)
    expect(paceOf(mended, "sa", time)).toEqual({ _tag: "Later", at: time + 1_000, storm: false })
  })

  it("knows whether the last attempt failed, whatever became of the owner since", () => {
    const action = repaired("sa")
    const failed = rememberRepairs(new Map(), [action], 0, { left: [action], ownerStart: () => "first" })
    expect([hasFailed(new Map(), "sa"), hasFailed(failed, "sa"), hasFailed(failed, "other")]).toEqual([
      false,
      true,
      false
    ])
    expect(hasFailed(rememberRepairs(failed, [action], 1_000), "sa")).toBe(false)
  })

  it("begins anew when the owner was started again: what failed before says nothing about that", () => {
    const action = repaired("sa")
    const failedAt = (before: RepairTimes, time: number, start: string) =>
      rememberRepairs(before, [action], time, { left: [action], ownerStart: () => start })
    const twice = failedAt(failedAt(new Map(), 0, "first"), 10_000, "first")
    expect(paceOf(twice, "sa", 11_000, "first")).toEqual({ _tag: "Later", at: 12_000, storm: false })
    expect(paceOf(twice, "sa", 10_999, "second")).toEqual({ _tag: "Later", at: 11_000, storm: false })
    expect(paceOf(twice, "sa", 11_000, "second")).toEqual(now)
    const third = failedAt(twice, 20_000, "second")
    expect(paceOf(third, "sa", 20_000, "second")).toEqual({ _tag: "Later", at: 21_000, storm: false })
  })

  it("is not slower for what was not tried because the one before it failed", () => {
    const first = { ...repaired("sa"), id: "1" }
    const then = { ...repaired("web"), id: "2", after: "1" }
    let memory: RepairTimes = new Map()
    for (const time of [0, 10_000, 20_000])
      memory = rememberRepairs(memory, [first, then], time, { left: [first, then] })
    expect(paceOf(memory, "sa", 20_000)).toEqual({ _tag: "Later", at: 24_000, storm: false })
    expect(paceOf(memory, "web", 20_000)).toEqual({ _tag: "Later", at: 21_000, storm: false })
  })

  it("is slower for what failed although nothing that it waits for did", () => {
    const other = { ...repaired("sa"), id: "1" }
    const waiting = { ...repaired("web"), id: "2", after: "9" }
    let memory: RepairTimes = new Map()
    for (const time of [0, 10_000]) memory = rememberRepairs(memory, [other, waiting], time, { left: [other, waiting] })
    expect(paceOf(memory, "web", 10_000)).toEqual({ _tag: "Later", at: 12_000, storm: false })
  })

  it("remembers no more than it needs of a storm", () => {
    const many = after(...Array.from({ length: 25 }, (_, index) => index * 1_000))
    expect(many.get("sa")?.at).toEqual(Array.from({ length: 20 }, (_, index) => (index + 5) * 1_000))
  })

  it("counts a failure once where two actions on a container depend on each other", () => {
    const both = [repaired("sa"), { ...repaired("sa"), after: "1" }]
    expect(rememberRepairs(new Map(), both, 0, { left: both }).get("sa")).toMatchObject({ at: [0], failures: 1 })
    expect(rememberRepairs(new Map(), both, 0, { left: both.slice(1) }).get("sa")).toMatchObject({
      at: [0],
      failures: 1
    })
  })

  it("is not held up by a clock that was set back", () => {
    expect(paceOf(after(1e9), "sa", 5_000)).toEqual(now)
    expect(rememberRepairs(after(1e9), [repaired("sa")], 5_000).get("sa")).toEqual({
      at: [5_000],
      failures: 0,
      ownerStart: undefined
    })
  })
})

describe("the owner's start that an action counts for", () => {
  const container = (id: string, name: string, networkMode: string, startedAt?: number): LifecycleContainer => ({
    id,
    name,
    createdAt: 1,
    status: "running",
    labels: {},
    networkMode,
    imageId: "",
    ...(startedAt === undefined ? {} : { inspected: { startedAt, environment: {}, words: [] } })
  })
  const all = [
    container("1", "sa", "bridge", 5_000),
    container("2", "db", "bridge", 7_000),
    container("3", "web", "container:sa")
  ]
  const state: Pick<LifecycleState, "containers"> = { containers: new Map(all.map((one) => [one.id, one])) }
  const startFor = (action: LifecycleAction) => ownerStartIn(state as LifecycleState)(action)
  const web = { id: "3", name: "web", reason: "" }

  it("is that of the container whose namespace it has, for a start", () => {
    expect(startFor({ ...web, _tag: "Restart" })).toBe("1 5000")
    expect(startFor({ ...web, _tag: "Start", id: "2" })).toBeUndefined()
  })

  it("is that of the one whose namespace it will have, for one that is re-created or made", () => {
    expect(startFor({ ...web, _tag: "Recreate", networkMode: "container:db", start: true })).toBe("2 7000")
    expect(startFor({ ...web, _tag: "Recreate", networkMode: "bridge", start: true })).toBeUndefined()
    const spec: Pick<ManagedSpec, "name" | "networkMode"> = { name: "new", networkMode: "container:sa" }
    expect(startFor({ _tag: "CreateManaged", spec: spec as ManagedSpec, reason: "" })).toBe("1 5000")
  })

  it("is none when there is no such container", () => {
    expect(startFor({ ...web, _tag: "Recreate", networkMode: "container:gone", start: true })).toBeUndefined()
  })
})
