import { describe, expect, it } from "vitest"
import { make } from "../../../src/layers/observability/Readiness.ts"

describe("readiness", () => {
  it("begins with every condition missing, as `key: value` lines", () => {
    const readiness = make({ tables: "not installed yet", reconcile: "none has succeeded" })
    expect(readiness.missing()).toEqual(["tables: not installed yet", "reconcile: none has succeeded"])
  })

  it("is complete once every condition holds", () => {
    const readiness = make({ tables: "a", reconcile: "b" })
    readiness.set("tables", undefined)
    expect(readiness.missing()).toEqual(["reconcile: b"])
    readiness.set("reconcile", undefined)
    expect(readiness.missing()).toEqual([])
  })

  it("tells the newest reason, and a condition that was lost again", () => {
    const readiness = make({ route: "starting" })
    readiness.set("route", "no gateway resolves")
    expect(readiness.missing()).toEqual(["route: no gateway resolves"])
    readiness.set("route", undefined)
    readiness.set("route", undefined)
    expect(readiness.missing()).toEqual([])
    readiness.set("route", "gone")
    expect(readiness.missing()).toEqual(["route: gone"])
  })

  it("is complete when there are no conditions, and knows one that comes later", () => {
    const readiness = make({})
    expect(readiness.missing()).toEqual([])
    readiness.set("docker", "away")
    expect(readiness.missing()).toEqual(["docker: away"])
  })
})
