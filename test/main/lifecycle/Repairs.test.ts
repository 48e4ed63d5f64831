import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import type { CreateManaged, LifecycleAction } from "../../../src/domain/LifecycleAction.ts"
import { managedSpec } from "../../../src/domain/ManagedAnchor.ts"
import { makeRepairs } from "../../../src/main/lifecycle/Repairs.ts"
import type { ContainerLifecycle } from "../../../src/services/ContainerLifecycle.ts"
import { DockerError } from "../../../src/services/DockerEngine.ts"
import { serving } from "./faults.ts"
import { IMAGE, inSimulation, NEXT, type Simulated } from "./simulated.ts"

type Lifecycle = ContainerLifecycle["Service"]
type Call = "create" | "start" | "restart" | "connect" | "disconnect"

/** Whether a call on a container, by its name, fails; and how. */
type Failing = (call: Call, name: string) => DockerError | undefined

const paths: Readonly<Record<Call, string>> = {
  create: "POST /containers/create",
  start: "POST /containers/{id}/start",
  restart: "POST /containers/{id}/restart",
  connect: "POST /networks/{id}/connect",
  disconnect: "POST /networks/{id}/disconnect"
}

const failed = (call: Call, reason: DockerError["reason"], status: number, said = `HTTP ${status}`, id = "{id}") => {
  const endpoint = paths[call].replace("{id}", id)
  return new DockerError({ endpoint, reason, status, message: `${endpoint}: ${said}` })
}

/** Repairs on the simulated engine, and what they asked of it, in order: `start app`. */
const repairing = Effect.fnUntraced(function* ({ docker, lifecycle }: Simulated, fails: Failing = () => undefined) {
  const calls: Array<string> = []
  const meet = <A>(call: Call, ref: string, effect: Effect.Effect<A, DockerError>): Effect.Effect<A, DockerError> =>
    Effect.suspend(() => {
      const name = docker.find(ref)?.name ?? ref
      calls.push(`${call} ${name}`)
      const error = fails(call, name)
      return error === undefined ? effect : Effect.fail(error)
    })
  const service: Lifecycle = {
    ...lifecycle,
    create: (name, request) => meet("create", name, lifecycle.create(name, request)),
    start: (ref) => meet("start", ref, lifecycle.start(ref)),
    restart: (ref, grace) => meet("restart", ref, lifecycle.restart(ref, grace)),
    connect: (network, ref, endpoint) => meet("connect", ref, lifecycle.connect(network, ref, endpoint)),
    disconnect: (network, ref) => meet("disconnect", ref, lifecycle.disconnect(network, ref))
  }
  const { carryOutAll } = yield* Effect.provide(makeRepairs, serving(service))
  return { calls, carryOutAll }
})

const reason = "it is to be tested"
const acting = ({ docker }: Simulated, name: string, after?: string) => ({
  id: docker.find(name)?.id ?? "",
  name,
  reason,
  ...(after === undefined ? {} : { after: docker.find(after)?.id ?? "" })
})
const restart = (world: Simulated, name: string, after?: string): LifecycleAction => ({
  _tag: "Restart",
  ...acting(world, name, after)
})
const recreate = (world: Simulated, name: string, owner: string, after?: string): LifecycleAction => ({
  _tag: "Recreate",
  ...acting(world, name, after),
  networkMode: `container:${owner}`,
  start: true
})

const managed = (target: string): CreateManaged => {
  const settings = { target, name: `${target}-sa`, image: IMAGE, gateway: undefined, environment: {}, labels: {} }
  const spec = managedSpec(settings, { target, image: IMAGE, gateway: "172.20.0.2", logLevel: "info" })
  return { _tag: "CreateManaged", spec, reason }
}

const runAll = ({ docker }: Simulated, ...names: ReadonlyArray<string>) => {
  for (const name of names) docker.run({ name, network: "transit" })
}

const problemsIn = ({ lines }: Simulated) => lines.filter((line) => !line.startsWith("Info"))

