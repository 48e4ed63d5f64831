import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { LifecycleAction } from "../../../src/domain/LifecycleAction.ts"
import { layer } from "../../../src/layers/sim/docker/SimContainerLifecycle.ts"
import { makeRepairs } from "../../../src/main/lifecycle/Repairs.ts"
import { ContainerLifecycle } from "../../../src/services/ContainerLifecycle.ts"
import { DockerError } from "../../../src/services/DockerEngine.ts"
import { serving } from "./faults.ts"
import { inSimulation, type Simulated } from "./simulated.ts"

const forbid = (endpoint: string) =>
  Effect.fail(new DockerError({ endpoint, reason: "forbidden", status: 403, message: `${endpoint}: HTTP 403` }))

/** Repairs behind a proxy that lets nothing through but reads, while it is told to. */
const behindProxy = Effect.fnUntraced(function* ({ docker }: Simulated) {
  const proxy = { forbids: true }
  const real = yield* Effect.provide(ContainerLifecycle, layer(docker))
  const meet = <A>(endpoint: string, call: Effect.Effect<A, DockerError>) =>
    Effect.suspend(() => (proxy.forbids ? forbid(endpoint) : call))
  const { carryOutAll } = yield* Effect.provide(
    makeRepairs,
    serving({
      ...real,
      start: (ref) => meet(`POST /containers/${ref}/start`, real.start(ref)),
      restart: (ref, grace) => meet(`POST /containers/${ref}/restart`, real.restart(ref, grace)),
      rename: (ref, name) => meet(`POST /containers/${ref}/rename`, real.rename(ref, name))
    })
  )
  return { carryOutAll, proxy }
})

const acting = ({ docker }: Simulated, name: string, after?: string) => ({
  id: docker.find(name)?.id ?? "",
  name,
  reason: "it is to be tested",
  ...(after === undefined ? {} : { after: docker.find(after)?.id ?? "" })
})

const restart = (world: Simulated, name: string, after?: string): LifecycleAction => ({
  _tag: "Restart",
  ...acting(world, name, after)
})

const recreate = (world: Simulated, name: string, after?: string): LifecycleAction => ({
  _tag: "Recreate",
  ...acting(world, name, after),
  networkMode: "container:a",
  start: true
})

const threeOf = (world: Simulated) => {
  for (const name of ["a", "b", "c"]) world.docker.run({ name, network: "transit" })
}

describe("a call that a socket proxy forbids", () => {
  it("is one WARN that names it without the container, for whichever containers and however often", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        threeOf(world)
        const { carryOutAll } = yield* behindProxy(world)
        const all = [restart(world, "a"), restart(world, "b"), recreate(world, "c")]
        yield* carryOutAll(all)
        yield* carryOutAll(all)
        expect(world.lines.filter((line) => !line.startsWith("Info"))).toEqual([
          expect.stringMatching(
            /^Warn: restarting container a failed, because POST \/containers\/\{id\}\/restart is forb/
          ),
          expect.stringMatching(
            /^Warn: making container anew: c failed, because POST \/containers\/\{id\}\/rename is forb/
          )
        ])
      })
    ))

  it("is announced once, and again when it has been allowed meanwhile", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        threeOf(world)
        const { carryOutAll, proxy } = yield* behindProxy(world)
        const all = [restart(world, "a")]
        const announced = () => world.lines.filter((line) => line.startsWith("Info: restarting container a")).length
        yield* carryOutAll(all)
        yield* carryOutAll(all)
        expect(announced()).toBe(1)
        proxy.forbids = false
        yield* carryOutAll(all)
        yield* carryOutAll(all)
        expect(announced()).toBe(2)
      })
    ))

  it("is not done, and neither is what waits for it", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        threeOf(world)
        const { carryOutAll, proxy } = yield* behindProxy(world)
        const all = [restart(world, "a"), restart(world, "b", "a"), restart(world, "c", "b")]
        expect((yield* carryOutAll(all)).left).toEqual(all)
        proxy.forbids = false
        expect((yield* carryOutAll(all)).left).toEqual([])
      })
    ))
})
