import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type { Address } from "../../../domain/Address.ts"
import { remembered } from "../../../domain/Remembered.ts"

/** An address as 32-bit words: one for IPv4, four for IPv6. */
export type AddressWords = ReadonlyArray<number>

/** The words of an address; what is none throws. */
export const wordsOf: (address: Address) => AddressWords = remembered(
  (address) => address,
  (address) => {
    const parsed = Result.getOrThrow(NetAddress.ipFromString(address))
    if (NetAddress.isIpv4Address(parsed)) {
      const [a, b, c, d] = NetAddress.ipv4ToOctets(parsed)
      return [((a << 24) | (b << 16) | (c << 8) | d) >>> 0]
    }
    const segments = NetAddress.ipv6ToSegments(parsed)
    return [0, 2, 4, 6].map((at) => (((segments[at] ?? 0) << 16) | (segments[at + 1] ?? 0)) >>> 0)
  }
)

/** How many leading bits two addresses of one family share. */
export const sharedBits = (a: AddressWords, b: AddressWords): number => {
  let bits = 0
  for (let index = 0; index < a.length; index += 1) {
    const differing = Math.clz32((a[index] ?? 0) ^ (b[index] ?? 0))
    bits += differing
    if (differing < 32) break
  }
  return bits
}

/** Whether an address lies in the network of that prefix length around another; addresses of two families share none. */
export const isWithin = (network: AddressWords, prefixLength: number, address: AddressWords): boolean =>
  network.length === address.length && sharedBits(network, address) >= prefixLength
