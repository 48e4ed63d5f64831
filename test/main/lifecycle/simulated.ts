import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import type { Json } from "../../../src/domain/Inspection.ts"
import { layer } from "../../../src/layers/sim/docker/SimContainerLifecycle.ts"
import type { SimDocker } from "../../../src/layers/sim/docker/SimDocker.ts"
import { make } from "../../../src/layers/sim/docker/SimDockerEngine.ts"
import { makeRecreator, type Recreator } from "../../../src/main/lifecycle/Recreator.ts"
import { ContainerLifecycle } from "../../../src/services/ContainerLifecycle.ts"
import { type Faults, faulty, serving } from "./faults.ts"

export const IMAGE = "web:latest"
export const NEXT = "web:next"

/** What a container is created with. */
export interface Made {
  readonly config?: Json
  readonly host?: Json
  readonly networks?: Readonly<Record<string, Json>>
}

export interface Simulated {
  readonly docker: SimDocker
  /** The service, without faults. */
  readonly lifecycle: Lifecycle
  readonly lines: Array<string>
  /** Creates `web`, and starts it unless it is told not to; answers with its ID. */
  readonly web: (made?: Made, state?: "running" | "created" | "exited" | "paused") => string
  /** A process that re-creates containers, whose calls meet with faults; `change` makes its service another. */
  readonly process: (faults?: Faults, change?: (lifecycle: Lifecycle) => Lifecycle) => Effect.Effect<Process>
}

type Lifecycle = ContainerLifecycle["Service"]

export interface Process {
  readonly recreator: Recreator
  readonly calls: ReadonlyArray<string>
  /** Runs until it is done, or the process has died; then nothing of it is left but what it did. */
  readonly run: <A, E>(use: (recreator: Recreator) => Effect.Effect<A, E>) => Effect.Effect<A | undefined, E>
}

const imageConfig = {
  Entrypoint: ["serve"],
  Cmd: ["--all"],
  Env: ["PATH=/bin"],
  Labels: { from: "image" },
  Volumes: { "/data": {} },
  ExposedPorts: { "80/tcp": {} }
}

const makeSimulated = Effect.gen(function* () {
  yield* TestClock.setTime(1_700_000_000_000)
  const { docker } = yield* make
  docker.addImage(IMAGE, imageConfig)
  docker.addImage(NEXT, { ...imageConfig, Entrypoint: ["serve-next"] })
  docker.createNetwork({ name: "transit", v4: "172.20.0.0/24", v6: "fd00:20::/64" })
  docker.createNetwork({ name: "back", v4: "172.21.0.0/24", v6: "fd00:21::/64" })
  const real = yield* Effect.provide(ContainerLifecycle, layer(docker))
  const lines: Array<string> = []

  const web: Simulated["web"] = ({ config = {}, host = {}, networks = {} } = {}, state = "running") => {
    const NetworkMode = Object.keys(networks)[0] ?? "bridge"
    const id = docker.createFrom("web", { Image: IMAGE, ...config, HostConfig: { NetworkMode, ...host } }, networks)
    if (state === "created") return id
    docker.start(id)
    docker.write(id, "/data/file", "kept")
    if (state === "exited") docker.stop(id)
    if (state === "paused") docker.pause(id)
    return id
  }

  const process = Effect.fnUntraced(function* (
    faults: Faults = new Map(),
    change: (lifecycle: Lifecycle) => Lifecycle = (lifecycle) => lifecycle
  ) {
    const { lifecycle, calls, hasDied } = faulty(change(real), faults)
    const recreator = yield* Effect.provide(makeRecreator, serving(lifecycle))
    const run: Process["run"] = (use) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkDetach(use(recreator))
        while (fiber.pollUnsafe() === undefined && !hasDied()) yield* TestClock.adjust("5 seconds")
        return hasDied() ? undefined : yield* Fiber.join(fiber)
      })
    return { recreator, calls, run } satisfies Process
  })

  const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${String(message)}`))
  return { simulated: { docker, lifecycle: real, lines, web, process } satisfies Simulated, logger }
})

/** A simulated engine of its own, in virtual time. */
export const simulation = <A, E>(body: (simulated: Simulated) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const { simulated, logger } = yield* makeSimulated
    return yield* Effect.provide(body(simulated), Logger.layer([logger]))
  }).pipe(Effect.provide(TestClock.layer()))

/** Runs a test in a simulated engine of its own. */
export const inSimulation = <A, E>(body: (simulated: Simulated) => Effect.Effect<A, E>): Promise<A> =>
  Effect.runPromise(simulation(body))

/** The containers by name, with ID and state. */
export const listing = ({ docker }: Simulated): Readonly<Record<string, string>> =>
  Object.fromEntries(docker.containers().map(({ name, id, status }) => [name, `${id.slice(0, 12)} ${status}`]))
