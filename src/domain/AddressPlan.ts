import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type { Address, Family } from "./Address.ts"
import type { Lease, StaticRoute } from "./DhcpLease.ts"
import type { LinkAddress } from "./Routing.ts"

/** An address with its prefix length. */
export interface Prefixed {
  readonly address: Address
  readonly prefixLength: number
}

/** A network: its first address and its prefix length. */
export type Network = Prefixed

/**
 * One step that changes the external interface. Carrying it out twice does no harm. `SetAddress` without lifetimes is for ever;
 * lifetimes are seconds from the moment of the step.
 */
export type AddressStep =
  | {
      readonly _tag: "SetAddress"
      readonly family: Family
      readonly link: string
      readonly address: Address
      readonly prefixLength: number
      readonly lifetime?: { readonly validSeconds: number; readonly preferredSeconds: number }
    }
  | {
      readonly _tag: "DeleteAddress"
      readonly family: Family
      readonly link: string
      readonly address: Address
      readonly prefixLength: number
    }
  | {
      readonly _tag: "SetOnLink"
      readonly family: Family
      readonly link: string
      readonly network: Network
      readonly source: Address
    }
  | { readonly _tag: "DeleteOnLink"; readonly family: Family; readonly link: string; readonly network: Network }
  | { readonly _tag: "SetRoute"; readonly family: Family; readonly link: string; readonly route: StaticRoute }
  | { readonly _tag: "DeleteRoute"; readonly family: Family; readonly link: string; readonly route: StaticRoute }
  | { readonly _tag: "SetMtu"; readonly link: string; readonly mtu: number }
  | { readonly _tag: "Announce"; readonly family: Family; readonly link: string; readonly address: Address }

/** The network that an address with its prefix length lies in. */
export const networkOf = ({ address, prefixLength }: Prefixed): Network | undefined => {
  const parsed = NetAddress.ipFromString(address)
  if (Result.isFailure(parsed)) return undefined
  const network = IpNetwork.fromAddress(parsed.success, prefixLength)
  if (Result.isFailure(network)) return undefined
  return { address: IpNetwork.format(network.success).split("/")[0] ?? address, prefixLength }
}

const holds = (network: Network, address: Address): boolean =>
  networkOf({ address, prefixLength: network.prefixLength })?.address === network.address

const hostLength: Readonly<Record<Family, number>> = { v4: 32, v6: 128 }

export interface AddressSituation {
  readonly family: Family
  /** The external interface. */
  readonly link: string
  /** What Docker gave the interface. */
  readonly bootstrap: Prefixed | undefined
  /** The interface's MTU before any lease changed it. */
  readonly bootstrapMtu: number
  /** The lease that holds now, if any, and the one before it: its routes are anchord's own to remove. */
  readonly lease: Lease | undefined
  readonly previous: Lease | undefined
  /** The addresses that the interface has. */
  readonly present: ReadonlyArray<LinkAddress>
}

/**
 * The network that is on the link while a lease holds. IPv4 leases say it; a DHCPv6 address comes without one, and then Docker's is taken
 * when the address lies in it (otherwise the router's advertisements say what is on the link).
 */
const onLink = (lease: Lease, bootstrap: Prefixed | undefined): Network | undefined => {
  if (lease.family === "v4") return networkOf(lease)
  const network = bootstrap && networkOf(bootstrap)
  return network !== undefined && holds(network, lease.address) ? network : undefined
}

const sameRoute = (a: StaticRoute, b: StaticRoute): boolean =>
  a.destination === b.destination && a.prefixLength === b.prefixLength

const steps = {
  routes: (situation: AddressSituation): ReadonlyArray<AddressStep> => {
    const { family, link, lease, previous } = situation
    const wanted = lease?.routes ?? []
    const gone = (previous?.routes ?? []).filter((route) => !wanted.some((one) => sameRoute(one, route)))
    return [
      ...wanted.map((route): AddressStep => ({ _tag: "SetRoute", family, link, route })),
      ...gone.map((route): AddressStep => ({ _tag: "DeleteRoute", family, link, route }))
    ]
  },
  mtu: ({ link, lease, previous, bootstrapMtu }: AddressSituation): ReadonlyArray<AddressStep> => {
    const wanted = lease?.mtu ?? bootstrapMtu
    return wanted === (previous?.mtu ?? bootstrapMtu) ? [] : [{ _tag: "SetMtu", link, mtu: wanted }]
  }
}

/** Global addresses of the family that are not wanted: what Docker gave, and what earlier leases left. Others are not anchord's. */
const outdated = ({ family, link, bootstrap, previous, present }: AddressSituation, kept: Prefixed | undefined) =>
  present
    .filter((one) => one.family === family && one.link === link && one.scope === "global")
    .filter(({ address }) => address === bootstrap?.address || address === previous?.address)
    .filter((one) => one.address !== kept?.address || one.prefixLength !== kept.prefixLength)
    .map(({ address, prefixLength }): AddressStep => ({ _tag: "DeleteAddress", family, link, address, prefixLength }))

