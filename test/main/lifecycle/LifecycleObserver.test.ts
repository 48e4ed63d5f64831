import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { ContainerSnapshot, DockerEvent } from "../../../src/domain/DockerState.ts"
import type { LifecycleState } from "../../../src/domain/LifecycleState.ts"
import { layer } from "../../../src/layers/sim/docker/SimContainerLifecycle.ts"
import type { SimDocker } from "../../../src/layers/sim/docker/SimDocker.ts"
import { make } from "../../../src/layers/sim/docker/SimDockerEngine.ts"
import { makeLifecycleObserver } from "../../../src/main/lifecycle/LifecycleObserver.ts"
import { ContainerLifecycle } from "../../../src/services/ContainerLifecycle.ts"
import { DockerError } from "../../../src/services/DockerEngine.ts"

const TRANSIT = "transit"

const listingOf = (docker: SimDocker): ReadonlyMap<string, ContainerSnapshot> =>
  new Map(docker.containers().map((one) => [one.id, one]))

const away = new DockerError({ endpoint: "GET /containers/{id}/json", reason: "unreachable", message: "away" })

/** An observer of a simulated engine; `inspected` holds the names that were asked for, and `isAway` refuses them all. */
const observing = Effect.gen(function* () {
  const { docker } = yield* make
  docker.createNetwork({ name: TRANSIT, v4: "172.20.0.0/16" })
  const selfId = docker.run({ name: "anchor", network: TRANSIT })
  const real = yield* Effect.provide(ContainerLifecycle, layer(docker))
  const world = {
    docker,
    inspected: [] as Array<string>,
    isAway: false,
    containers: () => listingOf(docker),
    underWay: (_name: string) => {},
    past: Effect.succeed([]) as Effect.Effect<ReadonlyArray<DockerEvent>, DockerError>
  }
  const lifecycle: ContainerLifecycle["Service"] = {
    ...real,
    inspect: (ref) =>
      Effect.suspend(() => {
        world.inspected.push(docker.find(ref)?.name ?? ref)
        const name = docker.find(ref)?.name ?? ref
        return world.isAway
          ? Effect.fail(away)
          : Effect.tap(real.inspect(ref), () => Effect.sync(() => world.underWay(name)))
      })
  }
  const observer = yield* makeLifecycleObserver({
    self: { id: selfId, imageId: "sha256:anchord-1" },
    containers: () => world.containers(),
    alsoInspected: ["ldap"],
    past: Effect.suspend(() => world.past)
  }).pipe(Effect.provideService(ContainerLifecycle, lifecycle))
  const asked = Effect.gen(function* () {
    world.inspected.length = 0
    const { state } = yield* observer.look()
    return { names: world.inspected.toSorted(), state }
  })
  return { ...world, world, observer, asked }
})

type Observing = Effect.Success<typeof observing>

const test = (body: (given: Observing) => Effect.Effect<void, unknown>) =>
  Effect.runPromise(Effect.flatMap(observing, body))

const event = (action: string, containerId: string, name?: string): DockerEvent => ({
  type: "container",
  action,
  containerId,
  attributes: name === undefined ? {} : { name },
  timeNano: 0n
})

const wrapped = ({ docker }: Observing) => {
  const app = docker.run({ name: "app", network: TRANSIT })
  const sidecar = docker.run({ name: "sidecar", network: "container:app" })
  docker.run({ name: "other", network: TRANSIT })
  return { app, sidecar }
}

