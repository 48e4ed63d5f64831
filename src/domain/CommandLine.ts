import * as Result from "effect/Result"
import { likelyMeant } from "./Nearest.ts"
import { modes, type Definition, type Mode } from "./SettingDefinitions.ts"
import { sentence, type Sentence } from "./Sentence.ts"

export type Command =
  | { readonly _tag: "Run"; readonly mode: Mode }
  /** Words for the command line's own parser: options, help, and what is no mode. */
  | { readonly _tag: "Typed"; readonly words: ReadonlyArray<string> }

/** What is not a mode that runs, and is there all the same (SPEC §1, §13). */
export const commandNames: ReadonlyArray<string> = ["status", "plan", "wrap", "doctor", "version"]

const isMode = (word: string): word is Mode => modes.some((mode) => mode === word)

/** What is neither mode, command nor option: whatever follows it, help too, is about nothing. */
const isUnknown = (word: string): boolean => !isMode(word) && !commandNames.includes(word) && !word.startsWith("-")

/** A word that is neither mode nor command, with the one that was likely meant, and all that there are. */
export const unknownMode = (word: string): Sentence => {
  const valid = [...modes, ...commandNames]
  const meant = likelyMeant(word, valid)
  return meant === undefined
    ? sentence`unknown mode "${word}"; valid modes are: ${valid.join(", ")}`
    : sentence`unknown mode "${word}"; the nearest is ${meant}; valid modes are: ${valid.join(", ")}`
}

/**
 * What is to be run (SPEC §1): the first word of the command line wins over `ANCHORD_MODE`; neither means network-anchor. Most anchors are started
 * with one word or none: for them nothing but this is needed.
 */
export const commandOf = (
  argv: ReadonlyArray<string>,
  envMode: string | undefined
): Result.Result<Command, Sentence> => {
  const words = argv[0] === "help" ? [...argv.slice(1), "--help"] : argv
  const [first, ...rest] = words
  if (first !== undefined && isUnknown(first)) return Result.succeed({ _tag: "Typed", words: [first] })
  if (first !== undefined)
    return Result.succeed(isMode(first) && rest.length === 0 ? { _tag: "Run", mode: first } : { _tag: "Typed", words })
  const wanted = (envMode ?? "").trim() || "network-anchor"
  if (isMode(wanted)) return Result.succeed({ _tag: "Run", mode: wanted })
  return commandNames.includes(wanted)
    ? Result.succeed({ _tag: "Typed", words: [wanted] })
    : Result.fail(unknownMode(wanted))
}

/** What a variable is for, and its default: all that help and README need. */
export type Described = Pick<Definition<unknown>, "fallback" | "help">

/** One line for each variable: its name, what it is for, and its default. */
export const variableHelp = (definitions: Readonly<Record<string, Described>>): ReadonlyArray<string> =>
  Object.entries(definitions).map(
    ([variable, { fallback, help }]) =>
      `${variable.padEnd(36)}${help.replaceAll("`", "")}${fallback === undefined ? "" : ` [${fallback}]`}`
  )
