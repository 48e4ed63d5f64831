import * as Effect from "effect/Effect"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import {
  addressOf,
  backend,
  both,
  dockerCalls,
  EXTERNAL,
  inWorld,
  linesWith,
  mapped,
  rulesOf,
  settle,
  sorted,
  start,
  TRANSIT
} from "./world.ts"

describe("a network-anchor's first reconcile", () => {
  it("maps what runs already, and makes it ready", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25, tcp/636:6636"))
        world.docker.run(backend("turn", "udp/49152-65535"))
        world.docker.run(backend("quiet", ""))
        world.docker.run(backend("foreign", "tcp/99", { labels: { "com.docker.compose.project": "other" } }))
        world.docker.create(backend("later", "tcp/98"))
        expect(world.readiness.missing()).toHaveLength(2)
        const running = yield* start(world)
        expect(mapped(world)).toEqual(
          sorted(both(world, "mail", "tcp", 25), both(world, "mail", "tcp", 636, 6636), [
            `v4 udp 49152-65535 > ${addressOf(world, "turn", "v4")}`,
            `v6 udp 49152-65535 > ${addressOf(world, "turn", "v6")}`
          ])
        )
        expect(world.readiness.missing()).toEqual([])
        expect(linesWith(world, `the shared network is ${TRANSIT}`)).toHaveLength(1)
        yield* running.stop
      })
    ))

  it("installs the tables in one transaction, though there is nothing to map", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world)
        expect(world.nft.takeTransactions()).toHaveLength(1)
        expect(world.nft.ruleset.tables()).toEqual(["ip anchord_v4", "ip6 anchord_v6"])
        expect(world.readiness.missing()).toEqual([])
        yield* running.stop
      })
    ))

  it("replaces what an earlier run left", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const name = { family: "ip", table: "anchord_v4", name: "dnat_tcp" }
        world.nft.ruleset.execute([
          { add: { table: { family: "ip", name: "anchord_v4" } } },
          { add: { map: { ...name, type: "inet_service", map: "ipv4_addr" } } },
          { add: { element: { ...name, elem: [[25, "172.20.0.99"]] } } }
        ])
        world.docker.run(backend("mail", "tcp/26"))
        const running = yield* start(world)
        expect(mapped(world)).toEqual(both(world, "mail", "tcp", 26))
        yield* running.stop
      })
    ))
})

