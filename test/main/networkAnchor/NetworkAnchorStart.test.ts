import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import { FatalError } from "../../../src/main/FatalError.ts"
import {
  backend,
  both,
  BRIDGE,
  EXTERNAL,
  GATEWAY,
  gateways,
  inWorld,
  interfere,
  linesWith,
  mapped,
  settle,
  start,
  TRANSIT,
  type Environment,
  type World
} from "./world.ts"

/** Anchord's own container made again on other networks. */
const moveAnchor = ({ docker }: World, network: string, ...also: ReadonlyArray<string>) => {
  docker.remove("anchor")
  docker.run({ name: "anchor", network, also })
}

const endsWith = (
  message: RegExp,
  prepare: (world: World) => void,
  { after, env = {} }: { readonly after?: `${number} seconds`; readonly env?: Environment } = {}
) =>
  inWorld((world) =>
    Effect.gen(function* () {
      prepare(world)
      const running = yield* start(world, env)
      if (after !== undefined) {
        expect(running.hasEnded()).toBe(false)
        yield* TestClock.adjust(after)
      }
      expect(running.hasEnded()).toBe(true)
      const error = yield* running.ending
      expect(error).toBeInstanceOf(FatalError)
      expect((error as FatalError).message).toMatch(message)
      expect(world.nft.ruleset.tables()).toEqual([])
    })
  )

describe("a network-anchor ends at its start", () => {
  it("when Docker cannot be reached for 60 s", () =>
    endsWith(/Docker is not usable after 60 seconds.*ECONNREFUSED/, ({ engine }) => engine.down(), {
      after: "66 seconds"
    }))

  it("when Docker does not know its container", () =>
    endsWith(/^Docker knows no container anchor, .*; DOCKER_HOST has to/, ({ docker }) => docker.remove("anchor")))

  it("when a socket proxy forbids to look at its container", () =>
    endsWith(/^this process may not look at its own container: .*socket proxy/, ({ engine }) =>
      engine.forbid("GET /containers/{id}/json")
    ))

  it("without the capability NET_ADMIN", () =>
    endsWith(/^network-anchor sets nftables rules and the default route, .*cap_add: \[NET_ADMIN\]/, ({ netns }) => {
      netns.capable = false
    }))

  it("when the external network is not attached for 30 s, naming what is", () =>
    endsWith(
      /ANCHORD_EXT_NETWORK names dmz, .*attached are: shop_more, shop_transit$/,
      (world) => {
        world.docker.createNetwork({ name: "shop_more", v4: "172.30.0.0/24" })
        moveAnchor(world, TRANSIT, "shop_more")
      },
      { after: "31 seconds" }
    ))

  it("when Docker goes away while the external network is waited for, saying what it was asked for", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        moveAnchor(world, TRANSIT)
        const running = yield* start(world)
        yield* TestClock.adjust("5 seconds")
        world.engine.down()
        yield* TestClock.adjust("30 seconds")
        expect(running.hasEnded()).toBe(true)
        expect(yield* running.ending).toMatchObject({
          _tag: "FatalError",
          message: expect.stringMatching(/^cannot look for the external interface: .*ECONNREFUSED/)
        })
      })
    ))

  it("when no link has the external network's MAC address", () =>
    endsWith(
      /no network interface has the MAC address .*; if somebody changed it in here, set mac_address:/,
      ({ plumbing }) => plumbing.delete("eth0")
    ))

  it("when the interface that is named does not exist", () =>
    endsWith(/ANCHORD_EXT_IFACE names eth7, .*eth0, eth1/, () => {}, {
      env: { ANCHORD_EXT_NETWORK: "", ANCHORD_EXT_IFACE: "eth7" }
    }))

  it("when only the external network is attached", () =>
    endsWith(/only the external network is attached; at least one project-internal network is needed/, (world) =>
      moveAnchor(world, EXTERNAL)
    ))

  it.each(["nowhere", EXTERNAL])("when the shared network is pinned to one that is not its own: %s", (pin) =>
    endsWith(new RegExp(`ANCHORD_SHARED_NETWORK names ${pin}, .*shop_transit`), () => {}, {
      env: { ANCHORD_SHARED_NETWORK: pin }
    })
  )
})

describe("a network-anchor waits at its start", () => {
  it("for Docker, and says at each try that it does", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        world.engine.down()
        const running = yield* start(world)
        yield* TestClock.adjust("45 seconds")
        expect(linesWith(world, "Warn: Docker is not usable yet").length).toBeGreaterThan(5)
        world.engine.up()
        yield* TestClock.adjust("6 seconds")
        expect(mapped(world)).toEqual(both(world, "mail", "tcp", 25))
        yield* running.stop
      })
    ))

  it("for the external network, and says so once", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        moveAnchor(world, TRANSIT)
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        yield* TestClock.adjust("25 seconds")
        expect(linesWith(world, "waiting up to 30 s: ANCHORD_EXT_NETWORK names dmz")).toHaveLength(1)
        expect(mapped(world)).toEqual([])
        world.docker.connect(EXTERNAL, "anchor")
        yield* TestClock.adjust("1 second")
        expect(mapped(world)).toEqual(both(world, "mail", "tcp", 25))
        yield* running.stop
      })
    ))
})

