import { describe, expect, it } from "vitest"
import { highestFree } from "../../src/domain/FreeAddress.ts"

describe("the highest free address", () => {
  it.each([
    ["172.22.1.0", 24, ["172.22.1.254", "172.22.1.253", "172.22.1.1"], "172.22.1.252"],
    ["172.18.0.0", 16, [], "172.18.255.254"],
    ["10.0.0.0", 8, [], "10.0.255.254"],
    ["fd00:1::", 64, ["fd00:1::fffe", "172.18.255.254"], "fd00:1::fffd"],
    ["10.0.0.0", 30, ["10.0.0.2"], "10.0.0.1"]
  ])("of %s/%d is the last one that nobody has", (address, prefixLength, taken, free) => {
    expect(highestFree({ address, prefixLength }, taken)).toBe(free)
  })

  it("is none in a subnet that is full, or too small for a host", () => {
    expect(highestFree({ address: "10.0.0.0", prefixLength: 30 }, ["10.0.0.1", "10.0.0.2"])).toBeUndefined()
    for (const prefixLength of [31, 32]) expect(highestFree({ address: "10.0.0.0", prefixLength }, [])).toBeUndefined()
  })
})
