import type { Address, Family } from "./Address.ts"
import type { Lease, StaticRoute } from "./DhcpLease.ts"
import { holds, isSameNetwork, networkOf, type Network, type Prefixed } from "./Network.ts"
import type { LinkAddress } from "./Routing.ts"

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

const hostLength: Readonly<Record<Family, number>> = { v4: 32, v6: 128 }

export interface AddressSituation {
  readonly family: Family
  /** The external interface. */
  readonly link: string
  /** What Docker gave the interface. */
  readonly bootstrap: Prefixed | undefined
  /** The interface's MTU before any lease changed it. */
  readonly bootstrapMtu: number
  /** The MTU that it has. */
  readonly mtu: number
  /** The lease that holds now, if any, and the one before it: its routes are anchord's own to remove. */
  readonly lease: Lease | undefined
  readonly previous: Lease | undefined
  /** The addresses that the interface has. */
  readonly present: ReadonlyArray<LinkAddress>
}

/**
 * The networks that are on the link while a lease holds. An IPv4 lease says its own; a router that is not in it gets a route of its own, as other
 * clients do. A DHCPv6 address comes without one: Docker's stays, which holds the gateway, and what else is on the link is the router's
 * advertisements' to say.
 */
const onLink = (lease: Lease, bootstrap: Prefixed | undefined): ReadonlyArray<Network> => {
  const network = lease.family === "v4" ? networkOf(lease) : bootstrap && networkOf(bootstrap)
  const { router } = lease
  const apart = router !== undefined && network !== undefined && !holds(network, router)
  return [
    ...(network === undefined || network.prefixLength === hostLength[lease.family] ? [] : [network]),
    ...(apart ? [{ address: router, prefixLength: hostLength[lease.family] }] : [])
  ]
}

const sameRoute = (a: StaticRoute, b: StaticRoute): boolean =>
  a.destination === b.destination && a.prefixLength === b.prefixLength

/** Routes of an earlier lease go before those of this one come: an on-link network may be what both are about. */
const routeSteps = (situation: AddressSituation): ReadonlyArray<AddressStep> => {
  const { family, link, lease, previous } = situation
  const wanted = lease?.routes ?? []
  const gone = (previous?.routes ?? []).filter((route) => !wanted.some((one) => sameRoute(one, route)))
  return [
    ...gone.map((route): AddressStep => ({ _tag: "DeleteRoute", family, link, route })),
    ...wanted.map((route): AddressStep => ({ _tag: "SetRoute", family, link, route }))
  ]
}

/** A link takes no more than what it had: the parent of a macvlan sets the limit. */
const mtuOf = (lease: Lease | undefined, bootstrapMtu: number): number =>
  Math.min(lease?.mtu ?? bootstrapMtu, bootstrapMtu)

const mtuSteps = ({ link, lease, previous, bootstrapMtu, mtu }: AddressSituation): ReadonlyArray<AddressStep> => {
  if (lease?.mtu === undefined && previous?.mtu === undefined) return []
  const wanted = mtuOf(lease, bootstrapMtu)
  return wanted === mtu ? [] : [{ _tag: "SetMtu", link, mtu: wanted }]
}

/** Global addresses of the family that are not wanted: what Docker gave, and what earlier leases left. Others are not anchord's. */
const outdated = ({ family, link, bootstrap, previous, present }: AddressSituation, kept: Prefixed | undefined) =>
  present
    .filter((one) => one.link === link && one.scope === "global")
    .filter(({ address }) => address === bootstrap?.address || address === previous?.address)
    .filter((one) => one.address !== kept?.address || one.prefixLength !== kept.prefixLength)
    .map(({ address, prefixLength }): AddressStep => ({ _tag: "DeleteAddress", family, link, address, prefixLength }))

const hasAddress = ({ link, present }: AddressSituation, { address, prefixLength }: Prefixed): boolean =>
  present.some((one) => one.link === link && one.address === address && one.prefixLength === prefixLength)

