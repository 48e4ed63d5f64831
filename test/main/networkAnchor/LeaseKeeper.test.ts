import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import { families } from "../../../src/domain/Address.ts"
import { SimDhcp } from "../../../src/layers/sim/lan/SimDhcp.ts"
import * as SimNetlink from "../../../src/layers/sim/kernel/SimNetlink.ts"
import { SimNetns } from "../../../src/layers/sim/kernel/SimNetns.ts"
import { makeLeaseHolder } from "../../../src/main/networkAnchor/LeaseHolder.ts"
import { keepLease } from "../../../src/main/networkAnchor/LeaseKeeper.ts"
import * as Metrics from "../../../src/layers/observability/DhcpMetrics.ts"
import { DhcpClient } from "../../../src/services/DhcpClient.ts"
import type { Netlink } from "../../../src/services/Netlink.ts"
import { scrapeAfter } from "../../layers/observability/scrape.ts"
import { backend, inWorld, linesWith, plugIn, plugOut, start, type World } from "./world.ts"

const plugged = { _tag: "Found", link: "eth0", index: 1, networkId: "dmz", addresses: { v4: "10.1.0.9" } } as const

/** Keeps an IPv4 lease on the link, until it is interrupted. */
const keeping = Effect.gen(function* () {
  const holder = yield* makeLeaseHolder({ family: "v4", external: () => plugged, onChange: Effect.void })
  const input = {
    family: "v4",
    hostname: "mail",
    backoffMax: Duration.minutes(5),
    link: () => "eth0",
    replugged: Effect.never
  } as const
  return { holder, fiber: yield* Effect.forkDetach(keepLease(input, holder)) }
})

