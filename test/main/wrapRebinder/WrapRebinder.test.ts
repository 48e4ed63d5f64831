import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import { nameAway } from "../../../src/domain/Recreation.ts"
import { wrapRebinder } from "../../../src/main/wrapRebinder/WrapRebinder.ts"
import {
  comeBack,
  complaints,
  goAway,
  inWorld,
  later,
  linesWith,
  ofService,
  PROJECT,
  settle,
  startAs,
  type World
} from "../rebinders.ts"

const start = startAs("wrap-rebinder", wrapRebinder)

const targets = ["app", "mail", "web"] as const

const anchorOf = (target: string) => `${target}-anchor`

const runTarget = ({ docker }: World, target: string) =>
  docker.run({ name: target, labels: ofService(target, "upstream") })

const runAnchor = ({ docker }: World, target: string, project = PROJECT) =>
  docker.run({
    name: anchorOf(target),
    image: "anchord",
    network: `container:${target}`,
    labels: project === "" ? {} : ofService(anchorOf(target), project)
  })

const populate = (world: World, ...names: ReadonlyArray<string>) => {
  for (const target of names) {
    runTarget(world, target)
    runAnchor(world, target)
  }
}

/** What `docker compose up --force-recreate` makes of it, when nobody looks in between. */
const makeAnew = (world: World, target: string) => {
  world.docker.remove(target)
  return runTarget(world, target)
}

/** Whether the anchor runs in the namespace of the target that is there now. */
const isIn = ({ docker }: World, target: string): boolean => {
  const anchor = docker.find(anchorOf(target))
  return anchor?.status === "running" && anchor.networkMode === `container:${docker.find(target)?.id}`
}

const recreations = ({ changes }: World) => changes.filter((change) => change.startsWith("create")).length

describe("a container that joined one that is re-created", () => {
  it("is re-created after it, with the time that it is given to stop", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world, "app")
        const running = yield* start(world, { ANCHORD_WRAP_RESTART_TIMEOUT: "3s" })
        yield* later("5 seconds")
        expect(world.changes).toEqual([])
        makeAnew(world, "app")
        yield* settle
        expect(isIn(world, "app")).toBe(true)
        expect(world.changes).toContainEqual(expect.stringMatching(/^stop app-anchor-anchord-old-[\w-]+ 3 s$/))
        expect(recreations(world)).toBe(1)
        expect(world.docker.containers().filter(({ name }) => name.startsWith("app"))).toHaveLength(2)
        expect(complaints(world)).toEqual([])
        yield* running.stop
      })
    ))

  it("has ten seconds to stop unless it is given another time", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world, "app")
        const running = yield* start(world)
        makeAnew(world, "app")
        yield* settle
        expect(world.changes).toContainEqual(expect.stringMatching(/^stop app-anchor-anchord-old-[\w-]+ 10 s$/))
        yield* running.stop
      })
    ))

  it("waits until the other one runs", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world, "app")
        const running = yield* start(world)
        world.docker.remove("app")
        world.docker.create({ name: "app", labels: ofService("app", "upstream") })
        yield* later("5 minutes")
        expect(world.changes).toEqual([])
        world.docker.start("app")
        yield* settle
        expect(isIn(world, "app")).toBe(true)
        yield* running.stop
      })
    ))

  it("is one of three, all of which were re-created at once", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world, ...targets)
        const running = yield* start(world)
        for (const target of targets) makeAnew(world, target)
        yield* settle
        expect(targets.map((target) => isIn(world, target))).toEqual([true, true, true])
        expect(recreations(world)).toBe(3)
        yield* running.stop
      })
    ))

  it("does not wait for another one that takes long to stop", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world, ...targets)
        const running = yield* start(world)
        world.faults.stopping.set("app-anchor", 8_000)
        makeAnew(world, "app")
        yield* later("1 seconds")
        makeAnew(world, "web")
        yield* later("1 seconds")
        expect([isIn(world, "app"), isIn(world, "web")]).toEqual([false, true])
        yield* later("8 seconds")
        expect([isIn(world, "app"), recreations(world)]).toEqual([true, 2])
        yield* running.stop
      })
    ))

  it("is re-created once, also when it has to wait for others, and something happens meanwhile", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const many = ["app", "chat", "mail", "news", "shop", "web"]
        populate(world, ...many)
        const running = yield* start(world)
        for (const target of many) world.faults.stopping.set(anchorOf(target), 3_000)
        for (const target of many) makeAnew(world, target)
        for (let second = 0; second < 10; second += 1) {
          yield* later("1 seconds")
          world.docker.run({ name: `passer-by-${second}` })
        }
        expect(many.filter((target) => !isIn(world, target))).toEqual([])
        expect(recreations(world)).toBe(many.length)
        expect(complaints(world)).toEqual([])
        yield* running.stop
      })
    ))

  it("was so before the rebinder started: found by what the engine remembers of its events", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world, "app")
        yield* later("1 minutes")
        makeAnew(world, "app")
        yield* later("1 minutes")
        const running = yield* start(world)
        expect(isIn(world, "app")).toBe(true)
        expect(complaints(world)).toEqual([])
        yield* running.stop
      })
    ))

  it("was so before the rebinder and the engine started: found by the service that Compose knows of", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker } = world
        docker.run({ name: "app", labels: ofService("app") })
        docker.run({
          name: "app-anchor",
          image: "anchord",
          network: "container:app",
          labels: { ...ofService("app-anchor"), "com.docker.compose.depends_on": "app:service_started:true" }
        })
        docker.remove("app")
        docker.run({ name: "app", labels: ofService("app") })
        docker.log.forget()
        const running = yield* start(world)
        expect(isIn(world, "app")).toBe(true)
        expect(world.readiness.missing()).toEqual([])
        yield* running.stop
      })
    ))

  it("is told of, with what repairs it, where nobody knows any more what it had joined", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world, "app")
        makeAnew(world, "app")
        world.docker.log.forget()
        const running = yield* start(world)
        yield* later("5 minutes")
        expect(world.changes).toEqual([])
        expect(complaints(world)).toEqual([
          expect.stringMatching(
            /^Warn: container app-anchor has no network.*up -d --no-deps --force-recreate app-anchor$/
          )
        ])
        world.docker.remove("app-anchor")
        runAnchor(world, "app")
        yield* settle
        expect(linesWith(world, "no longer: container app-anchor has no network")).toHaveLength(1)
        yield* running.stop
      })
    ))
})

