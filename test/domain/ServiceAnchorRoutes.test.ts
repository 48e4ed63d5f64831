import { describe, expect, it } from "vitest"
import { families, type AddressPair } from "../../src/domain/Address.ts"
import { ORIGINALS_TABLE, type DefaultRoute, type RouteStep } from "../../src/domain/Routing.ts"
import { isDeserted, linkTowards, planFollow, planRestore } from "../../src/domain/ServiceAnchorRoutes.ts"
import { SimNetns } from "../../src/layers/sim/kernel/SimNetns.ts"

const ANCHOR = { v4: "172.20.0.2", v6: "fd20::2" }
const MOVED = { v4: "172.20.0.7", v6: "fd20::7" }
const BRIDGE = { v4: "172.20.0.1", v6: "fd20::1" }

const makeNetns = () =>
  new SimNetns().addLink("lo", "127.0.0.1/8").addLink("eth0", "172.20.0.9/24", "fd20::9/64", "fe80::9/64")

const wrapped = (originals: AddressPair = BRIDGE) => {
  const netns = makeNetns()
  for (const family of families) {
    const gateway = originals[family]
    if (gateway !== undefined) expect(netns.add({ family, gateway })).toBeUndefined()
  }
  return netns
}

const stateOf = (netns: SimNetns) => ({
  main: families.flatMap((family) => netns.defaultRoutes(family)),
  originals: families.flatMap((family) => netns.defaultRoutes(family, ORIGINALS_TABLE)),
  addresses: netns.addresses()
})

const carryOut = (netns: SimNetns, steps: ReadonlyArray<RouteStep>) => {
  for (const step of steps) netns.apply(step)
}

const follow = (netns: SimNetns, gateways: AddressPair) => carryOut(netns, planFollow(stateOf(netns), gateways))

const restore = (netns: SimNetns) =>
  carryOut(
    netns,
    families.flatMap((family) => planRestore(stateOf(netns), family))
  )

const shown = (routes: ReadonlyArray<DefaultRoute>) =>
  routes.map(({ gateway, protocol }) => `${gateway} ${protocol ?? "boot"}`)

describe("the link towards a gateway", () => {
  const addresses = makeNetns().addLink("eth1", "172.20.0.130/25", "fe80::1:9/64").addresses()

  it("is the one whose prefix holds it, the longest first", () => {
    expect(linkTowards("172.20.0.2", addresses)).toBe("eth0")
    expect(linkTowards("172.20.0.200", addresses)).toBe("eth1")
    expect(linkTowards("fd20::2", addresses)).toBe("eth0")
  })

  it("is none for an address of no network, of the loopback's, or of the namespace itself", () => {
    expect(linkTowards("10.8.0.1", addresses)).toBeUndefined()
    expect(linkTowards("127.0.0.7", addresses)).toBeUndefined()
    expect(linkTowards("172.20.0.9", addresses)).toBeUndefined()
  })

  it("is the only one there is for a link-local gateway, and none when there are several", () => {
    expect(linkTowards("fe80::2", makeNetns().addresses())).toBe("eth0")
    expect(linkTowards("fe80::2", addresses)).toBeUndefined()
  })
})

describe("a namespace", () => {
  it("is deserted when it has no address but the loopback's", () => {
    const addresses = makeNetns().addresses()
    const loopback = addresses.filter(({ link }) => link === "lo")
    expect(loopback).not.toEqual([])
    expect([[], loopback, addresses].map(isDeserted)).toEqual([true, true, false])
  })
})

