import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { promisify } from "node:util"
import { describe, expect, it, vi } from "vitest"
import type { DefaultRoute, LinkAddress, NetlinkChange } from "../../src/domain/Routing.ts"
import * as IpRoute2 from "../../src/layers/netlink/IpRoute2.ts"
import { Netlink } from "../../src/services/Netlink.ts"
import { netlinkContract } from "../../test/contracts/netlink.ts"
import { netlinkAddressContract } from "../../test/contracts/netlinkAddresses.ts"
import { makeNetns } from "../lab/lan.ts"
import { childrenRunning } from "../lab/processes.ts"

const exec = promisify(execFile)
const ip = (...args: ReadonlyArray<string>) => exec("ip", [...args])

const hopFamily = ({ family, gateway = "" }: DefaultRoute): ReadonlyArray<string> =>
  family === "v4" && gateway.includes(":") ? ["inet6"] : []

const routeWords = (route: DefaultRoute): ReadonlyArray<string> => [
  ...(route.gateway === undefined ? [] : ["via", ...hopFamily(route), route.gateway]),
  ...(route.link === undefined ? [] : ["dev", route.link]),
  ...(route.onLink === undefined ? [] : ["onlink"]),
  ...(route.source === undefined ? [] : ["src", route.source]),
  ...(route.mtu === undefined ? [] : ["mtu", `${route.mtu}`]),
  ...(route.metric === undefined ? [] : ["metric", `${route.metric}`]),
  ...(route.protocol === undefined ? [] : ["proto", route.protocol])
]

const makeLinks = async () => {
  const { name, dispose } = await makeNetns()
  const prefix = ["nsenter", `--net=/run/netns/${name}`]
  const inside = (...args: ReadonlyArray<string>) => ip("-n", name, ...args)
  const flag = (address: string) => (address.includes(":") ? "-6" : "-4")
  return {
    name,
    prefix,
    layer: IpRoute2.layer({ prefix }),
    world: {
      addLink: async (link: string, ...addresses: ReadonlyArray<string>) => {
        await inside("link", "add", "name", link, "type", "veth", "peer", "name", `${link}p`)
        for (const end of [link, `${link}p`]) await inside("link", "set", "dev", end, "up")
        for (const address of addresses) {
          const nodad = address.includes(":") ? ["nodad"] : []
          await inside(flag(address), "address", "add", address, "dev", link, ...nodad)
        }
      },
      setUp: async (link: string, up: boolean) => void (await inside("link", "set", "dev", link, up ? "up" : "down")),
      addRoute: async (route: DefaultRoute) =>
        void (await inside(route.family === "v4" ? "-4" : "-6", "route", "add", "default", ...routeWords(route))),
      appendRoute: async (route: DefaultRoute) =>
        void (await inside(route.family === "v4" ? "-4" : "-6", "route", "append", "default", ...routeWords(route))),
      setNeighbour: async (link: string, address: string, state: string) => {
        const mac = state === "failed" ? [] : ["lladdr", "02:00:00:00:00:01"]
        await inside("neigh", "replace", address, ...mac, "dev", link, "nud", state)
      }
    },
    dispose
  }
}

netlinkContract("iproute2", makeLinks)
netlinkAddressContract("iproute2", makeLinks)

const monitors = () => childrenRunning("ip monitor")

