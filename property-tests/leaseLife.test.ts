import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { formatUnsafe } from "effect/observability/PrometheusMetrics"
import * as TestClock from "effect/testing/TestClock"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { families, type Family } from "../src/domain/Address.ts"
import { isOurs } from "../src/domain/DefaultRoute.ts"
import { beforeScrape } from "../src/layers/observability/DhcpMetrics.ts"
import {
  addressOf,
  backend,
  bootstrapOf,
  externalLink,
  flowTo,
  GATEWAY,
  inWorld,
  mapped,
  plugIn,
  plugOut,
  settle,
  start,
  type World
} from "../test/main/networkAnchor/world.ts"
import { parseScrape } from "../test/layers/observability/scrape.ts"

const pools = { v4: ["10.99.0.7", "10.99.0.50", "10.99.0.51"], v6: ["fd99::50", "fd99::51"] }
const ROUTERS = ["10.99.0.1", "10.99.0.2"]

type Happening =
  | {
      readonly _tag: "Offer"
      readonly family: Family
      readonly address: string
      readonly leaseSeconds: number
      readonly router: string
    }
  | { readonly _tag: "Silence"; readonly family: Family }
  | { readonly _tag: "Kill" }
  /** The interface is plugged out, and after so many milliseconds in again, perhaps under another name. */
  | { readonly _tag: "Replug"; readonly outMillis: number; readonly name: string }
  /** Somebody takes every address away that anchord has put on the interface. */
  | { readonly _tag: "Flush"; readonly family: Family }
  | { readonly _tag: "Revert"; readonly family: Family }
  | { readonly _tag: "Advertise" }

const offer = (family: Family): fc.Arbitrary<Happening> =>
  fc.record({
    _tag: fc.constant("Offer" as const),
    family: fc.constant(family),
    address: fc.constantFrom(...pools[family]),
    leaseSeconds: fc.constantFrom(30, 3_600, 86_400, 172_800),
    router: fc.constantFrom(...ROUTERS)
  })

const ofFamily = <Tag extends "Silence" | "Flush" | "Revert">(tag: Tag) =>
  fc.record({ _tag: fc.constant(tag), family: fc.constantFrom(...families) })

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 3, arbitrary: offer("v4") },
  { weight: 2, arbitrary: offer("v6") },
  ofFamily("Silence"),
  ofFamily("Flush"),
  ofFamily("Revert"),
  fc.record({
    _tag: fc.constant("Replug" as const),
    outMillis: fc.constantFrom(0, 1_000, 40_000),
    name: fc.constantFrom("eth0", "eth2")
  }),
  fc.constantFrom<Happening>({ _tag: "Kill" }, { _tag: "Advertise" })
)

/** From a moment to a day; leases last from half a minute to two days. */
const pause = fc.constantFrom(1_000, 4_000, 31_000, 600_000, 21_600_000, 86_400_000)

const life = fc.array(fc.tuple(happening, pause), { minLength: 1, maxLength: 12 })

const external = (world: World): string => externalLink(world) ?? "none"

const globalsOf = (world: World, family: Family) =>
  world.netns
    .addresses()
    .filter((one) => one.link === external(world) && one.family === family && one.scope === "global")

const flush = (world: World, family: Family): void => {
  for (const { address } of globalsOf(world, family)) {
    // Docker's own address nobody can bring back but Docker; what anchord has put there is anchord's to mend.
    if (address !== bootstrapOf(world)[family]) world.netns.removeAddress(external(world), address)
  }
}

const happen = Effect.fnUntraced(function* (world: World, event: Happening) {
  const { dhcp, netns } = world
  const link = external(world)
  switch (event._tag) {
    case "Offer": {
      const { family, address, leaseSeconds, router } = event
      return void dhcp.offers.set(family, { address, leaseSeconds, router })
    }
    case "Silence":
      return void dhcp.offers.delete(event.family)
    case "Kill":
      return dhcp.killAll()
    case "Replug":
      plugOut(world)
      yield* TestClock.adjust(event.outMillis)
      return plugIn(world, event.name)
    case "Flush":
      return flush(world, event.family)
    case "Revert": {
      const gateway = event.family === "v4" ? "10.99.0.3" : "fd99::3"
      return void netns.apply({ _tag: "Replace", route: { family: event.family, gateway, link } })
    }
    case "Advertise":
      return void netns.add({ family: "v6", gateway: "fe80::1", link, protocol: "ra", metric: 1_024 })
  }
})

/** Which lease each family's client holds, by the server's own table. */
const leaseOf = ({ dhcp }: World, family: Family) => dhcp.leases().find((lease) => lease.family === family)

