import { describe, expect, it } from "vitest"
import { baseRuleset, type NftCommand } from "../../../../src/domain/NftJson.ts"
import { SimRuleset } from "../../../../src/layers/sim/kernel/SimRuleset.ts"

const TABLE = { family: "ip", name: "t" }
const at = { family: "ip", table: "t" }

const begin = (...commands: ReadonlyArray<NftCommand>) => {
  const ruleset = new SimRuleset()
  expect(ruleset.execute([{ add: { table: TABLE } }, ...commands])).toBeUndefined()
  return ruleset
}

const chain = (name: string) => ({ ...at, name })
const rule = (name: string, ...expr: ReadonlyArray<unknown>): NftCommand => ({
  add: { rule: { ...at, chain: name, expr } }
})

describe("a simulated rule set", () => {
  it("creates only what is not there", () => {
    const map = { ...at, name: "m", type: "inet_service", map: "ipv4_addr" }
    const element = { ...at, name: "m", elem: [[25, "10.0.0.1"]] }
    const ruleset = new SimRuleset()
    for (const command of [{ table: TABLE }, { map }, { chain: chain("c") }, { element }]) {
      expect(ruleset.execute([{ create: command }])).toBeUndefined()
      expect(ruleset.execute([{ create: command }])).toMatch(/File exists/)
      expect(ruleset.execute([{ add: command }])).toBeUndefined()
    }
  })

  it("takes a port in quotes for the port, and refuses one that is none", () => {
    const ruleset = begin({ add: { map: { ...at, name: "m", type: "inet_service", map: "ipv4_addr" } } })
    const add = (port: unknown) =>
      ruleset.execute([{ add: { element: { ...at, name: "m", elem: [[port, "10.0.0.1"]] } } }])
    expect(add("25")).toBeUndefined()
    expect(JSON.stringify(ruleset.list("ip", "t"))).toContain('"elem":[[25,"10.0.0.1"]]')
    for (const port of ["70000", "nonsense", -1, 2.5]) expect(add(port)).toMatch(/Service out of range/)
  })

  it("deletes a chain with its rules, but none that another jumps to", () => {
    const ruleset = begin(
      { add: { chain: chain("a") } },
      { add: { chain: chain("b") } },
      rule("b", { accept: null }),
      rule("a", { jump: { target: "b" } })
    )
    expect(ruleset.execute([{ delete: { chain: chain("b") } }])).toMatch(/busy/)
    expect(ruleset.execute([{ delete: { chain: chain("a") } }, { delete: { chain: chain("b") } }])).toBeUndefined()
    expect(ruleset.execute([{ delete: { chain: chain("b") } }])).toMatch(/No such file/)
    expect(JSON.stringify(ruleset.list("ip", "t"))).not.toContain("accept")
  })

  it("flushes a table's rules, and keeps its chains and maps", () => {
    const ruleset = new SimRuleset()
    ruleset.execute(baseRuleset({ extIface: "eth0" }))
    ruleset.execute([{ flush: { table: { family: "ip", name: "anchord_v4" } } }])
    const text = JSON.stringify(ruleset.list("ip", "anchord_v4"))
    expect(text).toContain("dnat_tcp")
    expect(text).toContain("postrouting")
    expect(text).not.toContain("masquerade")
  })

  it("takes itself for empty before a flush that comes later in the transaction", () => {
    const ruleset = begin({ add: { map: { ...at, name: "m", type: "inet_service", map: "ipv4_addr" } } })
    const element = { add: { element: { ...at, name: "m", elem: [[25, "10.0.0.1"]] } } }
    const flush = { flush: { ruleset: null } }
    expect(ruleset.execute([element, flush])).toMatch(/No such file/)
    expect(ruleset.tables()).toEqual(["ip t"])
    expect(ruleset.execute([{ delete: { table: TABLE } }, flush])).toBeUndefined()
    expect(ruleset.tables()).toEqual([])
  })

  it("does not call a refusal what is only not simulated", () => {
    const ruleset = begin()
    expect(() => ruleset.execute([{ add: { set: { ...at, name: "s", type: "inet_service" } } }])).toThrow(
      /does not add a set/
    )
    expect(() => ruleset.execute([{ replace: { rule: at } }])).toThrow(/does not replace a rule/)
    expect(ruleset.execute([{ frobnicate: { table: TABLE } }])).toMatch(/Unknown object/)
  })

  it("has another generation after each transaction that held, and no other", () => {
    const ruleset = begin()
    const before = ruleset.generation
    ruleset.execute([{ delete: { table: { family: "ip", name: "nowhere" } } }])
    expect(ruleset.generation).toBe(before)
    ruleset.execute([{ add: { chain: chain("c") } }])
    expect(ruleset.generation).toBe(before + 1)
  })
})
