import { describe, expect, it } from "vitest"
import {
  answerOf,
  defaultRouteFindings,
  externalGatewayFindings,
  isFixed,
  linkOf,
  nameFindings,
  serviceGatewayFindings,
  type AskedGateway,
  type NameAnswers
} from "../../src/domain/GatewayFindings.ts"
import type { LinkAddress, NeighbourState } from "../../src/domain/Routing.ts"
import { fail, ok, saidIn, settingsOf, verdictsOf, warn } from "./doctorSettings.ts"

const v4: AskedGateway = { family: "v4", address: "10.99.0.1", link: "eth0", why: "Docker knows it", answer: "answers" }
const v6: AskedGateway = { ...v4, family: "v6", address: "fd99::1" }
const both = { v4: "10.99.0.7", v6: "fd99::7" }

const external = (asked: ReadonlyArray<AskedGateway>, more: { addresses?: object; awaited?: object } = {}) =>
  externalGatewayFindings({ asked, addresses: both, awaited: {}, ...more })

describe("a neighbour that was asked", () => {
  it.each([
    ["reachable", "answers"],
    ["permanent", "answers"],
    ["failed", "silent"],
    ["incomplete", "unclear"],
    ["stale", "unclear"],
    ["probe", "unclear"]
  ] satisfies ReadonlyArray<readonly [NeighbourState, string]>)("that is %s is %s", (state, answer) => {
    const neighbours = [
      { family: "v4", address: v4.address, link: "eth1", state: "none" },
      { family: "v4", address: "10.99.0.9", link: "eth0", state: "delay" },
      { family: "v4", address: v4.address, link: "eth0", state }
    ] as const
    expect(answerOf(v4, neighbours)).toBe(answer)
  })

  it("is unclear while the kernel has no entry", () => {
    expect(answerOf(v4, [])).toBe("unclear")
  })
})

describe("a neighbour that may be asked", () => {
  const known = (state: NeighbourState) => [
    { family: "v4", link: "eth1", address: "10.99.0.1", state: "permanent" } as const,
    { family: "v4", link: "eth0", address: "10.99.0.1", state } as const
  ]

  it("is any but one of whom the kernel was told for ever, on this link", () => {
    expect((["permanent", "noarp"] as const).every((state) => isFixed(v4, known(state)))).toBe(true)
    expect((["reachable", "stale", "failed", "probe"] as const).some((state) => isFixed(v4, known(state)))).toBe(false)
    expect(isFixed(v4, [])).toBe(false)
  })
})

describe("the link of a gateway", () => {
  const addresses: ReadonlyArray<LinkAddress> = [
    { family: "v4", link: "eth0", address: "10.99.0.7", prefixLength: 24, scope: "global", tentative: false }
  ]
  it("is that of the route that leads there, else the one with its network", () => {
    const routes = [
      { family: "v6", gateway: "fe80::2", link: "eth4" },
      { family: "v6", gateway: "fe80::1", link: "eth5" }
    ] as const
    expect(linkOf("fe80::1", routes, addresses)).toBe("eth5")
    expect(linkOf("10.99.0.1", routes, addresses)).toBe("eth0")
    expect(linkOf("10.99.0.1", [], addresses)).toBe("eth0")
    expect(linkOf("10.98.0.1", [], addresses)).toBeUndefined()
  })
})

describe("a network-anchor's gateways", () => {
  it("are right when each answers", () => {
    expect(external([v4, v6])).toEqual([
      ok("gateway", "IPv4 10.99.0.1 answers on eth0 (Docker knows it)"),
      ok("gateway", "IPv6 fd99::1 answers on eth0 (Docker knows it)")
    ])
  })

  it("fail when one is silent, or in no network of the container, with what to check", () => {
    const silent = external([{ ...v4, answer: "silent" }, v6])
    expect(verdictsOf(silent)).toEqual(["fail", "ok"])
    expect(saidIn(silent)).toMatch(/^IPv4 10\.99\.0\.1 does not answer on eth0 .* → .*parent.*ANCHORD_EXT_GATEWAY_IP/)
    const elsewhere = external([{ ...v4, link: undefined, answer: undefined }, v6])
    expect(verdictsOf(elsewhere)).toEqual(["fail", "ok"])
    expect(saidIn(elsewhere)).toContain("is in no network of this container")
  })

  it("are worth a warning when nobody knows one for a family that has an address", () => {
    const found = external([v4])
    expect(verdictsOf(found)).toEqual(["ok", "warn"])
    expect(saidIn(found)).toContain("IPv6: nobody knows one, so only the LAN itself can be reached")
    expect(external([v4], { addresses: { v4: both.v4 } })).toHaveLength(1)
  })

  it("are worth a warning while one is to come", () => {
    expect(external([v6], { awaited: { v4: "a DHCP lease would bring one" } })[0]).toEqual(
      warn("gateway", "IPv4: none yet; a DHCP lease would bring one")
    )
  })

  it("are not looked at when they could not be asked", () => {
    for (const answer of [undefined, "unclear"] as const)
      expect(external([{ ...v4, answer }])[0]).toEqual(
        warn("gateway", "not looked at: IPv4 10.99.0.1 could not be asked on eth0")
      )
  })
})

