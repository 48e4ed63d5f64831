import * as Effect from "effect/Effect"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import type { Json } from "../../../src/domain/Inspection.ts"
import { nameAway } from "../../../src/domain/Recreation.ts"
import { externalRebinder } from "../../../src/main/externalRebinder/ExternalRebinder.ts"
import {
  comeBack,
  complaints,
  goAway,
  inWorld,
  later,
  linesWith,
  ofService,
  settle,
  startAs,
  type World
} from "../rebinders.ts"

const NET = "outpost"
const FOLLOWER = "shop-db-1"
const asked = { Aliases: ["db", "sql"], IPAMConfig: { IPv4Address: "172.20.0.50", IPv6Address: "fd20::50" } }

const start = (world: World, env: Readonly<Record<string, string>> = {}) =>
  startAs("external-rebinder", externalRebinder)(world, {
    ANCHORD_FOLLOW_NETWORK: NET,
    ANCHORD_FOLLOW_TARGET: "db",
    ...env
  })

const makeNetwork = ({ docker }: World) => docker.createNetwork({ name: NET, v4: "172.20.0.0/24", v6: "fd20::/64" })

const runOwner = ({ docker }: World, name = "outpost-app-1") =>
  docker.run({ name, network: NET, labels: ofService("app", "outpost") })

/** What the owner does with `docker compose down` and `up`. */
const ownerDown = (world: World) =>
  Effect.gen(function* () {
    world.docker.remove("outpost-app-1")
    yield* settle
    world.docker.removeNetwork(NET)
  })
const ownerUp = (world: World) => {
  const id = makeNetwork(world)
  runOwner(world)
  return id
}

const createFollower = ({ docker }: World, endpoint: Json = asked, name = FOLLOWER): string => {
  if (docker.image("db") === undefined) docker.addImage("db", { Cmd: ["serve"] })
  const request = { Image: "db", Labels: ofService("db"), StopTimeout: 120, HostConfig: { NetworkMode: NET } }
  return docker.createFrom(name, request, { [NET]: endpoint })
}

/** A network with its owner and the follower on it. */
const populate = (world: World) => {
  const network = ownerUp(world)
  const follower = createFollower(world)
  world.docker.start(follower)
  return { network, follower }
}

const endpointOf = ({ docker }: World, ref = FOLLOWER) => {
  const found = docker.find(ref)
  return found && docker.network(NET)?.members.get(found.id)
}

const aliasesOf = ({ docker }: World) => {
  const { NetworkSettings } = docker.inspection(FOLLOWER) as {
    readonly NetworkSettings: { readonly Networks: Readonly<Record<string, { readonly Aliases: unknown }>> }
  }
  return NetworkSettings.Networks[NET]?.Aliases
}

const fixed = { v4: "172.20.0.50", v6: "fd20::50" }

const attempts = ({ changes }: World) => changes.filter((change) => change.startsWith("connect")).length

/** A container of somebody else that has the follower's address. */
const takeAddress = ({ docker }: World) =>
  docker.run({ name: "squatter", network: NET, addresses: { [NET]: { v4: fixed.v4 } } })

