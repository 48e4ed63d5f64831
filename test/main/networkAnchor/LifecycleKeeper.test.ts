import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import { nameAway } from "../../../src/domain/Recreation.ts"
import { backend, inWorld, linesWith, PROJECT, settle, start, TRANSIT, type World } from "./world.ts"

const labels = { "com.docker.compose.project": PROJECT }

const networkModeOf = ({ docker }: World, name: string) => docker.find(name)?.networkMode

const statusOf = ({ docker }: World, name: string) => docker.find(name)?.status

/** As long as a namespace may be dead before it is repaired (SPEC §11.3). */
const repairTime = Effect.andThen(settle, TestClock.adjust("2 seconds"))

describe("a container that was created before the one whose namespace it joins ran", () => {
  it("is started as soon as that runs", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker } = world
        docker.create(backend("app", "tcp/80"))
        docker.create({ name: "sidecar", network: "container:app", labels })
        const running = yield* start(world)
        yield* TestClock.adjust("1 second")
        expect(statusOf(world, "sidecar")).toBe("created")
        docker.start("app")
        yield* TestClock.adjust("1 second")
        expect(statusOf(world, "sidecar")).toBe("running")
        yield* running.stop
      })
    ))

  it("is started also when another one of its name was a moment before, without anything that happens", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker } = world
        docker.run(backend("app", "tcp/80"))
        const running = yield* start(world)
        for (let round = 0; round < 2; round += 1) {
          docker.create({ name: "sidecar", network: "container:app", labels })
          yield* settle
          if (round === 0) docker.remove("sidecar")
        }
        expect(statusOf(world, "sidecar")).toBe("created")
        yield* TestClock.adjust("1 second")
        expect(statusOf(world, "sidecar")).toBe("running")
        yield* running.stop
      })
    ))

  it("and that somebody has started meanwhile, without an event that tells of it, is seen to run, and is repaired", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker, engine } = world
        docker.run(backend("app", "tcp/80"))
        const running = yield* start(world, { ANCHORD_AUTOFIX_SCOPE: "project" })
        for (let round = 0; round < 2; round += 1) {
          docker.create({ name: "sidecar", network: "container:app", labels })
          yield* settle
          if (round === 0) docker.remove("sidecar")
        }
        engine.faults.loseEvents(1)
        docker.start("sidecar")
        yield* TestClock.adjust("100 millis")
        docker.restart("app")
        yield* TestClock.adjust("5 seconds")
        const startOf = (name: string) =>
          (docker.inspection(name) as { readonly State: { readonly StartedAt: string } }).State.StartedAt
        expect(startOf("sidecar") > startOf("app")).toBe(true)
        expect(linesWith(world, "container sidecar runs already: somebody else has started it")).toHaveLength(1)
        yield* running.stop
      })
    ))

  it("is left alone with ANCHORD_AUTOSTART_SIBLINGS off, and when it is of another project", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker } = world
        docker.run(backend("app", "tcp/80"))
        docker.create({ name: "sidecar", network: "container:app", labels })
        docker.create({
          name: "foreign",
          network: "container:app",
          labels: { "com.docker.compose.project": "other" }
        })
        const running = yield* start(world, { ANCHORD_AUTOSTART_SIBLINGS: "false" })
        yield* TestClock.adjust("1 minute")
        expect(statusOf(world, "sidecar")).toBe("created")
        yield* running.stop
        const again = yield* start(world)
        yield* TestClock.adjust("1 minute")
        expect(statusOf(world, "sidecar")).toBe("running")
        expect(statusOf(world, "foreign")).toBe("created")
        yield* again.stop
      })
    ))
})