describe("repairs", () => {
  it("are carried out in their order, each announced with its reason", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const { docker } = world
        runAll(world, "app", "a", "b")
        docker.create({ name: "c", network: "container:app" })
        const { calls, carryOutAll } = yield* repairing(world)
        const start: LifecycleAction = { _tag: "Start", ...acting(world, "c") }
        yield* carryOutAll([restart(world, "b"), start, managed("app"), restart(world, "a", "b")])
        expect(calls).toEqual(["restart b", "start c", "create app-sa", "start app-sa", "restart a"])
        expect(world.lines).toEqual([
          `Info: restarting container b: ${reason}`,
          `Info: starting container c: ${reason}`,
          `Info: creating service-anchor app-sa: ${reason}`,
          `Info: restarting container a: ${reason}`
        ])
        expect(docker.find("app-sa")).toMatchObject({
          status: "running",
          networkMode: `container:${docker.find("app")?.id}`,
          labels: { "anchord.managed-by": "f45" }
        })
      })
    ))

  it("re-create against the name of what was re-created just before, of the image and with the variables that are wanted", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const { docker } = world
        const app = docker.run({ name: "app", network: "transit" })
        const host = { NetworkMode: `container:${app}` }
        const old = docker.createFrom("sa", { Image: IMAGE, Env: ["GATEWAY=old"], HostConfig: host })
        docker.start(old)
        docker.run({ name: "web", network: "container:sa" })
        docker.remove("app")
        docker.run({ name: "app", network: "transit" })
        const { carryOutAll } = yield* repairing(world)
        const anew: LifecycleAction = {
          _tag: "Recreate",
          ...acting(world, "sa"),
          networkMode: "container:app",
          start: true,
          image: NEXT,
          environment: { GATEWAY: "new" }
        }
        yield* carryOutAll([anew, recreate(world, "web", "sa", "sa")])
        const sa = docker.find("sa")
        expect(sa).toMatchObject({ status: "running", networkMode: `container:${docker.find("app")?.id}` })
        expect(docker.inspection("sa")).toMatchObject({ Config: { Image: NEXT, Env: ["GATEWAY=new", "PATH=/bin"] } })
        expect(docker.find("web")).toMatchObject({ status: "running", networkMode: `container:${sa?.id}` })
        expect(sa?.id).not.toBe(old)
        expect(problemsIn(world)).toEqual([])
      })
    ))

  it("start the new one only where that is wanted", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const { docker } = world
        runAll(world, "app")
        for (const name of ["stays", "starts"]) docker.create({ name, network: "container:app" })
        const { carryOutAll } = yield* repairing(world)
        yield* carryOutAll([
          { ...recreate(world, "stays", "app"), start: false } as LifecycleAction,
          recreate(world, "starts", "app")
        ])
        expect(["stays", "starts"].map((name) => docker.find(name)?.status)).toEqual(["created", "running"])
      })
    ))

  it("connect and disconnect containers", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const { docker } = world
        runAll(world, "app")
        const { carryOutAll } = yield* repairing(world)
        const isOn = (network: string) => docker.network(network)?.members.has(docker.find("app")?.id ?? "")
        const networkId = docker.network("back")?.id ?? ""
        yield* carryOutAll([{ _tag: "Connect", ...acting(world, "app"), networkId, network: "back" }])
        expect(isOn("back")).toBe(true)
        yield* carryOutAll([{ _tag: "Disconnect", ...acting(world, "app"), network: "back" }])
        expect([isOn("back"), isOn("transit")]).toEqual([false, true])
      })
    ))
})

