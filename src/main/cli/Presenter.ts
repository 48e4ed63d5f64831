import type * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import type { HelpDoc } from "effect/cli/HelpDoc"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { unknownMode } from "../../domain/CommandLine.ts"
import { likelyMeant } from "../../domain/Nearest.ts"
import { commit, version } from "../Build.ts"

export const versionText = `anchord ${version} (${commit})`

const flagsOf = ({ flags, globalFlags }: HelpDoc): ReadonlyArray<string> =>
  [...flags, ...(globalFlags ?? [])].map(({ name }) => `--${name}`)

const subcommandsOf = ({ subcommands = [] }: HelpDoc): ReadonlyArray<string> =>
  subcommands.flatMap(({ commands }) => commands.map(({ name }) => name))

const nearestOf = (word: string, known: ReadonlyArray<string>): string => {
  const found = likelyMeant(word, known)
  return found === undefined ? `; there are: ${known.join(", ")}` : `; the nearest is ${found}`
}

/** The values that an option may have, which effect/cli tells in no other form; none where it expects something else. */
const choicesIn = (expected: string): ReadonlyArray<string> =>
  /^"[^"]+"(?: \| "[^"]+")*$/.test(expected) ? expected.slice(1, -1).split('" | "') : []

/** What is wrong, in one line, with what was probably meant. */
const complaint = (error: CliError.CliError, doc: HelpDoc): string => {
  const where = (doc.commandPath ?? ["anchord"]).join(" ")
  switch (error._tag) {
    case "UnknownSubcommand":
      return error.parent === undefined || error.parent.length < 2
        ? unknownMode(error.subcommand)
        : `${where} has no "${error.subcommand}"${nearestOf(error.subcommand, subcommandsOf(doc))}; see ${where} --help`
    case "UnrecognizedOption":
      // An option before the command that it belongs to is told as an unknown one.
      if (flagsOf(doc).includes(error.option))
        return `${error.option} comes after the command: ${where} ${error.option}; see ${where} --help`
      return `unknown option "${error.option}"${nearestOf(error.option, flagsOf(doc))}; see ${where} --help`
    case "UnexpectedArgument":
      return `unexpected argument "${error.arguments.join(" ")}" after ${where}; see ${where} --help`
    case "InvalidValue": {
      const meant = likelyMeant(error.value, choicesIn(error.expected))
      return `${error.message}${meant === undefined ? "" : `; the nearest is ${meant}`}; see ${where} --help`
    }
    default:
      return `${error.message}; see ${where} --help`
  }
}

/** All that has subcommands does something without one, too. */
const withTrueUsage = (doc: HelpDoc): HelpDoc => ({
  ...doc,
  usage: doc.usage.replace("<subcommand>", doc.commandPath?.length === 1 ? "[MODE|COMMAND]" : "[subcommand]")
})

/** Prints help and version on standard output, and complaints on standard error. */
export const presenter: CliOutput.Presenter = {
  present: (event) => {
    const formatter = CliOutput.defaultFormatter()
    switch (event._tag) {
      case "Help":
        return Console.log(formatter.formatHelpDoc(withTrueUsage(event.helpDoc)))
      case "Version":
        return Console.log(versionText)
      case "InvalidInvocation":
        return Effect.forEach(event.errors, (error) => Console.error(`anchord: ${complaint(error, event.helpDoc)}`), {
          discard: true
        })
    }
  }
}