describe("the poll", () => {
  it("catches what no event told, after ANCHORD_WRAP_POLL_INTERVAL", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world, "app")
        const running = yield* start(world, { ANCHORD_WRAP_POLL_INTERVAL: "20s" })
        const { log } = world.docker
        const { append } = log
        Object.assign(log, { append: () => undefined })
        makeAnew(world, "app")
        Object.assign(log, { append })
        yield* later("15 seconds")
        expect(isIn(world, "app")).toBe(false)
        yield* later("5 seconds")
        expect(isIn(world, "app")).toBe(true)
        yield* running.stop
      })
    ))
})

describe("restraint", () => {
  it("makes one re-creation of two wishes within a second", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world, "app")
        const running = yield* start(world)
        makeAnew(world, "app")
        yield* settle
        makeAnew(world, "app")
        yield* settle
        makeAnew(world, "app")
        yield* later("500 millis")
        expect(recreations(world)).toBe(1)
        yield* later("1 seconds")
        expect(recreations(world)).toBe(2)
        expect(isIn(world, "app")).toBe(true)
        yield* running.stop
      })
    ))

  it("does nothing for a target that crashes and is started again, over and over", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world, "app")
        const running = yield* start(world)
        for (let crash = 0; crash < 50; crash += 1) {
          world.docker.die("app")
          yield* later("200 millis")
          world.docker.start("app")
          yield* later("200 millis")
        }
        expect(world.changes).toEqual([])
        yield* running.stop
      })
    ))

  it("joins a target that was made anew and crashes over and over once, and again when that runs for ten seconds", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker, faults } = world
        populate(world, "app")
        const running = yield* start(world)
        docker.remove("app")
        docker.create({ name: "app", labels: ofService("app", "upstream") })
        for (let crash = 0; crash < 20; crash += 1) {
          faults.restarts.set("app", crash)
          docker.start("app")
          if (crash === 0) docker.die("app")
          yield* later("200 millis")
          if (crash > 0) docker.die("app")
          yield* later("1 seconds")
        }
        expect(recreations(world)).toBe(0)
        docker.start("app")
        yield* later("9 seconds")
        expect(isIn(world, "app")).toBe(false)
        yield* later("2 seconds")
        expect(isIn(world, "app")).toBe(true)
        expect(recreations(world)).toBe(1)
        expect(complaints(world)).toEqual([])
        yield* running.stop
      })
    ))

  it("stops in a storm, and says so once", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world, "app")
        const running = yield* start(world)
        for (let round = 0; round < 30; round += 1) {
          makeAnew(world, "app")
          yield* later("1500 millis")
        }
        expect(recreations(world)).toBe(20)
        expect(
          linesWith(world, "again and again within a minute").filter((line) => line.startsWith("Warn"))
        ).toHaveLength(1)
        yield* later("1 minutes")
        expect(isIn(world, "app")).toBe(true)
        yield* running.stop
      })
    ))

  it("tries less and less often what fails, with one ERROR, and at once when its target was started again", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker } = world
        const image = (id: string) => docker.addImage("anchord", { Entrypoint: ["tini", "--", "anchord"] }, id)
        image("first")
        populate(world, "app")
        const running = yield* start(world)
        image("second")
        makeAnew(world, "app")
        yield* later("5 minutes")
        expect(complaints(world)).toEqual([expect.stringMatching(/^Error: making container anew: app-anchor failed/)])
        const attempts = world.changes.filter((change) => change === "rename app-anchor").length
        expect(attempts).toBeGreaterThan(5)
        expect(attempts).toBeLessThan(20)
        image("first")
        docker.restart("app")
        yield* later("1 seconds")
        expect(isIn(world, "app")).toBe(true)
        yield* running.stop
      })
    ))

  it("leaves other projects alone, and what belongs to none", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        runTarget(world, "app")
        runTarget(world, "web")
        runAnchor(world, "app", "other")
        runAnchor(world, "web", "")
        const running = yield* start(world)
        makeAnew(world, "app")
        makeAnew(world, "web")
        yield* later("5 minutes")
        expect(world.changes).toEqual([])
        expect(complaints(world)).toEqual([])
        yield* running.stop
      })
    ))

  it("says that it does nothing when it belongs to no project", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world, "app")
        world.docker.run({ name: "loner", image: "anchord" })
        const running = yield* start(world, {}, "loner")
        makeAnew(world, "app")
        yield* later("5 minutes")
        expect(world.changes).toEqual([])
        expect(complaints(world)).toEqual([expect.stringContaining("belongs to no Compose project")])
        yield* running.stop
      })
    ))
})