describe("netlink by iproute2", () => {
  it("finds a neighbour that answers, of which nothing or something old is known", async () => {
    const [here, there] = [await makeLinks(), await makeNetns()]
    await ip("-n", here.name, "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", there.name)
    for (const [netns, link, n] of [
      [here.name, "near", 1],
      [there.name, "far", 2]
    ] as const) {
      await ip("-n", netns, "address", "add", `10.4.0.${n}/24`, "dev", link)
      await ip("-n", netns, "address", "add", `fd04::${n}/64`, "dev", link, "nodad")
      await ip("-n", netns, "link", "set", link, "up")
    }
    const stateOf = (address: string) =>
      Effect.flatMap(Netlink, ({ neighbours }) => neighbours(address.includes(":") ? "v6" : "v4")).pipe(
        Effect.map((all) => all.find((one) => one.address === address)?.state)
      )
    const run = <A, E>(effect: Effect.Effect<A, E, Netlink>) => Effect.runPromise(Effect.provide(effect, here.layer))
    const ask = (address: string) => run(Effect.flatMap(Netlink, ({ askNeighbour }) => askNeighbour("near", address)))
    try {
      for (const address of ["10.4.0.2", "fd04::2"]) {
        await ask(address)
        await vi.waitFor(async () => expect(await run(stateOf(address))).toBe("reachable"), { timeout: 10_000 })
        await ip("-n", here.name, "neigh", "change", address, "dev", "near", "nud", "stale")
        expect(await run(stateOf(address))).toBe("stale")
        await ask(address)
        await vi.waitFor(async () => expect(await run(stateOf(address))).toBe("reachable"), { timeout: 10_000 })
      }
    } finally {
      await here.dispose()
      await there.dispose()
    }
  })

  it("says not-permitted without CAP_NET_ADMIN, even for a route that is not there", async () => {
    const netns = await makeLinks()
    const prefix = [...netns.prefix, "setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]
    const step = { _tag: "Delete", route: { family: "v4", metric: 4_294_967_295, protocol: "97" } } as const
    const error = await Effect.runPromise(
      Effect.flatMap(Netlink, ({ applyRoutes }) => Effect.flip(applyRoutes([step]))).pipe(
        Effect.provide(IpRoute2.layer({ prefix }))
      )
    ).finally(netns.dispose)
    expect(error).toMatchObject({ _tag: "NetlinkError", reason: "not-permitted" })
  })

  it("reads a kernel parameter of its namespace", async () => {
    const netns = await makeLinks()
    await netns.world.addLink("ext.7", "10.1.0.2/24")
    const read = (name: string) =>
      Effect.runPromise(Effect.flatMap(Netlink, ({ sysctl }) => sysctl(name)).pipe(Effect.provide(netns.layer)))
    expect(await read("net.ipv4.ip_forward")).toMatch(/^[01]$/)
    expect(await read("net.ipv6.conf.ext/7.accept_ra")).toMatch(/^[0-2]$/)
    await netns.dispose()
  })

  it("sets how soon an unanswered neighbour is asked again, for both families", async () => {
    const netns = await makeLinks()
    await netns.world.addLink("ext", "10.1.0.2/24", "fd01::2/64")
    await Effect.runPromise(
      Effect.flatMap(Netlink, ({ setNeighbourRetransmission }) => setNeighbourRetransmission("ext", 100)).pipe(
        Effect.provide(netns.layer)
      )
    )
    const { stdout } = await ip("-n", netns.name, "ntable", "show", "dev", "ext").finally(netns.dispose)
    expect(stdout.match(/retrans 100 /g)).toHaveLength(2)
    expect(stdout.match(/ucast_probes 30 mcast_probes 30 /g)).toHaveLength(2)
  })

  it("makes an address usable while its duplicate address detection is under way", async () => {
    const netns = await makeLinks()
    await netns.world.addLink("ext")
    await ip("-n", netns.name, "-6", "address", "add", "fd01::2/64", "dev", "ext")
    const tentative = (all: ReadonlyArray<LinkAddress>) => all.filter((one) => one.tentative)
    const [before, after] = await Effect.runPromise(
      Effect.gen(function* () {
        const { addresses, endAddressDetection } = yield* Netlink
        const first = tentative(yield* addresses)
        yield* Effect.forEach(first, endAddressDetection)
        return [first, yield* addresses] as const
      }).pipe(Effect.provide(netns.layer))
    ).finally(netns.dispose)
    expect(before.map(({ address }) => address)).toContain("fd01::2")
    expect(tentative(after)).toEqual([])
    expect(after.map(({ address }) => address)).toEqual(expect.arrayContaining(before.map(({ address }) => address)))
  })

  it("survives next hop objects and IPv4 defaults with several next hops", async () => {
    const netns = await makeLinks()
    await netns.world.addLink("ext", "10.1.0.2/24")
    await ip("-n", netns.name, "nexthop", "add", "id", "5", "via", "10.1.0.9", "dev", "ext")
    await ip("-n", netns.name, "route", "add", "default", "nhid", "5")
    const hops = ["nexthop", "via", "10.1.0.7", "nexthop", "via", "10.1.0.8"]
    await ip("-n", netns.name, "route", "add", "default", "metric", "9", ...hops)
    const routes = await Effect.runPromise(
      Effect.flatMap(Netlink, ({ defaultRoutes }) => defaultRoutes("v4")).pipe(Effect.provide(netns.layer))
    ).finally(netns.dispose)
    expect(routes.map(({ gateway }) => gateway)).toEqual(["10.1.0.9", "10.1.0.7", "10.1.0.8"])
  })

  it("starts the monitor again when it dies, and then tells every kind once", async () => {
    const netns = await makeLinks()
    const seen: Array<NetlinkChange> = []
    const before = monitors()
    const fiber = Effect.runFork(
      Effect.flatMap(Netlink, ({ changes }) =>
        Stream.runForEach(changes, (change) => Effect.sync(() => void seen.push(change)))
      ).pipe(Effect.provide(netns.layer))
    )
    const all = () => expect(seen).toEqual(expect.arrayContaining(["route", "address", "link", "neighbour"]))
    const mine = () => monitors().filter((pid) => !before.includes(pid))
    await vi.waitFor(all, { timeout: 5_000 })
    const [first] = mine()
    expect(first).toBeDefined()
    seen.length = 0
    process.kill(first!, "SIGKILL")
    await vi.waitFor(all, { timeout: 5_000 })
    expect(mine()).not.toContain(first)
    await Effect.runPromise(Fiber.interrupt(fiber))
    await vi.waitFor(() => expect(mine()).toEqual([]), { timeout: 5_000 })
    await netns.dispose()
  })
})
