import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { helpText, parseCommandLine } from "../../src/domain/CommandLine.ts"
import { definitionsOf, modes } from "../../src/domain/SettingDefinitions.ts"

const parse = (line: string, envMode?: string) =>
  Result.getOrThrow(parseCommandLine(line === "" ? [] : line.split(" "), envMode))

const refusal = (line: string, envMode?: string) =>
  Result.getOrThrow(Result.flip(parseCommandLine(line === "" ? [] : line.split(" "), envMode)))

const VALID = "valid modes are: network-anchor, service-anchor, version"

describe("the mode", () => {
  it("is the first argument that is not an option, whatever ANCHORD_MODE says", () => {
    expect(parse("service-anchor", "network-anchor")).toEqual({ _tag: "Run", mode: "service-anchor" })
    expect(parse("network-anchor", "service-anchor")).toEqual({ _tag: "Run", mode: "network-anchor" })
    expect(parse("service-anchor", "nonsense")).toEqual({ _tag: "Run", mode: "service-anchor" })
  })

  it("is ANCHORD_MODE without one, blanks around it or not", () => {
    expect(parse("", "service-anchor")).toEqual({ _tag: "Run", mode: "service-anchor" })
    expect(parse("", "  service-anchor\n")).toEqual({ _tag: "Run", mode: "service-anchor" })
  })

  it("is network-anchor when neither says it", () => {
    for (const envMode of [undefined, "", "  "])
      expect(parse("", envMode)).toEqual({ _tag: "Run", mode: "network-anchor" })
  })

  it("is refused when it does not exist; the valid ones are listed", () => {
    expect(refusal("sidecar")).toBe(`unknown mode sidecar; ${VALID}`)
    expect(refusal("", "sidecar")).toBe(`unknown mode sidecar; ${VALID}`)
    expect(refusal("Network-Anchor")).toBe(`unknown mode Network-Anchor; ${VALID}`)
  })

  it("is refused by name while it is not built", () => {
    for (const mode of ["external-rebinder", "wrap-rebinder", "doctor", "status", "plan", "wrap"])
      expect(refusal(mode)).toBe(`mode ${mode} is not built yet; ${VALID}`)
  })

  it("stands alone", () => {
    expect(refusal("network-anchor now")).toBe("unexpected argument now after mode network-anchor")
  })
})

describe("options", () => {
  it("are --help and --version, and no others", () => {
    expect(refusal("--verbose")).toBe("unknown option --verbose; there are --help and --version")
    expect(refusal("network-anchor -x")).toBe("unknown option -x; there are --help and --version")
  })

  it("print the version, in either way of asking", () => {
    for (const line of ["version", "--version", "network-anchor --version"])
      expect(parse(line)).toEqual({ _tag: "Version" })
  })

  it("ask for help: in general, or about a mode", () => {
    for (const line of ["--help", "-h", "help"]) expect(parse(line)).toEqual({ _tag: "Help", mode: undefined })
    for (const line of ["service-anchor --help", "--help service-anchor", "help service-anchor", "service-anchor -h"])
      expect(parse(line)).toEqual({ _tag: "Help", mode: "service-anchor" })
    expect(parse("--help", "service-anchor")).toEqual({ _tag: "Help", mode: "service-anchor" })
  })

  it("do not make a mode out of one that does not exist", () => {
    expect(refusal("sidecar --help")).toBe(`unknown mode sidecar; ${VALID}`)
  })
})

describe("the help", () => {
  it("names every mode", () => {
    for (const mode of [...modes, "version"]) expect(helpText(undefined)).toMatch(new RegExp(`^ {2}${mode} `, "m"))
  })

  it.each(modes)("of %s has a line for each of its variables, with its default", (mode) => {
    const lines = helpText(mode).split("\n")
    for (const [variable, { fallback, help }] of Object.entries(definitionsOf(mode))) {
      const line = lines.find((one) => one.trim().split(/\s/)[0] === variable)
      expect(line?.slice(line.indexOf(help))).toBe(fallback === undefined ? help : `${help} [${fallback}]`)
    }
  })

  it.each(modes)("of %s keeps the names apart from their explanations", (mode) => {
    for (const variable of Object.keys(definitionsOf(mode))) expect(helpText(mode)).toContain(`  ${variable} `)
  })
})
