import * as Effect from "effect/Effect"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import { families } from "../../../src/domain/Address.ts"
import type { NftCommand } from "../../../src/domain/NftJson.ts"
import {
  addressOf,
  backend,
  both,
  flowTo,
  OWN,
  inWorld,
  interfere,
  linesWith,
  mapped,
  rulesOf,
  settle,
  sorted,
  start,
  TRANSIT
} from "./world.ts"

const v4 = { family: "ip", table: "anchord_v4" }

/** What somebody can do to the rule set, and whether the tables have to be made again for it. */
const interferences: ReadonlyArray<{ readonly what: string; readonly command: NftCommand; readonly whole: boolean }> = [
  { what: "the rule set flushed", command: { flush: { ruleset: null } }, whole: true },
  { what: "a table deleted", command: { delete: { table: { family: "ip6", name: "anchord_v6" } } }, whole: true },
  { what: "a chain flushed", command: { flush: { chain: { ...v4, name: "postrouting" } } }, whole: true },
  {
    what: "a rule added",
    command: { add: { rule: { ...v4, chain: "postrouting", expr: [{ masquerade: null }] } } },
    whole: true
  },
  { what: "a map flushed", command: { flush: { map: { ...v4, name: "dnat_tcp" } } }, whole: false },
  {
    what: "an element deleted",
    command: { delete: { element: { ...v4, name: "dnat_tcp", elem: [25] } } },
    whole: false
  },
  {
    what: "an element added",
    command: { add: { element: { ...v4, name: "dnat_tcp", elem: [[99, { concat: ["172.20.0.99", 99] }]] } } },
    whole: false
  },
  {
    what: "a range added",
    command: { add: { element: { ...v4, name: "dnat_range_udp", elem: [[{ range: [1, 9] }, "172.20.0.99"]] } } },
    whole: false
  }
]

describe("what somebody else did to the rule set", () => {
  it.each(interferences)("is repaired at the next poll, in one transaction, with a WARN: $what", ({ command, whole }) =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25, udp/100-200"))
        const running = yield* start(world)
        const [entries, rules] = [mapped(world), rulesOf(world)]
        yield* TestClock.adjust("5 seconds")
        world.nft.takeTransactions()
        interfere(world, command)
        expect([mapped(world), rulesOf(world)]).not.toEqual([entries, rules])
        yield* TestClock.adjust("30 seconds")
        expect(mapped(world)).toEqual(entries)
        expect(rulesOf(world)).toEqual(rules)
        const repairs = world.nft.takeTransactions()
        expect(repairs).toHaveLength(1)
        expect(JSON.stringify(repairs).includes('"chain"')).toBe(whole)
        expect(linesWith(world, "Warn: the rule set in the kernel is not what anchord applied")).toHaveLength(1)
        yield* TestClock.adjust("5 minutes")
        expect(world.nft.takeTransactions()).toEqual([])
        yield* running.stop
      })
    )
  )

  it("is repaired together with a change that comes before the poll", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        interfere(world, { flush: { ruleset: null } })
        world.docker.run(backend("web", "tcp/80"))
        yield* TestClock.adjust("2 seconds")
        expect(mapped(world)).toEqual(sorted(both(world, "mail", "tcp", 25), both(world, "web", "tcp", 80)))
        expect(rulesOf(world)).toHaveLength(2)
        yield* running.stop
      })
    ))

  it("counts as a repair", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const repairs = Effect.map(PrometheusMetrics.format(), (text) =>
          Number(/^anchord_nft_drift_repairs_total (\d+)$/m.exec(text)?.[1])
        )
        const running = yield* start(world)
        const before = yield* repairs
        interfere(world, { flush: { ruleset: null } })
        yield* TestClock.adjust("31 seconds")
        expect(yield* repairs).toBe(before + 1)
        yield* running.stop
      })
    ))
})

