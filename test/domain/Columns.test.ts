import { describe, expect, it } from "vitest"
import { columns } from "../../src/domain/Columns.ts"

const row = (...texts: ReadonlyArray<string>) => texts.map((text) => ({ text }))

describe("columns", () => {
  it("are as wide as their widest cell, two blanks apart, without blanks at the end of a line", () => {
    expect(columns([row("a", "bb", "c"), row("aaa", "b", ""), row("", "", "cc")])).toEqual([
      "a    bb  c",
      "aaa  b",
      "         cc"
    ])
  })

  it("keep their width when a cell is painted", () => {
    const paint = (style: string, text: string) => `<${style}>${text}</>`
    expect(columns([[{ text: "a", style: "good" }, { text: "b" }], row("aaa", "b")], paint)).toEqual([
      "<good>a  </>  b",
      "aaa  b"
    ])
  })

  it("of nothing are nothing", () => {
    expect(columns([])).toEqual([])
    expect(columns([row(""), row("", "")])).toEqual(["", ""])
  })
})
