import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import type { DockerEvent } from "../../../../src/domain/DockerState.ts"
import { make, type SimDockerEngine } from "../../../../src/layers/sim/docker/SimDockerEngine.ts"
import { DockerEngine, type DockerError } from "../../../../src/services/DockerEngine.ts"

/** Runs in virtual time, with a network `transit` and the service on the simulated engine. */
const simulated = <A, E>(
  use: (sim: SimDockerEngine, engine: DockerEngine["Service"]) => Effect.Effect<A, E>
): Promise<A> =>
  Effect.runPromise(
    Effect.gen(function* () {
      yield* TestClock.setTime(1_700_000_000_000)
      const sim = yield* make
      sim.docker.createNetwork({ name: "transit", v4: "172.20.0.0/29", v6: "fd00:20::/64" })
      const engine = yield* Effect.provide(DockerEngine, sim.layer)
      return yield* use(sim, engine)
    }).pipe(Effect.provide(TestClock.layer()))
  )

/** Follows the events until the stream ends or fails; `seen` grows as they come. */
const following = Effect.fnUntraced(function* (engine: DockerEngine["Service"], since?: bigint) {
  const seen: Array<DockerEvent> = []
  const fiber = yield* Effect.forkChild(
    Stream.runForEach(engine.events(since), (event) => Effect.sync(() => void seen.push(event)))
  )
  yield* TestClock.adjust(0)
  return { seen, fiber, actions: () => seen.map(({ action }) => action) }
})

describe("faults of the simulated engine", () => {
  it("down fails every call and every open stream, until it is up again; nothing that happened is lost to since", () =>
    simulated((sim, engine) =>
      Effect.gen(function* () {
        const { fiber, seen } = yield* following(engine, 0n)
        sim.docker.create({ name: "a", network: "transit" })
        yield* TestClock.adjust(0)
        sim.down()
        expect((yield* Effect.flip(Fiber.join(fiber))).reason).toBe("unreachable")
        const calls: ReadonlyArray<Effect.Effect<unknown, DockerError>> = [
          engine.ping,
          engine.containers,
          engine.containersById(["a"]),
          engine.network("transit"),
          engine.inspectSelf("a"),
          Stream.runDrain(engine.events())
        ]
        for (const call of calls) expect((yield* Effect.flip(call)).reason).toBe("unreachable")
        sim.docker.start("a")
        sim.up()
        const again = yield* following(engine, seen.at(-1)!.timeNano + 1n)
        yield* TestClock.adjust(0)
        expect(again.actions()).toEqual(["connect", "start"])
        yield* Fiber.interrupt(again.fiber)
      })
    ))

  it("a dropped connection fails the streams and nothing else", () =>
    simulated((sim, engine) =>
      Effect.gen(function* () {
        const { fiber } = yield* following(engine)
        sim.dropConnection()
        expect((yield* Effect.flip(Fiber.join(fiber))).reason).toBe("unreachable")
        yield* engine.ping
        expect(sim.calls("GET /_ping")).toBe(1)
      })
    ))

  it("an engine that was restarted has no past events", () =>
    simulated((sim, engine) =>
      Effect.gen(function* () {
        sim.docker.run({ name: "a", network: "transit" })
        sim.docker.log.forget()
        const { actions, fiber } = yield* following(engine, 0n)
        sim.docker.pause("a")
        yield* TestClock.adjust(0)
        expect(actions()).toEqual(["pause"])
        yield* Fiber.interrupt(fiber)
      })
    ))

  it("forbids an endpoint, or fails it so many times, and counts a filtered listing apart from a full one", () =>
    simulated((sim, engine) =>
      Effect.gen(function* () {
        sim.forbid("GET /networks/{id}")
        expect(yield* Effect.flip(engine.network("transit"))).toMatchObject({ reason: "forbidden", status: 403 })
        sim.forbid("GET /networks/{id}", false)
        yield* engine.network("transit")
        sim.failNext("GET /containers/json?id", 2)
        for (let times = 0; times < 2; times++)
          expect((yield* Effect.flip(engine.containersById(["x"]))).status).toBe(500)
        yield* engine.containersById(["x"])
        expect(sim.calls("GET /containers/json?id")).toBe(3)
        expect(sim.calls("GET /containers/json")).toBe(0)
      })
    ))
})

describe("the simulated engine's own rules", () => {
  it("stamps events with virtual time, each later than the one before", () =>
    simulated((sim, engine) =>
      Effect.gen(function* () {
        const { seen, fiber } = yield* following(engine)
        sim.docker.create({ name: "a", network: "transit" })
        sim.docker.beginStart("a")
        yield* TestClock.adjust("300 millis")
        sim.docker.finishStart("a")
        yield* TestClock.adjust(0)
        const start = 1_700_000_000_000_000_000n
        expect(seen.map(({ action, timeNano }) => [action, timeNano - start])).toEqual([
          ["create", 1n],
          ["connect", 2n],
          ["start", 300_000_000n]
        ])
        yield* Fiber.interrupt(fiber)
      })
    ))

  it("knows the addresses from the beginning of a start, and answers an inspection only after it", () =>
    simulated((sim, engine) =>
      Effect.gen(function* () {
        const id = sim.docker.create({ name: "a", network: "transit" })
        sim.docker.beginStart("a")
        expect((yield* engine.network("transit")).members.get(id)?.v4).toBe("172.20.0.2")
        expect((yield* engine.containersById([id]))[0]?.status).toBe("created")
        const inspection = yield* Effect.forkChild(engine.inspectSelf(id))
        yield* TestClock.adjust("1 second")
        expect(inspection.pollUnsafe()).toBeUndefined()
        sim.docker.finishStart("a")
        expect((yield* Fiber.join(inspection)).attachments).toHaveLength(1)
      })
    ))

  it("refuses what an engine refuses", () =>
    simulated((sim) =>
      Effect.sync(() => {
        const { docker } = sim
        docker.run({ name: "a", network: "transit", addresses: { transit: { v4: "172.20.0.5" } } })
        docker.create({ name: "lost", network: "container:nobody" })
        expect(() => docker.run({ name: "a", network: "transit" })).toThrow("already in use")
        expect(() => docker.run({ name: "b", network: "nowhere" })).toThrow("not found")
        expect(() => docker.start("lost")).toThrow("No such container")
        expect(() => docker.start("a")).toThrow("runs already")
        expect(() => docker.removeNetwork("transit")).toThrow("active endpoints")
        expect(() => docker.connect("transit", "a")).toThrow("already exists in network transit")
        expect(() =>
          docker.run({ name: "c", network: "transit", addresses: { transit: { v4: "172.20.0.5" } } })
        ).toThrow("Address already in use")
        for (const name of ["d", "e", "f", "g"]) docker.run({ name, network: "transit" })
        expect(() => docker.run({ name: "h", network: "transit" })).toThrow("no available v4 addresses")
        docker.remove("d")
        docker.start("h")
        expect(docker.network("transit")?.members.get(docker.find("h")!.id)).toMatchObject({
          v4: "172.20.0.2",
          v6: "fd00:20::3"
        })
      })
    ))
})