describe("a repair that fails", () => {
  it("is one ERROR; what depends on it is left out, and nothing else is", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        runAll(world, "a", "b", "c", "d")
        const { calls, carryOutAll } = yield* repairing(world, (call, name) =>
          name === "a" ? failed(call, "failed", 500) : undefined
        )
        yield* carryOutAll([
          restart(world, "a"),
          restart(world, "b", "a"),
          restart(world, "c", "b"),
          restart(world, "d")
        ])
        expect(calls).toEqual(["restart a", "restart d"])
        expect(problemsIn(world)).toEqual([
          "Error: restarting container a failed, and is tried again when there is reason to: POST /containers/{id}/restart: HTTP 500"
        ])
      })
    ))

  it("holds nothing up any more when another one of the same container was done after it", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        runAll(world, "app")
        const { calls, carryOutAll } = yield* repairing(world, (call) =>
          call === "disconnect" ? failed(call, "failed", 500) : undefined
        )
        const networkId = world.docker.network("back")?.id ?? ""
        const { left } = yield* carryOutAll([
          { _tag: "Disconnect", ...acting(world, "app"), network: "back" },
          { _tag: "Connect", ...acting(world, "app"), networkId, network: "back" },
          restart(world, "app", "app")
        ])
        expect(calls).toEqual(["disconnect app", "connect app", "restart app"])
        expect(left.map(({ _tag }) => _tag)).toEqual(["Disconnect"])
      })
    ))

  it("does not count against what comes after it the next time", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        runAll(world, "a", "b")
        const failures = ["a"]
        const { calls, carryOutAll } = yield* repairing(world, (call, name) =>
          failures.includes(name) ? failed(call, "failed", 500) : undefined
        )
        const both = [restart(world, "a"), restart(world, "b", "a")]
        yield* carryOutAll(both)
        failures.length = 0
        yield* carryOutAll(both)
        expect(calls).toEqual(["restart a", "restart a", "restart b"])
      })
    ))

  it("holds up what is to come after it also when it is a re-creation, which is undone", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const { docker } = world
        runAll(world, "app")
        const sa = docker.run({ name: "sa", network: "container:app" })
        const web = docker.run({ name: "web", network: "container:sa" })
        docker.run({ name: "other", network: "container:app" })
        const { carryOutAll } = yield* repairing(world, (call, name) =>
          call === "create" && name === "sa" ? failed("create", "failed", 409) : undefined
        )
        yield* carryOutAll([
          recreate(world, "sa", "app"),
          recreate(world, "web", "sa", "sa"),
          recreate(world, "other", "app")
        ])
        expect([docker.find("sa")?.id, docker.find("web")?.id]).toEqual([sa, web])
        expect(
          docker
            .containers()
            .map(({ name, status }) => `${name} ${status}`)
            .toSorted()
        ).toEqual(["app running", "other running", "sa running", "web running"])
        expect(world.lines.filter((line) => line.includes("container other was re-created"))).toHaveLength(1)
      })
    ))

  it("because the container is gone is like any other failure", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        runAll(world, "a", "b")
        const all = [recreate(world, "a", "b"), restart(world, "b")]
        world.docker.remove("a")
        const { calls, carryOutAll } = yield* repairing(world)
        yield* carryOutAll(all)
        expect(calls).toEqual(["restart b"])
        expect(problemsIn(world)).toEqual([expect.stringMatching(/^Error: making container anew: a failed.*404/)])
      })
    ))
})

describe("a repair that fails again and again", () => {
  const said =
    "restarting container a failed, and is tried again when there is reason to: POST /containers/{id}/restart"

  it("is told once, until it fails otherwise, or is done", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        runAll(world, "a")
        let why: string | undefined
        const { calls, carryOutAll } = yield* repairing(world, (call) =>
          why === undefined ? undefined : failed(call, "failed", 500, why)
        )
        const tried = Effect.andThen(carryOutAll([restart(world, "a")]), TestClock.adjust("30 seconds"))
        for (why of ["one", "one", "one", "two", "two", undefined, undefined, "two"]) {
          yield* tried
        }
        expect(calls).toHaveLength(8)
        const announced = `Info: restarting container a: ${reason}`
        expect(world.lines.filter((line) => !line.startsWith("Debug"))).toEqual([
          announced,
          `Error: ${said}: one`,
          `Error: ${said}: two`,
          `Info: no longer: ${said}: two`,
          announced,
          announced,
          `Error: ${said}: two`
        ])
      })
    ))

  it("is the same with another ID in what Docker says", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        runAll(world, "a")
        let id = ""
        const { carryOutAll } = yield* repairing(world, (call) =>
          failed(call, "failed", 409, `cannot join network of a non running container: ${id}`)
        )
        for (const digit of ["1", "2", "3"]) {
          id = digit.repeat(64)
          yield* carryOutAll([restart(world, "a")])
        }
        expect(problemsIn(world).filter((line) => line.startsWith("Error"))).toHaveLength(1)
      })
    ))

  it("is told again when nobody tried for a minute", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        runAll(world, "a", "b")
        const { carryOutAll } = yield* repairing(world, (call) => failed(call, "failed", 500))
        const tried = carryOutAll([restart(world, "a")])
        yield* tried
        yield* TestClock.adjust("61 seconds")
        yield* carryOutAll([restart(world, "b")])
        yield* tried
        expect(problemsIn(world).filter((line) => line.startsWith(`Error: ${said}`))).toHaveLength(2)
      })
    ))
})

