import { describe, expect, it } from "vitest"
import type { Address, Family } from "../../src/domain/Address.ts"
import {
  chooseGateways,
  isSameRoute,
  planExternalDefault,
  takeOver,
  type Gateway
} from "../../src/domain/DefaultRoute.ts"
import type { DefaultRoute } from "../../src/domain/Routing.ts"
import { SimNetns } from "../../src/layers/sim/kernel/SimNetns.ts"

const ipam = { v4: "10.99.0.1", v6: "fd99::1" }

const sourcesOf = (gateways: ReadonlyArray<Gateway>) =>
  gateways.map(({ family, address, source }) => `${family} ${address} ${source}`)

describe("the gateway of a family", () => {
  it("is Docker's when nothing else is said", () => {
    expect(sourcesOf(chooseGateways({ pin: {}, ipam }))).toEqual(["v4 10.99.0.1 IPAM", "v6 fd99::1 IPAM"])
  })

  it("is the pin before Docker's, and a pin for one family leaves the other's fall-back", () => {
    expect(sourcesOf(chooseGateways({ pin: { v4: "10.99.0.254" }, ipam }))).toEqual([
      "v4 10.99.0.254 ANCHORD_EXT_GATEWAY_IP",
      "v6 fd99::1 IPAM"
    ])
    expect(sourcesOf(chooseGateways({ pin: { v6: "fe80::1" }, ipam }))).toEqual([
      "v4 10.99.0.1 IPAM",
      "v6 fe80::1 ANCHORD_EXT_GATEWAY_IP"
    ])
  })

  it("is the lease's before the pin, for IPv4", () => {
    expect(sourcesOf(chooseGateways({ lease: "10.99.0.9", pin: { v4: "10.99.0.254" }, ipam: {} }))).toEqual([
      "v4 10.99.0.9 DHCP"
    ])
  })

  it("is nobody's for IPv6 when the router says it, unless there is a pin", () => {
    expect(sourcesOf(chooseGateways({ pin: {}, ipam, v6ByAdvertisement: true }))).toEqual(["v4 10.99.0.1 IPAM"])
    expect(chooseGateways({ pin: { v6: "fd99::2" }, ipam, v6ByAdvertisement: true })).toHaveLength(2)
  })

  it("is none when nobody knows one", () => {
    expect(chooseGateways({ pin: {}, ipam: {} })).toEqual([])
  })
})

describe("two routes", () => {
  const route: DefaultRoute = { family: "v6", gateway: "fd99::1", link: "ext" }

  it("are one when the kernel's own metric and protocol are said or not", () => {
    expect(isSameRoute(route, { ...route, metric: 1024, protocol: "boot" })).toBe(true)
  })

  it.each<Partial<DefaultRoute>>([
    { family: "v4", metric: 1024 },
    { gateway: "fd99::2" },
    { link: "br" },
    { onLink: true },
    { source: "fd99::5" },
    { mtu: 1400 },
    { metric: 512 },
    { protocol: "97" }
  ])("are two when one has %j", (difference) => {
    expect(isSameRoute(route, { ...route, ...difference })).toBe(false)
  })
})

describe("taking over", () => {
  const own: DefaultRoute = { family: "v4", gateway: "10.99.0.1", link: "ext", protocol: "97" }
  const own6: DefaultRoute = { family: "v6", gateway: "fd99::1", link: "ext", protocol: "97", metric: 512 }

  it("deletes all IPv4 routes of that metric but the first, which is replaced", () => {
    const first: DefaultRoute = { family: "v4", gateway: "172.20.0.1", link: "br" }
    const second: DefaultRoute = { family: "v4", gateway: "172.20.0.3", link: "br" }
    expect(takeOver(own, [first, second], [first, second])).toEqual([
      { _tag: "Replace", route: own },
      { _tag: "Delete", route: second }
    ])
  })

  it("deletes no IPv6 route of that metric: all are next hops of the one that is replaced", () => {
    const hops = ["fd20::1", "fd20::3"].map((via): DefaultRoute => ({ ...own6, gateway: via, link: "br" }))
    expect(takeOver(own6, hops, hops)).toEqual([{ _tag: "Replace", route: own6 }])
  })

  it("deletes an advertised route of that metric, which is not replaced", () => {
    const advertised: DefaultRoute = { ...own6, gateway: "fe80::1", protocol: "ra" }
    expect(takeOver(own6, [advertised], [advertised])).toEqual([
      { _tag: "Replace", route: own6 },
      { _tag: "Delete", route: advertised }
    ])
  })
})

const makeNetns = () =>
  new SimNetns()
    .addLink("lo", "127.0.0.1/8")
    .addLink("br", "172.20.0.2/24", "fd20::2/64")
    .addLink("ext", "10.99.0.5/24", "fd99::5/64", "fe80::5/64")

const add = (netns: SimNetns, ...routes: ReadonlyArray<DefaultRoute>) => {
  for (const route of routes) expect(netns.add(route)).toBeUndefined()
  return netns
}

const gateway = (family: Family, address: Address): Gateway => ({ family, address, source: "IPAM" })

const both = [gateway("v4", "10.99.0.1"), gateway("v6", "fd99::1")]