/** A keeper of an IPv4 lease on a simulated link, in virtual time. */
const living = (
  body: (world: {
    readonly dhcp: SimDhcp
    readonly netns: SimNetns
    readonly lines: ReadonlyArray<string>
    readonly addresses: () => ReadonlyArray<string>
    readonly pass: (time: Duration.Input) => Effect.Effect<void>
    readonly stop: Effect.Effect<void>
    readonly router: () => string | undefined
  }) => Effect.Effect<void, never, DhcpClient | Netlink>
) => {
  const dhcp = new SimDhcp()
  const netns = new SimNetns().addLink("eth0", "10.1.0.9/24")
  const lines: Array<string> = []
  const logger = Logger.layer([
    Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${String(message)}`))
  ])
  const addresses = () => netns.addresses().map(({ address, prefixLength }) => `${address}/${prefixLength}`)
  return Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const { holder, fiber } = yield* keeping
        yield* Effect.addFinalizer(() => Fiber.interrupt(fiber))
        const pass = (time: Duration.Input) => TestClock.adjust(time)
        yield* pass(1)
        const router = () => holder.held()?.lease.router
        yield* body({ dhcp, netns, lines, addresses, pass, stop: Fiber.interrupt(fiber), router })
      })
    ).pipe(
      Effect.provide(dhcp.layer),
      Effect.provide(SimNetlink.layer(netns)),
      Effect.provide(logger),
      Effect.provide(TestClock.layer())
    )
  )
}

const offer = (address: string, leaseSeconds = 3_600) => ({ address, leaseSeconds, router: "10.1.0.1" })

describe("a lease", () => {
  it("is not put on another link that has the name of the external one now", () =>
    living(({ dhcp, netns, addresses, pass }) =>
      Effect.gen(function* () {
        netns.removeLink("eth0")
        netns.addLink("eth0", "172.20.0.2/16")
        dhcp.offers.set("v4", offer("10.1.0.50"))
        yield* pass("10 seconds")
        expect(dhcp.held()).toEqual(["10.1.0.50"])
        expect(addresses()).toEqual(["172.20.0.2/16"])
      })
    ))

  it("takes the place of Docker's address, with its router, and is announced", () =>
    living(({ dhcp, netns, addresses, pass, router }) =>
      Effect.gen(function* () {
        expect(addresses()).toEqual(["10.1.0.9/24"])
        dhcp.offers.set("v4", offer("10.1.0.50"))
        yield* pass("10 seconds")
        expect(addresses()).toEqual(["10.1.0.50/32"])
        expect(router()).toBe("10.1.0.1")
        expect(netns.announced).toEqual(["10.1.0.50"])
      })
    ))

  it("is renewed for months without anything happening to the address", () =>
    living(({ dhcp, netns, addresses, pass, lines }) =>
      Effect.gen(function* () {
        dhcp.offers.set("v4", offer("10.1.0.50"))
        for (let day = 0; day < 60; day += 1) {
          yield* pass("1 day")
          expect(addresses()).toEqual(["10.1.0.50/32"])
        }
        expect(netns.announced).toEqual(["10.1.0.50"])
        expect(lines.filter((line) => line.startsWith("Warn: the lease is lost"))).toEqual([])
        expect(dhcp.started).toBe(1)
      })
    ))

  it("is renewed at T1 as the server gave it", () =>
    living(({ dhcp, addresses, pass }) =>
      Effect.gen(function* () {
        dhcp.offers.set("v4", { ...offer("10.1.0.50"), renewSeconds: 5 })
        yield* pass("10 seconds")
        expect(addresses()).toEqual(["10.1.0.50/32"])
        dhcp.offers.set("v4", { ...offer("10.1.0.51"), renewSeconds: 5 })
        yield* pass("6 seconds")
        expect(addresses()).toEqual(["10.1.0.51/32"])
      })
    ))

  it("that the server refuses is given up for Docker's address, and the client is started anew at once", () =>
    living(({ dhcp, addresses, pass, lines }) =>
      Effect.gen(function* () {
        dhcp.offers.set("v4", offer("10.1.0.50", 60))
        yield* pass("10 seconds")
        dhcp.offers.set("v4", offer("10.1.0.51", 60))
        yield* pass("31 seconds")
        expect(addresses()).toEqual(["10.1.0.51/32"])
        expect(dhcp.started).toBe(2)
        expect(lines).toContain(
          "Warn: the lease is lost: the server refused it; Docker's address is back until there is another"
        )
      })
    ))

  it("that nobody renews runs out, Docker's address is back, and the next lease is taken when the server returns", () =>
    living(({ dhcp, addresses, pass, lines, router }) =>
      Effect.gen(function* () {
        dhcp.offers.set("v4", offer("10.1.0.50", 20))
        yield* pass("10 seconds")
        dhcp.offers.delete("v4")
        yield* pass("40 seconds")
        expect(addresses()).toEqual(["10.1.0.9/24"])
        expect(router()).toBeUndefined()
        expect(lines).toContain(
          "Warn: the lease is lost: it has run out; Docker's address is back until there is another"
        )
        dhcp.offers.set("v4", offer("10.1.0.50", 20))
        yield* pass("10 seconds")
        expect(addresses()).toEqual(["10.1.0.50/32"])
      })
    ))

  it("holds while its client is killed again and again, with longer and longer waits", () =>
    living(({ dhcp, addresses, pass }) =>
      Effect.gen(function* () {
        dhcp.offers.set("v4", offer("10.1.0.50", 100_000))
        yield* pass("10 seconds")
        for (const wait of [1, 2, 4, 8]) {
          const before = dhcp.started
          dhcp.killAll()
          yield* pass(wait * 1_000 - 1)
          expect(dhcp.started).toBe(before)
          yield* pass(2)
          expect(dhcp.started).toBe(before + 1)
          expect(addresses()).toEqual(["10.1.0.50/32"])
        }
      })
    ))

  it("is released when the keeper ends", () =>
    living(({ dhcp, pass, stop }) =>
      Effect.gen(function* () {
        dhcp.offers.set("v4", offer("10.1.0.50"))
        yield* pass("10 seconds")
        yield* stop
        expect(dhcp.released).toEqual(["10.1.0.50"])
      })
    ))
})

describe("an interface that is plugged out and in", () => {
  const leased = Effect.fnUntraced(function* (world: World) {
    world.docker.run(backend("mail", "tcp/25"))
    world.dhcp.offers.set("v4", { address: "10.99.0.50", leaseSeconds: 3_600, router: "10.99.0.2", mtu: 1_400 })
    const running = yield* start(world, { ANCHORD_ADDRESS_MODE: "dhcp-refresh" })
    yield* TestClock.adjust("10 seconds")
    return running
  })
  const ofLan = ({ netns }: World) =>
    netns
      .addresses()
      .flatMap(({ address, prefixLength }) => (address.startsWith("10.99.") ? [`${address}/${prefixLength}`] : []))

  for (const name of ["eth0", "eth2"]) {
    it(`has the lease again at once as ${name}, with its router and a client of its own`, () =>
      inWorld((world) =>
        Effect.gen(function* () {
          const running = yield* leased(world)
          expect(ofLan(world)).toEqual(["10.99.0.50/32"])
          plugOut(world)
          world.netns.mtus.clear()
          yield* TestClock.adjust("20 seconds")
          const clients = world.dhcp.started
          plugIn(world, name)
          yield* TestClock.adjust("200 millis")
          expect(ofLan(world)).toEqual(["10.99.0.50/32"])
          expect(world.netns.defaultRoutes("v4")).toMatchObject([{ gateway: "10.99.0.2", link: name }])
          expect(world.netns.mtus.get(name)).toBe(1_400)
          expect(world.dhcp.started).toBe(clients + families.length)
          expect(world.dhcp.leases()).toMatchObject([{ address: "10.99.0.50" }])
          expect(world.dhcp.released).toEqual([])
          // What is left of the hour, and the kernel's grace.
          expect(world.netns.lifetimes.get("10.99.0.50")).toBeLessThanOrEqual(3_600 + 5)
          yield* running.stop
        })
      ))
  }

  it("goes to Docker's address when the lease has run out meanwhile", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* leased(world)
        plugOut(world)
        world.dhcp.offers.clear()
        yield* TestClock.adjust("2 hours")
        plugIn(world, "eth0")
        yield* TestClock.adjust("1 second")
        expect(ofLan(world)).toEqual(["10.99.0.7/24"])
        expect(world.netns.defaultRoutes("v4")).toMatchObject([{ gateway: "10.99.0.1" }])
        yield* running.stop
      })
    ))
})

describe("a renewal that nobody answers", () => {
  it("does not end the lease: another client asks for the same address until somebody is there", () =>
    living(({ dhcp, addresses, pass, lines }) =>
      Effect.gen(function* () {
        dhcp.offers.set("v4", { ...offer("10.1.0.50"), renewSeconds: 60 })
        yield* pass("10 seconds")
        dhcp.offers.clear()
        yield* pass("5 minutes")
        expect(addresses()).toEqual(["10.1.0.50/32"])
        dhcp.offers.set("v4", { ...offer("10.1.0.51"), others: ["10.1.0.50"], renewSeconds: 60 })
        yield* pass("20 seconds")
        expect(addresses()).toEqual(["10.1.0.50/32"])
        expect(dhcp.leases()).toMatchObject([{ address: "10.1.0.50" }])
        expect(lines.filter((line) => line.includes("the lease is lost"))).toEqual([])
      })
    ))

  it("leaves the client alone until half the lease when the server names no T1", () =>
    living(({ dhcp, pass }) =>
      Effect.gen(function* () {
        dhcp.offers.set("v4", offer("10.1.0.50"))
        yield* pass("10 seconds")
        dhcp.offers.clear()
        yield* pass("55 minutes")
        expect(dhcp.started).toBe(1)
      })
    ))
})

describe("a lease of which the kernel refuses a part", () => {
  it("has its address all the same, one WARN, and goes when it is lost", () =>
    living(({ dhcp, netns, addresses, pass, lines }) =>
      Effect.gen(function* () {
        netns.refusal = ({ _tag }) => (_tag === "SetMtu" || _tag === "SetRoute" ? "not today" : undefined)
        const odd = { ...offer("10.1.0.50", 60), mtu: 1_400, staticRoutes: "10.50.0.0/16 10.1.0.9" }
        dhcp.offers.set("v4", odd)
        yield* pass("3 minutes")
        expect(addresses()).toEqual(["10.1.0.50/32"])
        expect(lines.filter((line) => line.includes("the kernel refuses"))).toHaveLength(2)
        dhcp.offers.clear()
        yield* pass("2 minutes")
        expect(addresses()).toEqual(["10.1.0.9/24"])
      })
    ))

  it("is tried again while the kernel refuses the address, and never said to be there", () =>
    living(({ dhcp, netns, addresses, pass, lines }) =>
      Effect.gen(function* () {
        netns.refusal = ({ _tag }) => (_tag === "SetAddress" ? "not today" : undefined)
        dhcp.offers.set("v4", offer("10.1.0.50", 60))
        yield* pass("10 seconds")
        expect(addresses()).toEqual(["10.1.0.9/24"])
        expect(lines.filter((line) => line.includes("has a leased address"))).toEqual([])
        expect(lines.filter((line) => line.startsWith("Error"))).toHaveLength(1)
        netns.refusal = undefined
        yield* pass("31 seconds")
        expect(addresses()).toEqual(["10.1.0.50/32"])
        expect(lines.filter((line) => line.includes("somebody changed"))).toEqual([])
      })
    ))
})

describe("a link that was down", () => {
  it("has the lease's network and routes again as soon as it is up", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { dhcp, netns } = world
        dhcp.offers.set("v4", {
          address: "192.168.7.50",
          leaseSeconds: 86_400,
          router: "192.168.7.1",
          staticRoutes: "0.0.0.0/0 192.168.7.1 10.50.0.0/16 192.168.7.9"
        })
        const running = yield* start(world, { ANCHORD_ADDRESS_MODE: "dhcp-refresh" })
        yield* TestClock.adjust("10 seconds")
        expect(netns.defaultRoutes("v4")).toMatchObject([{ gateway: "192.168.7.1" }])
        netns.setUp("eth0", false)
        yield* TestClock.adjust("1 minute")
        netns.setUp("eth0", true)
        yield* TestClock.adjust("2 seconds")
        expect(netns.defaultRoutes("v4")).toMatchObject([{ gateway: "192.168.7.1" }])
        expect(netns.staticRoutes()).toEqual(["10.50.0.0/16 via 192.168.7.9"])
        yield* running.stop
      })
    ))
})

describe("a server that refuses whoever has nothing", () => {
  it("is left to the client's own patience: none is started anew", async () => {
    let started = 0
    const refusing = Layer.succeed(DhcpClient)({
      start: ({ family }) =>
        Effect.sync(() => {
          started += 1
          const next = Effect.sleep("10 millis").pipe(Effect.as({ family, action: "nak", parameters: {} }))
          return { next, renew: Effect.void, abandon: Effect.void }
        })
    })
    await Effect.runPromise(
      Effect.gen(function* () {
        const { fiber } = yield* keeping
        yield* TestClock.adjust("1 minute")
        expect(started).toBe(1)
        yield* Fiber.interrupt(fiber)
      }).pipe(
        Effect.provide(refusing),
        Effect.provide(SimNetlink.layer(new SimNetns().addLink("eth0", "10.1.0.9/24"))),
        Effect.provide(Logger.layer([])),
        Effect.provide(TestClock.layer())
      )
    )
  })
})

describe("what is counted", () => {
  it("is each lease given and renewed, each silence, and each client that ended", async () => {
    const scraped = await scrapeAfter(
      Effect.promise(() => Promise.resolve()).pipe(
        Effect.andThen(Metrics.initialise),
        Effect.andThen(
          Effect.gen(function* () {
            const dhcp = new SimDhcp()
            const netns = new SimNetns().addLink("eth0", "10.1.0.9/24")
            const { fiber } = yield* keeping.pipe(Effect.provide(dhcp.layer), Effect.provide(SimNetlink.layer(netns)))
            // One round without an answer, then a lease, two renewals, and a client that is killed and asks again.
            yield* TestClock.adjust("4500 millis")
            dhcp.offers.set("v4", offer("10.1.0.50", 60))
            yield* TestClock.adjust("3 seconds")
            yield* TestClock.adjust("61 seconds")
            dhcp.killAll()
            yield* TestClock.adjust("2 seconds")
            yield* Fiber.interrupt(fiber)
          })
        ),
        Effect.provide(Logger.layer([])),
        Effect.provide(TestClock.layer())
      )
    )
    expect(scraped["anchord_dhcp_acquired_total"]?.values).toMatchObject({
      'family="v4",outcome="ok"': 4,
      'family="v4",outcome="error"': 1
    })
    expect(scraped["anchord_dhcp_client_restarts_total"]?.values).toMatchObject({ 'family="v4"': 1 })
  })
})

describe("a leased address that somebody takes away", () => {
  it("is told of by the renewal as well, if that is the first to find it", () =>
    living(({ dhcp, netns, addresses, pass, lines }) =>
      Effect.gen(function* () {
        dhcp.offers.set("v4", offer("10.1.0.50", 60))
        yield* pass("10 seconds")
        netns.removeAddress("eth0", "10.1.0.50")
        yield* pass("61 seconds")
        expect(addresses()).toEqual(["10.1.0.50/32"])
        expect(lines.filter((line) => line.includes("somebody changed"))).toEqual([
          "Warn: somebody changed the project's address; the leased one is set again"
        ])
      })
    ))

  it("is set again at once, with the routes that went with it, and one WARN", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.dhcp.offers.set("v4", {
          address: "10.99.0.50",
          leaseSeconds: 86_400,
          staticRoutes: "10.50.0.0/16 10.99.0.9"
        })
        const running = yield* start(world, { ANCHORD_ADDRESS_MODE: "dhcp-refresh" })
        yield* TestClock.adjust("10 seconds")
        const before = world.netns.addresses()
        world.netns.removeAddress("eth0", "10.99.0.50")
        expect(world.netns.addresses()).not.toEqual(before)
        yield* TestClock.adjust("100 millis")
        expect(world.netns.addresses()).toEqual(before)
        expect(world.netns.staticRoutes()).toEqual(["10.50.0.0/16 via 10.99.0.9"])
        expect(linesWith(world, "somebody changed the project's address")).toHaveLength(1)
        yield* running.stop
      })
    ))
})

describe("silence", () => {
  it("leaves Docker's address, and is one WARN however long it lasts", () =>
    living(({ addresses, pass, lines }) =>
      Effect.gen(function* () {
        yield* pass("1 hour")
        expect(addresses()).toEqual(["10.1.0.9/24"])
        expect(lines).toEqual([
          "Warn: no DHCP server answers; the project stays on the address it has, and asking goes on; see whether a server on this LAN has an address left, and whether parent of the external network is the right interface"
        ])
      })
    ))
})
