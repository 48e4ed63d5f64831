import { describe, expect, it } from "vitest"
import type { DockerEvent } from "../../src/domain/DockerState.ts"
import { rememberLeaving, type Leaving } from "../../src/domain/Leaving.ts"
import { NOW } from "./lifecycleListings.ts"

const event = (action: string, attributes: Readonly<Record<string, string>> = {}): DockerEvent => ({
  type: "container",
  action,
  containerId: "a",
  attributes,
  timeNano: 0n
})

const told: Leaving = new Map([["a", NOW + 12_000]])

describe("a container that was told to end", () => {
  it("is leaving for twelve seconds, by whatever signal containers are ended with", () => {
    for (const signal of ["2", "3", "9", "15", "37"])
      expect(rememberLeaving(new Map(), event("kill", { signal }), NOW)).toEqual(told)
    expect(rememberLeaving(told, event("kill", { signal: "9" }), NOW + 10_000)).toEqual(new Map([["a", NOW + 22_000]]))
  })

  it("is not leaving by a signal that asks for something else", () => {
    const nobody: Leaving = new Map()
    for (const signal of ["1", "10", "12", "28"])
      expect(rememberLeaving(nobody, event("kill", { signal }), NOW)).toBe(nobody)
    expect(rememberLeaving(nobody, event("kill"), NOW)).toBe(nobody)
  })

  it("has left when it has ended, and is there again when it was started", () => {
    for (const action of ["die", "start", "destroy"])
      expect(rememberLeaving(told, event(action), NOW)).toEqual(new Map())
    for (const action of ["stop", "pause", "rename"]) expect(rememberLeaving(told, event(action), NOW)).toBe(told)
    const both: Leaving = new Map([...told, ["b", NOW + 13_000]])
    expect(rememberLeaving(both, event("die"), NOW)).toEqual(new Map([["b", NOW + 13_000]]))
    expect(rememberLeaving(told, { ...event("die"), containerId: "b" }, NOW)).toBe(told)
    expect(rememberLeaving(told, { ...event("disconnect"), type: "network" }, NOW)).toBe(told)
  })
})