/** The networks that an earlier lease put on the link, and that are not to be there now. */
const formerNetworks = ({ family, link, bootstrap, previous }: AddressSituation, now: ReadonlyArray<Network>) => {
  const before = previous === undefined || previous.address === bootstrap?.address ? [] : onLink(previous, bootstrap)
  return before
    .filter((network) => !now.some((one) => isSameNetwork(one, network)))
    .map((network) => ({ _tag: "DeleteOnLink" as const, family, link, network }))
}

/** Docker's own address: without a lease, or when the server gave that very one. It stays as it is for as long as the container lives. */
const withBootstrapAddress = (situation: AddressSituation, bootstrap: Prefixed): ReadonlyArray<AddressStep> => {
  const { family, link } = situation
  const returns = !hasAddress(situation, bootstrap)
  const former = formerNetworks(situation, [])
  // The kernel makes no IPv6 route for the address's network while there is another: that one has to go first.
  const set: ReadonlyArray<AddressStep> =
    returns || (family === "v6" && former.length > 0) ? [{ _tag: "SetAddress", family, link, ...bootstrap }] : []
  return [
    ...(family === "v6" ? [...former, ...set] : [...set, ...former]),
    ...outdated(situation, bootstrap),
    ...(returns ? [{ _tag: "Announce" as const, family, link, address: bootstrap.address }] : []),
    ...routeSteps(situation),
    ...mtuSteps(situation)
  ]
}

const FOR_EVER = 0xffff_ffff

/** Seconds by which the kernel holds on to an address longer than its lease: anchord is to bring Docker's back before it goes. */
const KERNEL_GRACE = 5

const lifetimeOf = ({ leaseSeconds }: Lease) => ({
  validSeconds: Math.min(leaseSeconds + KERNEL_GRACE, FOR_EVER),
  preferredSeconds: Math.min(leaseSeconds, FOR_EVER)
})

/** Steps without which the address works all the same: one that the kernel refuses must not keep the others from being taken. */
export const isOptional = ({ _tag }: AddressStep): boolean =>
  _tag === "SetRoute" || _tag === "DeleteRoute" || _tag === "SetMtu"

const withLease = (situation: AddressSituation, lease: Lease): ReadonlyArray<AddressStep> => {
  const { family, link, bootstrap } = situation
  // A prefix of its own makes it a primary address: with Docker's, it would go when that goes, because the kernel's promote_secondaries is off.
  const kept: Prefixed = { address: lease.address, prefixLength: hostLength[family] }
  const networks = onLink(lease, bootstrap)
  const connect = networks.map((network): AddressStep => ({
    _tag: "SetOnLink",
    family,
    link,
    network,
    source: lease.address
  }))
  return [
    { _tag: "SetAddress", family, link, ...kept, lifetime: lifetimeOf(lease) },
    // They take the place of the route that came with Docker's address, so that the network is never off the link.
    ...connect,
    ...outdated(situation, kept),
    // For IPv6 the kernel takes that route away with Docker's address, whoever has made it.
    ...(family === "v6" ? connect : []),
    ...formerNetworks(situation, networks),
    ...(hasAddress(situation, kept) ? [] : [{ _tag: "Announce" as const, family, link, address: lease.address }]),
    ...routeSteps(situation),
    ...mtuSteps(situation)
  ]
}

/** Whether somebody has undone what the lease asks for: its address is gone, or one that had gone is back. */
export const isUndone = (situation: AddressSituation): boolean => {
  const { family, lease, bootstrap } = situation
  if (lease === undefined) return false
  if (lease.address === bootstrap?.address) return !hasAddress(situation, bootstrap)
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
        ...formerNetworks(situation, []),
        ...outdated(situation, undefined),
        ...routeSteps(situation),
        ...mtuSteps(situation)
      ]
    : withBootstrapAddress(situation, bootstrap)
}
