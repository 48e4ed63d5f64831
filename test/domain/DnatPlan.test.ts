import { describe, expect, it } from "vitest"
import type { Family } from "../../src/domain/Address.ts"
import { tableOf, type DnatEntry, type FlowSelector, type Protocol } from "../../src/domain/Dnat.ts"
import { isEmptyPlan, planDnat } from "../../src/domain/DnatPlan.ts"

const A = "172.20.0.10"
const B = "172.20.0.11"

const port = (
  protocol: Protocol,
  number: number,
  address: string,
  backendPort = number,
  family: Family = "v4"
): DnatEntry => ({ _tag: "Port", family, protocol, port: number, address, backendPort })

const range = (protocol: Protocol, from: number, to: number, address: string, family: Family = "v4"): DnatEntry => ({
  _tag: "Range",
  family,
  protocol,
  from,
  to,
  address
})

const plan = (applied: ReadonlyArray<DnatEntry>, desired: ReadonlyArray<DnatEntry>) =>
  planDnat(tableOf(applied), tableOf(desired))

const shown = (selector: FlowSelector): string => {
  const ports = `${selector.family} ${selector.protocol}/${selector.from}-${selector.to}`
  if (selector._tag === "NotDnated") return `${ports} not dnated`
  return `${ports} to ${selector.address}${selector.backendPort === undefined ? "" : `:${selector.backendPort}`}`
}

const flushed = (applied: ReadonlyArray<DnatEntry>, desired: ReadonlyArray<DnatEntry>) =>
  plan(applied, desired).flush.map(shown)

describe("the plan", () => {
  it("is empty when what is applied is what is desired", () => {
    const entries = [port("tcp", 25, A), range("udp", 100, 200, B), port("udp", 53, B, 5353, "v6")]
    expect(plan(entries, entries.toReversed())).toEqual({ remove: [], add: [], flush: [] })
    expect(isEmptyPlan(plan(entries, entries))).toBe(true)
    expect(plan([], [])).toEqual({ remove: [], add: [], flush: [] })
  })

  it("holds only what changed", () => {
    const kept = [port("tcp", 25, A), range("udp", 100, 200, B)]
    const { remove, add } = plan([...kept, port("tcp", 80, A)], [...kept, port("tcp", 443, A)])
    expect(remove).toEqual([port("tcp", 80, A)])
    expect(add).toEqual([port("tcp", 443, A)])
  })

  it("removes and adds an element whose address or port changes", () => {
    for (const next of [port("tcp", 25, B), port("tcp", 25, A, 2525)]) {
      const { remove, add } = plan([port("tcp", 25, A)], [next])
      expect({ remove, add }).toEqual({ remove: [port("tcp", 25, A)], add: [next] })
    }
    expect(plan([range("udp", 1, 9, A)], [range("udp", 1, 9, B)])).toMatchObject({
      remove: [range("udp", 1, 9, A)],
      add: [range("udp", 1, 9, B)]
    })
  })

  it("keeps families and protocols apart", () => {
    const all = [port("tcp", 53, A), port("udp", 53, A), port("tcp", 53, "fd20::10", 53, "v6")]
    expect(plan(all, all.slice(1)).remove).toEqual(all.slice(0, 1))
    expect(flushed(all, all.slice(1))).toEqual([`v4 tcp/53-53 to ${A}`])
  })

  it("is not empty when it only removes or only adds", () => {
    expect(isEmptyPlan(plan([port("tcp", 25, A)], []))).toBe(false)
    expect(isEmptyPlan(plan([], [port("tcp", 25, A)]))).toBe(false)
  })
})

