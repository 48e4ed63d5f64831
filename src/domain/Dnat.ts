import type { Address, Family } from "./Address.ts"

export type Protocol = "tcp" | "udp"

export const protocols: ReadonlyArray<Protocol> = ["tcp", "udp"]

/** External ports `from` to `to` (both included), and the backend's port for `from`; the rest follow one by one. */
export interface PortMapping {
  readonly protocol: Protocol
  readonly from: number
  readonly to: number
  readonly backendFrom: number
}

/**
 * One element of a DNAT map. `Port` sends one port to an address and a port (maps `dnat_tcp`, `dnat_udp`);
 * `Range` sends an interval of at least two ports to an address and keeps the port (maps `dnat_range_tcp`, `…_udp`).
 */
export type DnatEntry =
  | {
      readonly _tag: "Port"
      readonly family: Family
      readonly protocol: Protocol
      readonly port: number
      readonly address: Address
      readonly backendPort: number
    }
  | {
      readonly _tag: "Range"
      readonly family: Family
      readonly protocol: Protocol
      readonly from: number
      readonly to: number
      readonly address: Address
    }

/** The element's place: two entries with one key cannot both be in the kernel. */
export const entryKey = (entry: DnatEntry): string =>
  entry._tag === "Port"
    ? `${entry.family}/${entry.protocol}/${entry.port}`
    : `${entry.family}/${entry.protocol}/${entry.from}-${entry.to}`

/** The whole content of the DNAT maps, by {@link entryKey}. */
export type DnatTable = ReadonlyMap<string, DnatEntry>

export const tableOf = (entries: Iterable<DnatEntry>): DnatTable =>
  new Map([...entries].map((entry) => [entryKey(entry), entry]))

export const sameEntry = (a: DnatEntry, b: DnatEntry): boolean =>
  entryKey(a) === entryKey(b) &&
  a.address === b.address &&
  (a._tag === "Range" || (b._tag === "Port" && a.backendPort === b.backendPort))

/**
 * Which conntrack flows one change of the maps makes wrong (SPEC §7), by protocol and original destination port.
 * `DnatedTo`: flows that were DNATed to `address`, which the ports have left. `NotDnated`: UDP flows that began before
 * the ports were mapped and would never be DNATed.
 */
export type FlowSelector =
  | {
      readonly _tag: "DnatedTo"
      readonly family: Family
      readonly protocol: Protocol
      readonly from: number
      readonly to: number
      readonly address: Address
      /** Set when the address stays the port's owner but its own port changed: only flows to this port are wrong. */
      readonly backendPort?: number
    }
  | {
      readonly _tag: "NotDnated"
      readonly family: Family
      readonly protocol: "udp"
      readonly from: number
      readonly to: number
      /** When set, only flows to one of these: what merely passes through on its way out is not meant. */
      readonly destinations?: ReadonlyArray<Address>
    }

/** The smallest change that leads from what is applied to what is desired, and the flows it makes wrong (SPEC §5, §7). */
export interface DnatPlan {
  readonly remove: ReadonlyArray<DnatEntry>
  readonly add: ReadonlyArray<DnatEntry>
  readonly flush: ReadonlyArray<FlowSelector>
}

/** A tracked connection in the terms of its original direction, as `conntrack -L` shows it. */
export interface Flow {
  readonly family: Family
  readonly protocol: Protocol
  readonly source: Address
  readonly sourcePort: number
  readonly destination: Address
  readonly destinationPort: number
  /** Where replies come from: the DNATed backend, or the original destination when there is no DNAT. */
  readonly replySource: Address
  readonly replySourcePort: number
}
