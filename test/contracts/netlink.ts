import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { families, type Address, type Family } from "../../src/domain/Address.ts"
import { planExternalDefault } from "../../src/domain/DefaultRoute.ts"
import type { DefaultRoute, NetlinkChange, NeighbourState, RouteStep } from "../../src/domain/Routing.ts"
import { ORIGINALS_TABLE } from "../../src/domain/Routing.ts"
import { planFollow, planRestore } from "../../src/domain/ServiceAnchorRoutes.ts"
import { Netlink } from "../../src/services/Netlink.ts"

/** What others than the layer under test do to the namespace. */
export interface NetnsWorld {
  /** A link that is up and has the addresses (`10.1.0.2/24`). */
  readonly addLink: (name: string, ...addresses: ReadonlyArray<string>) => Promise<void>
  readonly setUp: (name: string, up: boolean) => Promise<void>
  readonly addRoute: (route: DefaultRoute) => Promise<void>
  readonly appendRoute: (route: DefaultRoute) => Promise<void>
  readonly setNeighbour: (link: string, address: Address, state: NeighbourState) => Promise<void>
}

export interface NetlinkSetup {
  readonly layer: Layer.Layer<Netlink>
  readonly world: NetnsWorld
  readonly dispose: () => Promise<void>
}

const patience = { timeout: 10_000, interval: 20 }

const replace = (route: DefaultRoute): RouteStep => ({ _tag: "Replace", route })
const remove = (route: DefaultRoute): RouteStep => ({ _tag: "Delete", route })

const shown = (routes: ReadonlyArray<DefaultRoute>) =>
  routes.map((route) => [route.gateway, route.link, route.metric ?? "-", route.protocol ?? "boot"].join(" "))

/** A link on which the namespace has two addresses of each family. */
const ROOMY = "roomy"

/** Defaults that say more than a gateway and its link, on the link {@link ROOMY}. */
const particular: ReadonlyArray<DefaultRoute> = [
  { family: "v4", gateway: "fd03::1", link: ROOMY },
  { family: "v4", gateway: "fe80::1", link: ROOMY, mtu: 1_300 },
  { family: "v4", gateway: "192.0.2.1", link: ROOMY, onLink: true },
  { family: "v4", gateway: "10.3.0.1", link: ROOMY, source: "10.3.0.3", mtu: 1_400 },
  { family: "v4", gateway: "10.3.0.1", link: ROOMY, protocol: "static", source: "10.3.0.2", onLink: true, mtu: 1_500 },
  { family: "v6", gateway: "2001:db8::1", link: ROOMY, metric: 1_024, onLink: true },
  { family: "v6", gateway: "fe80::1", link: ROOMY, metric: 1_024, onLink: true, mtu: 1_300 },
  { family: "v6", gateway: "fd03::1", link: ROOMY, metric: 1_024, source: "fd03::3", mtu: 1_400 },
  { family: "v6", gateway: "fd03::1", link: ROOMY, metric: 20, protocol: "static", source: "fd03::2" }
]