describe("the record of the originals", () => {
  const { addresses } = stateOf(makeNetns())
  const ours: DefaultRoute = { family: "v6", gateway: ANCHOR.v6, link: "eth0", protocol: "97", metric: 512 }
  const docker: DefaultRoute = { family: "v6", gateway: BRIDGE.v6, link: "eth0" }
  const second: DefaultRoute = { family: "v6", gateway: "fd20::3", link: "eth0", metric: 700 }
  const late: DefaultRoute = { family: "v6", gateway: "fd20::9", link: "eth0", metric: 800 }
  const nowhere: DefaultRoute = { family: "v6", gateway: "fd30::1", link: "eth0", metric: 900 }
  const put = (route: DefaultRoute): DefaultRoute => ({ ...route, table: ORIGINALS_TABLE })

  const recordedOf = (main: ReadonlyArray<DefaultRoute>, ...originals: ReadonlyArray<DefaultRoute>) =>
    planFollow({ main, originals: originals.map(put), addresses }, { v6: ANCHOR.v6 })
      .filter(({ route }) => route.table === ORIGINALS_TABLE)
      .map(({ _tag, route }) => `${_tag} ${route.gateway}`)

  it("has one route of each metric, the first", () => {
    const twin: DefaultRoute = { ...docker, gateway: "fd20::4" }
    expect(recordedOf([docker, twin, second])).toEqual([`Replace ${docker.gateway}`, `Replace ${second.gateway}`])
  })

  it("gets what a kill left out, and what is in it already is not put in again", () => {
    expect(recordedOf([docker, second], docker)).toEqual([`Replace ${second.gateway}`])
    expect(recordedOf([docker, second], docker, second)).toEqual([])
  })

  it("stands once something has been displaced, though an original is back and others have come", () => {
    expect(recordedOf([ours, docker, late], docker)).toEqual([])
    expect(recordedOf([docker, late], docker, second)).toEqual([])
  })

  it("stands while one of several originals could come back", () => {
    expect(recordedOf([ours, late], docker, nowhere)).toEqual([])
  })

  it("stands while there is nothing to take its place", () => {
    expect(recordedOf([ours], nowhere)).toEqual([])
  })

  it("is made anew when none of it could come back, without what has no place there any more", () => {
    expect(recordedOf([ours, late], nowhere)).toEqual([`Replace ${late.gateway}`, `Delete ${nowhere.gateway}`])
    const again: DefaultRoute = { ...nowhere, gateway: "fd20::5" }
    expect(recordedOf([ours, again], nowhere)).toEqual([`Replace ${again.gateway}`])
  })

  it("is made anew when the link has no address of the gateway's family any more", () => {
    const ofV4 = addresses.filter(({ family }) => family === "v4")
    const main: ReadonlyArray<DefaultRoute> = [
      { family: "v4", gateway: ANCHOR.v4, link: "eth0", protocol: "97" },
      { family: "v4", gateway: "172.20.0.3", link: "eth0" }
    ]
    const originals = [put({ family: "v4", gateway: "fd30::1", link: "eth0", onLink: true })]
    expect(planFollow({ main, originals, addresses: ofV4 }, { v4: ANCHOR.v4 })[0]).toEqual({
      _tag: "Replace",
      route: put({ family: "v4", gateway: "172.20.0.3", link: "eth0" })
    })
  })
})

