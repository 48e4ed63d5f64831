import { describe, expect, it } from "vitest"
import { tableOf, type DnatEntry, type Flow, type FlowSelector } from "../../src/domain/Dnat.ts"
import { flowsMeant, isDnated, ownersIn, selectorMatches, staleFlows } from "../../src/domain/FlowConsistency.ts"

const OURS = "10.99.0.5"
const A = "172.20.0.10"
const B = "172.20.0.11"

const flow = (change: Partial<Flow> = {}): Flow => {
  const whole: Omit<Flow, "replySource" | "replySourcePort"> = {
    family: "v4",
    protocol: "udp",
    source: "10.99.0.77",
    sourcePort: 40_000,
    destination: OURS,
    destinationPort: 53,
    ...change
  }
  return { replySource: whole.destination, replySourcePort: whole.destinationPort, ...whole, ...change }
}

const to = (address: string, port: number, change: Partial<Flow> = {}) =>
  flow({ ...change, replySource: address, replySourcePort: port })

const single: DnatEntry = { _tag: "Port", family: "v4", protocol: "udp", port: 53, address: A, backendPort: 5353 }
const wide: DnatEntry = { _tag: "Range", family: "v4", protocol: "udp", from: 50, to: 60, address: B }
const table = tableOf([single, wide])

describe("a flow", () => {
  it("is DNATed when replies come from another address or another port", () => {
    expect(isDnated(flow())).toBe(false)
    expect(isDnated(to(A, 53))).toBe(true)
    expect(isDnated(to(OURS, 5353))).toBe(true)
  })
})

describe("where a port leads to", () => {
  it("is the single port before the range that it lies in", () => {
    expect(ownersIn(table)(flow())).toEqual({ address: A, port: 5353 })
    expect(ownersIn(table)(flow({ destinationPort: 54 }))).toEqual({ address: B, port: 54 })
    for (const destinationPort of [50, 60])
      expect(ownersIn(table)(flow({ destinationPort }))).toEqual({ address: B, port: destinationPort })
  })

  it("is the single port before an interval of one port, whichever of the two the maps name first", () => {
    const interval: DnatEntry = { ...wide, from: 53, to: 53 }
    for (const entries of [tableOf([single, interval]), tableOf([interval, single])])
      expect(ownersIn(entries)(flow())).toEqual({ address: A, port: 5353 })
    expect(ownersIn(tableOf([interval]))(flow())).toEqual({ address: B, port: 53 })
  })

  it("is nowhere outside, in the other protocol, and in the other family", () => {
    for (const change of [{ destinationPort: 49 }, { destinationPort: 61 }])
      expect(ownersIn(table)(flow(change))).toBeUndefined()
    expect(ownersIn(table)(flow({ protocol: "tcp" }))).toBeUndefined()
    expect(ownersIn(table)(flow({ family: "v6", destinationPort: 55 }))).toBeUndefined()
  })
})

describe("a selector", () => {
  const dnatedTo: FlowSelector = { _tag: "DnatedTo", family: "v4", protocol: "udp", from: 50, to: 60, address: A }
  const notDnated: FlowSelector = { _tag: "NotDnated", family: "v4", protocol: "udp", from: 50, to: 60 }

  it("means flows of its ports that were DNATed to its address, whatever the backend's port", () => {
    for (const port of [53, 5353]) expect(selectorMatches(dnatedTo, to(A, port))).toBe(true)
    for (const destinationPort of [50, 60]) expect(selectorMatches(dnatedTo, to(A, 9, { destinationPort }))).toBe(true)
    for (const destinationPort of [49, 61]) expect(selectorMatches(dnatedTo, to(A, 9, { destinationPort }))).toBe(false)
    expect(selectorMatches(dnatedTo, to(B, 53))).toBe(false)
    expect(selectorMatches(dnatedTo, to(A, 53, { protocol: "tcp" }))).toBe(false)
    expect(selectorMatches(dnatedTo, to(A, 53, { family: "v6" }))).toBe(false)
  })

  it("does not mean flows that were sent to its address without DNAT", () => {
    expect(selectorMatches(dnatedTo, flow({ destination: A }))).toBe(false)
  })

  it("means one backend port when it names one", () => {
    const narrow: FlowSelector = { ...dnatedTo, backendPort: 5353 }
    expect(selectorMatches(narrow, to(A, 5353))).toBe(true)
    expect(selectorMatches(narrow, to(A, 53))).toBe(false)
  })

  it("means flows without DNAT, to any destination or only to some", () => {
    expect(selectorMatches(notDnated, flow())).toBe(true)
    expect(selectorMatches(notDnated, flow({ destination: "9.9.9.9" }))).toBe(true)
    expect(selectorMatches(notDnated, to(A, 53))).toBe(false)
    expect(selectorMatches(notDnated, flow({ destinationPort: 61 }))).toBe(false)
    const ours: FlowSelector = { ...notDnated, destinations: [OURS, "10.99.0.6"] }
    expect(selectorMatches(ours, flow())).toBe(true)
    expect(selectorMatches(ours, flow({ destination: "9.9.9.9" }))).toBe(false)
  })
})

