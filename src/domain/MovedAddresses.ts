import { families, type Address } from "./Address.ts"
import type { Backend } from "./DesiredDnat.ts"

const placeOf = ({ id, address }: Backend): string => [id, address.v4, address.v6].join(" ")

/**
 * The addresses at which another endpoint may be than before: those of backends that came, or that have another address in either family. Docker
 * gives an address that became free to the next container that asks, and most engines make the MAC address of the IPv4 address alone, so that
 * one IPv6 address may have another MAC address from one moment to the next. Each once, in the order of the backends.
 */
export const movedAddresses = (
  before: ReadonlyArray<Backend>,
  after: ReadonlyArray<Backend>
): ReadonlyArray<Address> => {
  const known = new Set(before.map(placeOf))
  const moved = after.filter((backend) => !known.has(placeOf(backend)))
  const addresses = moved.flatMap(({ address }) => families.map((family) => address[family]))
  return [...new Set(addresses.filter((address) => address !== undefined))]
}