describe("a backend that comes", () => {
  it("is mapped when it joins the network, before it has started", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world)
        world.docker.create(backend("mail", "tcp/25"))
        yield* settle
        expect(mapped(world)).toEqual([])
        world.docker.beginStart("mail")
        yield* settle
        expect(world.docker.find("mail")?.status).toBe("created")
        expect(mapped(world)).toEqual(both(world, "mail", "tcp", 25))
        world.nft.takeTransactions()
        world.docker.finishStart("mail")
        yield* settle
        expect(mapped(world)).toEqual(both(world, "mail", "tcp", 25))
        expect(world.nft.takeTransactions()).toEqual([])
        yield* running.stop
      })
    ))

  it("is mapped without a listing of everything", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world)
        const [listings, inspections] = [
          world.engine.calls("GET /containers/json"),
          world.engine.calls("GET /containers/{id}/json")
        ]
        for (const name of ["a", "b", "c"]) {
          world.docker.run(backend(name, `tcp/${name.charCodeAt(0)}`))
          yield* settle
        }
        world.docker.remove("b")
        yield* settle
        expect(mapped(world)).toEqual(sorted(both(world, "a", "tcp", 97), both(world, "c", "tcp", 99)))
        expect(world.engine.calls("GET /containers/json")).toBe(listings)
        expect(world.engine.calls("GET /containers/{id}/json")).toBe(inspections)
        yield* running.stop
      })
    ))

  it("touches nothing of the others, and both families are one transaction", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        world.nft.takeTransactions()
        world.docker.run(backend("dns", "tcp/53, udp/53"))
        yield* settle
        const [change, ...more] = world.nft.takeTransactions()
        expect(more).toEqual([])
        expect(change?.map((command) => Object.keys(command)[0])).toEqual(["add", "add", "add", "add"])
        expect(JSON.stringify(change)).not.toContain("[25,")
        yield* running.stop
      })
    ))

  it("is mapped when it is attached while it runs, and not any more when it is detached", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25", { network: "bridge" }))
        const running = yield* start(world)
        expect(mapped(world)).toEqual([])
        world.docker.connect(TRANSIT, "mail")
        yield* settle
        expect(mapped(world)).toEqual(both(world, "mail", "tcp", 25))
        world.docker.disconnect(TRANSIT, "mail")
        yield* settle
        expect(mapped(world)).toEqual([])
        yield* running.stop
      })
    ))

  it("warns of a backend that stays without an address, once, naming both networks", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25", { network: "bridge" }))
        const running = yield* start(world)
        yield* TestClock.adjust("5 minutes")
        const warnings = linesWith(world, "container mail")
        expect(warnings).toHaveLength(1)
        expect(warnings[0]).toMatch(/^Warn: .*bridge.*shop_transit/)
        yield* running.stop
      })
    ))

  it("is not warned of when it merely stops", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        world.docker.stop("mail")
        yield* TestClock.adjust("1 minute")
        world.docker.start("mail")
        yield* TestClock.adjust("1 minute")
        expect(linesWith(world, "container mail")).toEqual([])
        expect(mapped(world)).toEqual(both(world, "mail", "tcp", 25))
        yield* running.stop
      })
    ))

  it("has the address of the container whose namespace it lives in, while that runs", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run({ name: "owner", network: TRANSIT })
        world.docker.run(backend("app", "tcp/80:8080", { network: "container:owner" }))
        const running = yield* start(world)
        const entries = both(world, "owner", "tcp", 80, 8080)
        expect(mapped(world)).toEqual(entries)
        world.docker.stop("owner")
        yield* settle
        expect(mapped(world)).toEqual([])
        yield* running.stop
      })
    ))

  it("has no IPv6 when it opted out of it", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world)
        world.docker.run(backend("mail", "tcp/25", { labels: { "anchord.expose.v6": "off" } }))
        yield* settle
        expect(mapped(world)).toEqual([`v4 tcp 25 > ${addressOf(world, "mail", "v4")} 25`])
        yield* running.stop
      })
    ))

  it("has another address after it was re-created", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        const before = mapped(world)
        world.docker.remove("mail")
        world.docker.run({ name: "thief", network: TRANSIT })
        world.docker.run(backend("mail", "tcp/25"))
        yield* settle
        expect(mapped(world)).toEqual(both(world, "mail", "tcp", 25))
        expect(mapped(world)).not.toEqual(before)
        yield* running.stop
      })
    ))

  it("is looked for anew at its address, where another one may have been before", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const { docker, netns } = world
        docker.run(backend("mail", "tcp/25"))
        docker.run(backend("web", "tcp/80"))
        const running = yield* start(world)
        const [mail, web] = [addressOf(world, "mail", "v6"), addressOf(world, "web", "v6")]
        for (const address of [mail, web]) netns.setNeighbour("eth1", address, "reachable")
        docker.remove("mail")
        docker.run(backend("mail", "tcp/25"))
        yield* settle
        expect(addressOf(world, "mail", "v6")).toBe(mail)
        expect(netns.neighbours("v6").map(({ address }) => address)).toEqual([web])
        netns.setNeighbour("eth1", mail, "reachable")
        yield* TestClock.adjust("2 minutes")
        expect(netns.neighbours("v6")).toHaveLength(2)
        yield* running.stop
      })
    ))

  it("keeps its ports under a new name, paused, and while hundreds of others come and go", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        const entries = mapped(world)
        world.docker.pause("mail")
        yield* settle
        expect(mapped(world)).toEqual(entries)
        world.docker.rename("mail", "post")
        yield* settle
        expect(mapped(world)).toEqual(entries)
        for (let round = 0; round < 200; round += 1) {
          world.docker.run(backend("guest", "tcp/26"))
          world.docker.remove("guest")
          if (round % 20 === 0) yield* settle
        }
        yield* settle
        expect(mapped(world)).toEqual(entries)
        expect(world.nft.takeTransactions().filter((change) => JSON.stringify(change).includes("[25,"))).toHaveLength(1)
        yield* running.stop
      })
    ))
})

