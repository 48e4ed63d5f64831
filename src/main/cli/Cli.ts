import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Argument from "effect/cli/Argument"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Environment } from "../../domain/EnvironmentReading.ts"
import { variableHelp } from "../../domain/CommandLine.ts"
import { definitionsOf, dockerDefinitions, modes, type Mode } from "../../domain/SettingDefinitions.ts"
import { tracingVariables } from "../../domain/TracingVariables.ts"
import { version } from "../Build.ts"
import * as Commands from "./Commands.ts"
import { completions } from "./Completions.ts"
import { presenter, versionText } from "./Presenter.ts"

/** What the words of the command line ask for; help, the version and complaints are told by then. */
export type Chosen =
  | { readonly _tag: "Mode"; readonly mode: Mode }
  | { readonly _tag: "Command"; readonly program: Commands.CommandProgram }

type Choose = (chosen: Chosen) => Effect.Effect<void>

const summaries: Readonly<Record<Mode, string>> = {
  "network-anchor": "has the project's address, and sends its ports to the containers (default)",
  "service-anchor": "points a namespace's default route at the network-anchor",
  "external-rebinder": "keeps a container on a network that another project makes and removes",
  "wrap-rebinder": "re-creates the project's containers that are in the namespace of one that was re-created"
}

/** The formatter indents the first line of a description; the others follow it. */
const paragraphs = (...lines: ReadonlyArray<string>): string => lines.join("\n  ").replaceAll(/ +$/gm, "")

const modeCommand = (mode: Mode, choose: Choose) =>
  Command.make(mode, {}, () => choose({ _tag: "Mode", mode })).pipe(
    Command.withDescription(
      paragraphs(
        summaries[mode],
        "",
        "Environment variables [default]:",
        ...variableHelp({ ...definitionsOf(mode), ...tracingVariables }).map((line) => `  ${line}`),
        "",
        "Exit status: 0 ended by a signal; 1 it cannot work here; 2 wrong configuration; 70 a defect in anchord."
      )
    ),
    Command.withShortDescription(summaries[mode])
  )

const versionCommand = Command.make("version", {}, () => Console.log(versionText)).pipe(
  Command.withDescription("prints version and commit")
)

/** An option without a value: it is given or not. */
const onOff = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withoutNegation, Flag.withDescription(description), Flag.withDefault(false))

const json = onOff("json", "the answer as JSON")

const dockerVariables = [
  "Environment variables [default]:",
  ...variableHelp(dockerDefinitions).map((line) => `  ${line}`)
]

const doctorArguments = {
  json,
  mode: Flag.Literals("mode", modes).pipe(
    Flag.withMetavar("mode"),
    Flag.withDescription("the mode to examine [that of the anchor that runs here, else ANCHORD_MODE]"),
    Flag.optional,
    Flag.map(Option.getOrUndefined)
  )
}

const doctorCommand = (choose: Choose, env: Environment) =>
  Command.make("doctor", doctorArguments, (options) =>
    choose({ _tag: "Command", program: Commands.doctor(options, env) })
  ).pipe(
    Command.withDescription(
      paragraphs(
        "Examines the anchor in this container, or one with the same settings before it is started: capabilities, kernel",
        "parameters, programs, the Docker API and what a socket proxy lets through of it, networks, gateways, labels, and",
        "whether the shared network carries packets with the addresses of clients. For each it tells what is wrong, and what",
        "mends it:",
        "",
        "  docker exec CONTAINER anchord doctor         beside the anchor that runs; only so all can be seen",
        "  docker compose run --rm SERVICE doctor       without one",
        "",
        "It reads the variables of the mode (anchord MODE --help). It changes nothing. For the last check it sends a few packets",
        "to the project's containers, from an address that it has for these seconds.",
        "",
        "Exit status: 0 nothing fails, whatever it warns of; 1 something fails; 2 the command line or the settings are wrong."
      )
    ),
    Command.withShortDescription("examines an anchor and its surroundings, and tells what mends what is wrong"),
    Command.withSubcommands([
      Command.make("stale-netns", { json }, (options) =>
        choose({ _tag: "Command", program: Commands.staleNetns(options, env) })
      ).pipe(
        Command.withDescription(
          paragraphs(
            "Lists the containers of the whole host that are in a dead network namespace: Docker calls them running, but",
            "they have no network, because the container that they share it with was made anew or restarted. It tells for",
            "each what repairs it, and changes nothing. It needs the Docker API and nothing else: no capability, no project;",
            "of a socket proxy GET /_ping, /containers/json and /containers/{id}/json.",
            "",
            ...dockerVariables,
            "",
            "Exit status: 0 there is none; 1 there are some; 2 it could not look."
          )
        ),
        Command.withShortDescription(
          "lists the containers of this host in dead network namespaces, and what repairs them"
        )
      )
    ])
  )

const watch = onOff("watch", "again whenever something changes, until it is interrupted")

const statusCommand = (choose: Choose) =>
  Command.make("status", { json, watch }, (options) =>
    choose({ _tag: "Command", program: Commands.status(options) })
  ).pipe(
    Command.withDescription(
      paragraphs(
        "Shows what the anchor in this container does: addresses and leases, gateways, containers and their ports, the last",
        "lines of its log. Run it there: docker exec CONTAINER anchord status. It asks the anchor by a unix socket, and",
        "works while Docker is away.",
        "",
        "Exit status: 0 the anchor is ready; 1 it is not; 2 nobody answers, with --watch the first time."
      )
    ),
    Command.withShortDescription("shows what the anchor in this container does")
  )

