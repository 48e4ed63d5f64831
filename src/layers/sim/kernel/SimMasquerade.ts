import type { Address } from "../../../domain/Address.ts"
import type { LinkAddress } from "../../../domain/Routing.ts"
import { isWithin, sharedBits, wordsOf } from "./SimAddressWords.ts"
import type { SimPacket } from "./SimFlow.ts"
import type { SimNetns } from "./SimNetns.ts"

/** An IPv4 address is secondary where an earlier one of its link has the same network and prefix length. */
const primaries = (all: ReadonlyArray<LinkAddress>): ReadonlyArray<LinkAddress> =>
  all.filter((one, index) => {
    const words = wordsOf(one.address)
    const earlier = all.slice(0, index)
    return !earlier.some(
      (other) => other.prefixLength === one.prefixLength && isWithin(wordsOf(other.address), one.prefixLength, words)
    )
  })

/** The labels of RFC 6724 §2.1 that can be told apart here. */
const labels: ReadonlyArray<readonly [network: Address, prefixLength: number, label: number]> = [
  ["fc00::", 7, 5],
  ["2002::", 16, 2],
  ["2001::", 32, 6]
]

const labelOf = (address: Address): number =>
  labels.find(([network, length]) => isWithin(wordsOf(network), length, wordsOf(address)))?.[2] ?? 1

/** Rules 6 and 8 of RFC 6724 §5: an address of the destination's label, then one that shares more of its prefix; the newest where all are alike. */
const bestSource = (all: ReadonlyArray<LinkAddress>, destination: Address): Address | undefined => {
  const wanted = labelOf(destination)
  const words = wordsOf(destination)
  const score = ({ address, prefixLength }: LinkAddress): number =>
    (labelOf(address) === wanted ? 1_000 : 0) + Math.min(prefixLength, sharedBits(wordsOf(address), words))
  let best: LinkAddress | undefined
  for (const one of all) if (best === undefined || score(one) >= score(best)) best = one
  return best?.address
}

/**
 * The source that masquerading gives a packet which leaves by a link: for IPv4 its first primary address in the next hop's network, else its first
 * (inet_select_addr); for IPv6 what source address selection says. None where the link has no address.
 */
export const masqueradeAddress = (
  netns: SimNetns,
  link: string,
  { family, destination }: SimPacket,
  gateway: Address | undefined
): Address | undefined => {
  const own = netns.addresses().filter((one) => one.link === link && one.family === family && one.scope === "global")
  if (family === "v6") {
    return bestSource(
      own.filter(({ tentative }) => !tentative),
      destination
    )
  }
  const hop = wordsOf(gateway ?? destination)
  const usable = primaries(own)
  const near = usable.find(({ address, prefixLength }) => isWithin(wordsOf(address), prefixLength, hop))
  return (near ?? usable[0])?.address
}
