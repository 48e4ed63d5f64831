import * as Result from "effect/Result"
import { definitionsOf, modes, type Mode } from "./SettingDefinitions.ts"

export type Command =
  | { readonly _tag: "Run"; readonly mode: Mode }
  | { readonly _tag: "Help"; readonly mode: Mode | undefined }
  | { readonly _tag: "Version" }

/** Modes of the contract that this version does not have. */
const laterModes: ReadonlyArray<string> = ["external-rebinder", "wrap-rebinder", "doctor", "status", "plan", "wrap"]

const isMode = (word: string): word is Mode => modes.some((mode) => mode === word)

const HELP = new Set(["--help", "-h", "help"])

/**
 * What the command line asks for (SPEC §1): the first argument that is not an option wins over `ANCHORD_MODE`; neither means
 * network-anchor. Refuses modes and options that do not exist, and says which do.
 */
export const parseCommandLine = (
  argv: ReadonlyArray<string>,
  envMode: string | undefined
): Result.Result<Command, string> => {
  const help = argv.some((word) => HELP.has(word))
  const words = argv.filter((word) => !word.startsWith("-") && !HELP.has(word))
  const option = argv.find((word) => word.startsWith("-") && !HELP.has(word) && word !== "--version")
  if (option !== undefined) return Result.fail(`unknown option ${option}; there are --help and --version`)
  if (argv.includes("--version") || words.at(0) === "version") return Result.succeed({ _tag: "Version" })
  const [first, extra] = words
  const wanted = first?.trim() || (envMode ?? "").trim()
  if (help && wanted === "") return Result.succeed({ _tag: "Help", mode: undefined })
  const mode = wanted === "" ? "network-anchor" : wanted
  const valid = [...modes, "version"].join(", ")
  if (laterModes.includes(mode)) return Result.fail(`mode ${mode} is not built yet; valid modes are: ${valid}`)
  if (!isMode(mode)) return Result.fail(`unknown mode ${mode}; valid modes are: ${valid}`)
  if (extra !== undefined) return Result.fail(`unexpected argument ${extra} after mode ${mode}`)
  return Result.succeed(help ? { _tag: "Help", mode } : { _tag: "Run", mode })
}

const variableHelp = (mode: Mode): string =>
  Object.entries(definitionsOf(mode))
    .map(
      ([variable, { fallback, help }]) =>
        `  ${variable.padEnd(34)}${help}${fallback === undefined ? "" : ` [${fallback}]`}`
    )
    .join("\n")

/** The text of `--help`: the modes, or one mode with its variables and their defaults. */
export const helpText = (mode: Mode | undefined): string =>
  mode === undefined
    ? [
        "anchord [MODE] [--help | --version]",
        "",
        "Makes a Docker Compose project look like one real server on the LAN.",
        "",
        "Modes (also by ANCHORD_MODE):",
        "  network-anchor   has the project's address, and sends its ports to the containers (default)",
        "  service-anchor   points a namespace's default route at the network-anchor",
        "  version          prints version and commit",
        "",
        "anchord MODE --help lists the variables of a mode."
      ].join("\n")
    : [`anchord ${mode}`, "", "Environment variables [default]:", variableHelp(mode)].join("\n")