const planArguments = {
  target: Argument.String("target").pipe(
    Argument.withDescription("a network-anchor's container, or the Compose project that it serves"),
    Argument.optional,
    Argument.map(Option.getOrUndefined)
  ),
  json,
  nft: onOff("nft", "the ruleset that would be loaded, for nft -j -f")
}

const planCommand = (choose: Choose, env: Environment) =>
  Command.make("plan", planArguments, (options) =>
    choose({ _tag: "Command", program: Commands.plan(options, env) })
  ).pipe(
    Command.withDescription(
      paragraphs(
        "Shows what a network-anchor would do right now, and why: for every container in scope whether its ports are mapped,",
        "on standby or refused, the shared network, the gateways. It finds the network-anchors of this host and their settings by",
        "Docker, and changes nothing. In a network-anchor's container it is about that one.",
        "",
        ...dockerVariables,
        "",
        "Exit status: 0 the plan is printed; 2 there is none."
      )
    ),
    Command.withShortDescription("shows what a network-anchor would do, and why")
  )

const wrapArguments = {
  project: Argument.String("project").pipe(
    Argument.withDescription("the Compose project to wrap; with --file it may be left out"),
    Argument.optional,
    Argument.map(Option.getOrUndefined)
  ),
  file: Flag.String("file").pipe(
    Flag.withMetavar("path"),
    Flag.withDescription("what docker compose config prints, instead of asking Docker; - is standard input"),
    Flag.optional,
    Flag.map(Option.getOrUndefined)
  ),
  externalNetwork: Flag.String("external-network").pipe(
    Flag.withMetavar("name"),
    Flag.withDescription("Docker's name of the network that is the LAN [dmz_macvlan]"),
    Flag.withDefault("dmz_macvlan")
  ),
  address: Flag.String("address").pipe(
    Flag.withMetavar("v4,v6"),
    Flag.withDescription("the project's address on it, or one IPv4 and one IPv6 address with a comma between"),
    Flag.optional,
    Flag.map(Option.getOrUndefined)
  ),
  override: onOff("override", "prints the override for the wrapped project itself: it stops publishing on the host")
}

const wrapCommand = (choose: Choose, env: Environment) =>
  Command.make("wrap", wrapArguments, (options) =>
    choose({ _tag: "Command", program: Commands.wrap(options, env) })
  ).pipe(
    Command.withDescription(
      paragraphs(
        "Prints a compose file that gives a Compose project an address of its own on the LAN without touching it: a",
        "network-anchor, a socket proxy, and a service-anchor for each container that publishes ports. What is published as",
        "8443:443 is tcp/8443:443 there. What cannot be decided is named at the top of the file and on standard error. It changes",
        "nothing; of a socket proxy it needs GET /_ping, /containers/json, /containers/{id}/json and /networks/{id}.",
        "",
        "  anchord wrap cloud --address 192.168.150.100 > compose.yaml",
        "  anchord wrap cloud --override > compose.override.yaml      for the project cloud, if it shall stop publishing",
        "  docker compose config | anchord wrap --file - > compose.yaml",
        "",
        "Print both before the override is used: afterwards there is nothing published that could be read.",
        "",
        ...dockerVariables,
        "",
        "Exit status: 0 it is printed; 1 it is printed, and something is left to decide; 2 there is nothing to print."
      )
    ),
    Command.withShortDescription("prints a compose file that wraps a project")
  )

const root = (choose: Choose, env: Environment) =>
  Command.make("anchord").pipe(
    Command.withDescription(
      paragraphs(
        "Makes a Docker Compose project look like one real server on the LAN.",
        "",
        "The first word says what to do. Without one it is what ANCHORD_MODE says, else network-anchor. A mode runs until it is",
        "ended, and is configured by environment variables: anchord MODE --help lists them with their defaults. A command",
        "answers and ends; anchord COMMAND --help tells what it is for, and what its exit status means.",
        "",
        "Exit status, whatever is asked for: 2 the words are wrong; 70 a defect in anchord; 74 the answer cannot be written."
      )
    ),
    Command.withSubcommands([
      { group: "MODES", commands: modes.map((mode) => modeCommand(mode, choose)) },
      {
        group: "COMMANDS",
        commands: [
          statusCommand(choose),
          planCommand(choose, env),
          wrapCommand(choose, env),
          doctorCommand(choose, env),
          versionCommand
        ]
      }
    ])
  )

const surroundings = Layer.mergeAll(
  NodeServices.layer,
  CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, completions] }),
  CliOutput.layerPresenter(presenter)
)

const ended = (status: number): Chosen => ({ _tag: "Command", program: Effect.succeed(status) })

/** Finds out what the words ask for (SPEC §1). What is wrong with them is told on standard error, and worth the status 2. */
export const choose = (words: ReadonlyArray<string>, env: Environment): Effect.Effect<Chosen> =>
  Effect.suspend(() => {
    let chosen = ended(0)
    const note: Choose = (next) => Effect.sync(() => void (chosen = next))
    return Command.runWith(root(note, env), { version })(words).pipe(
      Effect.match({ onFailure: () => ended(2), onSuccess: () => chosen }),
      Effect.provide(surroundings)
    )
  })
