import { describe, expect, it } from "vitest"
import { families } from "../../../../src/domain/Address.ts"
import { protocols } from "../../../../src/domain/Dnat.ts"
import { exchange, send } from "../../../../src/layers/sim/lan/SimWalker.ts"
import { CLIENT, FIRST, INSIDE, makeLan, OTHER_CLIENT, OWN, packet, port, range, SECOND } from "./lan.ts"

describe("a packet", () => {
  it.each(families.flatMap((family) => protocols.map((protocol) => ({ family, protocol }))))(
    "to a mapped port comes out at the backend with the client's address, and is answered: $family $protocol",
    ({ family, protocol }) => {
      const { client, first, map } = makeLan()
      map(port(family, protocol, 25, FIRST[family], 2_525))
      const { there, answered } = exchange(client, packet(family, protocol, 25))
      expect(there).toMatchObject({
        _tag: "Delivered",
        kernel: first,
        link: "eth0",
        packet: { source: CLIENT[family], sourcePort: 40_000, destination: FIRST[family], destinationPort: 2_525 },
        hops: ["client:eth0", "anchor:eth1"]
      })
      expect(answered).toBe(true)
    }
  )

  it.each(families)("to a port of an interval keeps the port, and single ports come first: %s", (family) => {
    const { client, first, second, map } = makeLan()
    map(range(family, "udp", 100, 200, SECOND[family]), port(family, "udp", 150, FIRST[family]))
    for (const [at, kernel] of [
      [100, second],
      [149, second],
      [150, first],
      [200, second]
    ] as const) {
      const { there } = exchange(client, packet(family, "udp", at))
      expect(there).toMatchObject({ _tag: "Delivered", kernel, packet: { destinationPort: at } })
    }
    expect(send(client, packet(family, "udp", 201))).toMatchObject({ kernel: { name: "anchor" } })
  })

  it.each(families)("from a backend to the LAN has the anchor's address: %s", (family) => {
    const { client, first } = makeLan()
    const sent = packet(family, "udp", 53, { source: FIRST[family], destination: CLIENT[family] })
    const { there, answered } = exchange(first, sent)
    expect(there).toMatchObject({
      _tag: "Delivered",
      kernel: client,
      packet: { source: OWN[family], sourcePort: 40_000 }
    })
    expect(answered).toBe(true)
  })

  it.each(families)("from a backend to the project's own address reaches the service, masqueraded: %s", (family) => {
    const { first, map } = makeLan()
    map(port(family, "tcp", 80, FIRST[family], 8_080))
    const { there, answered } = exchange(first, packet(family, "tcp", 80, { source: FIRST[family] }))
    expect(there).toMatchObject({
      _tag: "Delivered",
      kernel: first,
      packet: { source: INSIDE[family], destinationPort: 8_080 }
    })
    expect(answered).toBe(true)
  })
})