describe("a follower whose network's owner comes and goes", () => {
  it("steps off as the last one, and is back on the new network with its addresses and aliases after 3 s", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { network } = populate(world)
        const running = yield* start(world)
        yield* later("5 seconds")
        expect(world.changes).toEqual([])
        yield* ownerDown(world)
        expect(world.changes).toEqual([`disconnect ${FOLLOWER}`])
        yield* later("1 minutes")
        const anew = ownerUp(world)
        expect(anew).not.toBe(network)
        yield* later("2 seconds")
        expect(endpointOf(world)).toBeUndefined()
        yield* later("1 seconds")
        expect(endpointOf(world)).toMatchObject(fixed)
        expect(aliasesOf(world)).toEqual(asked.Aliases)
        expect(world.changes).toEqual([`disconnect ${FOLLOWER}`, `connect ${FOLLOWER}`])
        expect(complaints(world)).toEqual([])
        yield* running.stop
      })
    ))

  it("steps off when the others are told to end, before they have, and is back when they do not end", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world)
        runOwner(world, "outpost-worker-1")
        const running = yield* start(world)
        const tell = (name: string, signal: string) => {
          const id = world.docker.find(name)!.id
          world.docker.log.append({ type: "container", action: "kill", containerId: id, attributes: { name, signal } })
        }
        tell("outpost-app-1", "15")
        tell("outpost-worker-1", "1")
        yield* settle
        expect(endpointOf(world)).toMatchObject(fixed)
        tell("outpost-worker-1", "15")
        yield* settle
        expect(endpointOf(world)).toBeUndefined()
        yield* later("11 seconds")
        expect(endpointOf(world)).toBeUndefined()
        yield* later("5 seconds")
        expect(endpointOf(world)).toMatchObject(fixed)
        expect(complaints(world)).toEqual([])
        yield* running.stop
      })
    ))

  it("is back on the same network when only its owner was gone", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { network } = populate(world)
        const running = yield* start(world)
        world.docker.stop("outpost-app-1")
        yield* settle
        expect(endpointOf(world)).toBeUndefined()
        world.docker.start("outpost-app-1")
        yield* later("3 seconds")
        expect(endpointOf(world)).toMatchObject(fixed)
        expect(world.docker.network(NET)?.id).toBe(network)
        yield* running.stop
      })
    ))

  it("that does not run is moved off the network that is gone, so that it can be started", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world)
        const running = yield* start(world)
        world.docker.stop(FOLLOWER)
        yield* settle
        yield* ownerDown(world)
        ownerUp(world)
        yield* later("4 seconds")
        world.docker.start(FOLLOWER)
        expect(endpointOf(world)).toMatchObject(fixed)
        yield* running.stop
      })
    ))

  it("is made anew, and what the new one asks for holds from then on", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world)
        const running = yield* start(world)
        world.docker.remove(FOLLOWER)
        world.docker.start(createFollower(world, { Aliases: ["new"], IPAMConfig: { IPv4Address: "172.20.0.60" } }))
        yield* settle
        yield* ownerDown(world)
        ownerUp(world)
        yield* later("4 seconds")
        expect(endpointOf(world)).toMatchObject({ v4: "172.20.0.60" })
        expect(aliasesOf(world)).toEqual(["new"])
        yield* running.stop
      })
    ))
})

describe("a follower that Compose has created on the network by its ID", () => {
  /** Compose names an external network by its ID. */
  const populateById = (world: World, ...networks: ReadonlyArray<string>) => {
    const { docker } = world
    const network = ownerUp(world)
    docker.addImage("db", { Cmd: ["serve"] })
    const endpoints = Object.fromEntries([[NET, asked] as const, ...networks.map((name) => [name, {}] as const)])
    const request = { Image: "db", Labels: ofService("db"), HostConfig: { NetworkMode: network } }
    docker.start(docker.createFrom(FOLLOWER, request, endpoints))
    return network
  }

  it("is re-created once on another of its networks when it is gone, and follows from then on", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker } = world
        docker.createNetwork({ name: "shop_own", v4: "172.21.0.0/24" })
        populateById(world, "shop_own")
        const before = docker.find(FOLLOWER)?.id
        const running = yield* start(world)
        expect(complaints(world)).toEqual([expect.stringContaining("as its first network, by ID")])
        yield* ownerDown(world)
        yield* later("1 seconds")
        const recreated = docker.find(FOLLOWER)
        expect(recreated).toMatchObject({ status: "running", networkMode: "shop_own" })
        expect(recreated?.id).not.toBe(before)
        for (const round of [1, 2]) {
          ownerUp(world)
          yield* later("4 seconds")
          expect(endpointOf(world), `round ${round}`).toMatchObject(fixed)
          expect(aliasesOf(world)).toEqual(asked.Aliases)
          yield* ownerDown(world)
        }
        expect(docker.find(FOLLOWER)?.id).toBe(recreated?.id)
        yield* running.stop
      })
    ))

  it("and that has no other, is re-created by the name when that is there again", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker } = world
        populateById(world)
        const running = yield* start(world)
        yield* ownerDown(world)
        yield* later("1 seconds")
        expect(linesWith(world, `it is re-created when ${NET} is there again`)).toHaveLength(1)
        ownerUp(world)
        yield* later("4 seconds")
        expect(docker.find(FOLLOWER)).toMatchObject({ status: "running", networkMode: NET })
        yield* later("4 seconds")
        expect(endpointOf(world)).toMatchObject(fixed)
        yield* running.stop
      })
    ))

  it("is left to the operator when others are in its namespace", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populateById(world)
        world.docker.run({ name: "sidecar", network: `container:${FOLLOWER}` })
        const running = yield* start(world)
        yield* ownerDown(world)
        ownerUp(world)
        yield* later("5 minutes")
        expect(world.changes).toEqual([`disconnect ${FOLLOWER}`])
        expect(linesWith(world, "what is in its namespace: sidecar")).toHaveLength(1)
        yield* running.stop
      })
    ))
})