describe("what an earlier process left half done", () => {
  /** As a process leaves it that ended after it had renamed the old one away. */
  const leaveHalfDone = ({ docker }: World, name: string) => docker.rename(name, nameAway(name, docker.find(name)!.id))

  it("is undone at the start, in its own project only", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker } = world
        populate(world, "app")
        docker.run({ name: "foreign", labels: ofService("foreign", "other") })
        leaveHalfDone(world, "app-anchor")
        const other = docker.find("foreign")!.id
        leaveHalfDone(world, "foreign")
        const running = yield* start(world)
        expect(isIn(world, "app")).toBe(true)
        expect(docker.find(other)?.name).toBe(nameAway("foreign", other))
        yield* running.stop
      })
    ))

  it("is left to another container's process while that runs, however long it takes", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker } = world
        populate(world, "app")
        const other = docker.run({ name: "other", labels: ofService("other") })
        const id = docker.find("app-anchor")!.id
        docker.rename("app-anchor", nameAway("app-anchor", id, other))
        const running = yield* start(world)
        yield* later("10 minutes")
        expect(world.changes).toEqual([])
        docker.remove("other")
        yield* later("1 minutes")
        expect(isIn(world, "app")).toBe(true)
        yield* running.stop
      })
    ))
})

describe("an engine that is away", () => {
  it("is one WARN, and what happened meanwhile is repaired when it is back", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world, "app")
        const running = yield* start(world)
        yield* later("10 seconds")
        goAway(world)
        yield* later("5 minutes")
        makeAnew(world, "app")
        yield* later("2 minutes")
        expect(complaints(world)).toEqual([expect.stringContaining("the Docker event stream is lost")])
        comeBack(world)
        yield* later("6 seconds")
        expect(isIn(world, "app")).toBe(true)
        expect(complaints(world)).toHaveLength(1)
        yield* running.stop
      })
    ))
})

describe("the end", () => {
  it("waits for a container that is stopping, so that it is not left without its successor", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world, "app")
        const running = yield* start(world)
        world.faults.stopping.set("app-anchor", 2_000)
        makeAnew(world, "app")
        yield* settle
        const stopping = yield* Effect.forkChild(running.stop)
        yield* later("1 seconds")
        expect(running.hasEnded()).toBe(false)
        yield* later("2 seconds")
        yield* Fiber.join(stopping)
        expect(isIn(world, "app")).toBe(true)
        expect(world.docker.containers().filter(({ name }) => name.includes("-anchord-old-"))).toEqual([])
      })
    ))

  it("comes when a re-creation that is under way is done", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world, "app")
        const running = yield* start(world)
        makeAnew(world, "app")
        yield* TestClock.adjust("1 millis")
        yield* running.stop
        expect(running.hasEnded()).toBe(true)
        expect(world.docker.containers().filter(({ name }) => name.includes("-anchord-old-"))).toEqual([])
        expect(world.docker.find("app-anchor")?.status).toBe("running")
      })
    ))
})
