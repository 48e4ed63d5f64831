import { describe, expect, it } from "vitest"
import { families, type Family } from "../../src/domain/Address.ts"
import type { DnatEntry } from "../../src/domain/Dnat.ts"
import {
  baseRuleset,
  fillCommands,
  listTable,
  parseTable,
  planCommands,
  removeTables,
  type NftCommand
} from "../../src/domain/NftJson.ts"

const A = "172.20.0.10"

const single: DnatEntry = { _tag: "Port", family: "v4", protocol: "tcp", port: 25, address: A, backendPort: 2525 }
const wide: DnatEntry = { _tag: "Range", family: "v4", protocol: "udp", from: 100, to: 200, address: A }
const single6: DnatEntry = { ...single, family: "v6", address: "fd20::10" }

type Object = Readonly<Record<string, unknown>>

/** The objects of one kind that the base rule set adds, with the table they are in. */
const added = (kind: string, extIface = "eth1"): ReadonlyArray<Object> =>
  baseRuleset({ extIface }).flatMap((command) => {
    const object = (command["add"] as Object | undefined)?.[kind]
    return object === undefined ? [] : [object as Object]
  })

const tables: Readonly<Record<Family, Object>> = {
  v4: { family: "ip", table: "anchord_v4" },
  v6: { family: "ip6", table: "anchord_v6" }
}

const within = (kind: string, family: Family) =>
  added(kind).filter((object) => object["table"] === tables[family].table)

describe("the base rule set", () => {
  it("replaces both tables: makes sure there is one, deletes it, makes it anew", () => {
    const ofTables = baseRuleset({ extIface: "eth1" }).filter((command) =>
      Object.values(command).some((one) => "table" in (one as Object))
    )
    const v4 = { table: { family: "ip", name: "anchord_v4" } }
    const v6 = { table: { family: "ip6", name: "anchord_v6" } }
    expect(ofTables).toEqual([{ add: v4 }, { delete: v4 }, { add: v4 }, { add: v6 }, { delete: v6 }, { add: v6 }])
  })

  it("touches nothing but anchord's own tables", () => {
    for (const command of baseRuleset({ extIface: "eth1" }))
      for (const body of Object.values(command) as ReadonlyArray<Object>)
        for (const [kind, object] of Object.entries(body) as ReadonlyArray<[string, Object]>)
          expect(["anchord_v4", "anchord_v6"]).toContain(kind === "table" ? object["name"] : object["table"])
  })

  it.each(families)("has the four maps of the contract in %s", (family) => {
    const address = family === "v4" ? "ipv4_addr" : "ipv6_addr"
    const here = { ...tables[family], type: "inet_service" }
    expect(within("map", family)).toEqual([
      { ...here, name: "dnat_tcp", map: [address, "inet_service"] },
      { ...here, name: "dnat_udp", map: [address, "inet_service"] },
      { ...here, name: "dnat_range_tcp", map: address, flags: ["interval"] },
      { ...here, name: "dnat_range_udp", map: address, flags: ["interval"] }
    ])
  })

  it.each(families)("hooks its two chains in at the priorities of NAT in %s", (family) => {
    const here = { ...tables[family], type: "nat", policy: "accept" }
    expect(within("chain", family)).toEqual([
      { ...here, name: "prerouting", hook: "prerouting", prio: -100 },
      { ...here, name: "postrouting", hook: "postrouting", prio: 100 }
    ])
  })

  it.each(families)("looks single ports up before ranges in %s", (family) => {
    const looked = within("rule", family)
      .map((rule) => JSON.stringify(rule["expr"]))
      .flatMap((expr) => /"data":"@(\w+)"/.exec(expr)?.[1] ?? [])
    expect(looked.slice(0, 2).toSorted()).toEqual(["dnat_tcp", "dnat_udp"])
    expect(looked.slice(2).toSorted()).toEqual(["dnat_range_tcp", "dnat_range_udp"])
  })

  it.each(families)("only sends on what is for this namespace itself in %s", (family) => {
    const toUs = { match: { op: "==", left: { fib: { result: "type", flags: ["daddr"] } }, right: "local" } }
    const dnats = within("rule", family).filter((rule) => JSON.stringify(rule["expr"]).includes('"dnat":{'))
    expect(dnats).toHaveLength(4)
    for (const rule of dnats) expect(rule["expr"]).toContainEqual(toUs)
  })

  it.each(families)("masquerades what leaves by the external interface, and what is marked, in %s", (family) => {
    const rules = within("rule", family).filter(({ chain }) => chain === "postrouting")
    expect(rules.every((rule) => JSON.stringify(rule["expr"]).endsWith('{"masquerade":null}]'))).toBe(true)
    expect(rules).toHaveLength(2)
    expect(rules[0]?.["expr"]).toEqual([
      { match: { op: "==", left: { meta: { key: "oifname" } }, right: "eth1" } },
      { masquerade: null }
    ])
    expect(JSON.stringify(rules[1]?.["expr"])).toContain('"ct":{"key":"mark"}')
  })

  it("marks what comes in from inside to its own address, and nothing from the external interface", () => {
    const mark = added("rule", "macvlan0").find((rule) => JSON.stringify(rule["expr"]).includes("mangle"))
    const fromInside = { match: { op: "!=", left: { meta: { key: "iifname" } }, right: { set: ["macvlan0", "lo"] } } }
    expect(mark?.["expr"]).toEqual(expect.arrayContaining([fromInside]))
  })

  it.each(families)("has these rules, word for word, in %s", (family) => {
    const inFamily = tables[family]["family"]
    const mark = { ct: { key: "mark" } }
    const toUs = { match: { op: "==", left: { fib: { result: "type", flags: ["daddr"] } }, right: "local" } }
    const sent = (protocol: string, map: string) => ({
      dnat: { family: inFamily, addr: { map: { key: { payload: { protocol, field: "dport" } }, data: `@${map}` } } }
    })
    expect(within("rule", family).map(({ chain, expr }) => [chain, expr])).toEqual([
      [
        "prerouting",
        [
          { match: { op: "!=", left: { meta: { key: "iifname" } }, right: { set: ["eth1", "lo"] } } },
          toUs,
          { mangle: { key: mark, value: 0xa2c0 } }
        ]
      ],
      ["prerouting", [toUs, sent("tcp", "dnat_tcp")]],
      ["prerouting", [toUs, sent("udp", "dnat_udp")]],
      ["prerouting", [toUs, sent("tcp", "dnat_range_tcp")]],
      ["prerouting", [toUs, sent("udp", "dnat_range_udp")]],
      [
        "postrouting",
        [{ match: { op: "==", left: { meta: { key: "oifname" } }, right: "eth1" } }, { masquerade: null }]
      ],
      [
        "postrouting",
        [
          { match: { op: "==", left: mark, right: 0xa2c0 } },
          { match: { op: "in", left: { ct: { key: "status" } }, right: "dnat" } },
          { masquerade: null }
        ]
      ]
    ])
  })

  it("names the external interface it was given and no other", () => {
    expect(JSON.stringify(baseRuleset({ extIface: "macvlan0" }))).not.toContain("eth1")
  })
})