describe("following the gateway", () => {
  it("puts the originals by before anything is changed", () => {
    const steps = planFollow(stateOf(wrapped()), { v4: ANCHOR.v4 })
    expect(steps).toEqual([
      { _tag: "Replace", route: { family: "v4", gateway: BRIDGE.v4, link: "eth0", table: ORIGINALS_TABLE } },
      { _tag: "Replace", route: { family: "v4", gateway: ANCHOR.v4, link: "eth0", protocol: "97" } }
    ])
  })

  it("ends with the network-anchor as the only default of each family", () => {
    const netns = wrapped()
    follow(netns, ANCHOR)
    expect(shown(stateOf(netns).main)).toEqual(["172.20.0.2 97", "fd20::2 97"])
    expect(shown(stateOf(netns).originals)).toEqual(["172.20.0.1 boot", "fd20::1 boot"])
    expect(planFollow(stateOf(netns), ANCHOR)).toEqual([])
  })

  it("replaces its own route when the gateway moves, and never records it", () => {
    const netns = wrapped()
    follow(netns, ANCHOR)
    follow(netns, MOVED)
    expect(shown(stateOf(netns).main)).toEqual(["172.20.0.7 97", "fd20::7 97"])
    expect(shown(stateOf(netns).originals)).toEqual(["172.20.0.1 boot", "fd20::1 boot"])
  })

  it("deletes its own route to the earlier gateway when the new one takes another's place", () => {
    const { addresses } = stateOf(makeNetns())
    const foreign: DefaultRoute = { family: "v4", gateway: "172.20.0.66", link: "eth0" }
    const own = (gateway: string): DefaultRoute => ({ family: "v4", gateway, link: "eth0", protocol: "97" })
    const originals: ReadonlyArray<DefaultRoute> = [
      { family: "v4", gateway: BRIDGE.v4, link: "eth0", table: ORIGINALS_TABLE }
    ]
    expect(planFollow({ main: [foreign, own(ANCHOR.v4)], originals, addresses }, { v4: MOVED.v4 })).toEqual([
      { _tag: "Replace", route: own(MOVED.v4) },
      { _tag: "Delete", route: own(ANCHOR.v4) }
    ])
  })

  it("keeps the first record when somebody sets another default", () => {
    const netns = wrapped()
    follow(netns, ANCHOR)
    carryOut(netns, [{ _tag: "Replace", route: { family: "v4", gateway: "172.20.0.66" } }])
    follow(netns, ANCHOR)
    expect(shown(netns.defaultRoutes("v4"))).toEqual(["172.20.0.2 97"])
    expect(shown(netns.defaultRoutes("v4", ORIGINALS_TABLE))).toEqual(["172.20.0.1 boot"])
  })

  it("records anew when the namespace was re-plumbed and the old original cannot come back", () => {
    const netns = wrapped({ v4: BRIDGE.v4 })
    follow(netns, { v4: ANCHOR.v4 })
    netns.removeLink("eth0")
    netns.addLink("eth1", "172.30.0.9/24")
    netns.add({ family: "v4", gateway: "172.30.0.1" })
    const left: DefaultRoute = { family: "v4", gateway: BRIDGE.v4, link: "eth0", table: ORIGINALS_TABLE }
    const steps = planFollow({ ...stateOf(netns), originals: [left] }, { v4: "172.30.0.2" })
    expect(steps[0]).toEqual({
      _tag: "Replace",
      route: { family: "v4", gateway: "172.30.0.1", link: "eth1", table: ORIGINALS_TABLE }
    })
  })

  it.each<readonly [string, DefaultRoute]>([
    ["its source is gone", { family: "v4", gateway: BRIDGE.v4, link: "eth0", source: "172.20.0.8" }],
    ["its IPv6 gateway is on no network", { family: "v4", gateway: "fd30::1", link: "eth0" }],
    ["its link is gone", { family: "v4", gateway: "192.0.2.1", link: "eth7", onLink: true }]
  ])("records anew when the old original cannot come back, because %s", (_why, original) => {
    const netns = wrapped({ v4: BRIDGE.v4 })
    follow(netns, { v4: ANCHOR.v4 })
    netns.append({ family: "v4", gateway: "172.20.0.3", link: "eth0" })
    const originals = [{ ...original, table: ORIGINALS_TABLE }]
    expect(planFollow({ ...stateOf(netns), originals }, { v4: ANCHOR.v4 })[0]?.route).toMatchObject({
      gateway: "172.20.0.3",
      table: ORIGINALS_TABLE
    })
  })

  it.each<DefaultRoute>([
    { family: "v4", gateway: BRIDGE.v4, link: "eth0", source: "172.20.0.9" },
    { family: "v4", link: "eth0" },
    { family: "v4", gateway: "fd20::1", link: "eth0" },
    { family: "v4", gateway: "fe80::1", link: "eth0" },
    { family: "v4", gateway: "192.0.2.1", link: "eth0", onLink: true },
    { family: "v6", gateway: "2001:db8::1", link: "eth0", onLink: true }
  ])("keeps the record of %j while it could come back", (original) => {
    const netns = wrapped({})
    follow(netns, ANCHOR)
    netns.append({ family: original.family, gateway: { v4: "172.20.0.3", v6: "fd20::3" }[original.family] })
    const originals = [{ ...original, table: ORIGINALS_TABLE }]
    const steps = planFollow({ ...stateOf(netns), originals }, { [original.family]: ANCHOR[original.family] })
    expect(steps.filter(({ route }) => route.table === ORIGINALS_TABLE)).toEqual([])
    expect(steps).not.toEqual([])
  })

  it("completes a record that a kill cut short", () => {
    const netns = wrapped({ v6: BRIDGE.v6 })
    netns.add({ family: "v6", gateway: "fd20::3", metric: 700 })
    const [first] = planFollow(stateOf(netns), { v6: ANCHOR.v6 })
    carryOut(netns, first === undefined ? [] : [first])
    follow(netns, { v6: ANCHOR.v6 })
    expect(shown(netns.defaultRoutes("v6", ORIGINALS_TABLE))).toEqual(["fd20::3 boot", "fd20::1 boot"])
  })

  it("leaves defaults that the kernel would not prefer, and those of router advertisements", () => {
    const netns = makeNetns()
    netns.add({ family: "v4", gateway: BRIDGE.v4, metric: 100 })
    netns.add({ family: "v6", gateway: "fe80::1", link: "eth0", protocol: "ra" })
    follow(netns, ANCHOR)
    expect(shown(stateOf(netns).main)).toEqual(["172.20.0.2 97", "172.20.0.1 boot", "fd20::2 97", "fe80::1 ra"])
    expect(stateOf(netns).originals).toEqual([])
    expect(planFollow(stateOf(netns), ANCHOR)).toEqual([])
  })

  it("does nothing for a gateway on no network, and the other family all the same", () => {
    const netns = wrapped()
    expect(planFollow(stateOf(netns), { v4: "10.8.0.1" })).toEqual([])
    follow(netns, { v4: "10.8.0.1", v6: ANCHOR.v6 })
    expect(shown(stateOf(netns).main)).toEqual(["172.20.0.1 boot", "fd20::2 97"])
  })
})

