import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { commandNames, commandOf, unknownMode, variableHelp } from "../../src/domain/CommandLine.ts"
import { definitionsOf, modes } from "../../src/domain/SettingDefinitions.ts"

const words = (line: string) => (line === "" ? [] : line.split(" "))

const command = (line: string, envMode?: string) => Result.getOrThrow(commandOf(words(line), envMode))

const typed = (line: string) => ({ _tag: "Typed", words: words(line) })

describe("the mode", () => {
  it("is the only word of the command line, whatever ANCHORD_MODE says", () => {
    expect(command("service-anchor", "network-anchor")).toEqual({ _tag: "Run", mode: "service-anchor" })
    expect(command("network-anchor", "service-anchor")).toEqual({ _tag: "Run", mode: "network-anchor" })
    expect(command("service-anchor", "nonsense")).toEqual({ _tag: "Run", mode: "service-anchor" })
  })

  it("is ANCHORD_MODE without one, blanks around it or not", () => {
    expect(command("", "service-anchor")).toEqual({ _tag: "Run", mode: "service-anchor" })
    expect(command("", "  service-anchor\n")).toEqual({ _tag: "Run", mode: "service-anchor" })
  })

  it("is network-anchor when neither says it", () => {
    for (const envMode of [undefined, "", "  "])
      expect(command("", envMode)).toEqual({ _tag: "Run", mode: "network-anchor" })
  })

  it("in ANCHORD_MODE may be the name of a command", () => {
    for (const name of commandNames) expect(command("", name)).toEqual(typed(name))
  })

  it("in ANCHORD_MODE is refused when it does not exist; the nearest is named, and the valid ones are listed", () => {
    const refusal = Result.getOrThrow(Result.flip(commandOf([], "network-anker")))
    expect(refusal).toBe(unknownMode("network-anker"))
    expect(refusal).toContain('unknown mode "network-anker"; the nearest is network-anchor; valid modes are: ')
    for (const mode of [...modes, ...commandNames]) expect(refusal).toContain(mode)
  })
})

describe("a mode that is like no other", () => {
  it.each(["", "foo", "sidecar"])("is not taken for any: %j", (word) => {
    expect(unknownMode(word)).toBe(`unknown mode "${word}"; valid modes are: ${[...modes, ...commandNames].join(", ")}`)
  })
})

describe("everything else that is typed", () => {
  it("is for the parser of options", () => {
    for (const line of ["--help", "sidecar", "service-anchor --help", "service-anchor now", "--version", "version"])
      expect(command(line, "service-anchor")).toEqual(typed(line))
  })

  it("asks for help when it begins with that word", () => {
    expect(command("help")).toEqual(typed("--help"))
    expect(command("help service-anchor")).toEqual(typed("service-anchor --help"))
    expect(command("--help service-anchor")).toEqual(typed("--help service-anchor"))
  })
})

describe("a word that is neither mode nor command", () => {
  it("is all that is looked at, so that no help is given for what does not exist", () => {
    for (const line of ["sidecar --help", "help sidecar", "sidecar plan --json"])
      expect(command(line)).toEqual(typed("sidecar"))
  })
})

describe("the help of variables", () => {
  it.each(modes)("of %s has a line for each, with its default, and its name apart", (mode) => {
    const definitions = definitionsOf(mode)
    const lines = variableHelp(definitions)
    expect(lines).toHaveLength(Object.keys(definitions).length)
    for (const [index, [variable, { fallback, help }]] of Object.entries(definitions).entries()) {
      const line = lines[index] ?? ""
      expect(line).toMatch(new RegExp(`^${variable} +`))
      const plain = help.replaceAll("`", "")
      expect(line.slice(line.indexOf(plain))).toBe(fallback === undefined ? plain : `${plain} [${fallback}]`)
    }
  })
})
