import { describe, expect, it } from "vitest"
import type { Paint } from "../../src/domain/Columns.ts"
import { formatDoctor } from "../../src/domain/DoctorText.ts"
import type { DoctorReport } from "../../src/domain/Findings.ts"
import { fail, ok, warn } from "./doctorSettings.ts"

const report: DoctorReport = {
  mode: "network-anchor",
  version: "3.0.0",
  commit: "abc",
  findings: [
    ok("docker", "the API answers"),
    fail("external-network", "it is not attached", "attach it"),
    warn("ports", "no container is in scope"),
    ok("ports", "web can be reached")
  ]
}

describe("the doctor's report for a terminal", () => {
  it("has a line for each finding, what mends it below, and the count of each verdict", () => {
    expect(formatDoctor(report).split("\n")).toEqual([
      "network-anchor 3.0.0 (abc)",
      "",
      "ok    docker            the API answers",
      "fail  external-network  it is not attached",
      "                        → attach it",
      "warn  ports             no container is in scope",
      "ok    ports             web can be reached",
      "",
      "2 ok, 1 warn, 1 fail"
    ])
  })

  it("leaves out verdicts that nothing has", () => {
    expect(formatDoctor({ ...report, findings: [ok("docker", "it answers")] })).toMatch(/\n1 ok$/)
  })

  it("paints verdicts and nothing else, so that columns stay in line", () => {
    const mark: Paint = (style, text) => `<${style}>${text}</>`
    const lines = formatDoctor(report, mark).split("\n")
    expect(lines[2]).toBe("<good>ok  </>  docker            the API answers")
    expect(lines[3]).toBe("<bad>fail</>  external-network  it is not attached")
    expect(lines.at(-1)).toBe("<good>2 ok</>, <warning>1 warn</>, <bad>1 fail</>")
  })
})