const hasAddress = ({ link, present }: AddressSituation, { address, prefixLength }: Prefixed): boolean =>
  present.some((one) => one.link === link && one.address === address && one.prefixLength === prefixLength)

/** A network that an earlier lease put on the link, and that this one does not. */
const formerNetwork = ({ family, link, bootstrap, previous }: AddressSituation, now: Network | undefined) => {
  const before =
    previous === undefined || previous.address === bootstrap?.address ? undefined : onLink(previous, bootstrap)
  const same = before?.address === now?.address && before?.prefixLength === now?.prefixLength
  return before === undefined || same ? [] : [{ _tag: "DeleteOnLink" as const, family, link, network: before }]
}

/** Docker's own address: without a lease, or when the server gave that very one. It stays as it is for as long as the container lives. */
const withBootstrapAddress = (situation: AddressSituation, bootstrap: Prefixed): ReadonlyArray<AddressStep> => {
  const { family, link } = situation
  const returns = !hasAddress(situation, bootstrap)
  const former = formerNetwork(situation, undefined)
  // The kernel makes no IPv6 route for the address's network while there is another: that one has to go first.
  const set: ReadonlyArray<AddressStep> =
    returns || (family === "v6" && former.length > 0) ? [{ _tag: "SetAddress", family, link, ...bootstrap }] : []
  return [
    ...(family === "v6" ? [...former, ...set] : [...set, ...former]),
    ...outdated(situation, bootstrap),
    ...steps.routes(situation),
    ...steps.mtu(situation),
    ...(returns ? [{ _tag: "Announce" as const, family, link, address: bootstrap.address }] : [])
  ]
}

const withLease = (situation: AddressSituation, lease: Lease): ReadonlyArray<AddressStep> => {
  const { family, link, bootstrap } = situation
  // A prefix of its own makes it a primary address: with Docker's, it would go when that goes, because the kernel's promote_secondaries is off.
  const kept: Prefixed = { address: lease.address, prefixLength: hostLength[family] }
  const lifetime = { validSeconds: lease.leaseSeconds, preferredSeconds: lease.leaseSeconds }
  const network = onLink(lease, bootstrap)
  const connect: ReadonlyArray<AddressStep> =
    network === undefined ? [] : [{ _tag: "SetOnLink", family, link, network, source: lease.address }]
  return [
    { _tag: "SetAddress", family, link, ...kept, lifetime },
    // It takes the place of the route that came with Docker's address, so that the network is never off the link.
    ...connect,
    ...outdated(situation, kept),
    // For IPv6 the kernel takes that route away with Docker's address, whoever has made it.
    ...(family === "v6" ? connect : []),
    ...formerNetwork(situation, network),
    ...steps.routes(situation),
    ...steps.mtu(situation),
    ...(hasAddress(situation, kept) ? [] : [{ _tag: "Announce" as const, family, link, address: lease.address }])
  ]
}

/** Whether somebody has undone what the lease asks for: its address is gone, or one that had gone is back. */
export const isUndone = (situation: AddressSituation): boolean => {
  const { family, lease, bootstrap } = situation
  if (lease === undefined || lease.address === bootstrap?.address) return false
  const kept: Prefixed = { address: lease.address, prefixLength: hostLength[family] }
  return !hasAddress(situation, kept) || outdated(situation, kept).length > 0
}

/** Docker's own address of a family among those of the interface; one that anchord has put there itself is not. */
export const bootstrapAmong = (
  present: ReadonlyArray<LinkAddress>,
  link: string,
  family: Family,
  address: Address | undefined
): Prefixed | undefined => {
  const seen = present.find((one) => one.link === link && one.address === address)
  return seen === undefined || seen.prefixLength === hostLength[family]
    ? undefined
    : { address: seen.address, prefixLength: seen.prefixLength }
}

/**
 * The steps from what the interface has to what a lease, or the loss of one, asks for (SPEC §9): a new address is there before the old one
 * goes; the same address renewed only gets new lifetimes; without a lease Docker's own address comes back, if
 * it gave one. What somebody else put on the interface is not touched.
 */
export const planAddresses = (situation: AddressSituation): ReadonlyArray<AddressStep> => {
  const { lease, previous, bootstrap } = situation
  if (lease !== undefined && lease.address !== bootstrap?.address) return withLease(situation, lease)
  if (lease === undefined && previous === undefined) return []
  return bootstrap === undefined
    ? [
        ...formerNetwork(situation, undefined),
        ...outdated(situation, undefined),
        ...steps.routes(situation),
        ...steps.mtu(situation)
      ]
    : withBootstrapAddress(situation, bootstrap)
}