describe("the start", () => {
  it("brings back a follower that is off the network; what it asked for is not known then, and it gets Compose's default", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world)
        world.docker.disconnect(NET, FOLLOWER)
        const running = yield* start(world)
        yield* later("4 seconds")
        expect(endpointOf(world)?.v4).toBeDefined()
        expect(endpointOf(world)?.v4).not.toBe(fixed.v4)
        expect(aliasesOf(world)).toEqual(["db"])
        expect(linesWith(world, `what ${FOLLOWER} asks for on ${NET} is not known`)).toHaveLength(1)
        yield* running.stop
      })
    ))

  it("finds a container by its name, where no service of the project is called so", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        ownerUp(world)
        world.docker.run({ name: "db" })
        const running = yield* start(world)
        yield* later("4 seconds")
        expect(endpointOf(world, "db")).toBeDefined()
        yield* running.stop
      })
    ))

  it("says once that there is no follower, and takes the one that comes", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* later("5 minutes")
        expect(complaints(world)).toEqual([expect.stringContaining("there is no container db")])
        populate(world)
        world.docker.disconnect(NET, FOLLOWER)
        yield* later("4 seconds")
        expect(endpointOf(world)).toBeDefined()
        expect(linesWith(world, "no longer: there is no container db")).toHaveLength(1)
        yield* running.stop
      })
    ))

  it("waits for the network, and takes no other for it whose ID begins like its name", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const id = makeNetwork(world)
        const beginning = id.slice(0, 4)
        world.docker.run({ name: "other", network: NET })
        world.docker.run({ name: "db" })
        const { network: real } = world.docker
        world.docker.network = (ref) => real.call(world.docker, ref === beginning ? id : ref)
        const running = yield* start(world, { ANCHORD_FOLLOW_NETWORK: beginning })
        yield* later("1 minutes")
        expect(world.changes).toEqual([])
        expect(complaints(world)).toEqual([])
        yield* running.stop
      })
    ))

  it("ends when Docker does not know the own container", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* startAs("external-rebinder", externalRebinder)(
          world,
          { ANCHORD_FOLLOW_NETWORK: NET, ANCHORD_FOLLOW_TARGET: "db" },
          "nobody"
        )
        expect(yield* running.ending).toMatchObject({ _tag: "FatalError" })
      })
    ))
})

describe("a re-creation that was cut short", () => {
  it("is undone at the start, of a follower of its own project only", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker } = world
        const { follower } = populate(world)
        const stranger = docker.run({ name: "stranger", labels: ofService("db", "other") })
        const own = docker.find("rebinder")?.id
        docker.rename(follower, nameAway(FOLLOWER, follower, own))
        docker.rename(stranger, nameAway("stranger", stranger))
        const running = yield* start(world)
        expect(docker.find(FOLLOWER)).toMatchObject({ id: follower, status: "running" })
        expect(docker.find(stranger)?.name).toBe(nameAway("stranger", stranger))
        yield* running.stop
      })
    ))
})

describe("an address that is in use", () => {
  it("is tried again four times, with longer waits: one WARN, and one ERROR when it is given up", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world)
        const running = yield* start(world)
        yield* ownerDown(world)
        makeNetwork(world)
        takeAddress(world)
        for (const [wait, tried] of [
          ["3 seconds", 1],
          ["2 seconds", 2],
          ["4 seconds", 3],
          ["8 seconds", 4],
          ["16 seconds", 5],
          ["10 minutes", 5]
        ] as const) {
          yield* later(wait)
          expect(attempts(world)).toBe(tried)
        }
        expect(linesWith(world, "Address already in use")).toHaveLength(1)
        expect(complaints(world).filter((line) => line.startsWith("Error"))).toEqual([
          expect.stringContaining(`${FOLLOWER} could not be connected to ${NET}, 5 times`)
        ])
        yield* running.stop
      })
    ))

  it("is taken as soon as it is free: in time, and after it was given up", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world)
        const running = yield* start(world)
        for (const wait of ["6 seconds", "2 minutes"] as const) {
          yield* ownerDown(world)
          ownerUp(world)
          takeAddress(world)
          yield* later(wait)
          expect(endpointOf(world)).toBeUndefined()
          world.docker.remove("squatter")
          yield* later("4 seconds")
          expect(endpointOf(world)).toMatchObject(fixed)
          expect(aliasesOf(world)).toEqual(asked.Aliases)
        }
        yield* running.stop
      })
    ))

  it("does not keep the follower from being restarted when the network goes again", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world)
        const running = yield* start(world)
        yield* ownerDown(world)
        makeNetwork(world)
        takeAddress(world)
        yield* later("4 seconds")
        world.docker.remove("squatter")
        world.docker.removeNetwork(NET)
        yield* later("1 seconds")
        world.docker.restart(FOLLOWER)
        ownerUp(world)
        yield* later("4 seconds")
        expect(endpointOf(world)).toMatchObject(fixed)
        yield* running.stop
      })
    ))
})