describe("the managed service-anchor", () => {
  const env = { ANCHORD_MANAGED_SA_TARGET: "outpost", ANCHORD_SHARED_NETWORK: TRANSIT }
  const managed = "outpost-service-anchor"

  const withTarget = (body: (world: World) => Effect.Effect<void>) =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run({ name: "outpost", network: TRANSIT })
        const running = yield* start(world, env)
        yield* repairTime
        yield* body(world)
        yield* running.stop
      })
    )

  it("is created when the target runs, joins it, and routes to anchord", () =>
    withTarget((world) =>
      Effect.sync(() => {
        const { docker } = world
        expect(networkModeOf(world, managed)).toBe(`container:${docker.find("outpost")?.id}`)
        expect(statusOf(world, managed)).toBe("running")
        expect(docker.find(managed)?.labels).toEqual({ "anchord.managed-by": "f45" })
        const { Config } = docker.inspection(managed) as { readonly Config: { readonly Env: ReadonlyArray<string> } }
        const own = docker.inspect("anchor")?.attachments.find(({ networkName }) => networkName === TRANSIT)
        expect(Config.Env).toContain(`ANCHORD_GATEWAY_IP=${own?.v4},${own?.v6}`)
      })
    ))

  it("comes again when it is removed, is started when it is stopped, and follows a target that is re-created or restarted", () =>
    withTarget((world) =>
      Effect.gen(function* () {
        const { docker } = world
        docker.remove(managed)
        yield* repairTime
        expect(statusOf(world, managed)).toBe("running")
        docker.stop(managed)
        yield* repairTime
        expect(statusOf(world, managed)).toBe("running")
        docker.remove("outpost")
        const id = docker.run({ name: "outpost", network: TRANSIT })
        yield* repairTime
        expect(networkModeOf(world, managed)).toBe(`container:${id}`)
        expect(statusOf(world, managed)).toBe("running")
        docker.restart("outpost")
        yield* repairTime
        expect(linesWith(world, `restarting container ${managed}`)).toHaveLength(1)
        expect(docker.containers().filter(({ name }) => name.includes(managed))).toHaveLength(1)
      })
    ))

  it("routes to where anchord is also when its target was down while anchord started", () =>
    withTarget((world) =>
      Effect.gen(function* () {
        const { docker } = world
        const gateway = () => {
          const { Config } = docker.inspection(managed) as { readonly Config: { readonly Env: ReadonlyArray<string> } }
          return Config.Env.find((entry) => entry.startsWith("ANCHORD_GATEWAY_IP="))
        }
        const before = gateway()
        docker.remove(managed)
        docker.stop("outpost")
        docker.createFrom(managed, {
          Image: "anchord",
          Env: ["ANCHORD_MODE=service-anchor", "ANCHORD_GATEWAY_IP=172.20.0.250"],
          Labels: { "anchord.managed-by": "f45" },
          HostConfig: { NetworkMode: "container:outpost" }
        })
        yield* repairTime
        expect(gateway()).toBe("ANCHORD_GATEWAY_IP=172.20.0.250")
        docker.start("outpost")
        yield* repairTime
        expect([gateway(), statusOf(world, managed)]).toEqual([before, "running"])
      })
    ))

  it("is of anchord's own image also when its target comes long after anchord has started", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker } = world
        const imageOf = (name: string) => (docker.inspection(name) as { readonly Image: string }).Image
        docker.addImage("earlier", { Entrypoint: ["tini", "--", "anchord"] })
        docker.run({ name: "outpost", network: TRANSIT })
        const request = {
          Image: "earlier",
          Env: ["ANCHORD_MODE=service-anchor", "ANCHORD_GATEWAY_IP=172.20.0.9"],
          Labels: { "anchord.managed-by": "f45" },
          HostConfig: { NetworkMode: "container:outpost" }
        }
        docker.start(docker.createFrom(managed, request))
        docker.stop("outpost")
        const running = yield* start(world, { ...env, ANCHORD_MANAGED_SA_GATEWAY_IP: "172.20.0.9" })
        yield* TestClock.adjust("5 minutes")
        expect(imageOf(managed)).not.toBe(imageOf("anchor"))
        docker.start("outpost")
        yield* repairTime
        expect(imageOf(managed)).toBe(imageOf("anchor"))
        const id = docker.find(managed)?.id
        yield* TestClock.adjust("5 minutes")
        expect(docker.find(managed)?.id).toBe(id)
        yield* running.stop
      })
    ))

  it("has its name back when its re-creation was cut short by the end of an earlier anchord", () =>
    withTarget((world) =>
      Effect.gen(function* () {
        const { docker } = world
        const id = docker.find(managed)?.id ?? ""
        const made = { Image: "anchord", Labels: { "anchord.managed-by": "f45" } }
        docker.rename(managed, nameAway(managed, id))
        docker.createFrom(managed, { ...made, HostConfig: { NetworkMode: "container:outpost" } })
        docker.stop(id)
        yield* repairTime
        expect(docker.containers().flatMap(({ name }) => (name.includes(managed) ? [name] : []))).toEqual([managed])
        expect(docker.find(managed)).toMatchObject({ id, status: "running" })
      })
    ))

  it("is left where it is when the target is gone", () =>
    withTarget((world) =>
      Effect.gen(function* () {
        world.docker.remove("outpost")
        world.docker.remove(managed)
        yield* TestClock.adjust("2 minutes")
        expect(world.docker.find(managed)).toBeUndefined()
      })
    ))
})

