import { describe, expect, it } from "vitest"
import { sentence } from "../../src/domain/Sentence.ts"
import { checks, fail, inOrder, notLookedAt, ok, statusOf, warn } from "../../src/domain/Findings.ts"

describe("findings", () => {
  it("are worth the status 1 when one fails, and 0 whatever they warn of", () => {
    expect(statusOf({ findings: [] })).toBe(0)
    expect(statusOf({ findings: [ok("docker", "it answers"), warn("ports", sentence`none`)] })).toBe(0)
    expect(
      statusOf({
        findings: [ok("docker", "it answers"), fail("ports", sentence`none`, "one"), warn("ports", sentence`none`)]
      })
    ).toBe(1)
  })

  it("have a fix when they fail, and otherwise where there is one", () => {
    expect(fail("ports", sentence`none`, "give it one")).toEqual({
      check: "ports",
      verdict: "fail",
      finding: "none",
      fix: "give it one"
    })
    expect(warn("ports", sentence`none`)).toStrictEqual({ check: "ports", verdict: "warn", finding: "none" })
  })

  it("warn of what could not be looked at", () => {
    expect(notLookedAt("gateway", "Docker is away")).toEqual(warn("gateway", sentence`not looked at: Docker is away`))
  })

  it("are told in the order of the checks, those of one check as they came", () => {
    const found = [
      fail("ports", sentence`b`, ""),
      ok("docker", "c"),
      fail("ports", sentence`a`, ""),
      ok("settings", "d")
    ]
    expect(inOrder(found).map(({ finding }) => finding)).toEqual(["d", "c", "b", "a"])
    expect(new Set(checks).size).toBe(checks.length)
  })
})
