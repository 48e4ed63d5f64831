import { describe, expect, it } from "vitest"
import type { NftCommand } from "../../../../src/domain/NftJson.ts"
import { exchange, send } from "../../../../src/layers/sim/lan/SimWalker.ts"
import { CLIENT, FIRST, makeLan, OTHER_CLIENT, OWN, packet, SECOND } from "../lan/lan.ts"

const TABLE = { family: "ip", table: "filter" }

type Chain = { readonly hook: string; readonly prio: number; readonly type?: string; readonly policy?: string }

const chain = (name: string, { type = "filter", policy = "accept", ...more }: Chain): NftCommand => ({
  add: { chain: { ...TABLE, name, type, policy, ...more } }
})

const rule = (name: string, ...expr: ReadonlyArray<unknown>): NftCommand => ({
  add: { rule: { ...TABLE, chain: name, expr } }
})

const match = (left: unknown, right: unknown, op = "==") => ({ match: { op, left, right } })
const payload = (protocol: string, field: string) => ({ payload: { protocol, field } })
const meta = (key: string) => ({ meta: { key } })
const ct = (key: string) => ({ ct: { key } })
const DROP = { drop: null }

/** A LAN without anchord's tables, whose anchor has a forward chain with these rules. */
const withRules = (...rules: ReadonlyArray<ReadonlyArray<unknown>>) => {
  const lan = makeLan()
  lan.client.netns.add({ family: "v4", gateway: OWN.v4 })
  lan.otherClient.netns.add({ family: "v4", gateway: OWN.v4 })
  lan.run(
    { flush: { ruleset: null } },
    { add: { table: { family: "ip", name: "filter" } } },
    chain("forward", { hook: "forward", prio: 0 }),
    ...rules.map((expr) => rule("forward", ...expr))
  )
  return {
    ...lan,
    passes: (port = 53, protocol: "tcp" | "udp" = "udp", from: "client" | "otherClient" = "client") =>
      send(
        lan[from],
        packet("v4", protocol, port, {
          source: from === "client" ? CLIENT.v4 : OTHER_CLIENT.v4,
          destination: FIRST.v4
        })
      )._tag === "Delivered"
  }
}

describe("a rule", () => {
  it.each([
    ["the link it came in by", match(meta("iifname"), "eth0")],
    ["the link it goes out by", match(meta("oifname"), "eth1")],
    ["another link", match(meta("iifname"), "eth1", "!=")],
    ["one of several links", match(meta("iifname"), { set: ["lo", "eth0"] })],
    ["none of several links", match(meta("iifname"), { set: ["lo", "eth1"] }, "!=")],
    ["its protocol", match(meta("l4proto"), "udp")],
    ["its destination port", match(payload("udp", "dport"), 53)],
    ["its port whatever the protocol", match(payload("th", "dport"), 53)],
    ["its source port, in a range", match(payload("udp", "sport"), { range: [39_000, 41_000] })],
    ["a port below another", match(payload("udp", "dport"), 54, "<")],
    ["its source", match(payload("ip", "saddr"), CLIENT.v4)],
    ["its source's network", match(payload("ip", "saddr"), { prefix: { addr: "10.99.0.0", len: 24 } })],
    ["its destination, one of several", match(payload("ip", "daddr"), { set: [SECOND.v4, FIRST.v4] })],
    ["a destination that is not local", match({ fib: { result: "type", flags: ["daddr"] } }, "local", "!=")]
  ])("matches %s", (_, expression) => {
    expect(withRules([expression, DROP]).passes()).toBe(false)
  })

  it.each([
    ["another link", match(meta("iifname"), "eth1")],
    ["another protocol, whose ports it does not look at", match(payload("tcp", "dport"), 53)],
    ["nor at those with !=", match(payload("tcp", "dport"), 54, "!=")],
    ["another port", match(payload("udp", "dport"), { set: [54, { range: [60, 70] }] })],
    ["another network", match(payload("ip", "saddr"), { prefix: { addr: "10.98.0.0", len: 24 } })],
    ["another family", match(payload("ip6", "saddr"), "fd99::201")],
    ["connections where none are tracked", match(ct("mark"), 0)]
  ])("does not match %s", (_, expression) => {
    expect(withRules([expression, DROP]).passes()).toBe(true)
  })

  it("goes on after what only counts, and ends with the first verdict", () => {
    expect(withRules([{ counter: { packets: 0, bytes: 0 } }, DROP]).passes()).toBe(false)
    expect(withRules([{ accept: null }], [DROP]).passes()).toBe(true)
  })

  it("may jump to a chain that returns, and go to one that does not", () => {
    const jump = (kind: string) => {
      const lan = withRules()
      lan.run(
        { add: { chain: { ...TABLE, name: "other" } } },
        rule("other", match(payload("udp", "dport"), 54), { return: null }),
        rule("other", match(payload("udp", "dport"), 55), DROP),
        rule("forward", { [kind]: { target: "other" } }),
        rule("forward", DROP)
      )
      return [54, 55, 56].map((port) => lan.passes(port))
    }
    expect(jump("jump")).toEqual([false, false, false])
    expect(jump("goto")).toEqual([true, false, true])
  })

  it.each([
    ["an expression", [match({ numgen: { mode: "inc", mod: 2 } }, 0), DROP]],
    ["a key of meta", [match(meta("skuid"), 0), DROP]],
    ["a key of ct", [match(ct("helper"), "ftp"), DROP]],
    ["a field", [match(payload("ip", "ttl"), 64), DROP]],
    ["a result of fib", [match({ fib: { result: "oif", flags: ["saddr"] } }, 1), DROP]],
    ["a named set", [match(payload("udp", "dport"), "@ports"), DROP]],
    ["an operator", [match(payload("udp", "dport"), 1, "&"), DROP]],
    ["a statement", [{ queue: { num: 1 } }]],
    ["a mark of the packet", [{ mangle: { key: meta("mark"), value: 1 } }]],
    ["a range of targets", [{ dnat: { addr: { range: ["10.0.0.1", "10.0.0.2"] } } }]],
    ["flags of a masquerade", [{ masquerade: { flags: "random" } }]]
  ])("that has %s which is not simulated is never passed over", (_, expr) => {
    const lan = withRules()
    lan.anchor.ruleset.execute([
      { add: { map: { ...TABLE, name: "ports", type: "inet_service", map: "ipv4_addr" } } },
      rule("forward", ...expr)
    ])
    expect(() => lan.passes()).toThrow("the simulated nftables cannot evaluate")
  })
})

