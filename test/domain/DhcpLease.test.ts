import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { decodeReport, type DhcpReport } from "../../src/domain/DhcpLease.ts"

/** What busybox 1.37's hook gets from dnsmasq. */
const bound: Readonly<Record<string, string>> = {
  interface: "eth0",
  ip: "10.99.0.120",
  mask: "24",
  subnet: "255.255.255.0",
  router: "10.99.0.1",
  serverid: "10.99.0.1",
  lease: "120",
  opt58: "00000003",
  opt59: "00000069"
}

const decode = (parameters: Readonly<Record<string, string>>, action = "bound", family: DhcpReport["family"] = "v4") =>
  decodeReport({ family, action, parameters })

const leaseOf = (...args: Parameters<typeof decode>) => {
  const event = Result.getOrThrow(decode(...args))
  if (event._tag !== "Leased") throw new Error(event._tag)
  return event.lease
}

const without = (name: string) => Object.fromEntries(Object.entries(bound).filter(([key]) => key !== name))

describe("a lease", () => {
  it("has address, prefix, router, server and the server's own timers", () => {
    expect(leaseOf(bound)).toEqual({
      family: "v4",
      address: "10.99.0.120",
      prefixLength: 24,
      leaseSeconds: 120,
      renewSeconds: 3,
      rebindSeconds: 105,
      server: "10.99.0.1",
      router: "10.99.0.1",
      routes: [],
      mtu: undefined
    })
  })

  it("is renewed at half its time and rebound at seven eighths when the server says nothing, or nonsense", () => {
    const { opt58: _t1, opt59: _t2, ...silent } = bound
    expect(leaseOf(silent)).toMatchObject({ renewSeconds: 60, rebindSeconds: 105 })
    expect(leaseOf({ ...bound, opt58: "zz", opt59: "00000100" })).toMatchObject({
      renewSeconds: 60,
      rebindSeconds: 105
    })
    expect(leaseOf({ ...bound, opt58: "00000077", opt59: "00000064" })).toMatchObject({
      renewSeconds: 60,
      rebindSeconds: 100
    })
  })

  it("is never renewed after it is rebound, and at no time that is zero", () => {
    expect(leaseOf({ ...bound, opt58: "00000000", opt59: "00000000" })).toMatchObject({
      renewSeconds: 60,
      rebindSeconds: 105
    })
    expect(leaseOf({ ...bound, opt58: "00000050", opt59: "0000000A" })).toMatchObject({
      renewSeconds: 10,
      rebindSeconds: 10
    })
    expect(leaseOf({ ...bound, opt58: "00000069" }).renewSeconds).toBe(60)
    expect(leaseOf({ ...bound, opt59: "00000078" }).rebindSeconds).toBe(105)
  })

  it("takes the mask from whichever form there is", () => {
    expect(leaseOf(without("mask")).prefixLength).toBe(24)
    expect(leaseOf(without("subnet")).prefixLength).toBe(24)
    expect(leaseOf({ ...without("mask"), subnet: "255.255.240.0" }).prefixLength).toBe(20)
    expect(leaseOf({ ...bound, mask: "32" }).prefixLength).toBe(32)
  })

  it("with option 121 has those routes, and a default from there alone (RFC 3442)", () => {
    const staticroutes = "10.50.0.0/16 10.99.0.7 0.0.0.0/0 10.99.0.9 192.0.2.0/24 0.0.0.0"
    expect(leaseOf({ ...bound, staticroutes })).toMatchObject({
      router: "10.99.0.9",
      routes: [
        { destination: "10.50.0.0", prefixLength: 16, gateway: "10.99.0.7" },
        { destination: "192.0.2.0", prefixLength: 24 }
      ]
    })
    expect(leaseOf({ ...bound, staticroutes: "10.50.0.0/16 10.99.0.7" }).router).toBeUndefined()
    expect(leaseOf({ ...bound, staticroutes: "0.0.0.0/0 10.99.0.9 0.0.0.0/0 10.99.0.8" }).router).toBe("10.99.0.9")
  })

  it("has the first of several routers", () => {
    expect(leaseOf({ ...bound, router: " 10.99.0.1  10.99.0.2" }).router).toBe("10.99.0.1")
  })

  it("has the route to a single host, and none without a gateway that can be read", () => {
    const routesOf = (staticroutes: string) => leaseOf({ ...bound, staticroutes }).routes
    expect(routesOf("192.0.2.1/32 10.99.0.7")).toEqual([
      { destination: "192.0.2.1", prefixLength: 32, gateway: "10.99.0.7" }
    ])
    expect(routesOf("192.0.2.0/24 0.0.0.0")).toEqual([{ destination: "192.0.2.0", prefixLength: 24 }])
    for (const odd of [
      "192.0.2.0/33 10.99.0.7",
      "nowhere/24 10.99.0.7",
      "192.0.2.0/24 there",
      "192.0.2.0 10.99.0.7",
      "192.0.2.0/24"
    ])
      expect(routesOf(odd)).toEqual([])
  })

  it("says whether it is the first one or a renewal", () => {
    for (const action of ["bound", "renew"])
      expect(Result.getOrThrow(decode(bound, action))).toMatchObject({ renewed: action === "renew" })
  })

  it("may be for one second, and have blanks around its values", () => {
    expect(leaseOf({ ...bound, lease: "1" }).leaseSeconds).toBe(1)
    expect(leaseOf({ ipv6: "fd99::1", lease: "1" }, "bound", "v6").leaseSeconds).toBe(1)
    const spaced = Object.fromEntries(Object.entries(bound).map(([name, value]) => [name, ` ${value} `]))
    expect(leaseOf(spaced)).toEqual(leaseOf(bound))
  })

  it("honours an MTU that fits, and no other", () => {
    expect(leaseOf({ ...bound, mtu: "1400" }).mtu).toBe(1400)
    expect(leaseOf({ ...bound, mtu: "9216" }).mtu).toBe(9216)
    for (const mtu of ["100", "9217", "70000", "many", ""]) expect(leaseOf({ ...bound, mtu }).mtu).toBeUndefined()
  })

  it("leaves out an optional parameter that makes no sense, and holds", () => {
    const lease = leaseOf({ ...bound, router: "nowhere", serverid: "x", staticroutes: "10.0.0.0/99 1.2.3.4 junk" })
    expect(lease).toMatchObject({ address: "10.99.0.120", routes: [] })
    expect(lease.server).toBeUndefined()
  })

  it("of DHCPv6 is an address alone", () => {
    const parameters = { ipv6: "FD99:0::1000", lease: "300" }
    expect(leaseOf(parameters, "renew", "v6")).toEqual({
      family: "v6",
      address: "fd99::1000",
      prefixLength: 128,
      leaseSeconds: 300,
      renewSeconds: 150,
      rebindSeconds: 262,
      routes: []
    })
  })
})