describe("who looks at containers in shared namespaces", () => {
  it("inspects those whose namespaces matter, each once", () =>
    test((given) =>
      Effect.gen(function* () {
        wrapped(given)
        const { names, state } = yield* given.asked
        expect(names).toEqual(["app", "sidecar"])
        expect(
          [...state.containers.values()].flatMap(({ name, inspected }) => (inspected ? [name] : [])).toSorted()
        ).toEqual(["app", "sidecar"])
        expect((yield* given.asked).names).toEqual([])
      })
    ))

  it("inspects anew what an event is about, and nothing else", () =>
    test((given) =>
      Effect.gen(function* () {
        const { app } = wrapped(given)
        const before = yield* given.asked
        given.docker.restart("app")
        given.observer.note(event("start", app, "app"))
        const after = yield* given.asked
        expect(after.names).toEqual(["app"])
        const startedAt = ({ state }: typeof before) => state.containers.get(app)?.inspected?.startedAt
        expect(startedAt(after)).toBeGreaterThan(startedAt(before) ?? Infinity)
        given.observer.note({ ...event("connect", app), type: "network" })
        expect((yield* given.asked).names).toEqual([])
      })
    ))

  it("inspects anew what an event is about, or everything, also when that comes while the answer is under way", () =>
    test((given) =>
      Effect.gen(function* () {
        const { docker, observer, world } = given
        const { app } = wrapped(given)
        const startedAt = ({ state }: { readonly state: LifecycleState }) =>
          state.containers.get(app)?.inspected?.startedAt
        const during = (name: string, happens: () => void) => {
          world.underWay = (asked) => {
            if (asked === name) happens()
          }
          return Effect.tap(given.asked, () => Effect.sync(() => (world.underWay = () => {})))
        }
        const before = yield* during("app", () => {
          docker.restart("app")
          observer.note(event("start", app, "app"))
        })
        const after = yield* given.asked
        expect(after.names).toEqual(["app"])
        expect(startedAt(after)).toBeGreaterThan(startedAt(before) ?? Infinity)
        observer.note(event("start", app, "app"))
        yield* during("app", observer.forget)
        expect((yield* given.asked).names).toEqual(["app", "sidecar"])
        expect((yield* given.asked).names).toEqual([])
      })
    ))

  it("inspects everything anew when it is told to forget", () =>
    test((given) =>
      Effect.gen(function* () {
        wrapped(given)
        yield* given.asked
        given.observer.forget()
        expect((yield* given.asked).names).toEqual(["app", "sidecar"])
      })
    ))

  it("looks at what is named as soon as it is there", () =>
    test((given) =>
      Effect.gen(function* () {
        expect((yield* given.asked).names).toEqual([])
        given.docker.run({ name: "ldap", network: TRANSIT })
        expect((yield* given.asked).names).toEqual(["ldap"])
      })
    ))

  it("takes a container that vanished since it was listed for gone, and asks again if it is listed again", () =>
    test((given) =>
      Effect.gen(function* () {
        const { docker, world } = given
        const { sidecar } = wrapped(given)
        const listed = listingOf(docker)
        world.containers = () => listed
        docker.remove("sidecar")
        const { names, state } = yield* given.asked
        expect(names).toEqual(["app", sidecar].toSorted())
        expect(state.containers.has(sidecar)).toBe(false)
        expect((yield* given.asked).names).toEqual([sidecar])
      })
    ))

  it("does not keep what does not matter any more", () =>
    test((given) =>
      Effect.gen(function* () {
        const { docker } = given
        const { app } = wrapped(given)
        yield* given.asked
        docker.remove("sidecar")
        expect((yield* given.asked).state.containers.get(app)).not.toHaveProperty("inspected")
        docker.run({ name: "sidecar", network: "container:app" })
        expect((yield* given.asked).names).toEqual(["app", "sidecar"])
      })
    ))

  it("fails when Docker is away, and keeps what it had seen before", () =>
    test((given) =>
      Effect.gen(function* () {
        const { docker, world } = given
        wrapped(given)
        yield* given.asked
        docker.run({ name: "ldap", network: TRANSIT })
        world.isAway = true
        expect(yield* Effect.flip(given.asked)).toMatchObject({
          reason: away.reason,
          message: "cannot inspect container ldap: away"
        })
        world.isAway = false
        expect((yield* given.asked).names).toEqual(["ldap"])
      })
    ))

  it("remembers what a container that is gone was called, from a look or from an event", () =>
    test((given) =>
      Effect.gen(function* () {
        const { docker } = given
        const { app } = wrapped(given)
        yield* given.asked
        docker.remove("app")
        expect((yield* given.asked).state.names.get(app)).toEqual(["app"])
        const short = docker.run({ name: "short", network: TRANSIT })
        docker.run({ name: "late", network: "container:short" })
        given.observer.note(event("create", short, "short"))
        docker.remove("short")
        expect((yield* given.asked).state.names.get(short)).toEqual(["short"])
      })
    ))

  it("knows from the engine's past what a container was called that was gone before the first look, and asks for that once", () =>
    test((given) =>
      Effect.gen(function* () {
        const { docker, world } = given
        const { app } = wrapped(given)
        docker.remove("app")
        docker.run({ name: "app", network: TRANSIT })
        let asked = 0
        world.past = Effect.sync(() => {
          asked += 1
          return [
            event("create", app, "first"),
            event("rename", app, "app"),
            event("destroy", "f".repeat(64), "nobody's")
          ]
        })
        const { state } = yield* given.asked
        expect(state.names.get(app)).toEqual(["app", "first"])
        expect(state.names.get("f".repeat(64))).toEqual(["nobody's"])
        yield* given.asked
        expect(asked).toBe(1)
      })
    ))

  it("does without the past where it may not be asked for, and fails only where Docker is away", () =>
    test((given) =>
      Effect.gen(function* () {
        const { world } = given
        wrapped(given)
        world.past = Effect.fail(away)
        expect(yield* Effect.flip(given.asked)).toMatchObject({ reason: "unreachable" })
        world.past = Effect.fail(new DockerError({ endpoint: "GET /events", reason: "forbidden", message: "no" }))
        expect((yield* given.asked).names).toEqual(["app", "sidecar"])
      })
    ))

  it("asks for the past again at the next look where that failed", () =>
    test((given) =>
      Effect.gen(function* () {
        const { docker, world } = given
        const { app } = wrapped(given)
        docker.remove("app")
        const answer = Effect.succeed([event("create", app, "app")])
        const names = Effect.map(given.asked, ({ state }) => state.names.get(app))
        world.past = Effect.fail(
          new DockerError({ endpoint: "GET /events", reason: "failed", status: 500, message: "no" })
        )
        expect(yield* names).toBeUndefined()
        world.past = answer
        expect(yield* names).toEqual(["app"])
      })
    ))
})