describe("removing", () => {
  it("takes both tables away, and does no harm where there are none", () => {
    const v4 = { table: { family: "ip", name: "anchord_v4" } }
    const v6 = { table: { family: "ip6", name: "anchord_v6" } }
    expect(removeTables()).toEqual([{ add: v4 }, { delete: v4 }, { add: v6 }, { delete: v6 }])
  })
})

describe("the commands of a change", () => {
  it("put a single port into the map of its protocol, with address and port", () => {
    expect(fillCommands([single])).toEqual([
      { add: { element: { ...tables.v4, name: "dnat_tcp", elem: [[25, { concat: [A, 2525] }]] } } }
    ])
    expect(fillCommands([single6])).toEqual([
      { add: { element: { ...tables.v6, name: "dnat_tcp", elem: [[25, { concat: ["fd20::10", 2525] }]] } } }
    ])
  })

  it("put a range into the map of ranges, with its address alone", () => {
    expect(fillCommands([wide])).toEqual([
      { add: { element: { ...tables.v4, name: "dnat_range_udp", elem: [[{ range: [100, 200] }, A]] } } }
    ])
  })

  it("are one for each map that is touched", () => {
    const second = { ...single, port: 26 }
    expect(fillCommands([single, wide, second])).toHaveLength(2)
    expect(fillCommands([])).toEqual([])
  })

  it("delete before they add, so that a port can change its target", () => {
    const moved = { ...single, address: "172.20.0.11" }
    const commands = planCommands({ remove: [single, wide], add: [moved, single6] })
    expect(commands.map((command) => Object.keys(command)[0])).toEqual(["delete", "delete", "add", "add"])
    expect(planCommands({ remove: [], add: [] })).toEqual([])
  })
})

