import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { commandOf } from "../../src/domain/CommandLine.ts"
import type { Mode } from "../../src/domain/SettingDefinitions.ts"
import { parseSettings, type Settings } from "../../src/domain/Settings.ts"
import * as Readiness from "../../src/layers/observability/Readiness.ts"
import { makeStatusBoard, type StatusBoard } from "../../src/layers/observability/StatusBoard.ts"
import type { SimProgram, SimSignal } from "../../src/layers/sim/docker/SimPlumbing.ts"
import * as Watch from "../../src/main/docker/DockerWatch.ts"
import { externalRebinder } from "../../src/main/externalRebinder/ExternalRebinder.ts"
import type { FatalError } from "../../src/main/FatalError.ts"
import { makeDhcpLeases } from "../../src/main/networkAnchor/DhcpLeases.ts"
import * as NetworkAnchor from "../../src/main/networkAnchor/NetworkAnchor.ts"
import * as ServiceAnchor from "../../src/main/serviceAnchor/ServiceAnchor.ts"
import { wrapRebinder } from "../../src/main/wrapRebinder/WrapRebinder.ts"
import { Conntrack } from "../../src/services/Conntrack.ts"
import { ContainerLifecycle } from "../../src/services/ContainerLifecycle.ts"
import { DhcpClient } from "../../src/services/DhcpClient.ts"
import { DockerEngine } from "../../src/services/DockerEngine.ts"
import { NameResolver } from "../../src/services/NameResolver.ts"
import { Netlink } from "../../src/services/Netlink.ts"
import { Nftables } from "../../src/services/Nftables.ts"
import { gated } from "./gated.ts"

export type Services = DockerEngine | ContainerLifecycle | Netlink | Nftables | Conntrack | DhcpClient | NameResolver

/** The time that SIGTERM leaves a program, as `src/layers/process/MainProcess.ts` has it. */
const SHUTDOWN_LIMIT_MILLIS = 4_500

/** What a process needs of the world that it runs in. */
export interface Surroundings {
  readonly fork: (program: Effect.Effect<unknown, unknown>) => Fiber.Fiber<unknown, unknown>
  readonly after: (millis: number, callback: () => void) => () => void
  /** What the container's namespace and the world offer to it. */
  readonly services: (containerId: string) => Context.Context<Services>
  readonly log: (containerName: string, level: string, message: string) => void
  /** The process gets a signal, and has not got one before that it ends by. */
  readonly signalled: (containerId: string, mode: Mode, signal: SimSignal) => void
  /** The process has ended; a defect comes with its trace. */
  readonly exited: (containerId: string, status: number, defect: string | undefined) => void
  /** Everything else that runs in the container dies with it: an nft session, a DHCP client. */
  readonly killed: (containerId: string) => void
}

export interface Process {
  readonly program: SimProgram
  readonly mode: Mode
  readonly startedAt: number
  readonly readiness: Readiness.Readiness
  readonly board: StatusBoard
  readonly metrics: Metric.MetricRegistry
  readonly signal: (signal: SimSignal) => void
  /** It was told to end: it gives back what it has, and may have something to finish. */
  readonly isEnding: () => boolean
  /** It ends in the middle of what it does: at the n-th call from now on that it makes to anything outside. */
  readonly dieAtCall: (calls: number, signal: SimSignal) => void
  /** It does not, after all. */
  readonly spare: () => void
}

const environmentOf = ({ env }: SimProgram): Readonly<Record<string, string>> =>
  Object.fromEntries(
    env.map((line) => {
      const at = line.indexOf("=")
      return [line.slice(0, at), line.slice(at + 1)]
    })
  )

const modeOf = (program: SimProgram): Mode => {
  const parsed = commandOf([], environmentOf(program)["ANCHORD_MODE"])
  if (Result.isFailure(parsed) || parsed.success._tag !== "Run") throw new Error(`no mode in ${program.name}`)
  return parsed.success.mode
}

/** The same programs start over and over. */
const knownSettings = new Map<string, Settings>()

const settingsOf = (mode: Mode, program: SimProgram): Settings => {
  const key = program.env.join("\n")
  const known = knownSettings.get(key)
  if (known !== undefined) return known
  const parsed = parseSettings(mode, environmentOf(program))
  if (Result.isFailure(parsed)) throw new Error(`${program.name}: ${JSON.stringify(parsed.failure)}`)
  knownSettings.set(key, parsed.success.settings)
  return parsed.success.settings
}

const conditionsOf = (mode: Mode): Readonly<Record<string, string>> =>
  mode === "network-anchor"
    ? NetworkAnchor.conditions
    : mode === "service-anchor"
      ? ServiceAnchor.conditions
      : Watch.conditions

