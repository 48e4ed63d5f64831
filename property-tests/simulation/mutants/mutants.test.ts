import { readFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { describe, expect, it } from "vitest"
import { mutants } from "./list.ts"
import { changed, mutated } from "./Mutant.ts"

const ROOT = new URL("../../../", import.meta.url)
const read = (file: string): string => readFileSync(new URL(file, ROOT), "utf8")

describe("the planted bugs", () => {
  it("are many, and each has a name of its own", () => {
    expect(mutants.length).toBeGreaterThanOrEqual(30)
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length)
  })

  it.each(mutants)("$name applies to the present source", (one) => {
    for (const [file, text] of mutated(one, read)) {
      expect(text).not.toBe(read(file))
      expect(stripTypeScriptTypes(text)).not.toBe("")
    }
  })

  it("are refused when their place is gone, or is there twice", () => {
    const change = { file: "f", find: "b", replace: "c" }
    expect(changed("abd", change)).toBe("acd")
    expect(() => changed("ad", change)).toThrow("occurs 0 times")
    expect(() => changed("abdb", change)).toThrow("occurs 2 times")
  })
})
