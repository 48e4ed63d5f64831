import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliConfig from "effect/cli/CliConfig"
import type * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import type { HelpDoc } from "effect/cli/HelpDoc"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { unknownMode, variableHelp } from "../../domain/CommandLine.ts"
import { nearest } from "../../domain/Nearest.ts"
import { definitionsOf, modes, type Mode } from "../../domain/SettingDefinitions.ts"
import { commit, version } from "../Build.ts"
import type { FatalError } from "../FatalError.ts"
import { UsageError } from "../UsageError.ts"

/** What the words of the command line are to start. */
export interface Programs {
  readonly run: (mode: Mode) => Effect.Effect<void, FatalError | UsageError>
}

const summaries: Readonly<Record<Mode, string>> = {
  "network-anchor": "has the project's address, and sends its ports to the containers (default)",
  "service-anchor": "points a namespace's default route at the network-anchor"
}

/** The formatter indents the first line of a description; the others follow it. */
const paragraphs = (...lines: ReadonlyArray<string>): string => lines.join("\n  ").replaceAll(/ +$/gm, "")

const modeCommand = (mode: Mode, { run }: Programs) =>
  Command.make(mode, {}, () => run(mode)).pipe(
    Command.withDescription(
      paragraphs(
        summaries[mode],
        "",
        "Environment variables [default]:",
        ...variableHelp(definitionsOf(mode)).map((line) => `  ${line}`),
        "",
        "Exit status: 0 ended by a signal; 1 it cannot work here; 2 wrong configuration; 70 a defect in anchord."
      )
    ),
    Command.withShortDescription(summaries[mode])
  )

const versionText = `anchord ${version} (${commit})`

const versionCommand = Command.make("version", {}, () => Console.log(versionText)).pipe(
  Command.withDescription("prints version and commit")
)

const root = (programs: Programs) =>
  Command.make("anchord").pipe(
    Command.withDescription("Makes a Docker Compose project look like one real server on the LAN."),
    Command.withSubcommands([...modes.map((mode) => modeCommand(mode, programs)), versionCommand])
  )

const flagsOf = ({ flags, globalFlags }: HelpDoc): ReadonlyArray<string> =>
  [...flags, ...(globalFlags ?? [])].map(({ name }) => `--${name}`)

/** What is wrong, in one line, with what was probably meant. */
const complaint = (error: CliError.CliError, doc: HelpDoc): string => {
  const where = (doc.commandPath ?? ["anchord"]).join(" ")
  switch (error._tag) {
    case "UnknownSubcommand":
      return error.parent === undefined || error.parent.length < 2
        ? unknownMode(error.subcommand)
        : `${where} has no ${error.subcommand}; see ${where} --help`
    case "UnrecognizedOption":
      return `unknown option ${error.option}; the nearest is ${nearest(error.option, flagsOf(doc))}; see ${where} --help`
    case "UnexpectedArgument":
      return `unexpected argument ${error.arguments.join(" ")} after ${where}; see ${where} --help`
    default:
      return `${error.message}; see ${where} --help`
  }
}

const presenter: CliOutput.Presenter = {
  present: (event) => {
    const formatter = CliOutput.defaultFormatter()
    switch (event._tag) {
      case "Help":
        return Console.log(formatter.formatHelpDoc(event.helpDoc))
      case "Version":
        return Console.log(versionText)
      case "InvalidInvocation":
        return Effect.forEach(event.errors, (error) => Console.error(`anchord: ${complaint(error, event.helpDoc)}`), {
          discard: true
        })
    }
  }
}

const surroundings = Layer.mergeAll(
  NodeServices.layer,
  CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] }),
  CliOutput.layerPresenter(presenter)
)

/** Does what the words ask for (SPEC §1). What is wrong with them is told on standard error, and worth the status 2. */
export const runWords = (words: ReadonlyArray<string>, programs: Programs) =>
  Command.runWith(root(programs), { version })(words).pipe(
    Effect.provide(surroundings),
    Effect.catchIf(
      (error) => error._tag !== "FatalError" && error._tag !== "UsageError",
      ({ message }) => Effect.fail(new UsageError({ message }))
    )
  )