describe("restoring", () => {
  it("puts the originals back, and leaves no trace", () => {
    const netns = wrapped()
    const before = stateOf(netns)
    follow(netns, ANCHOR)
    restore(netns)
    expect(stateOf(netns)).toEqual(before)
  })

  it.each<DefaultRoute>([
    { family: "v4", gateway: BRIDGE.v4, link: "eth0", source: "172.20.0.9", mtu: 1_400 },
    { family: "v4", gateway: "fe80::1", link: "eth0" },
    { family: "v4", gateway: "192.0.2.1", link: "eth0", onLink: true },
    { family: "v6", gateway: "2001:db8::1", link: "eth0", metric: 1_024, onLink: true },
    { family: "v6", gateway: BRIDGE.v6, link: "eth0", metric: 1_024, source: "fd20::9", mtu: 1_400 }
  ])("puts %j back with all that it said, also when somebody has set it again without", (original) => {
    const netns = wrapped({})
    netns.add(original)
    follow(netns, ANCHOR)
    follow(netns, MOVED)
    const { onLink: _onLink, source: _source, mtu: _mtu, ...plain } = original
    carryOut(netns, [{ _tag: "Replace", route: plain }])
    restore(netns)
    expect(stateOf(netns)).toMatchObject({ main: [original], originals: [] })
  })

  it("removes anchord's own routes where there was none", () => {
    const netns = makeNetns()
    follow(netns, ANCHOR)
    restore(netns)
    expect(stateOf(netns).main).toEqual([])
  })

  it("works for the successor of one that was killed, wherever the kill came", () => {
    const whole = planFollow(stateOf(wrapped()), ANCHOR)
    for (let done = 0; done <= whole.length; done += 1) {
      const netns = wrapped()
      const before = stateOf(netns)
      carryOut(netns, whole.slice(0, done))
      follow(netns, MOVED)
      restore(netns)
      expect(stateOf(netns)).toEqual(before)
    }
  })

  it("is done by the successor when a kill cut the restoring short", () => {
    const netns = wrapped()
    const before = stateOf(netns)
    follow(netns, ANCHOR)
    const steps = planRestore(stateOf(netns), "v6")
    carryOut(netns, steps.slice(0, 1))
    restore(netns)
    expect(stateOf(netns)).toEqual(before)
  })

  it("puts an original beside an advertised default of its metric, and in the place of any other", () => {
    const original: DefaultRoute = { family: "v6", gateway: BRIDGE.v6, link: "eth0" }
    const own: DefaultRoute = { family: "v6", gateway: ANCHOR.v6, link: "eth0", protocol: "97", metric: 512 }
    const advertised: DefaultRoute = { family: "v6", gateway: "fe80::1", link: "eth0", protocol: "ra", metric: 1024 }
    const originals = [{ ...original, table: ORIGINALS_TABLE }]
    const firstOf = (...main: ReadonlyArray<DefaultRoute>) => planRestore({ main, originals }, "v6")[0]
    expect(firstOf(own, advertised)).toEqual({ _tag: "Append", route: original })
    expect(firstOf(own)).toEqual({ _tag: "Replace", route: original })
    expect(firstOf(own, { ...advertised, metric: 2048 })).toEqual({ _tag: "Replace", route: original })
    expect(firstOf(own, { ...advertised, protocol: "static" })).toEqual({ _tag: "Replace", route: original })
  })

  it("does not put back what is there, and removes its own route and the record", () => {
    const original: DefaultRoute = { family: "v6", gateway: BRIDGE.v6, link: "eth0" }
    const own: DefaultRoute = { family: "v6", gateway: ANCHOR.v6, link: "eth0", protocol: "97", metric: 512 }
    const put = { ...original, table: ORIGINALS_TABLE }
    expect(planRestore({ main: [own, original], originals: [put] }, "v6")).toEqual([
      { _tag: "Delete", route: own },
      { _tag: "Delete", route: put }
    ])
  })

  it("has no steps where nothing was done", () => {
    expect(families.flatMap((family) => planRestore(stateOf(wrapped()), family))).toEqual([])
  })
})