describe("two backends that want one port", () => {
  it("leave it to the older one; the other takes over in the transaction in which that goes", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world)
        world.docker.run(backend("first", "tcp/25, tcp/26"))
        yield* TestClock.adjust("2 seconds")
        world.docker.run(backend("second", "tcp/25, tcp/27"))
        yield* settle
        expect(mapped(world)).toEqual(
          sorted(both(world, "first", "tcp", 25), both(world, "first", "tcp", 26), both(world, "second", "tcp", 27))
        )
        expect(linesWith(world, "tcp/25 is wanted by first and second")).toEqual([
          expect.stringMatching(/^Error: .*second is on standby; take it out of one of the two labels, or stop/)
        ])
        expect(yield* PrometheusMetrics.format()).toMatch(/^anchord_dnat_conflicts 1$/m)

        yield* TestClock.adjust("5 minutes")
        expect(linesWith(world, "is wanted by")).toHaveLength(1)
        world.nft.takeTransactions()
        world.docker.remove("first")
        yield* settle
        expect(mapped(world)).toEqual(sorted(both(world, "second", "tcp", 25), both(world, "second", "tcp", 27)))
        const changes = world.nft.takeTransactions()
        expect(changes).toHaveLength(1)
        expect(changes[0]?.map((command) => Object.keys(command)[0])).toEqual(["delete", "delete", "add", "add"])
        expect(linesWith(world, "no longer: tcp/25 is wanted by")).toEqual([expect.stringMatching(/^Info/)])
        expect(yield* PrometheusMetrics.format()).toMatch(/^anchord_dnat_conflicts 0$/m)
        yield* running.stop
      })
    ))

  it("give a range up only where it overlaps", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("dns", "udp/105"))
        yield* TestClock.adjust("2 seconds")
        world.docker.run(backend("media", "udp/100-110"))
        const running = yield* start(world)
        const [dns, media] = [addressOf(world, "dns", "v4"), addressOf(world, "media", "v4")]
        expect(mapped(world).filter((entry) => entry.startsWith("v4"))).toEqual([
          `v4 udp 100-104 > ${media}`,
          `v4 udp 105 > ${dns} 105`,
          `v4 udp 106-110 > ${media}`
        ])
        world.docker.remove("dns")
        yield* settle
        expect(mapped(world).filter((entry) => entry.startsWith("v4"))).toEqual([`v4 udp 100-110 > ${media}`])
        yield* running.stop
      })
    ))
})

describe("a label that is wrong", () => {
  it("is one ERROR for its container, at no resync again, and disturbs nobody else", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("good", "tcp/25"))
        const running = yield* start(world)
        world.docker.run(backend("bad", "tcp/26, tcp/0"))
        world.docker.run(backend("better", "tcp/27"))
        yield* settle
        const entries = sorted(both(world, "good", "tcp", 25), both(world, "better", "tcp", 27))
        expect(mapped(world)).toEqual(entries)
        yield* TestClock.adjust("10 minutes")
        expect(mapped(world)).toEqual(entries)
        const errors = linesWith(world, "container bad")
        expect(errors).toHaveLength(1)
        expect(errors[0]).toMatch(/^Error: .*tcp\/0/)

        world.docker.remove("bad")
        world.docker.run(backend("bad", "sctp/26"))
        yield* settle
        expect(linesWith(world, "Error: container bad")).toHaveLength(2)
        yield* running.stop
      })
    ))
})