describe("what is not usable is refused with the reason", () => {
  it.each([
    [{ ...bound, ip: "10.99.0" }, '"10.99.0" is no host\'s address'],
    [{ ...bound, ip: "224.0.0.9" }, '"224.0.0.9" is no host\'s address'],
    [{ ...bound, ip: "0.0.0.0" }, '"0.0.0.0" is no host\'s address'],
    [{ ...bound, ip: "fd99::1" }, '"fd99::1" is no host\'s address'],
    [{ ...bound, mask: "0", subnet: "255.0.255.0" }, '"0" is no subnet mask'],
    [{ ...bound, mask: "33" }, '"33" is no subnet mask'],
    [{ ...without("mask"), subnet: "255.0.255.0" }, '"255.0.255.0" is no subnet mask'],
    [{ ...without("mask"), subnet: "255.255.255" }, '"255.255.255" is no subnet mask'],
    [{ ...without("mask"), subnet: "255.255.255.256" }, '"255.255.255.256" is no subnet mask'],
    [{ ip: "10.99.0.120", lease: "120" }, '"" is no subnet mask'],
    [{ ...bound, lease: "0" }, '"0" is no lease time'],
    [{ ...bound, lease: "soon" }, '"soon" is no lease time'],
    [{ ...bound, lease: "120s" }, '"120s" is no lease time'],
    [{ ...bound, lease: "-120" }, '"-120" is no lease time'],
    [without("lease"), '"" is no lease time']
  ])("%#", (parameters, reason) => {
    expect(decode(parameters)).toEqual(Result.fail(reason))
  })

  it("an event that this version does not know", () => {
    expect(decode({}, "explode")).toEqual(Result.fail('the DHCP client reports "explode", which means nothing here'))
  })
})

