import { describe, expect, it } from "vitest"
import { indexByPort, type PortSpan } from "../../src/domain/PortIndex.ts"

const span = (from: number, to: number, change: Partial<PortSpan> = {}): PortSpan => ({
  family: "v4",
  protocol: "tcp",
  from,
  to,
  ...change
})

const indexed = (...spans: ReadonlyArray<PortSpan>) => indexByPort(spans, (one) => one)

describe("what lies at a port", () => {
  it("is what begins there, ends there or spans it", () => {
    const [single, wide] = [span(25, 25), span(20, 30)]
    const at = indexed(wide, single)
    expect(at("v4", "tcp", 25).toSorted((a, b) => a.to - b.to)).toEqual([single, wide])
    for (const port of [20, 24, 26, 30]) expect(at("v4", "tcp", port)).toEqual([wide])
    for (const port of [19, 31]) expect(at("v4", "tcp", port)).toEqual([])
  })

  it("is found behind shorter spans that begin nearer to it", () => {
    const far = span(1, 1_000)
    const at = indexed(span(400, 410), span(420, 430), far, span(440, 450))
    expect(at("v4", "tcp", 435)).toEqual([far])
    expect(at("v4", "tcp", 1_000)).toEqual([far])
    expect(at("v4", "tcp", 1_001)).toEqual([])
  })

  it("is found in whatever order they are given", () => {
    const [low, middle, high] = [span(100, 199), span(200, 299), span(300, 399)]
    for (const all of [
      [high, middle, low],
      [middle, high, low],
      [low, high, middle]
    ]) {
      const at = indexed(...all)
      expect([150, 250, 350].map((port) => at("v4", "tcp", port))).toEqual([[low], [middle], [high]])
    }
  })

  it("is each of several alike", () => {
    expect(indexed(span(7, 7), span(7, 7))("v4", "tcp", 7)).toHaveLength(2)
    expect(indexed(span(7, 9), span(7, 9))("v4", "tcp", 9)).toHaveLength(2)
  })

  it("is of that family and protocol only", () => {
    const at = indexed(span(25, 25), span(20, 30))
    expect(at("v6", "tcp", 25)).toEqual([])
    expect(at("v4", "udp", 25)).toEqual([])
    expect(indexed(span(25, 30, { family: "v6", protocol: "udp" }))("v6", "udp", 27)).toHaveLength(1)
  })
})