const anchor = backend("web-anchor", "tcp/80", { labels: { "com.docker.compose.service": "web-anchor" } })

const web = {
  ...labels,
  "com.docker.compose.service": "web",
  "com.docker.compose.depends_on": "web-anchor:service_healthy:true"
}

const NO_NETWORK = "container web has no network"

describe("an update that somebody else makes", () => {
  it("is no false alarm while it goes on: a container that is repaired within two seconds is not spoken of", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker } = world
        docker.run(anchor)
        docker.run({ name: "web", network: "container:web-anchor", labels: web })
        const running = yield* start(world)
        docker.remove("web-anchor")
        docker.run(anchor)
        yield* settle
        yield* TestClock.adjust("1500 millis")
        docker.remove("web")
        docker.run({ name: "web", network: "container:web-anchor", labels: web })
        yield* settle
        yield* TestClock.adjust("1 minute")
        expect(linesWith(world, NO_NETWORK)).toEqual([])
        yield* running.stop
      })
    ))

  it("is spoken of after two seconds, without anything that happens, and again when it comes back", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker } = world
        docker.run(anchor)
        docker.run({ name: "web", network: "container:web-anchor", labels: web })
        const running = yield* start(world)
        const warnings = () => linesWith(world, NO_NETWORK).filter((line) => line.startsWith("Warn"))
        for (const round of [1, 2]) {
          docker.remove("web-anchor")
          docker.run(anchor)
          yield* settle
          yield* TestClock.adjust("1900 millis")
          expect(warnings()).toHaveLength(round - 1)
          yield* TestClock.adjust("200 millis")
          expect(warnings()).toHaveLength(round)
          yield* TestClock.adjust("2 minutes")
          expect(warnings()).toHaveLength(round)
          docker.remove("web")
          docker.run({ name: "web", network: "container:web-anchor", labels: web })
          yield* settle
          expect(linesWith(world, `Info: no longer: ${NO_NETWORK}`)).toHaveLength(round)
        }
        yield* running.stop
      })
    ))
})

describe("a dependent that cannot be made anew", () => {
  it("is one ERROR and stays as it is, and one WARN with the command that mends it; it is tried again less and less often, and repaired when that can be", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker } = world
        docker.run(anchor)
        const image = (id: string) => docker.addImage("web", { Entrypoint: ["serve"] }, id)
        image("first")
        docker.run({ name: "web", image: "web", network: "container:web-anchor", labels: web })
        const before = docker.find("web")
        const running = yield* start(world, { ANCHORD_AUTOFIX_SCOPE: "project" })
        const renames: Array<string> = []
        docker.log.listen(({ action, attributes }) => {
          if (action === "rename") renames.push(attributes["name"] ?? "")
        })
        image("second")
        docker.remove("web-anchor")
        docker.run(anchor)
        yield* settle
        yield* TestClock.adjust("5 minutes")
        expect(docker.find("web")).toEqual(before)
        const errors = world.lines.filter((line) => line.startsWith("Error"))
        expect(errors).toEqual([expect.stringMatching(/^Error: making container anew: web failed.*is as it was/)])
        expect(renames.length).toBeGreaterThan(2)
        expect(renames.length).toBeLessThan(2 * 16)
        expect(linesWith(world, "again and again")).toEqual([])
        expect(linesWith(world, NO_NETWORK).filter((line) => !line.startsWith("Debug"))).toEqual([
          expect.stringMatching(/^Info: making container anew: web/),
          expect.stringMatching(/^Warn: .*; repair it with: docker compose .*--force-recreate web$/)
        ])
        image("first")
        yield* TestClock.adjust("30 seconds")
        expect(networkModeOf(world, "web")).toBe(`container:${docker.find("web-anchor")?.id}`)
        expect(linesWith(world, "Info: no longer: making container anew: web failed")).toHaveLength(1)
        yield* running.stop
      })
    ))
})

