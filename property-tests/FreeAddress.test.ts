import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parseAddress } from "../src/domain/Address.ts"
import { highestFree } from "../src/domain/FreeAddress.ts"
import { holds, networkOf, type Network } from "../src/domain/Network.ts"

const subnets: fc.Arbitrary<Network> = fc.oneof(
  fc
    .tuple(fc.ipV4(), fc.integer({ min: 8, max: 30 }))
    .map(([address, prefixLength]) => networkOf({ address, prefixLength })!),
  fc
    .tuple(fc.ipV6(), fc.integer({ min: 48, max: 126 }))
    .map(([address, prefixLength]) => networkOf({ address: parseAddress(address)!.address, prefixLength })!)
)

describe("the highest free address", () => {
  it("lies in the subnet, in its canonical form, and is neither its first address nor taken", () => {
    fc.assert(
      fc.property(subnets, fc.integer({ min: 0, max: 3 }), (subnet, count) => {
        const taken: Array<string> = []
        for (let index = 0; index < count; index += 1) {
          const next = highestFree(subnet, taken)
          if (next === undefined) break
          expect(holds(subnet, next)).toBe(true)
          expect(parseAddress(next)?.address).toBe(next)
          expect([...taken, subnet.address]).not.toContain(next)
          taken.push(next)
        }
      })
    )
  })

  it("is found as long as there is one", () => {
    fc.assert(
      fc.property(
        subnets.filter(({ address, prefixLength }) => prefixLength >= (address.includes(":") ? 122 : 26)),
        (subnet) => {
          const size = 2 ** ((subnet.address.includes(":") ? 128 : 32) - subnet.prefixLength)
          const taken: Array<string> = []
          for (let next = highestFree(subnet, taken); next !== undefined; next = highestFree(subnet, taken))
            taken.push(next)
          expect(new Set(taken).size).toBe(size - 2)
        }
      ),
      { numRuns: 30 }
    )
  })
})
