import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import { parseAddress, type Address } from "./Address.ts"
import type { Network } from "./Network.ts"

/** Of a subnet as wide as IPv6's, only as many addresses are looked at. */
const LOOKED_AT = 65_536n

const parts = (address: Address): { readonly values: ReadonlyArray<number>; readonly bits: bigint } => {
  const parsed = Result.getOrThrow(NetAddress.ipFromString(address))
  return NetAddress.isIpv4Address(parsed)
    ? { values: NetAddress.ipv4ToOctets(parsed), bits: 8n }
    : { values: NetAddress.ipv6ToSegments(parsed), bits: 16n }
}

const numberOf = (address: Address): bigint => {
  const { values, bits } = parts(address)
  return values.reduce((sum, value) => (sum << bits) + BigInt(value), 0n)
}

const textOf = (number: bigint, v6: boolean): Address => {
  const [count, bits, radix, glue] = v6 ? ([8, 16n, 16, ":"] as const) : ([4, 8n, 10, "."] as const)
  const values = Array.from({ length: count }, (_, index) =>
    ((number >> (BigInt(count - 1 - index) * bits)) & ((1n << bits) - 1n)).toString(radix)
  )
  return parseAddress(values.join(glue))?.address ?? ""
}

/**
 * The highest address of a subnet that is not taken, of a large one the highest of its first 65,536: Docker hands out the lowest ones. Never the
 * subnet's first or last address. Nothing when none is left.
 */
export const highestFree = (subnet: Network, taken: ReadonlyArray<Address>): Address | undefined => {
  const v6 = subnet.address.includes(":")
  const first = numberOf(subnet.address)
  const size = 1n << BigInt((v6 ? 128 : 32) - subnet.prefixLength)
  const unavailable = new Set(taken.filter((address) => address.includes(":") === v6).map(numberOf))
  for (let offset = (size < LOOKED_AT ? size : LOOKED_AT) - 2n; offset > 0n; offset -= 1n) {
    if (!unavailable.has(first + offset)) return textOf(first + offset, v6)
  }
  return undefined
}