describe("the other events", () => {
  it("say what they are", () => {
    for (const [action, tag] of [
      ["deconfig", "Deconfigured"],
      ["nak", "Refused"],
      ["leasefail", "Unanswered"]
    ] as const) {
      expect(decode({}, action)).toEqual(Result.succeed({ _tag: tag, family: "v4" }))
    }
  })
})

describe("what an odd server says", () => {
  const refused = (parameters: Readonly<Record<string, string>>) =>
    Result.isFailure(decode({ ...bound, ...parameters }))

  it("is no lease when its network is larger than any LAN, or its address is the network's or everybody's", () => {
    expect(refused({ mask: "7", subnet: "254.0.0.0" })).toBe(true)
    expect(refused({ mask: "8" })).toBe(false)
    expect(refused({ ip: "10.99.0.0" })).toBe(true)
    expect(refused({ ip: "10.99.0.255" })).toBe(true)
    expect(refused({ ip: "10.99.0.255", mask: "16" })).toBe(false)
    expect(refused({ ip: "10.99.0.254", mask: "31" })).toBe(false)
    for (const [ip, isNone] of [
      ["10.99.0.4", true],
      ["10.99.0.5", false],
      ["10.99.0.7", true]
    ] as const)
      expect(refused({ ip, mask: "30" })).toBe(isNone)
  })

  it("is no lease when its address can be no host's, in either family", () => {
    for (const ip of ["127.0.0.1", "0.1.2.3", "230.0.0.1", "240.0.0.1", "255.1.2.3"]) expect(refused({ ip })).toBe(true)
    for (const ip of ["223.255.0.1", "1.27.0.1", "10.127.0.1"]) expect(refused({ ip })).toBe(false)
    const refused6 = (ipv6: string, lease = "300") => Result.isFailure(decode({ ipv6, lease }, "bound", "v6"))
    for (const ipv6 of ["::", "::1", "ff02::1", "fe80::1", "febf::1", "10.99.0.120", ""])
      expect(refused6(ipv6)).toBe(true)
    for (const ipv6 of ["::2", "2001:db8::1", "fd00::fe80"]) expect(refused6(ipv6)).toBe(false)
    for (const lease of ["0", "", "soon"]) expect(refused6("fd00::1", lease)).toBe(true)
  })

  it("names no router when that is nobody, or the leased address itself", () => {
    expect(leaseOf({ ...bound, router: "0.0.0.0" }).router).toBeUndefined()
    expect(leaseOf({ ...bound, router: "10.99.0.120" }).router).toBeUndefined()
    expect(leaseOf({ ...bound, staticroutes: "0.0.0.0/0 0.0.0.0" }).router).toBeUndefined()
  })

  it("sets no MTU with which the kernel would take IPv6 off the link", () => {
    expect(leaseOf({ ...bound, mtu: "1279" }).mtu).toBeUndefined()
    expect(leaseOf({ ...bound, mtu: "1280" }).mtu).toBe(1280)
  })

  it("may write a route's destination with host bits", () => {
    expect(leaseOf({ ...bound, staticroutes: "10.50.1.1/16 10.99.0.7" }).routes).toEqual([
      { destination: "10.50.0.0", prefixLength: 16, gateway: "10.99.0.7" }
    ])
  })
})