describe("a network-anchor goes on at its start", () => {
  it("though IPv4 forwarding is off, with an ERROR that says where to set it", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.netns.setSysctl("net.ipv4.ip_forward", "0")
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        expect(linesWith(world, "net.ipv4.ip_forward")).toEqual([expect.stringMatching(/^Error: .*sysctls/)])
        expect(mapped(world)).toEqual(both(world, "mail", "tcp", 25))
        yield* running.stop
      })
    ))

  it("though IPv6 forwarding is off and router advertisements are ignored, with a WARN for each", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.netns.setSysctl("net.ipv6.conf.all.forwarding", "0")
        world.netns.setSysctl("net.ipv6.conf.eth0.accept_ra", "1")
        const running = yield* start(world, { ANCHORD_ADDRESS_MODE: "slaac-ra-only" })
        expect(linesWith(world, "Warn: net.ipv6.conf.all.forwarding")).toHaveLength(1)
        expect(linesWith(world, "Warn: net.ipv6.conf.eth0.accept_ra is 1")).toHaveLength(1)
        yield* running.stop
      })
    ))

  it("though nft fails at first", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        for (let time = 0; time < 3; time += 1) world.nft.dieInNext("before")
        const running = yield* start(world)
        expect(world.readiness.missing()).not.toEqual([])
        yield* TestClock.adjust("3 seconds")
        expect(mapped(world)).toEqual(both(world, "mail", "tcp", 25))
        expect(world.readiness.missing()).toEqual([])
        expect(linesWith(world, "Error: a reconcile failed")).toHaveLength(1)
        yield* running.stop
      })
    ))
})

describe("a network-anchor that ends", () => {
  it("removes its tables and no others when it is told to", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        interfere(world, { add: { table: { family: "ip", name: "foreign" } } })
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        yield* running.stop
        expect(world.nft.ruleset.tables()).toEqual(["ip foreign"])
        expect(linesWith(world, "the tables are removed")).toHaveLength(1)
      })
    ))

  it("says so when it cannot remove them", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world)
        world.nft.dieInNext("before")
        yield* running.stop
        expect(linesWith(world, "Error: cannot remove the tables")).toHaveLength(1)
      })
    ))

  it.each(["docker", "conntrack"] as const)("leaves everything in place after a defect: %s", (service) =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        yield* settle
        world.defect.of = service
        world.docker.run(backend("dns", "udp/53"))
        yield* settle
        expect(running.hasEnded()).toBe(true)
        expect(yield* running.ending).toMatchObject({ message: "a bug" })
        expect(mapped(world)).toEqual(expect.arrayContaining([...both(world, "mail", "tcp", 25)]))
      })
    )
  )
})

describe("the default route of a network-anchor", () => {
  it("leads to the external network's gateway in both families, and is the only one", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        expect(gateways(world)).toEqual({ v4: [BRIDGE.v4], v6: [BRIDGE.v6] })
        const running = yield* start(world)
        yield* TestClock.adjust("100 millis")
        expect(gateways(world)).toEqual({ v4: [GATEWAY.v4], v6: [GATEWAY.v6] })
        yield* running.stop
      })
    ))

  it("is the pinned one, and for the other family still Docker's", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world, { ANCHORD_EXT_GATEWAY_IP: "10.99.0.254" })
        yield* TestClock.adjust("100 millis")
        expect(gateways(world)).toEqual({ v4: ["10.99.0.254"], v6: [GATEWAY.v6] })
        yield* running.stop
      })
    ))

  it("is set again within 100 ms when somebody deletes or changes it, with a WARN", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* TestClock.adjust("1 second")
        for (const route of world.netns.defaultRoutes("v4")) world.netns.apply({ _tag: "Delete", route })
        expect(gateways(world)["v4"]).toEqual([])
        yield* TestClock.adjust("100 millis")
        expect(gateways(world)["v4"]).toEqual([GATEWAY.v4])
        world.netns.apply({ _tag: "Replace", route: { family: "v4", gateway: BRIDGE.v4 } })
        yield* TestClock.adjust("100 millis")
        expect(gateways(world)["v4"]).toEqual([GATEWAY.v4])
        expect(linesWith(world, "Warn: somebody changed the IPv4 default route")).toHaveLength(2)
        yield* running.stop
      })
    ))

  it("comes back with the link", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* TestClock.adjust("1 second")
        world.netns.setUp("eth0", false)
        world.netns.setUp("eth0", true)
        yield* TestClock.adjust("1 second")
        expect(gateways(world)["v4"]).toEqual([GATEWAY.v4])
        yield* running.stop
      })
    ))

  it("comes to rest: its own change is not one that it answers", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* TestClock.adjust("1 second")
        let changes = 0
        const stopListening = world.netns.listen(() => void (changes += 1))
        yield* TestClock.adjust("10 minutes")
        stopListening()
        expect(changes).toBe(0)
        yield* running.stop
      })
    ))
})