describe("a service-anchor's gateway", () => {
  const byName = settingsOf("service-anchor", { ANCHORD_GATEWAY_HOSTNAME: "gw" })
  const byAddress = settingsOf("service-anchor", { ANCHORD_GATEWAY_IP: "10.99.0.1" })
  const none = { reason: "no-record", message: "queryA ENOTFOUND gw" } as const
  const answers = (change: Partial<NameAnswers> = {}): NameAnswers => ({
    v4: { address: "172.20.0.2" },
    v6: none,
    ...change
  })

  it("is right when it answers, and fails when it is silent, with how it is named", () => {
    expect(verdictsOf(serviceGatewayFindings(byName, [v4, v6]))).toEqual(["ok", "ok"])
    const silent = [{ ...v4, answer: "silent" as const }]
    expect(saidIn(serviceGatewayFindings(byName, silent))).toContain("by the name gw")
    expect(saidIn(serviceGatewayFindings(byAddress, silent))).toContain("has that address (ANCHORD_GATEWAY_IP)")
    expect(verdictsOf(serviceGatewayFindings(byName, silent))).toEqual(["fail"])
  })

  it("is not looked at when no address of it is known", () => {
    expect(verdictsOf(serviceGatewayFindings(byName, []))).toEqual(["warn"])
  })

  it("has a name that resolves, for one family at least", () => {
    expect(nameFindings(byName, answers())).toEqual([ok("gateway-name", "gw is 172.20.0.2")])
    expect(nameFindings(byName, answers({ v6: { address: "fd20::2" } }))).toEqual([
      ok("gateway-name", "gw is 172.20.0.2, fd20::2")
    ])
    const found = nameFindings(byName, answers({ v4: none }))
    expect(verdictsOf(found)).toEqual(["fail"])
    expect(saidIn(found)).toMatch(/^gw does not resolve: queryA ENOTFOUND gw → .*ANCHORD_GATEWAY_HOSTNAME/)
  })

  it("is worth a warning when a family cannot be looked up", () => {
    const found = nameFindings(byName, answers({ v6: { reason: "unavailable", message: "timeout" } }))
    expect(found[1]).toEqual(warn("gateway-name", "the IPv6 address of gw cannot be looked up"))
  })

  it("needs no name where the address is given", () => {
    for (const told of [undefined, answers()]) expect(nameFindings(byAddress, told)).toEqual([])
  })

  it("has a name that is not told of where it was not looked up", () => {
    expect(nameFindings(byName, undefined)).toEqual([])
  })

  it("is where the default routes lead, of each family that it has", () => {
    const pair = { v4: "172.20.0.2", v6: "fd20::2" }
    const [to4, to6] = [
      { family: "v4", gateway: pair.v4, link: "eth0" },
      { family: "v6", gateway: pair.v6, link: "eth0" }
    ] as const
    expect(defaultRouteFindings(pair, [to4, to6])).toEqual([
      ok("default-route", "leads to the network-anchor for IPv4 and IPv6")
    ])
    expect(defaultRouteFindings({ v4: pair.v4 }, [to4])).toEqual([
      ok("default-route", "leads to the network-anchor for IPv4")
    ])
    expect(defaultRouteFindings(pair, [to4, { ...to6, gateway: "fd20::9" }])).toEqual([
      fail(
        "default-route",
        "IPv6: no default route leads to fd20::2, so answers go elsewhere than they came from",
        "docker logs of this container says why"
      )
    ])
    const v4ThroughV6 = { ...to4, gateway: pair.v6 }
    expect(verdictsOf(defaultRouteFindings({ v6: pair.v6 }, [v4ThroughV6]))).toEqual(["fail"])
    expect(verdictsOf(defaultRouteFindings({}, [to4]))).toEqual(["warn"])
  })
})