describe("chains", () => {
  it("have a policy", () => {
    const lan = withRules()
    lan.run(
      chain("strict", { hook: "forward", prio: 10, policy: "drop" }),
      rule("strict", match(payload("udp", "dport"), 53), { accept: null })
    )
    expect([lan.passes(53), lan.passes(54)]).toEqual([true, false])
  })

  it("of every hook are passed, those of a lower priority first", () => {
    const lan = withRules()
    const drops = (hook: string, walk: () => { readonly _tag: string; readonly why?: string }) => {
      lan.run(
        chain(`late-${hook}`, { hook, prio: 20, policy: "drop" }),
        chain(`early-${hook}`, { hook, prio: -20, policy: "drop" })
      )
      const outcome = walk()
      lan.run(
        { delete: { chain: { ...TABLE, name: `late-${hook}` } } },
        { delete: { chain: { ...TABLE, name: `early-${hook}` } } }
      )
      return outcome
    }
    const through = () => send(lan.client, packet("v4", "udp", 53, { destination: FIRST.v4 }))
    const into = () => send(lan.client, packet("v4", "udp", 53))
    const out = () => send(lan.anchor, packet("v4", "udp", 53, { source: OWN.v4, destination: CLIENT.v4 }))
    for (const [hook, walk] of [
      ["prerouting", into],
      ["input", into],
      ["forward", through],
      ["output", out],
      ["postrouting", through]
    ] as const) {
      expect(drops(hook, walk)).toMatchObject({ _tag: "Lost", why: `dropped by chain early-${hook}` })
    }
  })

  it("of filters see destinations before or after translation, by their priority", () => {
    const lan = withRules()
    const seen = (prio: number) => {
      lan.run(chain("watch", { hook: "prerouting", prio }), rule("watch", match(payload("ip", "daddr"), OWN.v4), DROP))
      const walk = send(lan.client, packet("v4", "udp", 53, { sourcePort: 40_000 + prio }))
      lan.run({ delete: { chain: { ...TABLE, name: "watch" } } })
      return walk._tag
    }
    lan.run(
      chain("nat", { type: "nat", hook: "prerouting", prio: -100 }),
      rule("nat", { dnat: { addr: FIRST.v4, port: 5_353 } })
    )
    expect(seen(-150)).toBe("Lost")
    expect(seen(-50)).toBe("Delivered")
  })

  it("of NAT may name targets themselves, and translate what goes out of the namespace itself", () => {
    const lan = withRules()
    lan.run(
      chain("out", { type: "nat", hook: "output", prio: -100 }),
      rule("out", match(payload("udp", "dport"), 53), { dnat: { addr: FIRST.v4, port: 5_353 } }),
      chain("post", { type: "nat", hook: "postrouting", prio: 100 }),
      rule("post", match(meta("oifname"), "eth1"), { snat: { addr: "172.20.0.99" } })
    )
    const walk = send(lan.anchor, packet("v4", "udp", 53, { source: OWN.v4, destination: CLIENT.v4 }))
    expect(walk).toMatchObject({ kernel: lan.first, packet: { source: "172.20.0.99", destinationPort: 5_353 } })
  })

  it("know connections by their state, status, mark and direction", () => {
    const lan = withRules()
    lan.run(
      chain("nat", { type: "nat", hook: "prerouting", prio: -100 }),
      rule(
        "nat",
        match(payload("udp", "dport"), 53),
        { mangle: { key: ct("mark"), value: 7 } },
        { dnat: { addr: FIRST.v4 } }
      ),
      rule(
        "forward",
        match(ct("mark"), 7),
        match(ct("status"), "dnat", "in"),
        match(ct("state"), "established", "in"),
        DROP
      )
    )
    const ask = (port: number) =>
      exchange(lan.client, packet("v4", "udp", port, port === 53 ? {} : { destination: FIRST.v4 }))
    expect(ask(53).there._tag).toBe("Delivered")
    expect(ask(53).there).toMatchObject({ _tag: "Lost", why: "dropped by chain forward" })
    expect([ask(54).answered, ask(54).answered]).toEqual([true, true])
  })

  it("without a number for a priority, or of a type that is not simulated, are never passed over", () => {
    for (const wrong of [{ prio: "filter" }, { type: "route", prio: 0 }]) {
      const lan = withRules()
      lan.anchor.ruleset.execute([
        { add: { chain: { ...TABLE, name: "x", hook: "output", type: "filter", ...wrong } } }
      ])
      expect(() => lan.passes()).toThrow(/simulated/)
    }
  })
})