describe("the flows that selectors mean", () => {
  it("are told apart by family, protocol and port, also where selectors overlap", () => {
    const wideTcp: FlowSelector = { _tag: "DnatedTo", family: "v4", protocol: "tcp", from: 1, to: 65_535, address: A }
    const port25: FlowSelector = { ...wideTcp, from: 25, to: 25, address: B }
    const at = (address: string, destinationPort: number, change: Partial<Flow> = {}) =>
      to(address, destinationPort, { protocol: "tcp", destinationPort, ...change })
    const meant = [at(A, 1), at(A, 25), at(B, 25), at(A, 65_535)]
    const others = [at(B, 1), at(B, 26), at(A, 25, { protocol: "udp" }), at("fd20::a", 25, { family: "v6" })]
    expect(flowsMeant([...others, ...meant], [port25, wideTcp])).toEqual(meant)
    expect(flowsMeant(meant, [])).toEqual([])
  })
})

describe("stale flows", () => {
  const stale = (...flows: ReadonlyArray<Flow>) => staleFlows(flows, table, [OURS])

  it("are none while each flow goes where the maps say", () => {
    expect(stale(to(A, 5353), to(B, 54, { destinationPort: 54 }))).toEqual([])
    expect(stale()).toEqual([])
  })

  it("are those that go to an address that does not own the port any more", () => {
    expect(stale(to(B, 5353))).toEqual([
      { _tag: "DnatedTo", family: "v4", protocol: "udp", from: 53, to: 53, address: B, backendPort: 5353 }
    ])
    expect(stale(to(A, 55, { destinationPort: 55 }))).toHaveLength(1)
  })

  it("are those that go to the owner, but to a port that is not its port any more", () => {
    expect(stale(to(A, 53))).toEqual([
      { _tag: "DnatedTo", family: "v4", protocol: "udp", from: 53, to: 53, address: A, backendPort: 53 }
    ])
  })

  it("are those whose port nobody owns", () => {
    expect(stale(to(A, 25, { protocol: "tcp", destinationPort: 25 }))).toEqual([
      { _tag: "DnatedTo", family: "v4", protocol: "tcp", from: 25, to: 25, address: A, backendPort: 25 }
    ])
  })

  it("are UDP flows that began before their port was mapped, and name the address they were sent to", () => {
    expect(stale(flow())).toEqual([
      { _tag: "NotDnated", family: "v4", protocol: "udp", from: 53, to: 53, destinations: [OURS] }
    ])
    expect(stale(flow({ destinationPort: 70 }))).toEqual([])
  })

  it("are no TCP flows without DNAT: anchord's own listener may be behind them", () => {
    const tcp = tableOf([{ ...single, protocol: "tcp" }])
    expect(staleFlows([flow({ protocol: "tcp" })], tcp, [OURS])).toEqual([])
  })

  it("are none that were sent to somebody else", () => {
    expect(stale(flow({ destination: "9.9.9.9" }), to(B, 53, { destination: "10.99.0.8" }))).toEqual([])
  })

  it("are named once when several are alike", () => {
    expect(stale(to(B, 53), to(B, 53, { sourcePort: 40_001 }), to(B, 53, { source: "10.99.0.78" }))).toHaveLength(1)
  })
})