describe("an nft session that dies", () => {
  it.each(["before", "after"] as const)("in a transaction, %s its commit, loses nothing", (when) =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        world.nft.dieInNext(when)
        world.docker.run(backend("web", "tcp/80"))
        yield* TestClock.adjust("1 second")
        expect(mapped(world)).toEqual(sorted(both(world, "mail", "tcp", 25), both(world, "web", "tcp", 80)))
        expect(world.readiness.missing()).toEqual([])
        yield* running.stop
      })
    )
  )

  it("many times over is tried again until it lives, with one ERROR that the reconcile failed", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world)
        for (let time = 0; time < 20; time += 1) world.nft.dieInNext("before")
        world.docker.run(backend("web", "tcp/80"))
        yield* TestClock.adjust("25 seconds")
        expect(mapped(world)).toEqual(both(world, "web", "tcp", 80))
        expect(linesWith(world, "Error: a reconcile failed")).toHaveLength(1)
        yield* running.stop
      })
    ))

  it("between two changes is replaced, and the kernel is read before the next change", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        world.nft.kill()
        interfere(world, { delete: { element: { ...v4, name: "dnat_tcp", elem: [25] } } })
        world.docker.run(backend("web", "tcp/80"))
        yield* TestClock.adjust("1 second")
        expect(mapped(world)).toEqual(sorted(both(world, "mail", "tcp", 25), both(world, "web", "tcp", 80)))
        yield* running.stop
      })
    ))
})

describe("Docker that is away", () => {
  it("does not take back a change whose answer was lost right before", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world)
        world.nft.dieInNext("after")
        world.docker.run(backend("mail", "tcp/25"))
        yield* TestClock.adjust(1)
        world.engine.down()
        const there = mapped(world)
        expect(there).toEqual(sorted(both(world, "mail", "tcp", 25)))
        yield* TestClock.adjust("2 minutes")
        expect(mapped(world)).toEqual(there)
        yield* running.stop
      })
    ))

  it("leaves everything as it is; when it is back everything is read again", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        world.docker.run(backend("web", "tcp/80"))
        const running = yield* start(world)
        const entries = mapped(world)
        world.nft.takeTransactions()
        world.engine.down()
        world.docker.remove("mail")
        world.docker.run(backend("dns", "udp/53"))
        yield* TestClock.adjust("10 minutes")
        expect(mapped(world)).toEqual(entries)
        expect(world.nft.takeTransactions()).toEqual([])
        expect(running.hasEnded()).toBe(false)
        expect(world.readiness.missing()).toEqual([])
        expect(yield* PrometheusMetrics.format()).toMatch(/^anchord_docker_connected 0$/m)
        world.engine.up()
        yield* TestClock.adjust("6 seconds")
        expect(mapped(world)).toEqual(sorted(both(world, "dns", "udp", 53), both(world, "web", "tcp", 80)))
        expect(linesWith(world, "Docker is back")).toHaveLength(1)
        expect(yield* PrometheusMetrics.format()).toMatch(/^anchord_docker_connected 1$/m)
        yield* running.stop
      })
    ))

  it("is asked again at intervals that grow to 5 s", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world, { ANCHORD_POLL_INTERVAL: "10m" })
        world.engine.down()
        yield* TestClock.adjust("1 minute")
        const calls = world.engine.calls("GET /_ping")
        yield* TestClock.adjust("1 minute")
        expect(world.engine.calls("GET /_ping") - calls).toBeGreaterThanOrEqual(11)
        expect(world.engine.calls("GET /_ping") - calls).toBeLessThanOrEqual(13)
        yield* running.stop
      })
    ))

  it("does not keep the rule set from being repaired at the poll", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        const entries = mapped(world)
        world.engine.down()
        world.nft.ruleset.execute([{ flush: { ruleset: null } }])
        expect(mapped(world)).toEqual([])
        yield* TestClock.adjust("31 seconds")
        expect(mapped(world)).toEqual(entries)
        yield* running.stop
      })
    ))

  it("for events only, behind a proxy that forbids them, is asked less and less often", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.engine.forbid("GET /events")
        const running = yield* start(world)
        yield* TestClock.adjust("1 minute")
        const before = linesWith(world, "Docker is back").length
        yield* TestClock.adjust("1 minute")
        expect(linesWith(world, "Docker is back").length - before).toBeLessThanOrEqual(12)
        expect(linesWith(world, "Warn: the Docker event stream is lost")).toHaveLength(1)
        yield* running.stop
      })
    ))

  it("for a moment only, so that the stream breaks, misses no event", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world)
        for (let round = 0; round < 5; round += 1) {
          world.engine.dropConnection()
          world.docker.run(backend(`app-${round}`, `tcp/${8000 + round}`))
          yield* TestClock.adjust("1 second")
          expect(mapped(world)).toHaveLength(2 * (round + 1))
        }
        expect(linesWith(world, "Warn: the Docker event stream is lost")).toHaveLength(5)
        yield* running.stop
      })
    ))

  it("in part, behind a proxy that forbids an endpoint, is one ERROR until it is allowed", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        const entries = mapped(world)
        world.engine.forbid("GET /networks/{id}")
        world.docker.remove("mail")
        world.docker.run(backend("web", "tcp/80"))
        yield* TestClock.adjust("2 minutes")
        expect(mapped(world)).toEqual(entries)
        expect(linesWith(world, "Error: a reconcile failed")).toEqual([
          expect.stringContaining("a socket proxy forbids it")
        ])
        world.engine.forbid("GET /networks/{id}", false)
        yield* TestClock.adjust("2 seconds")
        expect(mapped(world)).toEqual(both(world, "web", "tcp", 80))
        expect(linesWith(world, "Info: no longer: a reconcile failed")).toHaveLength(1)
        yield* running.stop
      })
    ))

  it("fails a single call: the work of that event is not lost", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world)
        world.engine.failNext("GET /containers/json?id", 2)
        world.docker.run(backend("web", "tcp/80"))
        yield* TestClock.adjust("1 second")
        expect(mapped(world)).toEqual(both(world, "web", "tcp", 80))
        yield* running.stop
      })
    ))
})