describe("masquerading", () => {
  it("has the first address of the outgoing link in the next hop's network, else the first", () => {
    const { first, anchor, otherClient } = makeLan()
    const source = (destination: string) => {
      const walk = send(first, packet("v4", "udp", 53, { source: FIRST.v4, destination }))
      const [flow] = anchor.conntrack.tracked().slice(-1)
      return [walk.hops.at(-1), flow?.reply.destination]
    }
    anchor.netns.addAddress("eth0", "10.99.0.8/24")
    anchor.netns.addAddress("eth0", "10.88.0.8/24")
    otherClient.netns.addAddress("eth0", "10.88.0.202/24")
    anchor.netns.add({ family: "v4", gateway: "10.88.0.202" })
    expect(source(CLIENT.v4)).toEqual(["anchor:eth0", OWN.v4])
    expect(source("10.88.0.202")).toEqual(["anchor:eth0", "10.88.0.8"])
    expect(source("203.0.113.1")).toEqual(["anchor:eth0", "10.88.0.8"])
  })

  it("chooses an IPv6 source by label and prefix, the newest of equals", () => {
    const { first, anchor, lan, on } = makeLan()
    const far = on("far", lan, { v4: "10.99.0.203", v6: "2001:db8:1::9" })
    anchor.netns.addAddress("eth0", "2001:db8:1::7/64")
    anchor.netns.addAddress("eth0", "2001:db8:2::7/64")
    const source = (destination: string) => {
      const walk = send(first, packet("v6", "udp", 53, { source: FIRST.v6, destination }))
      return walk._tag === "Delivered" ? walk.packet.source : walk.why
    }
    expect(far.netns.reaches("2001:db8:1::1")).toBe(true)
    expect(source("2001:db8:1::9")).toBe("2001:db8:1::7")
    expect(source(CLIENT.v6)).toBe(OWN.v6)
    anchor.netns.addAddress("eth0", "2001:db8:1::8/64")
    expect(source("2001:db8:1::9")).toBe("2001:db8:1::7")
    anchor.conntrack.tracked().forEach((flow) => anchor.conntrack.remove(flow))
    expect(source("2001:db8:1::9")).toBe("2001:db8:1::8")
  })

  it("by a link without an address loses the packet, and leaves no flow", () => {
    const { first, anchor, otherClient } = makeLan()
    anchor.netns.removeAddress("eth0", OWN.v6)
    otherClient.netns.addAddress("eth0", "fe80::202/64")
    anchor.netns.addAddress("eth0", "fe80::7/64")
    anchor.netns.add({ family: "v6", gateway: "fe80::202", link: "eth0" })
    const walk = send(first, packet("v6", "udp", 53, { source: FIRST.v6, destination: "2001:db8::1" }))
    expect(walk).toMatchObject({ _tag: "Lost", why: "eth0 has no address to masquerade with" })
    expect(anchor.conntrack.flows()).toEqual([])
  })
})
