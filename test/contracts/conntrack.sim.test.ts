import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { SimConntrack } from "../../src/layers/sim/kernel/SimConntrack.ts"
import { Conntrack } from "../../src/services/Conntrack.ts"
import { conntrackContract } from "./conntrack.ts"

conntrackContract("SimConntrack", () => {
  const table = new SimConntrack()
  return Promise.resolve({
    layer: table.layer,
    world: { begin: (flow) => Promise.resolve().then(() => table.add(flow)) },
    dispose: () => Promise.resolve()
  })
})

describe("a simulated conntrack that is broken", () => {
  it("fails until it is repaired, and flows stay", async () => {
    const table = new SimConntrack()
    const flow = {
      family: "v4",
      protocol: "udp",
      source: "10.99.0.201",
      sourcePort: 1_000,
      destination: "10.99.0.7",
      destinationPort: 53,
      replySource: "10.99.0.7",
      replySourcePort: 53
    } as const
    table.add(flow)
    table.failure = "Operation not permitted"
    const ask = <A, E>(use: (conntrack: Conntrack["Service"]) => Effect.Effect<A, E>) =>
      Effect.runPromise(Effect.flatMap(Conntrack, use).pipe(Effect.provide(table.layer)))
    const selector = { _tag: "NotDnated", family: "v4", protocol: "udp", from: 53, to: 53 } as const
    const errors = [
      await ask((conntrack) => Effect.flip(conntrack.flows("v4"))),
      await ask((conntrack) => Effect.flip(conntrack.flush([selector])))
    ]
    expect(errors.map(({ message }) => message)).toEqual(["Operation not permitted", "Operation not permitted"])
    table.failure = undefined
    expect(await ask((conntrack) => conntrack.flows("v4"))).toEqual([flow])
    expect(await ask((conntrack) => conntrack.flush([selector]))).toBe(1)
    expect(() => {
      table.add(flow)
      table.add(flow)
    }).toThrow(/exists/)
  })
})
