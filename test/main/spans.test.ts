import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import * as Readiness from "../../src/layers/observability/Readiness.ts"
import { SimConntrack } from "../../src/layers/sim/kernel/SimConntrack.ts"
import * as SimNetlink from "../../src/layers/sim/kernel/SimNetlink.ts"
import { SimNetns } from "../../src/layers/sim/kernel/SimNetns.ts"
import { SimResolver } from "../../src/layers/sim/lan/SimResolver.ts"
import { makeFlowFlusher } from "../../src/main/networkAnchor/FlowFlusher.ts"
import { conditions, serviceAnchor } from "../../src/main/serviceAnchor/ServiceAnchor.ts"
import { childrenOf, treeOf, type ReceivedSpan } from "../layers/observability/otlpReceiver.ts"
import { receiverForTest, traced } from "../layers/observability/traced.ts"
import { simulation as engineSimulation, type Simulated } from "./lifecycle/simulated.ts"
import {
  backend,
  flowTo,
  GATEWAY,
  mapped,
  PROJECT,
  settle,
  simulation,
  start,
  type Environment,
  type World
} from "./networkAnchor/world.ts"

/** The spans of a program, as a receiver of OTLP gets them. */
const exportedBy = async (body: Effect.Effect<unknown>): Promise<ReadonlyArray<ReceivedSpan>> => {
  const receiver = await receiverForTest()
  await traced(receiver, body)
  return receiver.spans()
}

/** The spans of a network-anchor, from its start to its end. */
const ofNetworkAnchor = (
  prepare: (world: World) => void,
  body: (world: World) => Effect.Effect<unknown> = () => Effect.void,
  env: Environment = {}
) =>
  exportedBy(
    simulation((world) =>
      Effect.gen(function* () {
        prepare(world)
        const running = yield* start(world, env)
        yield* body(world)
        yield* settle
        yield* running.stop
      })
    )
  )

const named = (spans: ReadonlyArray<ReceivedSpan>, name: string) => spans.filter((span) => span.name === name)

const reconcilesBy = (spans: ReadonlyArray<ReceivedSpan>, trigger: string) =>
  named(spans, "reconcile").filter(({ attributes }) => attributes["trigger"] === trigger)

const outcome = ({ name, failed, message }: ReceivedSpan) => ({ name, failed, message })

