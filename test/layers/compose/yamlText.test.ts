import { describe, expect, it } from "vitest"
import { parseYaml, printYaml } from "../../../src/layers/compose/yamlText.ts"

const base = { image: "x", cap_drop: ["ALL"] }

describe("YAML with comments", () => {
  it("has header, comments, references by name, tags, and lists in one line", () => {
    const text = printYaml({
      header: ["first", "", "second"],
      data: {
        name: "on",
        "x-base": base,
        services: { a: { "<<": base, env: { PORT: "1_0" } }, b: { "<<": base, ports: [], files: [{ source: "c" }] } },
        configs: { c: { content: "one\n\n  two\n" } }
      },
      annotations: [
        { path: ["x-base"], anchor: "base", comment: ["about the base"] },
        { path: ["services", "b"], comment: ["about b", "", "more"] },
        { path: ["services", "b", "ports"], tag: "!reset" }
      ]
    })
    expect(text).toBe(`# first
#
# second

name: "on"

# about the base
x-base: &base
  image: x
  cap_drop: [ALL]

services:
  a:
    <<: *base
    env:
      PORT: "1_0"

  # about b
  #
  # more
  b:
    <<: *base
    ports: !reset []
    files:
      - source: c

configs:
  c:
    content: |
      one

        two
`)
  })

  it("refuses to say something of what is not there", () => {
    for (const path of [["b"], ["a", "b"], ["a", "x", "y"]])
      expect(() => printYaml({ header: [], data: { a: {} }, annotations: [{ path, comment: ["?"] }] })).toThrow(
        "there is no"
      )
  })

  it("is read with merges, and JSON is read as well", () => {
    expect(parseYaml("a: &a { x: 1 }\nb: { <<: *a, y: 2 }\n")).toEqual({ a: { x: 1 }, b: { x: 1, y: 2 } })
    expect(parseYaml('{"a": [1, "2"]}')).toEqual({ a: [1, "2"] })
  })

  it("is refused with the place of the mistake, and so is what grows without end", () => {
    expect(() => parseYaml("a: [1")).toThrow(/line 1/)
    const bomb = [
      "a: &a [x]",
      ..."bcdefghij".split("").map((key, index) => `${key}: &${key} [${`*${"abcdefghij"[index]},`.repeat(10)}]`)
    ]
    expect(() => parseYaml(bomb.join("\n"))).toThrow(/alias/)
  })
})
