import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { families, type Family } from "../src/domain/Address.ts"
import { SimDhcp } from "../src/layers/sim/SimDhcp.ts"
import * as SimNetlink from "../src/layers/sim/SimNetlink.ts"
import { SimNetns } from "../src/layers/sim/SimNetns.ts"
import { makeLeaseHolder, type LeaseHolder } from "../src/main/networkAnchor/LeaseHolder.ts"
import { keepLease } from "../src/main/networkAnchor/LeaseKeeper.ts"

const LINK = "eth0"
const bootstrap = {
  v4: { address: "10.1.0.9", prefixLength: 24 },
  v6: { address: "fd01::9", prefixLength: 64 }
}
const pools = { v4: ["10.1.0.9", "10.1.0.50", "10.1.0.51"], v6: ["fd01::50", "fd01::51"] }

type Happening =
  | { readonly _tag: "Offer"; readonly family: Family; readonly address: string; readonly leaseSeconds: number }
  | { readonly _tag: "Silence"; readonly family: Family }
  | { readonly _tag: "Kill" }

const offer = (family: Family): fc.Arbitrary<Happening> =>
  fc.record({
    _tag: fc.constant("Offer" as const),
    family: fc.constant(family),
    address: fc.constantFrom(...pools[family]),
    leaseSeconds: fc.constantFrom(30, 3_600, 86_400, 604_800)
  })

const happening: fc.Arbitrary<Happening> = fc.oneof(
  offer("v4"),
  offer("v6"),
  fc.record({ _tag: fc.constant("Silence" as const), family: fc.constantFrom(...families) }),
  fc.constant<Happening>({ _tag: "Kill" })
)

/** From a moment to a quarter of a day; leases last from half a minute to a week. */
const pause = fc.constantFrom(1, 900, 4_000, 31_000, 600_000, 21_600_000)

const life = fc.array(fc.tuple(happening, pause), { minLength: 1, maxLength: 12 })

const happen = (dhcp: SimDhcp, event: Happening): void => {
  if (event._tag === "Kill") dhcp.killAll()
  else if (event._tag === "Silence") dhcp.offers.delete(event.family)
  else dhcp.offers.set(event.family, { address: event.address, leaseSeconds: event.leaseSeconds })
}

const globalsOf = (netns: SimNetns, family: Family) =>
  netns.addresses().filter((one) => one.link === LINK && one.family === family && one.scope === "global")

/** What must hold at every moment: one address for each family, and that the one of the lease that is held, or Docker's. */
const look = (netns: SimNetns, holders: Readonly<Record<Family, LeaseHolder>>, now: number) => {
  for (const family of families) {
    const held = holders[family].held()
    expect(globalsOf(netns, family).map(({ address }) => address)).toEqual([
      held?.lease.address ?? bootstrap[family].address
    ])
    expect(held?.expiresAt ?? Infinity).toBeGreaterThan(now - 1_000)
  }
}

const live = (events: ReadonlyArray<readonly [Happening, number]>) => {
  const dhcp = new SimDhcp()
  const netns = new SimNetns().addLink(LINK, "10.1.0.9/24", "fd01::9/64")
  const link = () => LINK
  const holderOf = (family: Family) =>
    makeLeaseHolder({ family, link, bootstrap: bootstrap[family], bootstrapMtu: 1500, onChange: Effect.void })
  const holders = { v4: holderOf("v4"), v6: holderOf("v6") }
  const input = (family: Family) => ({ family, hostname: "mail", backoffMax: Duration.minutes(5), link })
  return Effect.scoped(
    Effect.gen(function* () {
      for (const family of families) yield* Effect.forkScoped(keepLease(input(family), holders[family]))
      let now = 0
      const pass = Effect.fnUntraced(function* (millis: number) {
        yield* TestClock.adjust(millis)
        now += millis
        look(netns, holders, now)
      })
      yield* pass(1)
      for (const [event, millis] of events) {
        happen(dhcp, event)
        yield* pass(millis)
      }
      // Half of the longest lease later everybody has been told what is offered now.
      dhcp.offers.set("v4", { address: "10.1.0.51", leaseSeconds: 3_600 })
      dhcp.offers.set("v6", { address: "fd01::51", leaseSeconds: 86_400 })
      yield* pass(4 * 86_400_000)
      expect(globalsOf(netns, "v6")).toMatchObject([{ address: "fd01::51", prefixLength: 128 }])
      expect(globalsOf(netns, "v4")).toMatchObject([{ address: "10.1.0.51", prefixLength: 32 }])
    })
  ).pipe(
    Effect.provide(dhcp.layer),
    Effect.provide(SimNetlink.layer(netns)),
    Effect.provide(Logger.layer([])),
    Effect.provide(TestClock.layer())
  )
}

describe("the life of leases, in virtual time", () => {
  it("never leave the project without its one address in each family, and end on what is offered", async () => {
    await fc.assert(
      fc.asyncProperty(life, (events) => Effect.runPromise(live(events))),
      { numRuns: 20 }
    )
  }, 120_000)
})
