import { describe, expect, it } from "vitest"
import type { Protocol } from "../../../../src/domain/Dnat.ts"
import { exchange, send } from "../../../../src/layers/sim/lan/SimWalker.ts"
import { FIRST, makeLan, packet, port } from "../lan/lan.ts"

const begin = () => {
  const lan = makeLan()
  lan.map(port("v4", "udp", 53, FIRST.v4), port("v4", "tcp", 53, FIRST.v4))
  const { client, anchor, time } = lan
  return {
    ...lan,
    ask: (protocol: Protocol) => exchange(client, packet("v4", protocol, 53)),
    tell: (protocol: Protocol) => send(client, packet("v4", protocol, 53)),
    /** Seconds until the flow is gone, if nothing more comes. */
    left: () => {
      const [flow] = anchor.conntrack.tracked()
      return flow === undefined ? 0 : (flow.expires - time.now()) / 1_000
    },
    flows: () => anchor.conntrack.flows().length
  }
}

describe("a UDP flow", () => {
  it("lives for 30 s without an answer, and with one until it is two seconds old", () => {
    const { ask, tell, left, time } = begin()
    tell("udp")
    expect(left()).toBe(30)
    time.advance(10_000)
    expect(left()).toBe(20)
    tell("udp")
    expect(left()).toBe(30)
    const young = begin()
    young.ask("udp")
    young.ask("udp")
    expect(young.left()).toBe(30)
    young.time.advance(2_000)
    young.ask("udp")
    expect(young.left()).toBe(30)
    ask("udp")
  })

  it("that is answered again later is a stream, and lives for 120 s", () => {
    const { ask, left, time, flows } = begin()
    ask("udp")
    time.advance(2_001)
    ask("udp")
    expect(left()).toBe(120)
    time.advance(119_999)
    expect(flows()).toBe(1)
    time.advance(1)
    expect(flows()).toBe(0)
  })

  it("that has expired is looked up in the maps again", () => {
    const { tell, time, anchor, unmap, first } = begin()
    expect(tell("udp")).toMatchObject({ kernel: first })
    unmap(port("v4", "udp", 53, FIRST.v4))
    expect(tell("udp")).toMatchObject({ kernel: first })
    time.advance(30_000)
    expect(tell("udp")).toMatchObject({ kernel: anchor })
  })
})

describe("a TCP flow", () => {
  it("lives for two minutes without an answer, and for five days with one", () => {
    const { ask, tell, left, time } = begin()
    tell("tcp")
    expect(left()).toBe(120)
    time.advance(60_000)
    ask("tcp")
    expect(left()).toBe(432_000)
  })
})

describe("a table of flows", () => {
  it("forgets what has expired by itself, however many there were", () => {
    const { client, time, anchor } = begin()
    for (let sourcePort = 1_024; sourcePort < 6_024; sourcePort += 1)
      send(client, packet("v4", "udp", 53, { sourcePort }))
    time.advance(30_000)
    send(client, packet("v4", "udp", 53))
    expect(anchor.conntrack.tracked()).toHaveLength(1)
  })

  it("refuses an inserted flow whose tuples another has", () => {
    const { anchor, ask } = begin()
    ask("udp")
    const [flow] = anchor.conntrack.flows()
    expect(() => anchor.conntrack.add(flow!)).toThrow("such conntrack exists")
    expect(anchor.conntrack.flows()).toEqual([flow])
  })
})