describe("a socket proxy that forbids to connect", () => {
  it("is one WARN that names the endpoint, and there is a new chance when the proxy was restarted", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world)
        const running = yield* start(world)
        yield* ownerDown(world)
        world.faults.forbidden.add("connect")
        ownerUp(world)
        yield* later("5 minutes")
        expect(complaints(world)).toEqual([
          expect.stringMatching(/^Warn.*POST \/connect is forbidden: allow it in the socket proxy/),
          expect.stringMatching(/^Error.*could not be connected/)
        ])
        world.faults.forbidden.clear()
        world.engine.dropConnection()
        yield* later("1 seconds")
        expect(endpointOf(world)).toMatchObject(fixed)
        yield* running.stop
      })
    ))
})

describe("ANCHORD_FOLLOW_RESTART", () => {
  it("restarts the follower when it is connected, with the time that it takes to stop, and not when that failed", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world)
        const running = yield* start(world, { ANCHORD_FOLLOW_RESTART: "true" })
        yield* ownerDown(world)
        ownerUp(world)
        takeAddress(world)
        yield* later("4 seconds")
        expect(world.changes).toEqual([`disconnect ${FOLLOWER}`, `connect ${FOLLOWER}`])
        world.docker.remove("squatter")
        yield* later("4 seconds")
        expect(world.changes.slice(2)).toEqual([`connect ${FOLLOWER}`, `restart ${FOLLOWER} 120 s`])
        yield* later("5 minutes")
        expect(world.changes).toHaveLength(4)
        expect(endpointOf(world)).toMatchObject(fixed)
        yield* running.stop
      })
    ))
})

describe("events", () => {
  it("of others cause no look at all; the poll does, every 30 s", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world)
        const running = yield* start(world)
        yield* later("1 seconds")
        const before = world.engine.calls("GET /containers/json")
        world.docker.run({ name: "stranger" })
        world.docker.restart("stranger")
        world.docker.remove("stranger")
        yield* later("10 seconds")
        expect(world.engine.calls("GET /containers/json")).toBe(before)
        yield* later("30 seconds")
        expect(world.engine.calls("GET /containers/json")).toBe(before + 1)
        yield* running.stop
      })
    ))
})

describe("an engine that is away", () => {
  it("is one WARN; what happened meanwhile is seen when it is back", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world)
        const running = yield* start(world)
        expect(world.readiness.missing()).toEqual([])
        yield* later("10 seconds")
        goAway(world)
        yield* later("5 minutes")
        expect(yield* PrometheusMetrics.format()).toMatch(/^anchord_docker_connected 0$/m)
        world.docker.remove("outpost-app-1")
        yield* later("2 minutes")
        expect(complaints(world)).toEqual([expect.stringContaining("the Docker event stream is lost")])
        comeBack(world)
        yield* later("6 seconds")
        expect(endpointOf(world)).toBeUndefined()
        world.docker.removeNetwork(NET)
        ownerUp(world)
        yield* later("4 seconds")
        expect(endpointOf(world)).toMatchObject(fixed)
        expect(complaints(world)).toHaveLength(1)
        const scraped = yield* PrometheusMetrics.format()
        expect(scraped).toMatch(/^anchord_docker_connected 1$/m)
        expect(scraped).toMatch(/^anchord_docker_events_total\{source="start"\} 1$/m)
        yield* running.stop
      })
    ))

  it("in part, so that containers cannot be listed, is one WARN, and it is not ready until they can", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world)
        world.engine.forbid("GET /containers/json")
        const running = yield* start(world)
        yield* later("5 minutes")
        expect(world.readiness.missing()).toEqual([expect.stringContaining("look: ")])
        expect(complaints(world)).toEqual([expect.stringContaining("cannot look at the containers")])
        world.engine.forbid("GET /containers/json", false)
        yield* later("31 seconds")
        expect(world.readiness.missing()).toEqual([])
        yield* running.stop
      })
    ))
})

describe("the end", () => {
  it("comes at once, and leaves the follower where it is", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        populate(world)
        const running = yield* start(world)
        yield* TestClock.adjust("1 second")
        yield* running.stop
        expect(running.hasEnded()).toBe(true)
        expect(endpointOf(world)).toMatchObject(fixed)
      })
    ))
})