describe("the trace of a reconcile", () => {
  it("has exactly the reads that an event asks for, the decision, the transaction, and the flush that follows", async () => {
    const spans = await ofNetworkAnchor(
      () => {},
      (world) =>
        Effect.gen(function* () {
          world.conntrack.add(flowTo("v4", "udp", 53, 40_000))
          world.docker.create(backend("mail", "tcp/25, udp/53"))
          yield* settle
          world.docker.beginStart("mail")
          yield* settle
          expect(mapped(world)).toHaveLength(4)
        })
    )
    const [created, changed] = reconcilesBy(spans, "event").slice(-2)
    expect(treeOf(spans, created!)).toEqual(["reconcile", "  docker.containers", "  reconcile.decide"])
    expect(changed).toMatchObject({
      parentSpanId: "",
      failed: false,
      attributes: { trigger: "event", backends: 1, entries: 4, added: 4, removed: 0 }
    })
    expect(treeOf(spans, changed!)).toEqual([
      "reconcile",
      "  conntrack.flush",
      "  docker.network",
      "  nft.transaction",
      "  reconcile.decide"
    ])
    const attributesOf = (parent: ReceivedSpan, name: string) =>
      childrenOf(spans, parent).find((span) => span.name === name)?.attributes
    expect(attributesOf(created!, "docker.containers")).toEqual({ containers: 1 })
    expect(attributesOf(changed!, "docker.network")).toEqual({ network: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(attributesOf(changed!, "nft.transaction")).toEqual({ commands: 4 })
    expect(attributesOf(changed!, "conntrack.flush")).toEqual({ selectors: 2, deleted: 1 })
    expect(spans.filter(({ name }) => name.startsWith("docker.")).every(({ kind }) => kind === 3)).toBe(true)
  })

  it("at the start looks at everything, and installs the tables", async () => {
    const spans = await ofNetworkAnchor(({ docker }) => void docker.run(backend("mail", "tcp/25")))
    const first = named(spans, "reconcile").find((span) =>
      childrenOf(spans, span).some(({ name }) => name === "docker.self")
    )
    expect(first).toMatchObject({ attributes: { backends: 1, entries: 2, added: 2, removed: 0 } })
    expect(treeOf(spans, first!)).toEqual([
      "reconcile",
      "  conntrack.flush",
      "  docker.containers",
      "  docker.network",
      "  docker.network",
      "  docker.self",
      "  nft.read",
      "  nft.transaction",
      "  reconcile.decide"
    ])
  })

  it("at a poll has no transaction where nothing is to be changed", async () => {
    const spans = await ofNetworkAnchor(
      () => {},
      () => TestClock.adjust("30 seconds")
    )
    const [poll] = reconcilesBy(spans, "poll")
    expect(poll).toMatchObject({ attributes: { added: 0, removed: 0 } })
    const names = childrenOf(spans, poll!).map(({ name }) => name)
    expect(names).toContain("nft.read")
    expect(names).not.toContain("nft.transaction")
  })
})

describe("the trace of a reconcile that fails", () => {
  const withBackend = (world: World) =>
    Effect.gen(function* () {
      world.docker.run(backend("mail", "udp/53"))
      yield* settle
      yield* TestClock.adjust("5 seconds")
      expect(mapped(world)).toHaveLength(2)
    })

  it("says that the transaction failed, and why", async () => {
    const spans = await ofNetworkAnchor(
      () => {},
      (world) =>
        Effect.andThen(
          Effect.sync(() => world.nft.dieInNext("before")),
          withBackend(world)
        )
    )
    const failed = named(spans, "reconcile").filter((span) => span.failed)
    const why = "nft was ended by SIGKILL"
    expect(failed.map(outcome)).toEqual([{ name: "reconcile", failed: true, message: why }])
    expect(failed[0]?.attributes).toEqual({ trigger: "event" })
    expect(
      childrenOf(spans, failed[0]!)
        .filter((span) => span.failed)
        .map(outcome)
    ).toEqual([{ name: "nft.transaction", failed: true, message: why }])
  })

  it("says which of Docker's answers is missing", async () => {
    const spans = await ofNetworkAnchor(
      () => {},
      (world) =>
        Effect.andThen(
          Effect.sync(() => world.engine.failNext("GET /networks/{id}")),
          withBackend(world)
        )
    )
    const failed = spans.filter((span) => span.failed).map(({ name }) => name)
    expect(failed.toSorted()).toEqual(["docker.network", "reconcile"])
  })

  it("is not that of one whose flush fails", async () => {
    const spans = await ofNetworkAnchor(
      () => {},
      (world) =>
        Effect.gen(function* () {
          world.conntrack.failure = "no netlink"
          yield* withBackend(world)
        })
    )
    const failed = spans.filter((span) => span.failed)
    expect(new Set(failed.map(({ name, message }) => `${name}: ${message}`))).toEqual(
      new Set(["conntrack.flush: no netlink"])
    )
  })
})

describe("a flush that several asked for", () => {
  it("is a child of the first, with links to the others", async () => {
    const selector = { _tag: "NotDnated", family: "v4", protocol: "udp", from: 53, to: 53 } as const
    const netns = new SimNetns().addLink("lo", "127.0.0.1/8", "::1/128")
    const spans = await exportedBy(
      Effect.gen(function* () {
        const flusher = yield* makeFlowFlusher
        for (const name of ["first", "second", "third"])
          yield* Effect.andThen(
            flusher.flush([selector]),
            flusher.check(() => undefined)
          ).pipe(Effect.withSpan(name))
        const keeping = yield* Effect.forkDetach(flusher.keep)
        yield* TestClock.adjust("1 millis")
        yield* Fiber.interrupt(keeping)
      }).pipe(
        Effect.provide(Layer.mergeAll(new SimConntrack().layer, SimNetlink.layer(netns))),
        Effect.provide(TestClock.layer())
      )
    )
    const idOf = (name: string) => named(spans, name)[0]?.spanId
    expect(named(spans, "conntrack.flush")).toMatchObject([
      { parentSpanId: idOf("first"), links: [idOf("second"), idOf("third")], attributes: { selectors: 3, deleted: 0 } }
    ])
  })
})

describe("the trace of a route", () => {
  it("of a network-anchor tells link and gateways, once for each change", async () => {
    const spans = await ofNetworkAnchor(
      () => {},
      () => TestClock.adjust("5 minutes")
    )
    expect(named(spans, "route.change")).toMatchObject([
      { parentSpanId: "", attributes: { link: "eth0", gateways: `${GATEWAY.v4} ${GATEWAY.v6}` } }
    ])
  })

  const ofServiceAnchor = (netns: SimNetns) =>
    exportedBy(
      Effect.gen(function* () {
        const gateway = { v4: "172.20.0.2" }
        const config = { gatewayHostname: "anchord", gateway, resolveInterval: Duration.seconds(5) }
        const running = yield* Effect.scoped(serviceAnchor(config, Readiness.make(conditions))).pipe(
          Effect.provide(Layer.mergeAll(SimNetlink.layer(netns), new SimResolver().layer)),
          Effect.forkDetach
        )
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(running)
      }).pipe(Effect.provide(TestClock.layer()))
    )

  const withOriginal = () => {
    const netns = new SimNetns().addLink("eth0", "172.20.0.9/24")
    netns.add({ family: "v4", gateway: "172.20.0.1" })
    return netns
  }

  it("of a service-anchor tells family and gateway, and that it is put back at the end", async () => {
    const spans = await ofServiceAnchor(withOriginal())
    expect(named(spans, "route.change")).toMatchObject([
      { parentSpanId: "", failed: false, attributes: { family: "v4", gateway: "172.20.0.2", link: "eth0" } }
    ])
    expect(named(spans, "route.restore").map(({ attributes }) => attributes["family"])).toEqual(["v4", "v6"])
  })
})

describe("the trace of a lease", () => {
  const env = { ANCHORD_ADDRESS_MODE: "dhcp-refresh" }

  it("that is given has what is done to the interface below it; one that is lost has the reason", async () => {
    const spans = await ofNetworkAnchor(
      ({ dhcp }) => void dhcp.offers.set("v4", { address: "10.99.0.50", leaseSeconds: 60, router: GATEWAY.v4 }),
      ({ dhcp }) =>
        Effect.gen(function* () {
          yield* TestClock.adjust("10 seconds")
          dhcp.offers.delete("v4")
          yield* TestClock.adjust("2 minutes")
        }),
      env
    )
    const [given] = named(spans, "lease.take")
    expect(given).toMatchObject({
      parentSpanId: "",
      attributes: { family: "v4", usable: true, renewed: false, address: "10.99.0.50", leaseSeconds: 60 }
    })
    expect(treeOf(spans, given!).slice(0, 3)).toEqual(["lease.take", "  lease.install", "    address.change"])
    expect(named(spans, "lease.lose")).toMatchObject([
      { attributes: { family: "v4", address: "10.99.0.50", why: "it has run out" } }
    ])
  })

  it("that cannot be used says so", async () => {
    const spans = await ofNetworkAnchor(
      ({ dhcp }) => void dhcp.offers.set("v4", { address: "172.20.0.50", leaseSeconds: 60, router: "172.20.0.1" }),
      () => TestClock.adjust("10 seconds"),
      env
    )
    expect(named(spans, "lease.take")[0]?.attributes).toEqual({ family: "v4", usable: false })
  })

  it("that the kernel refuses has that as the error of what was tried", async () => {
    const spans = await ofNetworkAnchor(
      ({ dhcp, netns }) => {
        dhcp.offers.set("v4", { address: "10.99.0.50", leaseSeconds: 60, router: GATEWAY.v4 })
        netns.refusal = ({ _tag }) => (_tag === "SetAddress" ? "not today" : undefined)
      },
      () => TestClock.adjust("10 seconds"),
      env
    )
    const refused = named(spans, "address.change").find((span) => span.failed)
    expect(refused).toMatchObject({ message: "not today", attributes: { family: "v4" } })
  })
})

describe("the trace of a repair", () => {
  const labels = { "com.docker.compose.project": PROJECT }

  it("tells what is done to which container, and why", async () => {
    const spans = await ofNetworkAnchor(
      ({ docker }) => {
        docker.create(backend("app", "tcp/80"))
        docker.create({ name: "sidecar", network: "container:app", labels })
      },
      ({ docker }) =>
        Effect.andThen(
          Effect.sync(() => docker.start("app")),
          TestClock.adjust("1 second")
        )
    )
    const [repair] = named(spans, "container.repair")
    expect(repair).toMatchObject({ failed: false, attributes: { action: "Start", container: "sidecar" } })
    expect(spans.find(({ spanId }) => spanId === repair?.parentSpanId)?.name).toBe("containers.round")
  })
})

describe("the trace of a re-creation", () => {
  const ofRecreation = (body: (simulated: Simulated) => Effect.Effect<unknown>) => exportedBy(engineSimulation(body))
  it("tells the container and what is to be different, and nothing of its environment", async () => {
    const spans = await ofRecreation((simulated) =>
      Effect.gen(function* () {
        const id = simulated.web()
        const { run } = yield* simulated.process()
        yield* run(({ recreate }) => recreate(id, { environment: { TOKEN: "hunter2" } })).pipe(Effect.orDie)
      })
    )
    expect(named(spans, "container.recreate")).toMatchObject([
      { parentSpanId: "", failed: false, attributes: { container: "web" } }
    ])
    expect(JSON.stringify(spans)).not.toContain("hunter2")
  })

  it("that fails says which step did", async () => {
    const spans = await ofRecreation((simulated) =>
      Effect.gen(function* () {
        const id = simulated.web()
        const { run } = yield* simulated.process(new Map([[2, "refused"]]))
        yield* Effect.ignore(run(({ recreate }) => recreate(id)))
      })
    )
    expect(named(spans, "container.recreate")).toMatchObject([
      { failed: true, message: expect.stringContaining("refused by the test"), attributes: { container: "web" } }
    ])
  })
})
