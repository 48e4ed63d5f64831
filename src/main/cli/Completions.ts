import * as Command from "effect/cli/Command"
import * as Completions from "effect/cli/Completions"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** The options that every command takes. effect/cli leaves them out of the scripts, and would offer to negate them. */
const everywhere: ReadonlyArray<Completions.FlagDescriptor> = Completions.fromCommand(
  Command.make("everywhere", {
    help: Flag.withoutNegation(GlobalFlag.Help.flag),
    version: Flag.withoutNegation(GlobalFlag.Version.flag),
    completions: GlobalFlag.Completions.flag
  })
).flags

/** `--file` is a text to effect/cli, because `-` is standard input; a shell should offer files all the same. */
const asOffered = (flag: Completions.FlagDescriptor): Completions.FlagDescriptor =>
  flag.name === "file" ? { ...flag, type: { _tag: "Path", pathType: "file" } } : flag

const complete = (command: Completions.CommandDescriptor): Completions.CommandDescriptor => ({
  ...command,
  flags: [...command.flags.map(asOffered), ...everywhere],
  subcommands: command.subcommands.map(complete)
})

/** `--completions`: what effect/cli prints, and the options that every command takes. */
export const completions: typeof GlobalFlag.Completions = GlobalFlag.Action({
  flag: GlobalFlag.Completions.flag,
  run: (shell, { command }) =>
    Option.isNone(shell)
      ? Effect.void
      : Console.log(Completions.generate(command.name, shell.value, complete(Completions.fromCommand(command))))
})