describe("the way of a packet", () => {
  it("is that of the longest prefix, then of the lowest metric", () => {
    const { client, anchor, otherClient } = makeLan()
    const to = (destination: string) => send(client, packet("v4", "udp", 9, { destination }))
    expect(to("10.50.0.1")).toMatchObject({ _tag: "Lost", kernel: client, why: "no route to 10.50.0.1" })
    client.netns.add({ family: "v4", gateway: OTHER_CLIENT.v4, metric: 20 })
    expect(to("10.50.0.1")).toMatchObject({ _tag: "Lost", kernel: otherClient, why: "does not forward" })
    client.netns.add({ family: "v4", gateway: OWN.v4, metric: 10 })
    expect(to("10.50.0.1")).toMatchObject({ _tag: "Lost", kernel: anchor })
    const route = { destination: "10.50.0.0", prefixLength: 16, gateway: OTHER_CLIENT.v4 }
    client.netns.applyAddress({ _tag: "SetRoute", family: "v4", link: "eth0", route })
    expect(to("10.50.0.1")).toMatchObject({ kernel: otherClient })
    expect(to("10.51.0.1")).toMatchObject({ kernel: anchor })
    client.netns.applyAddress({ _tag: "DeleteRoute", family: "v4", link: "eth0", route })
    expect(to("10.50.0.1")).toMatchObject({ kernel: anchor })
  })

  it("may lead by a router's link-local address, and for IPv4 by one of IPv6", () => {
    const { client, anchor, first, map } = makeLan()
    anchor.netns.addAddress("eth0", "fe80::7/64")
    for (const family of families) {
      client.netns.add({ family, gateway: "fe80::7", link: "eth0" })
      map(port(family, "udp", 53, FIRST[family]))
      expect(send(client, packet(family, "udp", 53, { destination: INSIDE[family] }))).toMatchObject({
        _tag: "Delivered",
        kernel: first
      })
    }
  })

  it.each(families)("ends where forwarding is off, but not what is for the namespace itself: %s", (family) => {
    const { client, anchor, map } = makeLan()
    map(port(family, "udp", 53, FIRST[family]))
    anchor.netns.setSysctl(family === "v4" ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding", "0")
    expect(send(client, packet(family, "udp", 53))).toMatchObject({ _tag: "Lost", why: "does not forward" })
    expect(send(client, packet(family, "udp", 54))).toMatchObject({ _tag: "Delivered", kernel: anchor })
  })

  it("ends in a dead namespace, and at links that are down or plugged into nothing", () => {
    const { client, anchor, first, lan, map } = makeLan()
    map(port("v4", "udp", 53, FIRST.v4))
    const walk = () => send(client, packet("v4", "udp", 53))
    expect(walk()).toMatchObject({ _tag: "Delivered" })
    first.alive = false
    expect(walk()).toMatchObject({ _tag: "Lost", kernel: anchor })
    expect(send(first, packet("v4", "udp", 53))).toMatchObject({ _tag: "Lost", why: "its namespace is dead" })
    first.alive = true
    anchor.netns.setUp("eth0", false)
    expect(walk()).toMatchObject({ _tag: "Lost", kernel: client })
    anchor.netns.setUp("eth0", true)
    expect(walk()).toMatchObject({ _tag: "Delivered" })
    lan.unplug(client, "eth0")
    expect(walk()).toMatchObject({ _tag: "Lost", why: "eth0 is plugged into nothing" })
  })

  it("does not go round for ever", () => {
    const { client, anchor, otherClient } = makeLan()
    otherClient.netns.setSysctl("net.ipv6.conf.all.forwarding", "1")
    for (const [kernel, gateway] of [
      [client, OWN.v6],
      [anchor, OTHER_CLIENT.v6],
      [otherClient, OWN.v6]
    ] as const) {
      kernel.netns.add({ family: "v6", gateway })
    }
    const walk = send(client, packet("v6", "udp", 9, { destination: "2001:db8::1" }))
    expect(walk).toMatchObject({ _tag: "Lost", why: "its time to live ran out" })
    expect(walk.hops).toHaveLength(64)
  })

  it("does not lead into a namespace that has the source itself, for IPv4", () => {
    const { client, anchor } = makeLan()
    const forged = packet("v4", "udp", 9, { source: INSIDE.v4 })
    expect(send(client, forged)).toMatchObject({
      _tag: "Lost",
      kernel: anchor,
      why: `${INSIDE.v4} is an address of its own`
    })
    expect(send(client, packet("v6", "udp", 9, { source: INSIDE.v6 }))).toMatchObject({ _tag: "Delivered" })
  })

  it.each(families)("to oneself is by the loopback, past the maps: %s", (family) => {
    const { anchor, map } = makeLan()
    map(port(family, "udp", 53, FIRST[family]))
    const { there, answered } = exchange(anchor, packet(family, "udp", 53, { source: OWN[family] }))
    expect(there).toMatchObject({ _tag: "Delivered", kernel: anchor, link: "lo", packet: { source: OWN[family] } })
    expect(answered).toBe(true)
  })

  it("finds an IPv4 address of a link that is down, by another link, and no IPv6 one", () => {
    const { anchor, first } = makeLan()
    anchor.netns.setUp("eth0", false)
    const walk = (family: "v4" | "v6") => send(first, packet(family, "udp", 9, { source: FIRST[family] }))
    expect(walk("v4")).toMatchObject({ _tag: "Delivered", kernel: anchor })
    expect(walk("v6")).toMatchObject({ _tag: "Lost", kernel: anchor })
  })

  it("back goes by the backend's own default route: elsewhere it is not answered", () => {
    const { client, second, on, transit, map } = makeLan()
    const lone = on("lone", transit, { v4: "172.20.0.9", v6: "fd20::9" }, SECOND as never)
    map(port("v4", "tcp", 80, "172.20.0.9"))
    const { there, back, answered } = exchange(client, packet("v4", "tcp", 80))
    expect(there).toMatchObject({ _tag: "Delivered", kernel: lone, packet: { source: CLIENT.v4 } })
    expect(back).toMatchObject({ _tag: "Lost", kernel: second, why: "does not forward" })
    expect(answered).toBe(false)
  })
})

describe("translation", () => {
  it.each(families)("of two sources with one port is by two ports of their kind: %s", (family) => {
    const { first, second } = makeLan()
    const portsOf = (sourcePort: number) =>
      [first, second].map((from, index) => {
        const source = [FIRST, SECOND][index]?.[family] ?? ""
        const { there, answered } = exchange(
          from,
          packet(family, "udp", 53, { source, sourcePort, destination: CLIENT[family] })
        )
        expect(answered).toBe(true)
        return there._tag === "Delivered" ? there.packet.sourcePort : 0
      })
    for (const [sourcePort, from, to] of [
      [40_000, 1_024, 65_535],
      [700, 600, 1_023],
      [500, 1, 511]
    ] as const) {
      const [kept, other = 0] = portsOf(sourcePort)
      expect(kept).toBe(sourcePort)
      expect(other).not.toBe(sourcePort)
      expect(other).toBeGreaterThanOrEqual(from)
      expect(other).toBeLessThanOrEqual(to)
    }
  })

  it("gives a source the port that it had towards another destination", () => {
    const { first, second, client, otherClient } = makeLan()
    const leave = (from: typeof first, source: string, destination: string) => {
      const walk = send(from, packet("v4", "udp", 53, { source, destination }))
      return walk._tag === "Delivered" ? walk.packet.sourcePort : 0
    }
    leave(first, FIRST.v4, CLIENT.v4)
    const other = leave(second, SECOND.v4, CLIENT.v4)
    expect(leave(second, SECOND.v4, OTHER_CLIENT.v4)).toBe(other)
    expect([client, otherClient].map(({ name }) => name)).toEqual(["client", "other"])
  })

  it("moves a flow past the maps out of the way of one through them", () => {
    const { client, first, map } = makeLan()
    map(port("v4", "udp", 53, FIRST.v4))
    client.netns.add({ family: "v4", gateway: OWN.v4 })
    expect(send(client, packet("v4", "udp", 53))).toMatchObject({ kernel: first, packet: { sourcePort: 40_000 } })
    const { there, answered } = exchange(client, packet("v4", "udp", 53, { destination: FIRST.v4 }))
    expect(there).toMatchObject({ kernel: first, packet: { source: CLIENT.v4 } })
    expect(there._tag === "Delivered" && there.packet.sourcePort).not.toBe(40_000)
    expect(answered).toBe(true)
  })

  it("that was begun is kept, whatever the maps say later, until the flow is deleted", () => {
    const { client, anchor, first, second, map, unmap } = makeLan()
    const walk = () => send(client, packet("v4", "udp", 53))
    expect(walk()).toMatchObject({ kernel: anchor })
    map(port("v4", "udp", 53, FIRST.v4))
    expect(walk()).toMatchObject({ kernel: anchor })
    const forget = () => anchor.conntrack.tracked().forEach((flow) => anchor.conntrack.remove(flow))
    forget()
    expect(walk()).toMatchObject({ kernel: first })
    unmap(port("v4", "udp", 53, FIRST.v4))
    map(port("v4", "udp", 53, SECOND.v4))
    expect(walk()).toMatchObject({ kernel: first })
    forget()
    expect(walk()).toMatchObject({ kernel: second })
  })

  it("needs a NAT chain, or rules that are not in the rule set", () => {
    const { client, anchor, first, map, run } = makeLan()
    map(port("v4", "udp", 53, FIRST.v4))
    const walk = () => send(client, packet("v4", "udp", 53))
    expect(walk()).toMatchObject({ kernel: first })
    run({ flush: { ruleset: null } })
    expect(walk()).toMatchObject({ kernel: anchor })
    anchor.alwaysTracks = true
    expect(walk()).toMatchObject({ kernel: first })
  })

  it("of a link's flows ends when the link goes down or the address goes, and a flow by another link begins anew", () => {
    const { anchor, first, otherClient, transit, join } = makeLan()
    const walk = (destination: string = CLIENT.v4) =>
      send(first, packet("v4", "udp", 53, { source: FIRST.v4, destination }))
    walk()
    expect(anchor.conntrack.flows()).toHaveLength(1)
    anchor.netns.removeAddress("eth0", OWN.v4)
    expect(anchor.conntrack.flows()).toHaveLength(0)
    anchor.netns.addAddress("eth0", `${OWN.v4}/24`)
    walk()
    anchor.netns.setUp("eth0", false)
    expect(anchor.conntrack.flows()).toHaveLength(0)
    anchor.netns.setUp("eth0", true)
    anchor.netns.add({ family: "v4", gateway: OTHER_CLIENT.v4 })
    expect(walk("203.0.113.1")).toMatchObject({ _tag: "Lost", kernel: otherClient })
    join(otherClient, "eth1", transit, "172.20.0.77", "fd20::77")
    anchor.netns.apply({ _tag: "Replace", route: { family: "v4", gateway: "172.20.0.77" } })
    expect(walk("203.0.113.1")).toMatchObject({ _tag: "Lost", why: "masqueraded by another link than eth1" })
    expect(walk("203.0.113.1")).toMatchObject({ _tag: "Lost", kernel: otherClient })
  })
})