/** What `nft -j list table ip anchord_v4` answers (1.1.3), shortened to one chain and one rule. */
const listing = (handle = 1, elements: ReadonlyArray<unknown> = [[25, { concat: [A, 2525] }]]): unknown => ({
  nftables: [
    { metainfo: { version: "1.1.3", release_name: "Commodore Bullmoose #4", json_schema_version: 1 } },
    { table: { family: "ip", name: "anchord_v4", handle } },
    {
      map: {
        family: "ip",
        name: "dnat_tcp",
        table: "anchord_v4",
        type: "inet_service",
        handle: handle + 1,
        map: ["ipv4_addr", "inet_service"],
        elem: elements
      }
    },
    {
      map: {
        family: "ip",
        name: "dnat_range_udp",
        table: "anchord_v4",
        type: "inet_service",
        handle: handle + 2,
        map: "ipv4_addr",
        flags: ["interval"],
        elem: [
          [{ range: [100, 200] }, A],
          [300, "172.20.0.11"]
        ]
      }
    },
    {
      chain: {
        family: "ip",
        table: "anchord_v4",
        name: "postrouting",
        handle: handle + 3,
        type: "nat",
        hook: "postrouting",
        prio: 100,
        policy: "accept"
      }
    },
    {
      rule: {
        family: "ip",
        table: "anchord_v4",
        chain: "postrouting",
        handle: handle + 4,
        expr: [{ match: { op: "==", left: { meta: { key: "oifname" } }, right: "eth1" } }, { masquerade: null }]
      }
    }
  ]
})

const replaced = (from: string, to: string): unknown => JSON.parse(JSON.stringify(listing()).replace(from, to))

describe("what the kernel holds", () => {
  it("is asked for table by table", () => {
    expect(families.map(listTable)).toEqual<ReadonlyArray<NftCommand>>([
      { list: { table: { family: "ip", name: "anchord_v4" } } },
      { list: { table: { family: "ip6", name: "anchord_v6" } } }
    ])
  })

  it("is read back as entries, an interval of one port included", () => {
    expect(parseTable(listing(), "v4").entries).toEqual([
      single,
      wide,
      { _tag: "Range", family: "v4", protocol: "udp", from: 300, to: 300, address: "172.20.0.11" }
    ])
  })

  it("is read back with addresses in canonical form", () => {
    const answer = {
      nftables: [{ map: { name: "dnat_tcp", elem: [[25, { concat: ["FD20:0::10", 2525] }]] } }]
    }
    expect(parseTable(answer, "v6").entries).toEqual([single6])
  })

  it("has the same rules whatever the handles and the elements are", () => {
    expect(parseTable(listing(70, []), "v4").rules).toBe(parseTable(listing(), "v4").rules)
  })

  it("has the same rules whether a single flag is printed as a list or alone", () => {
    expect(parseTable(replaced('"flags":["interval"]', '"flags":"interval"'), "v4").rules).toBe(
      parseTable(listing(), "v4").rules
    )
  })

  it("has other rules when somebody changed the interface, a hook, an expression, or took a rule or a map away", () => {
    const { rules } = parseTable(listing(), "v4")
    const changed = [
      replaced('"right":"eth1"', '"right":"eth2"'),
      replaced('"prio":100', '"prio":99'),
      replaced('"op":"=="', '"op":"!="'),
      replaced('"policy":"accept"', '"policy":"drop"'),
      replaced('{"masquerade":null}', '{"accept":null}'),
      ...[2, 3, 4, 5].map((index) => ({
        nftables: (listing() as { nftables: ReadonlyArray<unknown> }).nftables.toSpliced(index, 1)
      }))
    ]
    for (const answer of changed) expect(parseTable(answer, "v4").rules).not.toBe(rules)
  })

  it("has other rules when a map holds what cannot be anchord's", () => {
    const { rules } = parseTable(listing(), "v4")
    const ofBoth = [{ range: [100, 200] }, { concat: [A, 25] }]
    for (const element of [[25, "nonsense"], [25, { concat: ["nonsense", 25] }], "25", 25, [25], ofBoth])
      expect(parseTable(listing(1, [element]), "v4").rules).not.toBe(rules)
  })

  it("has other rules when somebody put a set beside the maps", () => {
    const { nftables } = listing() as { nftables: ReadonlyArray<unknown> }
    const set = { set: { family: "ip", name: "blocked", table: "anchord_v4", type: "ipv4_addr", handle: 9 } }
    expect(parseTable({ nftables: [...nftables, set] }, "v4").rules).not.toBe(parseTable(listing(), "v4").rules)
    const renamed = { set: { ...set.set, name: "allowed" } }
    expect(parseTable({ nftables: [...nftables, set] }, "v4").rules).not.toBe(
      parseTable({ nftables: [...nftables, renamed] }, "v4").rules
    )
  })

  it("is nothing when the answer is not one", () => {
    for (const answer of [undefined, null, "error", [], {}, { nftables: "none" }])
      expect(parseTable(answer, "v4")).toEqual({ entries: [], rules: "" })
  })
})