const planFor = (netns: SimNetns, gateways: ReadonlyArray<Gateway>) =>
  planExternalDefault({
    link: "ext",
    gateways,
    current: [...netns.defaultRoutes("v4"), ...netns.defaultRoutes("v6")]
  })

const bring = (netns: SimNetns, gateways: ReadonlyArray<Gateway>) => {
  for (const step of planFor(netns, gateways)) expect(netns.apply(step)).toBeUndefined()
  return [...netns.defaultRoutes("v4"), ...netns.defaultRoutes("v6")].map(
    ({ gateway: via, link, protocol }) => `${via} ${link} ${protocol ?? "boot"}`
  )
}

describe("the external default route", () => {
  it("is set where there is none", () => {
    expect(bring(makeNetns(), both)).toEqual(["10.99.0.1 ext 97", "fd99::1 ext 97"])
  })

  it("takes the place of what Docker put on a bridge, in both families", () => {
    const netns = add(makeNetns(), { family: "v4", gateway: "172.20.0.1" }, { family: "v6", gateway: "fd20::1" })
    expect(bring(netns, both)).toEqual(["10.99.0.1 ext 97", "fd99::1 ext 97"])
  })

  it("takes the place of Docker's own on the external network, through the same gateway", () => {
    const netns = add(makeNetns(), { family: "v4", gateway: "10.99.0.1" }, { family: "v6", gateway: "fd99::1" })
    expect(bring(netns, both)).toEqual(["10.99.0.1 ext 97", "fd99::1 ext 97"])
  })

  it("removes others with any metric, and several next hops", () => {
    const netns = add(
      makeNetns(),
      { family: "v4", gateway: "172.20.0.1" },
      { family: "v4", gateway: "172.20.0.1", metric: 100 },
      { family: "v6", gateway: "fd20::1" },
      { family: "v6", gateway: "fd20::7" }
    )
    expect(bring(netns, both)).toEqual(["10.99.0.1 ext 97", "fd99::1 ext 97"])
  })

  it("removes one that was put before it, without setting its own again", () => {
    const prepended: DefaultRoute = { family: "v4", gateway: "172.20.0.1", link: "br" }
    const own: DefaultRoute = { family: "v4", gateway: "10.99.0.1", link: "ext", protocol: "97" }
    expect(planExternalDefault({ link: "ext", gateways: both.slice(0, 1), current: [prepended, own] })).toEqual([
      { _tag: "Delete", route: prepended }
    ])
  })

  it("leaves a family without a gateway as it is, and does the other", () => {
    const netns = add(makeNetns(), { family: "v4", gateway: "172.20.0.1" }, { family: "v6", gateway: "fd20::1" })
    expect(bring(netns, both.slice(1))).toEqual(["172.20.0.1 br boot", "fd99::1 ext 97"])
    expect(bring(netns, [])).toEqual(["172.20.0.1 br boot", "fd99::1 ext 97"])
  })

  it("leaves a default from a router advertisement on the external interface alone, and wins over it", () => {
    const advertised: DefaultRoute = { family: "v6", gateway: "fe80::1", link: "ext", metric: 1024, protocol: "ra" }
    const netns = add(makeNetns(), advertised, { family: "v6", gateway: "fd20::1" })
    expect(bring(netns, [gateway("v6", "fd99::1")])).toEqual(["fd99::1 ext 97", "fe80::1 ext ra"])
    expect(planFor(netns, [gateway("v6", "fd99::1")])).toEqual([])
  })

  it("lets an advertised default be the only one when no other gateway is known", () => {
    const advertised: DefaultRoute = { family: "v6", gateway: "fe80::1", link: "ext", metric: 1024, protocol: "ra" }
    const docker: DefaultRoute = { family: "v6", gateway: "fd20::1", link: "br" }
    expect(planExternalDefault({ link: "ext", gateways: [], current: [advertised, docker] })).toEqual([
      { _tag: "Delete", route: docker }
    ])
    expect(bring(add(makeNetns(), advertised, { family: "v6", gateway: "fd20::1" }), [])).toEqual(["fe80::1 ext ra"])
  })

  it("has no IPv6 default rather than Docker's while an advertisement is awaited, and leaves IPv4 alone", () => {
    const docker: ReadonlyArray<DefaultRoute> = [
      { family: "v4", gateway: "172.20.0.1", link: "br" },
      { family: "v6", gateway: "fd20::1", link: "br" }
    ]
    const awaited = { link: "ext", gateways: [], v6ByAdvertisement: true }
    expect(planExternalDefault({ ...awaited, current: docker })).toEqual([{ _tag: "Delete", route: docker[1] }])
    const advertised: DefaultRoute = { family: "v6", gateway: "fe80::1", link: "ext", metric: 1024, protocol: "ra" }
    expect(planExternalDefault({ ...awaited, current: [advertised] })).toEqual([])
  })

  it("removes an advertised default on another interface", () => {
    const advertised: DefaultRoute = { family: "v6", gateway: "fe80::1", link: "br", metric: 1024, protocol: "ra" }
    expect(bring(add(makeNetns(), advertised), both.slice(1))).toEqual(["fd99::1 ext 97"])
  })

  it("names the interface, which a link-local gateway needs", () => {
    expect(bring(makeNetns(), [gateway("v6", "fe80::1")])).toEqual(["fe80::1 ext 97"])
  })
})