/** The contract of {@link Netlink}: what holds for a kernel, and must hold for everything that stands in for one. */
export const netlinkContract = (title: string, setUp: () => Promise<NetlinkSetup>): void => {
  describe(`${title}: the contract of Netlink`, () => {
    let setup: NetlinkSetup
    let world: NetnsWorld
    beforeEach(async () => {
      setup = await setUp()
      world = setup.world
      await world.addLink("ext", "10.1.0.2/24", "fd01::2/64")
      await world.addLink("br", "10.2.0.2/24", "fd02::2/64")
    })
    afterEach(() => setup.dispose())

    const run = <A, E>(use: (netlink: Netlink["Service"]) => Effect.Effect<A, E>): Promise<A> =>
      Effect.runPromise(Effect.flatMap(Netlink, use).pipe(Effect.provide(setup.layer)))
    const apply = (...steps: ReadonlyArray<RouteStep>) => run((netlink) => netlink.applyRoutes(steps))
    const defaults = async (family: Family, table?: number) =>
      shown(await run((netlink) => netlink.defaultRoutes(family, table)))
    const addRoomy = () => world.addLink(ROOMY, "10.3.0.2/24", "10.3.0.3/24", "fd03::2/64", "fd03::3/64")
    const refusalOf = (...steps: ReadonlyArray<RouteStep>) =>
      run((netlink) => netlink.applyRoutes(steps).pipe(Effect.flip))
    const read = async (table?: number) =>
      (await Promise.all(families.map((family) => run((netlink) => netlink.defaultRoutes(family, table))))).flat()

    describe("reading", () => {
      it("shows links with their MAC address in lower case", async () => {
        const links = await run((netlink) => netlink.links)
        expect(links.find(({ name }) => name === "ext")).toMatchObject({ up: true })
        expect(links.find(({ name }) => name === "ext")?.mac).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)
      })

      it("shows addresses of both families with link, prefix length and scope", async () => {
        const addresses = await run((netlink) => netlink.addresses)
        const of = (link: string) => addresses.filter((one) => one.link === link && one.scope === "global")
        expect(of("br").map(({ family, address, prefixLength }) => `${family} ${address}/${prefixLength}`)).toEqual([
          "v4 10.2.0.2/24",
          "v6 fd02::2/64"
        ])
      })

      it("shows no routes where there are none, nor in a table that does not exist", async () => {
        for (const family of families) {
          expect(await defaults(family)).toEqual([])
          expect(await defaults(family, ORIGINALS_TABLE)).toEqual([])
        }
      })

      it("shows each next hop of an IPv6 default with several", async () => {
        await world.addRoute({ family: "v6", gateway: "fd01::1" })
        await world.appendRoute({ family: "v6", gateway: "fd02::1" })
        expect((await defaults("v6")).toSorted()).toEqual(["fd01::1 ext 1024 boot", "fd02::1 br 1024 boot"])
      })

      it("shows neighbours with their state", async () => {
        await world.setNeighbour("ext", "10.1.0.1", "permanent")
        await world.setNeighbour("ext", "fd01::1", "failed")
        const v4 = await run((netlink) => netlink.neighbours("v4"))
        const v6 = await run((netlink) => netlink.neighbours("v6"))
        expect(v4).toContainEqual({ family: "v4", link: "ext", address: "10.1.0.1", state: "permanent" })
        expect(v6).toContainEqual({ family: "v6", link: "ext", address: "fd01::1", state: "failed" })
      })

      it("answers nothing for a kernel parameter that does not exist", async () => {
        expect(await run((netlink) => netlink.sysctl("net.ipv4.no_such_parameter"))).toBeUndefined()
      })
    })

    describe("asking for a neighbour", () => {
      const stateOf = async (family: Family, address: Address) =>
        (await run((netlink) => netlink.neighbours(family))).find((one) => one.address === address)?.state

      it("finds out that nobody has the address, whether it was known before or not", async () => {
        await world.setNeighbour("br", "10.2.0.7", "stale")
        const asked = ["10.2.0.7", "10.2.0.8", "fd02::8"] as const
        for (const address of asked) await run((netlink) => netlink.askNeighbour("br", address))
        for (const address of asked)
          await vi.waitFor(
            async () => expect(await stateOf(address.includes(":") ? "v6" : "v4", address)).toBe("failed"),
            patience
          )
      })

      it("undoes what the kernel was told for ever", async () => {
        await world.setNeighbour("br", "10.2.0.7", "permanent")
        await run((netlink) => netlink.askNeighbour("br", "10.2.0.7"))
        await vi.waitFor(async () => expect(await stateOf("v4", "10.2.0.7")).toBe("failed"), patience)
      })

      it("is refused on a link that does not exist", async () => {
        const error = await run((netlink) => netlink.askNeighbour("nowhere", "10.2.0.7").pipe(Effect.flip))
        expect(error).toMatchObject({ reason: "failed", message: expect.stringContaining("nowhere") })
      })
    })

    describe("forgetting neighbours", () => {
      const known = async () =>
        (await Promise.all(families.map((family) => run((netlink) => netlink.neighbours(family)))))
          .flat()
          .map(({ address }) => address)
          .filter((address) => /^(10\.2|fd02)/.test(address))
          .toSorted()

      it("deletes these of both families and no others, and does not mind those that are not known", async () => {
        for (const n of [7, 8]) {
          await world.setNeighbour("br", `10.2.0.${n}`, "reachable")
          await world.setNeighbour("br", `fd02::${n}`, "stale")
        }
        await run((netlink) => netlink.forgetNeighbours(["10.2.0.7", "fd02::7", "10.2.0.9", "fd02::9"]))
        expect(await known()).toEqual(["10.2.0.8", "fd02::8"])
        await run((netlink) => netlink.forgetNeighbours(["fd02::8"]))
        expect(await known()).toEqual(["10.2.0.8"])
        await run((netlink) => netlink.forgetNeighbours([]))
        expect(await known()).toEqual(["10.2.0.8"])
      })

      it("leaves what was told for ever", async () => {
        await world.setNeighbour("br", "10.2.0.7", "permanent")
        await run((netlink) => netlink.forgetNeighbours(["10.2.0.7"]))
        expect(await known()).toEqual(["10.2.0.7"])
      })
    })

    describe("changing routes", () => {
      it("finds the link by itself and shows the protocol", async () => {
        await apply(replace({ family: "v4", gateway: "10.2.0.1", protocol: "97" }))
        await apply(replace({ family: "v6", gateway: "fd02::1", protocol: "97", metric: 512 }))
        expect(await defaults("v4")).toEqual(["10.2.0.1 br - 97"])
        expect(await defaults("v6")).toEqual(["fd02::1 br 512 97"])
      })

      it("replaces a default of the same metric, and no other", async () => {
        await world.addRoute({ family: "v4", gateway: "10.1.0.1" })
        await world.addRoute({ family: "v4", gateway: "10.1.0.1", metric: 50 })
        await world.addRoute({ family: "v6", gateway: "fd01::1" })
        await apply(replace({ family: "v4", gateway: "10.2.0.1", protocol: "97" }))
        await apply(replace({ family: "v6", gateway: "fd02::1", protocol: "97", metric: 512 }))
        expect(await defaults("v4")).toEqual(["10.2.0.1 br - 97", "10.1.0.1 ext 50 boot"])
        expect(await defaults("v6")).toEqual(["fd02::1 br 512 97", "fd01::1 ext 1024 boot"])
      })

      it("replaces all next hops of an IPv6 default at once", async () => {
        await world.addRoute({ family: "v6", gateway: "fd01::1" })
        await world.appendRoute({ family: "v6", gateway: "fd02::1" })
        await apply(replace({ family: "v6", gateway: "fd01::9", protocol: "97" }))
        expect(await defaults("v6")).toEqual(["fd01::9 ext 1024 97"])
      })

      it("changes nothing when the route is already there, twice as well", async () => {
        const step = replace({ family: "v4", gateway: "10.1.0.1", link: "ext", protocol: "97" })
        await apply(step, step)
        expect(await defaults("v4")).toEqual(["10.1.0.1 ext - 97"])
      })

      it("does not call it an error when a route to be deleted is gone, and goes on", async () => {
        await apply(replace({ family: "v4", gateway: "10.1.0.1" }))
        await apply(
          remove({ family: "v4", gateway: "10.1.0.77" }),
          remove({ family: "v4", gateway: "10.1.0.1", table: ORIGINALS_TABLE }),
          remove({ family: "v4", gateway: "10.1.0.1" }),
          remove({ family: "v6", gateway: "fd01::77", link: "ext", metric: 512 })
        )
        expect(await defaults("v4")).toEqual([])
      })

      it("deletes a route of exactly that protocol", async () => {
        await apply(replace({ family: "v4", gateway: "10.1.0.1", protocol: "97" }))
        await apply(remove({ family: "v4", gateway: "10.1.0.1", link: "ext" }))
        expect(await defaults("v4")).toEqual(["10.1.0.1 ext - 97"])
      })

      it("keeps the tables apart", async () => {
        for (const [family, gateway] of [
          ["v4", "10.1.0.1"],
          ["v6", "fd01::1"]
        ] as const) {
          await apply(replace({ family, gateway, link: "ext", table: ORIGINALS_TABLE }))
          expect(await defaults(family)).toEqual([])
          expect(await defaults(family, ORIGINALS_TABLE)).toHaveLength(1)
          await apply(remove({ family, gateway, link: "ext", table: ORIGINALS_TABLE }))
          expect(await defaults(family, ORIGINALS_TABLE)).toEqual([])
        }
      })

      it("refuses a gateway on no network, does no later step of that family, and the other family all the same", async () => {
        const outcome = await refusalOf(
          replace({ family: "v4", gateway: "10.77.0.1" }),
          replace({ family: "v4", gateway: "10.1.0.1" }),
          replace({ family: "v6", gateway: "fd01::1" })
        )
        expect(outcome).toMatchObject({ _tag: "NetlinkError", reason: "failed" })
        expect(await defaults("v4")).toEqual([])
        expect(await defaults("v6")).toEqual(["fd01::1 ext 1024 boot"])
      })

      it("takes a link-local gateway with its link", async () => {
        await apply(replace({ family: "v6", gateway: "fe80::1", link: "br", protocol: "97", metric: 512 }))
        expect(await defaults("v6")).toEqual(["fe80::1 br 512 97"])
      })

      it("keeps and shows source, MTU and a gateway that is on its link by fiat, or of IPv6 on an IPv4 route", async () => {
        await addRoomy()
        for (const table of [undefined, ORIGINALS_TABLE]) {
          for (const route of particular) {
            const whole = { ...route, ...(table === undefined ? {} : { table }) }
            await apply(replace(whole))
            expect(await read(table)).toEqual([whole])
            await apply(remove(whole))
            expect(await read(table)).toEqual([])
          }
        }
      })

      it("holds IPv4 routes apart that differ in source, MTU or in being on the link by fiat, and deletes the one that is meant", async () => {
        await addRoomy()
        const plain: DefaultRoute = { family: "v4", gateway: "10.3.0.1", link: ROOMY }
        const small = { ...plain, mtu: 1_400 }
        const sourced = { ...plain, source: "10.3.0.3" }
        const onLink = { ...plain, onLink: true as const }
        for (const route of [plain, small, sourced, onLink]) await world.appendRoute(route)
        for (const route of [plain, small, sourced, onLink]) await expect(world.appendRoute(route)).rejects.toThrow()
        expect(await refusalOf(replace(small))).toMatchObject({ reason: "failed" })
        await apply(remove({ ...plain, mtu: 1_300 }), remove({ ...plain, source: "10.3.0.2" }))
        expect(await read()).toEqual([plain, small, sourced, onLink])
        await apply(remove(sourced), remove(small))
        expect(await read()).toEqual([plain, onLink])
      })

      it("holds one IPv6 route to a next hop, whatever else it says, and deletes it whatever is said of it", async () => {
        await addRoomy()
        const plain: DefaultRoute = { family: "v6", gateway: "fd03::1", link: ROOMY, metric: 1_024 }
        const small: DefaultRoute = { ...plain, mtu: 1_400, source: "fd03::3" }
        await world.addRoute(plain)
        for (const other of [small, { ...plain, protocol: "static" }]) {
          await expect(world.addRoute(other)).rejects.toThrow()
          await expect(world.appendRoute(other)).rejects.toThrow()
        }
        await apply(replace(small))
        expect(await read()).toEqual([small])
        await apply(remove(plain))
        expect(await read()).toEqual([])
      })

      it("refuses a source that is no address of the namespace, and a gateway that is on the link by fiat without a link", async () => {
        await addRoomy()
        for (const route of [
          { family: "v4", gateway: "10.3.0.1", source: "10.3.0.77" },
          { family: "v6", gateway: "fd03::1", source: "fd03::77" },
          { family: "v4", gateway: "192.0.2.1", onLink: true },
          { family: "v6", gateway: "2001:db8::1", onLink: true },
          { family: "v4", gateway: "fd09::1", link: ROOMY }
        ] as const) {
          expect(await refusalOf(replace(route))).toMatchObject({ reason: "failed" })
        }
        expect(await read()).toEqual([])
      })

      it("loses the routes of a link that goes down", async () => {
        await apply(replace({ family: "v4", gateway: "10.1.0.1" }), replace({ family: "v6", gateway: "fd01::1" }))
        await world.setUp("ext", false)
        await vi.waitFor(async () => expect(await read()).toEqual([]), patience)
      })
    })

    describe("changes", () => {
      const listening = async (use: (seen: Array<NetlinkChange>) => Promise<void>) => {
        const seen: Array<NetlinkChange> = []
        const fiber = Effect.runFork(
          Effect.flatMap(Netlink, ({ changes }) =>
            Stream.runForEach(changes, (change) => Effect.sync(() => void seen.push(change)))
          ).pipe(Effect.provide(setup.layer))
        )
        const everything = ["route", "address", "link", "neighbour"]
        await vi.waitFor(() => expect(seen).toEqual(expect.arrayContaining(everything)), patience)
        seen.length = 0
        await use(seen).finally(() => Effect.runPromise(Fiber.interrupt(fiber)))
      }

      it("begin with every kind once, and tell routes, addresses, links and neighbours apart", () =>
        listening(async (seen) => {
          const comes = (change: NetlinkChange) => vi.waitFor(() => expect(seen).toContain(change), patience)
          await apply(replace({ family: "v4", gateway: "10.1.0.1" }))
          await comes("route")
          await world.setNeighbour("ext", "10.1.0.1", "permanent")
          await comes("neighbour")
          await world.addLink("late", "10.9.0.2/24")
          await comes("link")
          await comes("address")
        }))

      it("tell of a route that is deleted", () =>
        listening(async (seen) => {
          await apply(replace({ family: "v6", gateway: "fd01::1" }))
          await vi.waitFor(() => expect(seen).toContain("route"), patience)
          seen.length = 0
          await apply(remove({ family: "v6", gateway: "fd01::1", link: "ext", metric: 1024 }))
          await vi.waitFor(() => expect(seen).toContain("route"), patience)
        }))
    })

    describe("with the plans", () => {
      it("an external default is the only one, and then there is nothing to do", async () => {
        await world.addRoute({ family: "v4", gateway: "10.2.0.1" })
        await world.appendRoute({ family: "v4", gateway: "10.2.0.3" })
        await world.addRoute({ family: "v4", gateway: "10.1.0.1", metric: 20 })
        await world.addRoute({ family: "v6", gateway: "fd01::1" })
        await world.appendRoute({ family: "v6", gateway: "fd02::1" })
        const gateways = [
          { family: "v4", address: "10.1.0.1", source: "IPAM" },
          { family: "v6", address: "fd01::1", source: "IPAM" }
        ] as const
        const plan = async () => planExternalDefault({ link: "ext", gateways, current: await read() })
        await apply(...(await plan()))
        expect(shown(await read())).toEqual(["10.1.0.1 ext - 97", "fd01::1 ext 512 97"])
        expect(await plan()).toEqual([])
      })

      const plain: ReadonlyArray<DefaultRoute> = [
        { family: "v4", gateway: "10.3.0.1", link: ROOMY },
        { family: "v6", gateway: "fd03::1", link: ROOMY }
      ]
      it.each([plain, ...particular.map((route) => [route])])(
        "following and restoring leaves %j as it was",
        async (...found) => {
          await addRoomy()
          for (const route of found) await world.addRoute(route)
          const before = await read()
          expect(before).toHaveLength(found.length)
          const state = async () => ({
            main: await read(),
            originals: await read(ORIGINALS_TABLE),
            addresses: await run((netlink) => netlink.addresses)
          })
          for (const gateways of [
            { v4: "10.3.0.5", v6: "fd03::5" },
            { v4: "10.3.0.6", v6: "fd03::6" }
          ]) {
            await apply(...planFollow(await state(), gateways))
            expect((await read()).map(({ gateway }) => gateway)).toEqual([gateways.v4, gateways.v6])
            expect(planFollow(await state(), gateways)).toEqual([])
          }
          for (const family of families) await apply(...planRestore(await state(), family))
          expect(await read()).toEqual(before)
          expect(await read(ORIGINALS_TABLE)).toEqual([])
        }
      )
    })
  })
}