type Running = Effect.Effect<unknown, FatalError, Services | Scope.Scope>

/** As `src/main/anchord.ts` starts each mode. */
const mainOf = (
  settings: Settings,
  selfRef: string,
  readiness: Readiness.Readiness,
  tell: StatusBoard["tell"]
): Running => {
  switch (settings.mode) {
    case "network-anchor":
      return Effect.gen(function* () {
        const leases = settings.addressMode === "dhcp-refresh" ? yield* makeDhcpLeases(settings.dhcp) : undefined
        const parts = { makeLeases: leases?.makeLeases, tell }
        return yield* NetworkAnchor.networkAnchor(settings, selfRef, readiness, parts)
      })
    case "service-anchor":
      return ServiceAnchor.serviceAnchor(settings, readiness, tell)
    case "external-rebinder":
      return externalRebinder(settings, selfRef, readiness, tell)
    case "wrap-rebinder":
      return wrapRebinder(settings, selfRef, readiness, tell)
  }
}

const statusOf = (exit: Exit.Exit<unknown, unknown>, stopping: boolean): readonly [number, string | undefined] => {
  if (Exit.isSuccess(exit)) return [0, undefined]
  if (exit.cause.reasons.some(Cause.isFailReason)) return [1, undefined]
  if (stopping && Cause.hasInterruptsOnly(exit.cause)) return [0, undefined]
  return [70, Cause.pretty(exit.cause)]
}

const gatedServices = (services: Context.Context<Services>, isAlive: () => boolean): Context.Context<Services> => {
  const gate = <I extends Services, S extends object>(tag: Context.Key<I, S>) =>
    Context.make(tag, gated(Context.get(services as Context.Context<I>, tag), isAlive))
  return Context.mergeAll(
    gate(DockerEngine),
    gate(ContainerLifecycle),
    gate(Netlink),
    gate(Nftables),
    gate(Conntrack),
    gate(DhcpClient),
    gate(NameResolver)
  )
}

/** Runs anchord, in the mode that its environment says, as the main process of a container. */
export const startProcess = (program: SimProgram, now: number, around: Surroundings): Process => {
  const mode = modeOf(program)
  const readiness = Readiness.make(conditionsOf(mode))
  const about = { mode, version: "simulated", commit: "simulated", started: new Date(now).toISOString() }
  const board = makeStatusBoard({ about, readiness, recent: () => [] })
  const metrics: Metric.MetricRegistry = new Map()
  let [alive, stopping] = [true, false]
  let fuse: { calls: number; readonly signal: SimSignal } | undefined
  const isAlive = () => {
    if (alive && fuse !== undefined) {
      fuse.calls -= 1
      if (fuse.calls <= 0) {
        const { signal } = fuse
        fuse = undefined
        send(signal)
      }
    }
    return alive
  }
  const logger = Logger.make(({ logLevel, message }) => {
    if (alive)
      around.log(program.name, logLevel, Array.isArray(message) ? message.map(String).join(" ") : String(message))
  })
  const main = Effect.scoped(mainOf(settingsOf(mode, program), program.id, readiness, board.tell)).pipe(
    Effect.tapErrorTag("FatalError", ({ message }) => Effect.logError(message)),
    Effect.provide(
      gatedServices(around.services(program.id), isAlive).pipe(
        Context.add(Logger.CurrentLoggers, new Set([logger])),
        Context.add(Metric.MetricRegistry, metrics),
        Context.add(References.TracerEnabled, false)
      )
    )
  )
  const fiber = around.fork(main)
  const ended = (status: number, defect?: string) => {
    if (!alive) return
    alive = false
    around.killed(program.id)
    around.exited(program.id, status, defect)
  }
  fiber.addObserver((exit) => ended(...statusOf(exit, stopping)))
  const kill = () => {
    ended(137)
    fiber.interruptUnsafe()
  }
  const send = (signal: SimSignal): void => {
    if (signal === "SIGTERM" && stopping) return
    around.signalled(program.id, mode, signal)
    if (signal === "SIGKILL") return kill()
    stopping = true
    around.after(SHUTDOWN_LIMIT_MILLIS, () => {
      if (!alive) return
      ended(1)
      fiber.interruptUnsafe()
    })
    fiber.interruptUnsafe()
  }
  return {
    program,
    mode,
    startedAt: now,
    readiness,
    board,
    metrics,
    signal: send,
    isEnding: () => stopping,
    dieAtCall: (calls, signal) => {
      fuse = { calls, signal }
    },
    spare: () => {
      fuse = undefined
    }
  }
}
