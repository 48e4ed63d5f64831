import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { nameOf } from "../../src/domain/Inspection.ts"
import type { Mode } from "../../src/domain/SettingDefinitions.ts"
import { parseSettings, type SettingsByMode } from "../../src/domain/Settings.ts"
import * as Readiness from "../../src/layers/observability/Readiness.ts"
import * as SimContainerLifecycle from "../../src/layers/sim/docker/SimContainerLifecycle.ts"
import { make } from "../../src/layers/sim/docker/SimDockerEngine.ts"
import { conditions } from "../../src/main/docker/DockerWatch.ts"
import type { FatalError } from "../../src/main/FatalError.ts"
import { ContainerLifecycle } from "../../src/services/ContainerLifecycle.ts"
import { DockerError, type DockerEngine } from "../../src/services/DockerEngine.ts"

/** The Compose project of the rebinder. */
export const PROJECT = "shop"

export const ofService = (service: string, project = PROJECT) => ({
  "com.docker.compose.project": project,
  "com.docker.compose.service": service
})

type Call = "start" | "stop" | "restart" | "create" | "rename" | "remove" | "connect" | "disconnect"

/** An engine with the rebinder's own container in it, and everything that is told or changed. */
const makeWorld = Effect.gen(function* () {
  yield* TestClock.setTime(1_700_000_000_000)
  const engine = yield* make
  const { docker } = engine
  docker.addImage("anchord", { Entrypoint: ["tini", "--", "anchord"] })
  docker.run({ name: "rebinder", image: "anchord", labels: ofService("rebinder") })
  const lines: Array<string> = []
  return {
    engine,
    docker,
    readiness: Readiness.make(conditions),
    lines,
    logger: Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${String(message)}`)),
    /** The calls that changed something, or were to, each with what it was about. */
    changes: [] as Array<string>,
    /**
     * What a socket proxy forbids, whether the engine is away for what changes containers, how many milliseconds a container takes to stop, and how
     * often it was restarted by its policy.
     */
    faults: {
      forbidden: new Set<Call>(),
      away: false,
      stopping: new Map<string, number>(),
      restarts: new Map<string, number>()
    }
  }
})

export type World = Effect.Success<typeof makeWorld>

const forbiddenError = (call: Call) =>
  new DockerError({
    endpoint: `POST /${call}`,
    reason: "forbidden",
    status: 403,
    message: `POST /${call}: HTTP 403: a socket proxy forbids it`
  })
const away = new DockerError({ endpoint: "POST /", reason: "unreachable", message: "connect ECONNREFUSED" })

const lifecycleOf = ({ docker, faults, changes }: World): Layer.Layer<ContainerLifecycle> =>
  Layer.effect(ContainerLifecycle)(
    Effect.map(ContainerLifecycle, (real) => {
      const reach = <A>(use: Effect.Effect<A, DockerError>): Effect.Effect<A, DockerError> =>
        Effect.suspend(() => (faults.away ? Effect.fail(away) : use))
      const change = <A>(call: Call, about: string, use: Effect.Effect<A, DockerError>) =>
        Effect.suspend(() => {
          changes.push(`${call} ${docker.find(about)?.name ?? about}`)
          return faults.forbidden.has(call) ? Effect.fail(forbiddenError(call)) : reach(use)
        })
      return {
        ...real,
        inspect: (ref: string) =>
          Effect.map(reach(real.inspect(ref)), (inspection) => ({
            ...inspection,
            RestartCount: faults.restarts.get(nameOf(inspection)) ?? 0
          })),
        create: (name, request) => change("create", name, real.create(name, request)),
        start: (ref) => change("start", ref, real.start(ref)),
        stop: (ref, grace) => {
          const name = docker.find(ref)?.name ?? ref
          const [, takes = 0] = [...faults.stopping].find(([slow]) => name.startsWith(slow)) ?? []
          return change("stop", `${name} ${grace} s`, Effect.andThen(Effect.sleep(takes), real.stop(ref, grace)))
        },
        restart: (ref, grace) => change("restart", `${docker.find(ref)?.name} ${grace} s`, real.restart(ref, grace)),
        rename: (ref, name) => change("rename", ref, real.rename(ref, name)),
        remove: (ref) => change("remove", ref, real.remove(ref)),
        connect: (network, ref, endpoint) => change("connect", ref, real.connect(network, ref, endpoint)),
        disconnect: (network, ref, force) => change("disconnect", ref, real.disconnect(network, ref, force))
      } satisfies ContainerLifecycle["Service"]
    })
  ).pipe(Layer.provide(SimContainerLifecycle.layer(docker)))

type Program<M extends Mode> = (
  settings: SettingsByMode[M],
  selfRef: string,
  readiness: Readiness.Readiness
) => Effect.Effect<never, FatalError, DockerEngine | ContainerLifecycle | Scope.Scope>

/** Lets everything happen that does not wait for time to pass; costs 10 ms. */
export const settle = Effect.replicateEffect(TestClock.adjust("1 millis"), 10, { discard: true })

/** Lets time pass after something has happened. */
export const later = (time: `${number} ${"millis" | "seconds" | "minutes"}`) =>
  Effect.andThen(settle, TestClock.adjust(time))

/** Starts a rebinder as a process of its own. */
export const startAs = <M extends Mode>(mode: M, program: Program<M>) =>
  Effect.fnUntraced(function* (world: World, env: Readonly<Record<string, string>> = {}, selfRef = "rebinder") {
    const parsed = parseSettings(mode, env)
    if (Result.isFailure(parsed)) throw new Error(JSON.stringify(parsed.failure))
    const fiber = yield* Effect.scoped(program(parsed.success.settings, selfRef, world.readiness)).pipe(
      Effect.provide(Layer.merge(world.engine.layer, lifecycleOf(world))),
      Effect.forkDetach
    )
    yield* settle
    return {
      /** Ends it as a signal does. */
      stop: Fiber.interrupt(fiber),
      /** What ended it, once it has ended by itself. */
      ending: Effect.map(Fiber.await(fiber), (exit) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)),
      hasEnded: () => fiber.pollUnsafe() !== undefined
    }
  })

/** Runs a test in a world of its own, whose time passes only when the test says so. */
export const inWorld = <A, E>(body: (world: World) => Effect.Effect<A, E>): Promise<A> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const world = yield* makeWorld
      return yield* body(world).pipe(Effect.provide(Logger.layer([world.logger])))
    }).pipe(Effect.provide(TestClock.layer()), Effect.provideService(Metric.MetricRegistry, new Map()))
  )

export const linesWith = ({ lines }: World, words: string): ReadonlyArray<string> =>
  lines.filter((line) => line.includes(words))

/** What was logged as WARN or worse. */
export const complaints = ({ lines }: World): ReadonlyArray<string> =>
  lines.filter((line) => /^(Warn|Error)/.test(line))

/** The engine is away for everything, and is back. */
export const goAway = ({ engine, faults }: World): void => {
  faults.away = true
  engine.down()
}
export const comeBack = ({ engine, faults }: World): void => {
  faults.away = false
  engine.up()
}
