import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import { SimDhcp } from "../../../../src/layers/sim/lan/SimDhcp.ts"
import { DhcpClient } from "../../../../src/services/DhcpClient.ts"

const first = { address: "10.1.0.50", leaseSeconds: 80, router: "10.1.0.1" }
const other = { address: "10.1.0.60", leaseSeconds: 80, router: "10.1.0.254" }

/** What a client of IPv4 reports, in virtual time. */
const withClient = (dhcp: SimDhcp, body: (said: ReadonlyArray<string>) => Effect.Effect<void>) =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const said: Array<string> = []
        const { next } = yield* (yield* DhcpClient).start({ family: "v4", link: "eth0", hostname: "mail" })
        const note = Effect.map(next, ({ action, parameters }) => void said.push(`${action} ${parameters["ip"] ?? ""}`))
        yield* Effect.forkScoped(Effect.forever(note))
        yield* TestClock.adjust(1)
        yield* body(said)
      })
    ).pipe(Effect.provide(dhcp.layer), Effect.provide(TestClock.layer()), Effect.orDie)
  )

describe("two DHCP servers", () => {
  it("do not take clients from each other, and a client that nobody else answers is refused by the other one at last", () => {
    const dhcp = new SimDhcp()
    dhcp.offers.set("v4", first)
    dhcp.rivals.set("v4", other)
    return withClient(dhcp, (said) =>
      Effect.gen(function* () {
        dhcp.rivalIsFirst = true
        yield* TestClock.adjust("41 seconds")
        expect(said).toEqual(["deconfig ", "bound 10.1.0.50", "renew 10.1.0.50"])
        dhcp.offers.clear()
        yield* TestClock.adjust("68 seconds")
        expect(dhcp.held()).toEqual(["10.1.0.50"])
        yield* TestClock.adjust("5 seconds")
        expect(said.slice(3)).toEqual(["nak ", "deconfig ", "bound 10.1.0.60"])
        expect(dhcp.leases()).toMatchObject([{ address: "10.1.0.60", router: "10.1.0.254" }])
      })
    )
  })

  it("race for a client that is new", () => {
    const dhcp = new SimDhcp()
    dhcp.offers.set("v4", first)
    dhcp.rivals.set("v4", other)
    dhcp.rivalIsFirst = true
    return withClient(dhcp, () => Effect.sync(() => expect(dhcp.held()).toEqual(["10.1.0.60"])))
  })

  it("lose their table, and refuse once what they have given themselves", () => {
    const dhcp = new SimDhcp()
    dhcp.offers.set("v4", first)
    return withClient(dhcp, (said) =>
      Effect.gen(function* () {
        dhcp.forget()
        yield* TestClock.adjust("44 seconds")
        expect(said.slice(2)).toEqual(["nak ", "deconfig ", "bound 10.1.0.50"])
      })
    )
  })
})
