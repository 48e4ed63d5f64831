import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"

/** An address family. Everything that exists per family exists once for each of these. */
export type Family = "v4" | "v6"

export const families: ReadonlyArray<Family> = ["v4", "v6"]

/** What people call it. */
export const familyName: Readonly<Record<Family, string>> = { v4: "IPv4", v6: "IPv6" }

/** An IP address in its canonical text form (RFC 5952 for IPv6), without prefix length or zone. */
export type Address = string

/** One optional address per family: a gateway, or what a container has on one network. */
export interface AddressPair {
  readonly v4?: Address
  readonly v6?: Address
}

/** The canonical form of `text` and its family, or nothing when it is not an address (a zone or prefix is refused). */
export const parseAddress = (text: string): { readonly family: Family; readonly address: Address } | undefined => {
  const parsed = NetAddress.ipFromString(text)
  if (Result.isFailure(parsed)) return undefined
  return { family: text.includes(":") ? "v6" : "v4", address: NetAddress.formatIp(parsed.success) }
}

/** The family of a text that is already known to be an address. */
export const familyOf = (address: Address): Family => (address.includes(":") ? "v6" : "v4")
