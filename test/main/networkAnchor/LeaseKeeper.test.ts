import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import { SimDhcp } from "../../../src/layers/sim/SimDhcp.ts"
import * as SimNetlink from "../../../src/layers/sim/SimNetlink.ts"
import { SimNetns } from "../../../src/layers/sim/SimNetns.ts"
import { makeLeaseHolder } from "../../../src/main/networkAnchor/LeaseHolder.ts"
import { keepLease } from "../../../src/main/networkAnchor/LeaseKeeper.ts"
import type { DhcpClient } from "../../../src/services/DhcpClient.ts"
import type { Netlink } from "../../../src/services/Netlink.ts"

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
        const plugged = {
          _tag: "Found",
          link: "eth0",
          index: 1,
          networkId: "dmz",
          addresses: { v4: "10.1.0.9" }
        } as const
        const holder = yield* makeLeaseHolder({ family: "v4", external: () => plugged, onChange: Effect.void })
        const input = {
          family: "v4",
          hostname: "mail",
          backoffMax: Duration.minutes(5),
          link: () => "eth0",
          replugged: Effect.never
        } as const
        const fiber = yield* Effect.forkScoped(keepLease(input, holder))
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

describe("silence", () => {
  it("leaves Docker's address, and is one WARN however long it lasts", () =>
    living(({ addresses, pass, lines }) =>
      Effect.gen(function* () {
        yield* pass("1 hour")
        expect(addresses()).toEqual(["10.1.0.9/24"])
        expect(lines).toEqual([
          "Warn: no DHCP server answers; the project stays on the address it has, and asking goes on"
        ])
      })
    ))
})