const checkFamily = (world: World, family: Family): void => {
  const lease = leaseOf(world, family)
  const present = globalsOf(world, family).map(({ address }) => address)
  expect(present).toHaveLength(1)
  const bootstrap = bootstrapOf(world)[family] ?? ""
  expect([bootstrap, ...pools[family]]).toContain(present[0])
  if (lease === undefined) return
  // A client that was killed is not back yet, and the server keeps its lease.
  expect([lease.address, bootstrap]).toContain(present[0])
}

const check = (world: World, entries: ReadonlyArray<string>): void => {
  for (const family of families) {
    checkFamily(world, family)
    const ours = world.netns.defaultRoutes(family).filter(isOurs)
    expect(ours.map(({ link }) => link)).toEqual([external(world)])
    const others = world.netns.defaultRoutes(family).filter((route) => !isOurs(route))
    expect(others.every(({ protocol }) => protocol === "ra")).toBe(true)
  }
  expect(mapped(world)).toEqual(entries)
  expect(world.conntrack.flows()).toHaveLength(families.length)
}

/** What must hold at every moment, or 100 ms later: that long may anchord take to answer what others do (SPEC §8.3). */
const look = (world: World, entries: ReadonlyArray<string>) => {
  const once = Effect.sync(() => check(world, entries))
  return once.pipe(Effect.catchDefect(() => Effect.andThen(TestClock.adjust("100 millis"), once)))
}

/** The lease says where the IPv4 default leads, and how much time is left; without one Docker does, and none is left. */
const lookAtLeases = Effect.fnUntraced(function* ({ netns, dhcp }: World, held: boolean) {
  const [v4] = netns.defaultRoutes("v4")
  expect(v4?.gateway).toBe(held ? dhcp.offers.get("v4")?.router : GATEWAY.v4)
  expect(netns.defaultRoutes("v6").find(isOurs)?.gateway).toBe(GATEWAY.v6)
  yield* beforeScrape
  const remaining = parseScrape(formatUnsafe(yield* Effect.context<never>()))["anchord_dhcp_lease_remaining_seconds"]
  for (const family of families) {
    const left = remaining?.values[`family="${family}"`] ?? -1
    const whole = held ? (dhcp.offers.get(family)?.leaseSeconds ?? 0) : 0
    expect(left).toBeGreaterThanOrEqual(Math.floor(whole / 2) - 1)
    expect(left).toBeLessThanOrEqual(whole)
  }
})

const days = (count: number) => count * 86_400_000

const live = (events: ReadonlyArray<readonly [Happening, number]>) =>
  inWorld((world) =>
    Effect.gen(function* () {
      world.docker.run(backend("mail", "tcp/25,udp/53"))
      const running = yield* start(world, { ANCHORD_ADDRESS_MODE: "dhcp-refresh", ANCHORD_POLL_INTERVAL: "12h" })
      yield* TestClock.adjust("1 second")
      for (const family of families) {
        world.conntrack.add(flowTo(family, "tcp", 25, 40_000, [addressOf(world, "mail", family), 25]))
      }
      const entries = mapped(world)
      yield* look(world, entries)
      for (const [event, millis] of events) {
        yield* happen(world, event)
        yield* settle
        yield* TestClock.adjust(millis)
        yield* look(world, entries)
      }
      // Half of the longest lease later everybody has been told what is offered now.
      world.dhcp.offers.set("v4", { address: "10.99.0.51", leaseSeconds: 3_600, router: "10.99.0.2" })
      world.dhcp.offers.set("v6", { address: "fd99::51", leaseSeconds: 86_400 })
      yield* TestClock.adjust(days(1.1))
      yield* look(world, entries)
      expect(globalsOf(world, "v4")).toMatchObject([{ address: "10.99.0.51", prefixLength: 32 }])
      expect(globalsOf(world, "v6")).toMatchObject([{ address: "fd99::51", prefixLength: 128 }])
      yield* lookAtLeases(world, true)
      // And with nobody left, everything is as Docker made it.
      world.dhcp.offers.clear()
      yield* TestClock.adjust(days(1.1))
      yield* look(world, entries)
      for (const family of families) {
        expect(globalsOf(world, family).map(({ address }) => address)).toEqual([bootstrapOf(world)[family]])
      }
      yield* lookAtLeases(world, false)
      yield* running.stop
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )

describe("a network-anchor through months of leases, in virtual time", () => {
  it("always has its one address and its one default route in each family, its mappings and true metrics", async () => {
    await fc.assert(fc.asyncProperty(life, live), { numRuns: 12 })
  }, 300_000)
})
