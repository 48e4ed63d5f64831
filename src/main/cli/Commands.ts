import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import type { AddressPair } from "../../domain/Address.ts"
import type { Environment } from "../../domain/EnvironmentReading.ts"
import { ownContainerRef } from "../../domain/OwnContainer.ts"
import { addressPair } from "../../domain/SettingValues.ts"
import { parseDockerSettings } from "../../domain/Settings.ts"
import { STATUS_SOCKET } from "../../layers/observability/StatusSocket.ts"
import { CLEAR, paintOnStdout, stdoutIsTerminal } from "../../layers/process/Terminal.ts"
import { ownTraces } from "../../layers/process/OwnTraces.ts"
import type { DoctorOptions } from "../doctor/DoctorCommand.ts"
import { dockerLayers, doctorLayers, planLayers } from "../LiveLayers.ts"
import type { PlanOptions } from "../plan/PlanCommand.ts"
import type { StatusOptions } from "../status/StatusCommand.ts"
import type { WrapCommandOptions } from "../wrap/WrapCommand.ts"
import { complain, violationLines, WRONG } from "../complaints.ts"

/** A command that ends by itself; what it succeeds with is its status. Standard output is for its answer, and it has no log. */
export type CommandProgram = Effect.Effect<number>

const print = (text: string) => Effect.sync(() => void process.stdout.write(`${text}\n`))

/** What keeps a command from answering is told to whoever typed it. */
const giveUp = (lines: ReadonlyArray<string>) => Effect.as(complain(lines), 2)

/** `anchord doctor stale-netns`: 0 there is none, 1 there are some, 2 it could not look (SPEC §13). */
export const staleNetns = Effect.fnUntraced(
  function* (options: { readonly json: boolean }, env: Environment) {
    const docker = parseDockerSettings(env)
    if (Result.isFailure(docker)) return yield* giveUp([WRONG, ...violationLines(docker.failure)])
    const { staleNetnsCommand } = yield* Effect.promise(() => import("../doctor/StaleNetnsCommand.ts"))
    const look = Effect.provide(staleNetnsCommand(options), dockerLayers(docker.success.settings))
    const answer = yield* Effect.result(look)
    if (Result.isFailure(answer)) return yield* giveUp([answer.failure.message])
    yield* print(answer.success.text)
    return answer.success.found ? 1 : 0
  },
  Effect.provide(Logger.layer([]))
)

/** `anchord doctor`: 0 nothing fails, 1 something does, 2 the command line or the settings are wrong (SPEC §13). */
export const doctor = Effect.fnUntraced(
  function* (options: DoctorOptions, env: Environment) {
    const docker = parseDockerSettings(env)
    if (Result.isFailure(docker)) return yield* giveUp([WRONG, ...violationLines(docker.failure)])
    const { doctorCommand } = yield* Effect.promise(() => import("../doctor/DoctorCommand.ts"))
    const { askStatus } = yield* Effect.promise(() => import("../../layers/observability/askStatus.ts"))
    const { ref } = ownContainerRef(yield* ownTraces)
    const running = yield* Effect.orElseSucceed(askStatus(STATUS_SOCKET), () => undefined)
    const place = { env, ownRef: ref, running, paint: paintOnStdout }
    const answer = yield* doctorCommand(options, place).pipe(
      Effect.provide(doctorLayers(docker.success.settings)),
      Effect.result
    )
    if (Result.isFailure(answer)) return yield* giveUp([WRONG, ...violationLines(answer.failure.violations)])
    yield* print(answer.success.text)
    return answer.success.status
  },
  Effect.provide(Logger.layer([]))
)

/** `anchord status`: 0 it is ready, 1 it is not, 2 nobody answers (SPEC §13). */
export const status = Effect.fnUntraced(
  function* (options: StatusOptions) {
    const { statusCommand } = yield* Effect.promise(() => import("../status/StatusCommand.ts"))
    return yield* statusCommand(STATUS_SOCKET, options, {
      print,
      complain: (text) => complain([text]),
      paint: paintOnStdout,
      clear: stdoutIsTerminal() ? CLEAR : undefined
    })
  },
  Effect.provide(Logger.layer([]))
)

/** `anchord plan`: 0 it is printed, 2 there is none (SPEC §13). */
export const plan = Effect.fnUntraced(
  function* (options: PlanOptions, env: Environment) {
    const docker = parseDockerSettings(env)
    if (Result.isFailure(docker)) return yield* giveUp([WRONG, ...violationLines(docker.failure)])
    const { planCommand } = yield* Effect.promise(() => import("../plan/PlanCommand.ts"))
    const { ref } = ownContainerRef(yield* ownTraces)
    const answer = yield* planCommand(options, ref, paintOnStdout).pipe(
      Effect.provide(planLayers(docker.success.settings)),
      Effect.result
    )
    if (Result.isFailure(answer)) return yield* giveUp(answer.failure.message.split("\n"))
    yield* print(answer.success)
    return 0
  },
  Effect.provide(Logger.layer([]))
)

export interface WrapOptions extends Omit<WrapCommandOptions, "addresses"> {
  readonly project: string | undefined
  /** Output of `docker compose config`, `-` being standard input; left out, Docker is asked. */
  readonly file: string | undefined
  readonly address: string | undefined
}

const NO_ADDRESSES = Result.succeed<AddressPair>({})

/** `anchord wrap`: 0 it is printed, 1 it is printed and something is left to decide, 2 there is none (SPEC §13). */
export const wrap = Effect.fnUntraced(
  function* ({ project, file, address, ...options }: WrapOptions, env: Environment) {
    const addresses = address === undefined ? NO_ADDRESSES : addressPair(address)
    if (Result.isFailure(addresses)) return yield* giveUp([`--address ${address}: ${addresses.failure}`])
    const docker = parseDockerSettings(env)
    if (Result.isFailure(docker)) return yield* giveUp([WRONG, ...violationLines(docker.failure)])
    const { projectInFile, runningProject, wrapText } = yield* Effect.promise(() => import("../wrap/WrapCommand.ts"))
    const look = file === undefined ? runningProject(project) : projectInFile(file, project)
    const answer = yield* look.pipe(
      Effect.provide(dockerLayers(docker.success.settings)),
      Effect.flatMap((found) => Effect.fromResult(wrapText(found, { ...options, addresses: addresses.success }))),
      Effect.result
    )
    if (Result.isFailure(answer)) return yield* giveUp([answer.failure.message, ...answer.failure.details])
    yield* print(answer.success.text.trimEnd())
    yield* complain(answer.success.undecided.map((text) => `not decided: ${text}`))
    return answer.success.undecided.length === 0 ? 0 : 1
  },
  Effect.provide(Logger.layer([]))
)
