import { describe, expect, it } from "vitest"
import type { AddressPair } from "../../src/domain/Address.ts"
import type { Backend } from "../../src/domain/DesiredDnat.ts"
import { movedAddresses } from "../../src/domain/MovedAddresses.ts"

const backend = (id: string, address: AddressPair): Backend => ({ id, name: id, createdAt: 0, mappings: [], address })
const at = (n: number, m = n): AddressPair => ({ v4: `172.20.0.${n}`, v6: `fd20::${m}` })

describe("the addresses at which another endpoint may be", () => {
  it("are all of them at first", () => {
    expect(movedAddresses([], [backend("a", at(3)), backend("b", { v4: "172.20.0.4" })])).toEqual([
      "172.20.0.3",
      "fd20::3",
      "172.20.0.4"
    ])
  })

  it("are none while nothing changes, in whatever order", () => {
    const [a, b] = [backend("a", at(3)), backend("b", at(4))]
    expect(movedAddresses([a, b], [b, a])).toEqual([])
    expect(movedAddresses([a, b], [a])).toEqual([])
  })

  it("are those of a container that was made anew, though the addresses are the same", () => {
    expect(movedAddresses([backend("a", at(3))], [backend("b", at(3))])).toEqual(["172.20.0.3", "fd20::3"])
  })

  it("are those of containers that changed places in one family", () => {
    const before = [backend("a", at(3, 6)), backend("b", at(4, 7)), backend("c", at(5))]
    const after = [backend("a", at(3, 7)), backend("b", at(4, 6)), backend("c", at(5))]
    expect(movedAddresses(before, after)).toEqual(["172.20.0.3", "fd20::7", "172.20.0.4", "fd20::6"])
  })

  it("are named once where two backends live in one namespace", () => {
    expect(movedAddresses([], [backend("a", at(3)), backend("b", at(3))])).toEqual(["172.20.0.3", "fd20::3"])
  })
})
