import { describe, expect, it } from "vitest"
import { holds, isSameNetwork, networkOf, overlap } from "../../src/domain/Network.ts"

describe("the network of an address", () => {
  it.each([
    ["10.99.0.7", 24, "10.99.0.0"],
    ["10.99.0.7", 32, "10.99.0.7"],
    ["fd99::1:7", 64, "fd99::"],
    ["10.99.0.7", 0, "0.0.0.0"]
  ])("%s/%d begins with %s", (address, prefixLength, first) => {
    expect(networkOf({ address, prefixLength })).toEqual({ address: first, prefixLength })
  })

  it.each([
    ["router", 24],
    ["10.99.0.7", 33],
    ["10.99.0.7", Number.NaN],
    ["fd99::7", 129]
  ])("is none of %s/%d", (address, prefixLength) => {
    expect(networkOf({ address, prefixLength })).toBeUndefined()
  })
})

describe("two networks", () => {
  const wide = { address: "10.99.0.0", prefixLength: 16 }
  const narrow = { address: "10.99.0.0", prefixLength: 24 }
  const v6 = { address: "fd99::", prefixLength: 64 }

  it("are the same with one address and one length", () => {
    expect(isSameNetwork(wide, { ...wide })).toBe(true)
    expect([narrow, v6].some((other) => isSameNetwork(wide, other))).toBe(false)
  })

  it("overlap when one lies in the other, and never across families", () => {
    expect([overlap(wide, narrow), overlap(narrow, wide)]).toEqual([true, true])
    expect(overlap(narrow, { address: "10.99.1.0", prefixLength: 24 })).toBe(false)
    for (const any of [wide, { address: "0.0.0.0", prefixLength: 0 }]) expect(overlap(any, v6)).toBe(false)
    expect(holds(narrow, "10.99.0.7")).toBe(true)
    expect(holds(v6, "10.99.0.7") || holds(narrow, "fd99::7")).toBe(false)
  })
})