describe("the flows of a change", () => {
  it("that go to a backend's old address are deleted, and nobody else's", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        world.docker.run(backend("web", "tcp/80"))
        const running = yield* start(world)
        yield* settle
        const at = (name: string, family: "v4" | "v6", port: number) => [addressOf(world, name, family), port] as const
        const stale = families.map((family) => flowTo(family, "tcp", 25, 4_000, at("mail", family, 25)))
        const kept = families.map((family) => flowTo(family, "tcp", 80, 4_001, at("web", family, 80)))
        for (const flow of [...stale, ...kept]) world.conntrack.add(flow)
        world.docker.remove("mail")
        yield* settle
        expect(world.conntrack.flows()).toEqual(kept)
        yield* running.stop
      })
    ))

  it("that began before their UDP port was mapped are deleted, and what only passes through is not", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* settle
        const early = families.map((family) => flowTo(family, "udp", 53, 4_000))
        const outbound = flowTo("v4", "udp", 53, 4_001, undefined, "203.0.113.1")
        for (const flow of [...early, outbound]) world.conntrack.add(flow)
        world.docker.run(backend("dns", "udp/53"))
        yield* settle
        expect(world.conntrack.flows()).toEqual([outbound])
        yield* running.stop
      })
    ))

  it("are deleted although the transaction had to be tried again", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        yield* settle
        world.conntrack.add(flowTo("v4", "tcp", 25, 4_000, [addressOf(world, "mail", "v4"), 25]))
        world.nft.dieInNext("after")
        world.docker.remove("mail")
        yield* TestClock.adjust("2 seconds")
        expect(mapped(world)).toEqual([])
        expect(world.conntrack.flows()).toEqual([])
        yield* running.stop
      })
    ))

  it("that began while nobody knew what the maps held are deleted when that is known again", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const dns = { ...backend("dns", "udp/53"), addresses: { transit: { v4: "172.20.0.100" } } }
        world.docker.run(dns)
        const running = yield* start(world)
        yield* settle
        world.nft.dieInNext("after")
        world.docker.remove("dns")
        yield* settle
        expect(mapped(world)).toEqual([])
        world.conntrack.add(flowTo("v4", "udp", 53, 4_000))
        world.docker.run(dns)
        yield* TestClock.adjust("2 seconds")
        expect(mapped(world)).toEqual(both(world, "dns", "udp", 53))
        expect(world.conntrack.flows()).toEqual([])
        yield* running.stop
      })
    ))

  it("that a flush missed are deleted at the next poll", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        yield* settle
        world.conntrack.add(flowTo("v4", "tcp", 25, 4_000, [addressOf(world, "mail", "v4"), 25]))
        world.conntrack.failure = "Operation not permitted"
        world.docker.remove("mail")
        yield* settle
        expect(linesWith(world, "Warn: deleting conntrack flows failed")).toHaveLength(1)
        world.conntrack.failure = undefined
        yield* TestClock.adjust("30 seconds")
        expect(world.conntrack.flows()).toEqual([])
        yield* running.stop
      })
    ))

  it("that began before their UDP port was mapped, to an address that was away by then, are deleted when that is back", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* settle
        world.conntrack.add(flowTo("v6", "udp", 53, 4_000))
        world.netns.removeAddress("eth0", OWN.v6)
        world.docker.run(backend("dns", "udp/53"))
        yield* settle
        expect(world.conntrack.flows()).toHaveLength(1)
        world.netns.addAddress("eth0", `${OWN.v6}/64`)
        yield* settle
        expect(world.conntrack.flows()).toEqual([])
        yield* running.stop
      })
    ))

  it("are left alone while the kernel refuses the change, also when an address comes", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        yield* settle
        const flow = flowTo("v4", "tcp", 25, 4_000, [addressOf(world, "mail", "v4"), 25])
        world.conntrack.add(flow)
        for (let time = 0; time < 20; time += 1) world.nft.dieInNext("before")
        world.docker.remove("mail")
        yield* settle
        world.netns.addAddress("eth0", "10.99.0.8/24")
        yield* settle
        expect(world.conntrack.flows()).toEqual([flow])
        yield* TestClock.adjust("25 seconds")
        expect(world.conntrack.flows()).toEqual([])
        yield* running.stop
      })
    ))

  it("of an earlier run that nobody owns any more are deleted at the start", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        const kept = flowTo("v4", "tcp", 25, 4_000, [addressOf(world, "mail", "v4"), 25])
        world.conntrack.add(kept)
        world.conntrack.add(flowTo("v4", "tcp", 25, 4_001, ["172.20.0.77", 25]))
        const running = yield* start(world)
        yield* settle
        expect(world.conntrack.flows()).toEqual([kept])
        yield* running.stop
      })
    ))

  it("of a standby that takes over end with the owner's", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("first", "udp/53"))
        yield* TestClock.adjust("2 seconds")
        world.docker.run(backend("second", "udp/53"))
        const running = yield* start(world)
        yield* settle
        world.conntrack.add(flowTo("v4", "udp", 53, 4_000, [addressOf(world, "first", "v4"), 53]))
        world.docker.stop("first")
        yield* settle
        expect(mapped(world)).toEqual(both(world, "second", "udp", 53))
        expect(world.conntrack.flows()).toEqual([])
        yield* running.stop
      })
    ))

  it("are not looked for when nothing changed", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        yield* settle
        world.conntrack.takeFlushes()
        world.docker.run({ name: "bystander", network: TRANSIT })
        yield* TestClock.adjust("10 minutes")
        expect(world.conntrack.takeFlushes()).toBe(0)
        yield* running.stop
      })
    ))
})