describe("the flows to flush", () => {
  it("are those to the old backend when a port vanishes", () => {
    expect(flushed([port("tcp", 25, A)], [])).toEqual([`v4 tcp/25-25 to ${A}`])
    expect(flushed([port("udp", 53, A, 5353)], [])).toEqual([`v4 udp/53-53 to ${A}`])
    expect(flushed([range("udp", 100, 200, "fd20::10", "v6")], [])).toEqual(["v6 udp/100-200 to fd20::10"])
  })

  it("are those to the old backend when a port moves to another", () => {
    expect(flushed([port("tcp", 25, A)], [port("tcp", 25, B)])).toEqual([`v4 tcp/25-25 to ${A}`])
    expect(flushed([port("udp", 25, A)], [port("udp", 25, B)])).toEqual([`v4 udp/25-25 to ${A}`])
  })

  it("are those to the old port when only the backend's port changes", () => {
    expect(flushed([port("tcp", 25, A, 2525)], [port("tcp", 25, A, 2526)])).toEqual([`v4 tcp/25-25 to ${A}:2525`])
  })

  it("are UDP flows without DNAT when a port appears, and no TCP flows", () => {
    expect(flushed([], [port("udp", 53, A)])).toEqual(["v4 udp/53-53 not dnated"])
    expect(flushed([], [range("udp", 100, 200, A)])).toEqual(["v4 udp/100-200 not dnated"])
    expect(flushed([], [port("tcp", 25, A), range("tcp", 100, 200, A)])).toEqual([])
  })

  it("are those of the taken port alone when a range is cut in two", () => {
    const cut = [range("udp", 100, 149, A), port("udp", 150, B, 15000), range("udp", 151, 200, A)]
    expect(flushed([range("udp", 100, 200, A)], cut)).toEqual([`v4 udp/150-150 to ${A}`])
    expect(flushed(cut, [range("udp", 100, 200, A)])).toEqual([`v4 udp/150-150 to ${B}`])
  })

  it("are those of the lost and won ports when a range grows or shrinks", () => {
    expect(flushed([range("udp", 100, 200, A)], [range("udp", 110, 210, A)])).toEqual([
      `v4 udp/100-109 to ${A}`,
      "v4 udp/201-210 not dnated"
    ])
  })

  it("are none when a range is only cut into other pieces", () => {
    const whole = [range("tcp", 100, 200, A)]
    const pieces = [range("tcp", 100, 150, A), port("tcp", 151, A), range("tcp", 152, 200, A)]
    expect(flushed(whole, pieces)).toEqual([])
    expect(flushed(pieces, whole)).toEqual([])
    expect(isEmptyPlan(plan(whole, pieces))).toBe(false)
  })

  it("are one selector for adjoining ports that left one backend", () => {
    const ports = [8000, 8001, 8002].map((number) => port("tcp", number, A, number + 1000))
    expect(flushed(ports, [])).toEqual([`v4 tcp/8000-8002 to ${A}`])
  })

  it("are one selector for adjoining UDP ports that appear", () => {
    expect(flushed([], [port("udp", 100, A), port("udp", 101, B)])).toEqual(["v4 udp/100-101 not dnated"])
  })

  it("are told apart where one port appears and the next one goes", () => {
    expect(flushed([port("udp", 101, A)], [port("udp", 100, A)])).toEqual([
      "v4 udp/100-100 not dnated",
      `v4 udp/101-101 to ${A}`
    ])
    expect(flushed([port("udp", 100, A)], [port("udp", 101, A)])).toEqual([
      `v4 udp/100-100 to ${A}`,
      "v4 udp/101-101 not dnated"
    ])
  })

  it("are told apart where adjoining ports left different backends, or one left and one only changed its port", () => {
    expect(flushed([port("tcp", 80, A), port("tcp", 81, B)], [])).toEqual([
      `v4 tcp/80-80 to ${A}`,
      `v4 tcp/81-81 to ${B}`
    ])
    const moved = flushed(
      [port("tcp", 80, A), port("tcp", 81, A, 8081), port("tcp", 82, A, 8082), port("tcp", 83, A)],
      [port("tcp", 81, A, 9081), port("tcp", 82, A, 9082)]
    )
    expect(moved).toEqual([
      `v4 tcp/80-80 to ${A}`,
      `v4 tcp/81-81 to ${A}:8081`,
      `v4 tcp/82-82 to ${A}:8082`,
      `v4 tcp/83-83 to ${A}`
    ])
  })

  it("know that a single port hides the range it lies in", () => {
    const hidden = [range("udp", 100, 200, A), port("udp", 150, B)]
    expect(flushed(hidden, [range("udp", 100, 200, A)])).toEqual([`v4 udp/150-150 to ${B}`])
    expect(flushed(hidden, [port("udp", 150, B)])).toEqual([`v4 udp/100-149 to ${A}`, `v4 udp/151-200 to ${A}`])
  })

  it("leave a range whole beside single ports, and cut it at those in it, in whatever order they are", () => {
    const beside = [range("udp", 100, 200, A), port("udp", 300, B), port("udp", 99, B)]
    expect(flushed(beside, beside.slice(1))).toEqual([`v4 udp/100-200 to ${A}`])
    const singles = [port("udp", 200, B), port("udp", 150, B), port("udp", 100, B)]
    expect(flushed([range("udp", 100, 200, A), ...singles], singles)).toEqual([
      `v4 udp/101-149 to ${A}`,
      `v4 udp/151-199 to ${A}`
    ])
  })

  it("are also those of the single ports that a range has left between others", () => {
    const cut = [range("udp", 100, 102, A), port("udp", 101, B)]
    expect(flushed(cut, [])).toEqual([`v4 udp/100-100 to ${A}`, `v4 udp/101-101 to ${B}`, `v4 udp/102-102 to ${A}`])
  })

  it("work up to the last port", () => {
    expect(flushed([range("udp", 65000, 65535, A)], [port("udp", 65535, B)])).toEqual([`v4 udp/65000-65535 to ${A}`])
    expect(flushed([range("udp", 1, 65535, A)], [range("udp", 2, 65534, A)])).toEqual([
      `v4 udp/1-1 to ${A}`,
      `v4 udp/65535-65535 to ${A}`
    ])
  })
})