describe("what does not concern anchord", () => {
  it("costs nothing: health checks, exec, and life on other networks", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        world.docker.createNetwork({ name: "elsewhere", v4: "172.30.0.0/24" })
        const running = yield* start(world)
        yield* TestClock.adjust("1 second")
        world.nft.takeTransactions()
        const calls = dockerCalls(world)
        for (let round = 0; round < 100; round += 1) {
          for (const action of ["exec_create: true", "exec_start: true", "exec_die", "health_status: healthy", "top"]) {
            world.docker.noise("mail", action)
          }
          yield* TestClock.adjust("100 millis")
        }
        world.docker.connect("elsewhere", "mail")
        world.docker.disconnect("elsewhere", "mail")
        yield* settle
        expect(dockerCalls(world)).toBe(calls)
        expect(world.nft.takeTransactions()).toEqual([])
        yield* running.stop
      })
    ))

  it("makes no transaction while everything stays as it is, at no poll", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        yield* TestClock.adjust("1 second")
        world.nft.takeTransactions()
        world.lines.length = 0
        yield* TestClock.adjust("1 hour")
        expect(world.nft.takeTransactions()).toEqual([])
        expect(world.lines).toEqual([])
        yield* running.stop
      })
    ))

  it("says after 5 resyncs without a backend what may be wrong, once", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* TestClock.adjust("110 seconds")
        expect(linesWith(world, "no container in scope")).toEqual([])
        yield* TestClock.adjust("20 seconds")
        expect(linesWith(world, "no container in scope")).toEqual([expect.stringMatching(/^Warn: .*ANCHORD_PROJECT/)])
        yield* TestClock.adjust("1 hour")
        expect(linesWith(world, "no container in scope")).toHaveLength(1)
        yield* running.stop
      })
    ))

  it("counts for nothing in the choice of the shared network: the external one and foreign containers", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.createNetwork({ name: "shop_default", v4: "172.30.0.0/24" })
        world.docker.connect("shop_default", "anchor")
        world.docker.run(backend("mail", "tcp/25", { network: EXTERNAL }))
        const running = yield* start(world)
        expect(linesWith(world, `the shared network is ${TRANSIT}`)).toHaveLength(1)
        world.docker.run(backend("web", "tcp/80", { network: "shop_default" }))
        yield* settle
        expect(linesWith(world, `changes from ${TRANSIT} to shop_default`)).toEqual([expect.stringMatching(/^Warn/)])
        expect(mapped(world)).toEqual(["v4 tcp 80 > 172.30.0.3 80"])
        world.docker.run(backend("more", "tcp/81"))
        world.docker.run(backend("most", "tcp/82"))
        yield* TestClock.adjust("1 minute")
        expect(mapped(world)).toEqual(["v4 tcp 80 > 172.30.0.3 80"])
        yield* running.stop
      })
    ))
})

describe("an external interface that is plugged out and in", () => {
  it("is found again under its new name, and the rules name that", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        const entries = mapped(world)
        expect(rulesOf(world).every((rules) => rules.includes('"eth0"'))).toBe(true)
        world.docker.disconnect(EXTERNAL, "anchor")
        world.netns.removeLink("eth0")
        yield* TestClock.adjust("3 seconds")
        expect(mapped(world)).toEqual(entries)
        world.docker.connect(EXTERNAL, "anchor")
        const again = world.docker.inspect("anchor")?.attachments.find(({ networkName }) => networkName === EXTERNAL)
        world.plumbing.set("eth2", EXTERNAL)
        world.netns.addLink("eth2", `${again?.v4}/24`, `${again?.v6}/64`)
        yield* TestClock.adjust("1 second")
        expect(rulesOf(world).every((rules) => rules.includes('"eth2"') && !rules.includes('"eth0"'))).toBe(true)
        expect(mapped(world)).toEqual(entries)
        expect(world.netns.defaultRoutes("v4").map(({ link }) => link)).toEqual(["eth2"])
        yield* running.stop
      })
    ))
})