describe("a container that was started with --rm", () => {
  it("is left running where it is, and spoken of once, however busy the host is", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker } = world
        docker.run(anchor)
        const host = { NetworkMode: "container:web-anchor", AutoRemove: true }
        const id = docker.createFrom("web", { Image: "anchord", Cmd: ["run"], Labels: web, HostConfig: host })
        docker.start(id)
        const running = yield* start(world, { ANCHORD_AUTOFIX_SCOPE: "project" })
        docker.remove("web-anchor")
        docker.run(backend("neighbour", "tcp/81"))
        docker.run(anchor)
        for (let event = 0; event < 100; event += 1) {
          docker.restart("neighbour")
          yield* settle
          yield* TestClock.adjust("1 second")
        }
        expect(docker.find("web")).toMatchObject({ id, status: "running" })
        const spoken = world.lines.filter((line) => line.includes("web ") && !line.startsWith("Debug"))
        expect(spoken).toEqual([expect.stringMatching(/^Warn: container web has no network: .*started with --rm/)])
        yield* running.stop
      })
    ))
})

describe("an application in the namespace of a service-anchor that is re-created by hand", () => {
  it("is one WARN with the command that repairs it, and is repaired with ANCHORD_AUTOFIX_SCOPE=project", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker } = world
        docker.run(anchor)
        docker.run({ name: "web", network: "container:web-anchor", labels: web })
        const running = yield* start(world)
        docker.remove("web-anchor")
        docker.run(anchor)
        yield* TestClock.adjust("2 minutes")
        expect(linesWith(world, `docker compose -p ${PROJECT} up -d --no-deps --force-recreate web`)).toEqual([
          expect.stringMatching(/^Warn/)
        ])
        const before = docker.find("web")?.id
        yield* running.stop
        const fixing = yield* start(world, { ANCHORD_AUTOFIX_SCOPE: "project" })
        yield* repairTime
        expect(docker.find("web")?.id).not.toBe(before)
        expect(networkModeOf(world, "web")).toBe(`container:${docker.find("web-anchor")?.id}`)
        yield* fixing.stop
      })
    ))
})

describe("a service-anchor whose target was made anew while there was no anchord", () => {
  const ofWrap = { ...labels, "com.docker.compose.service": "wrap" }

  const wrapped = (body: (world: World) => Effect.Effect<void>) =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker } = world
        docker.addImage("wrap", { Entrypoint: ["tini", "--", "anchord", "service-anchor"] })
        docker.run({ name: "app", network: TRANSIT })
        docker.run({ name: "wrap", image: "wrap", network: "container:app", labels: ofWrap })
        docker.remove("app")
        docker.run({ name: "app", network: TRANSIT })
        yield* TestClock.adjust("1 minute")
        yield* body(world)
      })
    )

  it("is in its namespace as soon as anchord looks: the engine remembers what the old one was called", () =>
    wrapped((world) =>
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* repairTime
        expect(networkModeOf(world, "wrap")).toBe(`container:${world.docker.find("app")?.id}`)
        expect(statusOf(world, "wrap")).toBe("running")
        expect(linesWith(world, "has no network").filter((line) => line.startsWith("Warn"))).toEqual([])
        yield* running.stop
      })
    ))

  it("is told of, with what repairs it, where the engine does not remember", () =>
    wrapped((world) =>
      Effect.gen(function* () {
        const before = networkModeOf(world, "wrap")
        world.docker.log.forget()
        const running = yield* start(world)
        yield* TestClock.adjust("1 minute")
        expect(networkModeOf(world, "wrap")).toBe(before)
        expect(linesWith(world, "container wrap has no network")).toEqual([
          expect.stringMatching(/^Warn: .*repair it with: /)
        ])
        yield* running.stop
      })
    ))
})

describe("what no event told of", () => {
  it("is found at the poll: a service-anchor whose owner was restarted is restarted", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker } = world
        docker.addImage("wrap", { Entrypoint: ["tini", "--", "anchord", "service-anchor"] })
        docker.run({ name: "app", network: TRANSIT })
        docker.run({ name: "wrap", image: "wrap", network: "container:app", labels })
        const startOf = (name: string) =>
          (docker.inspection(name) as { readonly State: { readonly StartedAt: string } }).State.StartedAt
        const running = yield* start(world, { ANCHORD_POLL_INTERVAL: "20s" })
        yield* TestClock.adjust("5 seconds")
        const { append } = docker.log
        Object.assign(docker.log, { append: () => undefined })
        docker.restart("app")
        Object.assign(docker.log, { append })
        yield* TestClock.adjust("10 seconds")
        expect(startOf("wrap") < startOf("app")).toBe(true)
        yield* TestClock.adjust("6 seconds")
        yield* settle
        expect(startOf("wrap") > startOf("app")).toBe(true)
        yield* running.stop
      })
    ))
})
