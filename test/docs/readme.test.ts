import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { allParts, madePartsOf, README, withMadeParts } from "../../docs/build/readme.ts"

const text = readFileSync(README, "utf8")

describe("the README", () => {
  it("has the variables and metrics of the code as they are now: `npm run docs` makes them", () => {
    expect(withMadeParts(text)).toBe(text)
  })

  it("has all of them, each once", () => {
    expect(madePartsOf(text).toSorted()).toEqual(allParts().toSorted())
  })
})

describe("what makes the README", () => {
  it("refuses a part that nobody makes", () => {
    expect(() => withMadeParts("<!-- made: weather -->\n<!-- end -->")).toThrow('nobody makes "weather"')
  })

  it("leaves what is around it", () => {
    const made = withMadeParts("before\n<!-- made: metrics -->\nold\n<!-- end -->\nafter\n")
    expect(made).toMatch(/^before\n<!-- made: metrics -->\n\n\| metric [\s\S]* \|\n\n<!-- end -->\nafter\n$/)
    expect(made).not.toContain("old")
  })
})