describe("a call that a socket proxy forbids", () => {
  it("is one WARN for each endpoint that names it, however often and for whatever container", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        runAll(world, "a", "b")
        world.docker.create({ name: "c", network: "container:a" })
        const { carryOutAll } = yield* repairing(world, (call, name) =>
          failed(call, "forbidden", 403, "no", world.docker.find(name)?.id)
        )
        const all: ReadonlyArray<LifecycleAction> = [
          restart(world, "a"),
          restart(world, "b"),
          { _tag: "Start", ...acting(world, "c") },
          managed("b")
        ]
        yield* carryOutAll(all)
        yield* carryOutAll(all)
        expect(problemsIn(world)).toEqual([
          expect.stringMatching(
            /^Warn: restarting container a failed, because POST \/containers\/{id}\/restart is forbidden: allow it in the socket proxy/
          ),
          expect.stringMatching(
            /^Warn: starting container c failed, because POST \/containers\/{id}\/start is forbidden/
          ),
          expect.stringMatching(
            /^Warn: creating service-anchor b-sa failed, because POST \/containers\/create is forbidden/
          )
        ])
      })
    ))

  it("holds up what is to come after it", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        runAll(world, "a", "b")
        const { calls, carryOutAll } = yield* repairing(world, (call, name) =>
          name === "a" ? failed(call, "forbidden", 403) : undefined
        )
        yield* carryOutAll([restart(world, "a"), restart(world, "b", "a")])
        expect(calls).toEqual(["restart a"])
      })
    ))
})

describe("a managed service-anchor", () => {
  it("whose name somebody else has taken meanwhile is no failure, and nobody's container is started", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        runAll(world, "app")
        world.docker.create({ name: "app-sa", network: "transit" })
        const { calls, carryOutAll } = yield* repairing(world)
        yield* carryOutAll([managed("app")])
        expect(calls).toEqual(["create app-sa"])
        expect(world.docker.find("app-sa")?.status).toBe("created")
        expect(problemsIn(world)).toEqual([])
      })
    ))

  it("of that name that is there already, and a container that runs already, were not made so by this", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const { docker } = world
        runAll(world, "app", "b")
        docker.create({ name: "app-sa", network: "transit" })
        docker.run({ name: "c", network: "container:app" })
        const { carryOutAll } = yield* repairing(world)
        const start: LifecycleAction = { _tag: "Start", ...acting(world, "c") }
        const outcome = yield* carryOutAll([managed("app"), start, restart(world, "b", "c")])
        expect(outcome.left).toEqual([])
        expect(outcome.found.map(({ _tag }) => _tag)).toEqual(["CreateManaged", "Start"])
        expect(world.lines).toContain("Info: container c runs already: somebody else has started it")
      })
    ))

  it("that cannot be created is one ERROR, and the rest goes on", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        runAll(world, "app", "a")
        const { calls, carryOutAll } = yield* repairing(world, (call) =>
          call === "create" ? failed(call, "not-found", 404) : undefined
        )
        yield* carryOutAll([managed("app"), restart(world, "a")])
        expect(calls).toEqual(["create app-sa", "restart a"])
        expect(problemsIn(world)).toEqual([expect.stringMatching(/^Error: creating service-anchor app-sa failed.*404/)])
      })
    ))
})
