import { families } from "../../../domain/Address.ts"
import { type Network, networkOf, overlap } from "../../../domain/Network.ts"
import type { SimPools } from "./SimIpam.ts"
import { SimRefusal } from "./SimRefusal.ts"

/** What Docker gives networks that ask for no subnet, one after the other. */
const defaults: ReadonlyArray<string> = [
  ...Array.from({ length: 15 }, (_, index) => `172.${17 + index}.0.0/16`),
  ...Array.from({ length: 16 }, (_, index) => `192.168.${16 * index}.0/20`)
]

export const parsed = (subnet: string): Network => {
  const [address = "", length] = subnet.split("/")
  const network = networkOf({ address, prefixLength: Number(length) })
  if (network === undefined) throw new SimRefusal(400, `invalid subnet ${subnet}`)
  return network
}

/** The subnets of a simulated engine's networks, of which no two may share an address. */
export class SimAddressSpace {
  #next = 0

  /**
   * The next of the default pools that overlaps with none of these. The engine goes on from the last one that it gave (seen on 26.1): a
   * network that is made anew gets another subnet.
   */
  take(present: Iterable<SimPools>): string {
    const taken = subnetsOf(present)
    for (let tried = 0; tried < defaults.length; tried++) {
      const candidate = defaults[(this.#next + tried) % defaults.length] ?? ""
      if (taken.some((subnet) => overlap(subnet, parsed(candidate)))) continue
      this.#next += tried + 1
      return candidate
    }
    throw new SimRefusal(400, "could not find an available, non-overlapping IPv4 address pool among the defaults")
  }

  /** Refuses a subnet that overlaps with one of these. */
  require(present: Iterable<SimPools>, subnet: string): void {
    if (!subnetsOf(present).some((other) => overlap(other, parsed(subnet)))) return
    throw new SimRefusal(403, "Pool overlaps with other one on this address space")
  }
}

const subnetsOf = (all: Iterable<SimPools>): ReadonlyArray<Network> =>
  [...all].flatMap((pools) => families.flatMap((family) => (pools[family] ? [parsed(pools[family].subnet)] : [])))
