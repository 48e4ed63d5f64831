import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { families } from "../src/domain/Address.ts"
import { protocols } from "../src/domain/Dnat.ts"
import { indexByPort, type PortSpan } from "../src/domain/PortIndex.ts"
import { busyPorts, mapping, telling } from "./arbitraries/mappings.ts"

/** Spans that often overlap, touch and hold each other, some of them twice. */
const spans: fc.Arbitrary<ReadonlyArray<PortSpan>> = fc.array(
  fc.record({ family: fc.constantFrom(...families), mapping }).map(({ family, mapping: { protocol, from, to } }) => ({
    family,
    protocol,
    from,
    to
  })),
  { maxLength: 12 }
)

const sorted = (all: ReadonlyArray<number>) => all.toSorted((a, b) => a - b)

describe("an index by port", () => {
  it("finds at each port exactly what spans it", () => {
    fc.assert(
      fc.property(spans, busyPorts, (all, anyPort) => {
        const at = indexByPort(all.keys(), (index) => all[index] as PortSpan)
        for (const family of families)
          for (const protocol of protocols)
            for (const port of [anyPort, ...telling(all)]) {
              const there = [...all.keys()].filter((index) => {
                const one = all[index] as PortSpan
                return one.family === family && one.protocol === protocol && one.from <= port && port <= one.to
              })
              expect(sorted(at(family, protocol, port))).toEqual(there)
            }
      }),
      { numRuns: 500 }
    )
  })
})
