import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import type { Environment } from "../../domain/EnvironmentReading.ts"
import { parseDockerSettings } from "../../domain/Settings.ts"
import { STATUS_SOCKET } from "../../layers/observability/StatusSocket.ts"
import { CLEAR, paintOnStdout, stdoutIsTerminal } from "../../layers/process/Terminal.ts"
import { dockerLayers } from "../LiveLayers.ts"
import type { StatusOptions } from "../status/StatusCommand.ts"
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
