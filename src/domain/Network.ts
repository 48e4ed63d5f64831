import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type { Address } from "./Address.ts"
import { remembered } from "./Remembered.ts"

/** An address with its prefix length. */
export interface Prefixed {
  readonly address: Address
  readonly prefixLength: number
}

/** A network: its first address and its prefix length. */
export type Network = Prefixed

/** The network that an address with its prefix length lies in; nothing when there is no such thing. */
export const networkOf: (prefixed: Prefixed) => Network | undefined = remembered(
  ({ address, prefixLength }) => `${address}/${prefixLength}`,
  ({ address, prefixLength }) => {
    const parsed = NetAddress.ipFromString(address)
    if (Result.isFailure(parsed)) return undefined
    const network = IpNetwork.fromAddress(parsed.success, prefixLength)
    if (Result.isFailure(network)) return undefined
    return { address: IpNetwork.format(network.success).split("/")[0] ?? address, prefixLength }
  }
)

export const isSameNetwork = (a: Network, b: Network): boolean =>
  a.address === b.address && a.prefixLength === b.prefixLength

/** Whether a network has this address in it; one of another family never has. */
export const holds = (network: Network, address: Address): boolean =>
  network.address.includes(":") === address.includes(":") &&
  networkOf({ address, prefixLength: network.prefixLength })?.address === network.address

/** Whether two networks share an address: then one of them lies in the other. */
export const overlap = (a: Network, b: Network): boolean => holds(a, b.address) || holds(b, a.address)
