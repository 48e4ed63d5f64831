import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import { ORIGINALS_TABLE } from "../../../src/domain/Routing.ts"
import * as Readiness from "../../../src/layers/observability/Readiness.ts"
import * as SimNetlink from "../../../src/layers/sim/kernel/SimNetlink.ts"
import { SimNetns } from "../../../src/layers/sim/kernel/SimNetns.ts"
import { SimResolver } from "../../../src/layers/sim/lan/SimResolver.ts"
import { serviceAnchor, type ServiceAnchorConfig } from "../../../src/main/serviceAnchor/ServiceAnchor.ts"

const OLD = { v4: "172.20.0.2", v6: "fd20::2" }
const NEW = { v4: "172.20.0.7", v6: "fd20::7" }
const BRIDGE = { v4: "172.20.0.1", v6: "fd20::1" }

const defaults: ServiceAnchorConfig = {
  gatewayHostname: "anchord",
  gateway: undefined,
  resolveInterval: Duration.seconds(5)
}

const makeWorld = () => {
  const netns = new SimNetns().addLink("lo", "127.0.0.1/8", "::1/128").addLink("eth0", "172.20.0.9/24", "fd20::9/64")
  const resolver = new SimResolver()
  const readiness = Readiness.make({ route: "starting" })
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${String(message)}`))
  return { netns, resolver, readiness, lines, logger }
}

type World = ReturnType<typeof makeWorld>

const gatewaysOf = ({ netns }: World, table?: number) => ({
  v4: netns.defaultRoutes("v4", table).map(({ gateway }) => gateway),
  v6: netns.defaultRoutes("v6", table).map(({ gateway }) => gateway)
})

/** What Docker gives a container on a bridge. */
const withOriginals = (world: World): World => {
  expect(world.netns.add({ family: "v4", gateway: BRIDGE.v4 })).toBeUndefined()
  expect(world.netns.add({ family: "v6", gateway: BRIDGE.v6 })).toBeUndefined()
  return world
}

interface Running {
  /** Ends it as a signal does: interrupted, then the scope closes. */
  readonly stop: Effect.Effect<void>
  /** Ends it as a kill does: nothing is put back. */
  readonly kill: Effect.Effect<void>
  readonly fiber: Fiber.Fiber<never, unknown>
}

const start = Effect.fnUntraced(function* (world: World, config: Partial<ServiceAnchorConfig> = {}) {
  const scope = yield* Scope.make()
  const fiber = yield* serviceAnchor({ ...defaults, ...config }, world.readiness).pipe(
    Scope.provide(scope),
    Effect.provide(Layer.mergeAll(SimNetlink.layer(world.netns), world.resolver.layer)),
    Effect.forkDetach
  )
  yield* TestClock.adjust("1 millis")
  return {
    stop: Fiber.interrupt(fiber).pipe(Effect.andThen(Scope.close(scope, Exit.void))),
    kill: Fiber.interrupt(fiber),
    fiber
  } satisfies Running
})

const run = <A, E>(world: World, effect: Effect.Effect<A, E>): Promise<A> =>
  Effect.runPromise(effect.pipe(Effect.provide(Layer.mergeAll(TestClock.layer(), Logger.layer([world.logger])))))

describe("a service-anchor", () => {
  it("points both families at the resolved gateway and is ready", async () => {
    const world = makeWorld()
    world.resolver.set("anchord", OLD)
    await run(
      world,
      Effect.gen(function* () {
        expect(world.readiness.missing()).toHaveLength(1)
        const running = yield* start(world)
        yield* TestClock.adjust("100 millis")
        expect(gatewaysOf(world)).toEqual({ v4: [OLD.v4], v6: [OLD.v6] })
        expect(world.readiness.missing()).toEqual([])
        yield* running.stop
      })
    )
  })

  it("waits for a name that does not resolve yet, and says so once", async () => {
    const world = makeWorld()
    await run(
      world,
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* TestClock.adjust("1 minute")
        expect(world.readiness.missing()).toHaveLength(1)
        expect(world.lines.filter((line) => line.includes("does not resolve"))).toEqual([
          expect.stringContaining("start the network-anchor")
        ])
        world.resolver.set("anchord", OLD)
        yield* TestClock.adjust("1 second")
        expect(gatewaysOf(world)).toEqual({ v4: [OLD.v4], v6: [OLD.v6] })
        yield* running.stop
      })
    )
  })

  it("follows a re-created network-anchor within 1 s of its start, though its namespace is idle", async () => {
    const world = makeWorld()
    world.resolver.set("anchord", OLD)
    await run(
      world,
      Effect.gen(function* () {
        const running = yield* start(world)
        for (const away of ["150 millis", "1 minute"] as const) {
          world.resolver.set("anchord", OLD)
          yield* TestClock.adjust("1 second")
          expect(gatewaysOf(world)).toEqual({ v4: [OLD.v4], v6: [OLD.v6] })
          world.resolver.set("anchord", undefined)
          yield* TestClock.adjust(away)
          expect(gatewaysOf(world)).toEqual({ v4: [OLD.v4], v6: [OLD.v6] })
          world.resolver.set("anchord", NEW)
          yield* TestClock.adjust("1 second")
          expect(gatewaysOf(world)).toEqual({ v4: [NEW.v4], v6: [NEW.v6] })
        }
        yield* running.stop
      })
    )
  })

  it("looks the name up at once when the kernel cannot reach the gateway, and every 200 ms until it can", async () => {
    const world = makeWorld()
    world.resolver.set("anchord", OLD)
    await run(
      world,
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* TestClock.adjust("600 millis")
        world.resolver.takeLookups()
        world.netns.setNeighbour("eth0", OLD.v4, "failed")
        yield* Effect.replicateEffect(TestClock.adjust("1 millis"), 10, { discard: true })
        expect(world.resolver.takeLookups()).toBe(2)
        yield* TestClock.adjust("1 second")
        expect(world.resolver.takeLookups()).toBe(10)
        world.netns.setNeighbour("eth0", OLD.v4, "reachable")
        yield* TestClock.adjust("1 second")
        world.resolver.takeLookups()
        yield* TestClock.adjust("4 seconds")
        expect(world.resolver.takeLookups()).toBeLessThan(12)
        yield* running.stop
      })
    )
  })

  it("does not look a missing name up without end at the urgent pace", async () => {
    const world = makeWorld()
    await run(
      world,
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* TestClock.adjust("20 seconds")
        world.resolver.takeLookups()
        yield* TestClock.adjust("10 seconds")
        expect(world.resolver.takeLookups()).toBe(40)
        yield* running.stop
      })
    )
  })

  it("asks again where a gateway is that was away, or of which another address has changed", async () => {
    const world = makeWorld()
    const [known, other] = ["02:42:ac:14:00:02", { ...OLD, v4: NEW.v4 }]
    const isKnown = () => world.netns.neighbours("v6").some(({ address }) => address === OLD.v6)
    world.resolver.set("anchord", OLD)
    await run(
      world,
      Effect.gen(function* () {
        const running = yield* start(world)
        for (const changes of [[undefined, OLD], [other]]) {
          world.netns.setNeighbour("eth0", OLD.v6, "reachable", known)
          yield* TestClock.adjust("6 seconds")
          expect(isKnown()).toBe(true)
          for (const addresses of changes) {
            world.resolver.set("anchord", addresses)
            yield* TestClock.adjust("1 second")
          }
          expect(isKnown()).toBe(false)
        }
        yield* running.stop
      })
    )
    expect(world.lines.filter((line) => line.includes("cannot"))).toEqual([])
  })

  it("asks at its start where the gateway is, because the namespace may be older, with a gateway that is given as well", async () => {
    for (const config of [{}, { gateway: OLD }]) {
      const world = makeWorld()
      world.resolver.set("anchord", OLD)
      world.netns.setNeighbour("eth0", OLD.v6, "stale", "02:42:ac:14:00:02")
      await run(
        world,
        Effect.gen(function* () {
          const running = yield* start(world, config)
          yield* TestClock.adjust("1 second")
          expect(world.netns.neighbours("v6").map(({ address }) => address)).not.toContain(OLD.v6)
          yield* running.stop
        })
      )
    }
  })

  it("keeps a good route when look-ups fail, whatever the reason", async () => {
    const world = makeWorld()
    world.resolver.set("anchord", OLD)
    await run(
      world,
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* TestClock.adjust("1 second")
        world.resolver.available = false
        yield* TestClock.adjust("5 minutes")
        expect(gatewaysOf(world)).toEqual({ v4: [OLD.v4], v6: [OLD.v6] })
        expect(world.readiness.missing()).toEqual([])
        expect(world.lines.filter((line) => line.includes("does not resolve"))).toHaveLength(1)
        yield* running.stop
      })
    )
  })

  it("sets the route again within 100 ms after somebody removed or changed it", async () => {
    const world = makeWorld()
    world.resolver.set("anchord", OLD)
    await run(
      world,
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* TestClock.adjust("1 second")
        for (const route of world.netns.defaultRoutes("v4")) world.netns.apply({ _tag: "Delete", route })
        expect(gatewaysOf(world).v4).toEqual([])
        yield* TestClock.adjust("100 millis")
        expect(gatewaysOf(world).v4).toEqual([OLD.v4])
        world.netns.apply({ _tag: "Replace", route: { family: "v4", gateway: BRIDGE.v4 } })
        yield* TestClock.adjust("100 millis")
        expect(gatewaysOf(world).v4).toEqual([OLD.v4])
        world.netns.setUp("eth0", false)
        world.netns.setUp("eth0", true)
        yield* TestClock.adjust("100 millis")
        expect(gatewaysOf(world).v4).toEqual([OLD.v4])
        yield* running.stop
      })
    )
  })

  it("comes to rest: its own change is not one that it answers", async () => {
    const world = withOriginals(makeWorld())
    world.resolver.set("anchord", OLD)
    await run(
      world,
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
    )
  })

  it("restores both families when it is stopped, and leaves no record", async () => {
    const world = withOriginals(makeWorld())
    world.resolver.set("anchord", OLD)
    await run(
      world,
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* TestClock.adjust("1 second")
        expect(gatewaysOf(world)).toEqual({ v4: [OLD.v4], v6: [OLD.v6] })
        yield* running.stop
        expect(gatewaysOf(world)).toEqual({ v4: [BRIDGE.v4], v6: [BRIDGE.v6] })
        expect(gatewaysOf(world, ORIGINALS_TABLE)).toEqual({ v4: [], v6: [] })
      })
    )
  })

  it("removes its own routes when it is stopped where there were none", async () => {
    const world = makeWorld()
    world.resolver.set("anchord", OLD)
    await run(
      world,
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* TestClock.adjust("1 second")
        yield* running.stop
        expect(gatewaysOf(world)).toEqual({ v4: [], v6: [] })
      })
    )
  })

  it("restores what it found before a predecessor that was killed", async () => {
    for (const [world, restored] of [
      [withOriginals(makeWorld()), { v4: [BRIDGE.v4], v6: [BRIDGE.v6] }],
      [makeWorld(), { v4: [], v6: [] }]
    ] as const) {
      world.resolver.set("anchord", OLD)
      await run(
        world,
        Effect.gen(function* () {
          const killed = yield* start(world)
          yield* TestClock.adjust("1 second")
          yield* killed.kill
          world.resolver.set("anchord", NEW)
          const successor = yield* start(world)
          yield* TestClock.adjust("1 second")
          expect(gatewaysOf(world)).toEqual({ v4: [NEW.v4], v6: [NEW.v6] })
          yield* successor.stop
          expect(gatewaysOf(world)).toEqual(restored)
        })
      )
    }
  })

  it("restores IPv6 though the original of IPv4 cannot be put back", async () => {
    const world = makeWorld()
    world.netns.addLink("eth1", "10.5.0.9/24")
    world.netns.add({ family: "v4", gateway: "10.5.0.1" })
    world.netns.add({ family: "v6", gateway: BRIDGE.v6 })
    world.resolver.set("anchord", OLD)
    await run(
      world,
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* TestClock.adjust("1 second")
        world.netns.removeLink("eth1")
        world.netns.apply({
          _tag: "Replace",
          route: { family: "v4", gateway: BRIDGE.v4, metric: 7, table: ORIGINALS_TABLE }
        })
        world.netns.addAddress("eth0", "10.7.0.9/24")
        world.netns.removeAddress("eth0", "172.20.0.9")
        yield* running.stop
        expect(gatewaysOf(world)).toEqual({ v4: [], v6: [BRIDGE.v6] })
        expect(world.lines.filter((line) => line.includes("cannot"))).toEqual([
          "Error: cannot put a route back as it was; Docker sets it anew when the container that owns this network namespace is restarted"
        ])
      })
    )
  })

  it("never resolves when the gateway's address is given", async () => {
    const world = makeWorld()
    await run(
      world,
      Effect.gen(function* () {
        const running = yield* start(world, { gateway: { v4: OLD.v4 } })
        yield* TestClock.adjust("1 minute")
        expect(world.resolver.takeLookups()).toBe(0)
        expect(gatewaysOf(world)).toEqual({ v4: [OLD.v4], v6: [] })
        expect(world.readiness.missing()).toEqual([])
        yield* running.stop
      })
    )
  })

  it("does not let a family without an address hold the other up", async () => {
    const world = makeWorld()
    world.resolver.set("anchord", { v4: OLD.v4 })
    await run(
      world,
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* TestClock.adjust("1 second")
        expect(gatewaysOf(world)).toEqual({ v4: [OLD.v4], v6: [] })
        expect(world.lines.filter((line) => line.startsWith("Warn"))).toEqual([])
        yield* running.stop
      })
    )
  })

  it("warns once about a gateway on no network of its own, and sets the route when that network comes", async () => {
    const world = makeWorld()
    world.resolver.set("anchord", { v4: "10.8.0.2" })
    await run(
      world,
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* TestClock.adjust("2 minutes")
        expect(world.lines.filter((line) => line.includes("10.8.0.2 is on no network"))).toHaveLength(1)
        world.netns.addLink("eth1", "10.8.0.9/24")
        yield* TestClock.adjust("100 millis")
        expect(gatewaysOf(world).v4).toEqual(["10.8.0.2"])
        yield* running.stop
      })
    )
  })

  it("warns of nothing while its namespace loses its networks piece by piece, as when their container stops, and tells of it then", async () => {
    const world = makeWorld()
    await run(
      world,
      Effect.gen(function* () {
        const running = yield* start(world, { gateway: OLD })
        world.netns.removeAddress("eth0", "fd20::9")
        yield* TestClock.adjust("500 millis")
        world.netns.removeLink("eth0")
        yield* TestClock.adjust("2 minutes")
        expect(world.lines.filter((line) => /^(Warn|Error)/.test(line))).toEqual([])
        expect(world.lines.filter((line) => line.includes("the networks of this namespace are gone"))).toHaveLength(1)
        yield* running.stop
      })
    )
  })

  it("ends at once, naming NET_ADMIN, when it may not change routes", async () => {
    const world = makeWorld()
    world.netns.capable = false
    await run(
      world,
      Effect.gen(function* () {
        const running = yield* start(world)
        const exit = yield* Fiber.await(running.fiber)
        expect(Exit.isFailure(exit) && String(exit.cause)).toContain("NET_ADMIN")
      })
    )
  })

  it("counts look-ups and replacements, and shows whether its route is there", async () => {
    const world = makeWorld()
    world.resolver.set("anchord", { v4: OLD.v4 })
    await run(
      world,
      Effect.gen(function* () {
        const running = yield* start(world)
        yield* TestClock.adjust("100 millis")
        const text = yield* PrometheusMetrics.format()
        expect(text).toMatch(/^anchord_default_route_present\{family="v4"\} 1$/m)
        expect(text).toMatch(/^anchord_default_route_present\{family="v6"\} 0$/m)
        expect(text).toMatch(/^anchord_gateway_route_replaces_total\{family="v4"\} [1-9]/m)
        expect(text).toMatch(/^anchord_gateway_resolve_total\{family="v4",outcome="ok"\} [1-9]/m)
        yield* running.stop
      })
    )
  })
})
