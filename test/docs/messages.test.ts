import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { messageEntries, readMessages } from "../../docs/build/messages.ts"
import { sentencesInSources } from "../../docs/build/sentences.ts"

const sources = fileURLToPath(new URL("../../src", import.meta.url))
const sentences = sentencesInSources()
const entries = readMessages()
const listed = entries.flatMap(({ messages }) => messages)

describe("docs/messages.md", () => {
  it("has every WARN and ERROR of the program", () => {
    expect(sentences.length).toBeGreaterThan(0)
    expect(sentences.filter(({ words }) => !listed.includes(words))).toEqual([])
  })

  it("has none that the program does not say", () => {
    const said = new Set(sentences.map(({ words }) => words))
    expect(listed.filter((message) => !said.has(message))).toEqual([])
  })

  it("has them with the levels that the sources tell them with, where those say so on the spot", () => {
    const levels = new Map(
      entries.flatMap(({ messages, levels: all }) => messages.map((message, n) => [message, all[n] ?? []] as const))
    )
    const told = sentences.filter(({ level }) => level !== undefined)
    expect(new Set(told.map(({ level }) => level))).toEqual(new Set(["ERROR", "WARN", "INFO", "warn", "fail"]))
    expect(told.filter(({ words, level = "" }) => !levels.get(words)?.includes(level))).toEqual([])
  })

  it("has each of them once, with its cause and what mends it", () => {
    expect(listed.filter((message, index) => listed.indexOf(message) !== index)).toEqual([])
    expect(entries.filter(({ messages, cause, fix }) => messages.length === 0 || cause === "" || fix === "")).toEqual(
      []
    )
  })
})

describe("a sentence for an operator", () => {
  it("has words of its own, so that its entry says which one is meant", () => {
    const wordless = sentences.filter(({ words }) => words.replaceAll("<>", "").match(/[A-Za-z]{2,}/g) === null)
    expect(wordless).toEqual([])
  })

  it("is made in no other way", () => {
    const files = readdirSync(sources, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"))
    const casting = files.filter((name) => /\bas Sentence\b/.test(readFileSync(join(sources, name), "utf8")))
    expect(casting).toEqual(["domain/Sentence.ts"])
  })
})

describe("the reader of the document", () => {
  it("finds messages that share a bullet, and what they have in common", () => {
    const text =
      "# Title\n\n- **WARN** `one <thing> and\\d`\\\n  **ERROR, WARN** `another`\\\n  *Cause:* it\n  is so.\\\n  *Fix:* none.\n\nText.\n"
    expect(messageEntries(text)).toEqual([
      {
        messages: ["one <> and\\d", "another"],
        levels: [["WARN"], ["ERROR", "WARN"]],
        cause: "it is so.",
        fix: "none."
      }
    ])
  })
})
