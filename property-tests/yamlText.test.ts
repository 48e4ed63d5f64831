import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import { printYaml } from "../src/layers/compose/yamlText.ts"

const deceptive = fc.constantFrom(
  ...[
    "yes",
    "on",
    "off",
    "null",
    "~",
    "",
    "1",
    "0o17",
    "017",
    "0x1f",
    "1_000",
    "12:30",
    "2024-01-01",
    "1e3",
    ".inf",
    "<<"
  ],
  ...[
    "- a",
    "a: b",
    "#a",
    "a #b",
    "!reset",
    "&a",
    "*a",
    "{a",
    "[a",
    "%a",
    "@a",
    "`a`",
    "'a",
    '"a',
    "a\nb",
    " a ",
    "é",
    "true"
  ]
)
const text = fc.oneof({ arbitrary: deceptive, weight: 3 }, fc.string({ maxLength: 8 }))
const key = text.filter((one) => one !== "<<" && one !== "__proto__")
const trees = fc.dictionary(
  key,
  fc.oneof(text, fc.boolean(), fc.array(text, { maxLength: 3 }), fc.dictionary(key, text, { maxKeys: 3 })),
  { noNullPrototype: true, maxKeys: 4 }
)

describe("YAML that is printed", () => {
  it("is read back as the same data, by the rules of 1.1 and of 1.2", () => {
    fc.assert(
      fc.property(trees, (data) => {
        const printed = printYaml({ header: ["a", "", "b"], data, annotations: [] })
        expect(parse(printed, { version: "1.1" })).toEqual(data)
        expect(parse(printed, { version: "1.2" })).toEqual(data)
      })
    )
  })

  it("has no blanks at the end of a line that is no text", () => {
    fc.assert(
      fc.property(trees, (data) => {
        const printed = printYaml({ header: ["a", "", "b"], data, annotations: [] })
        for (const line of printed.split("\n").filter((one) => one.startsWith("#"))) expect(line).toBe(line.trimEnd())
      })
    )
  })
})
