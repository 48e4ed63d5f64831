import { families, type Address, type AddressPair, type Family } from "./Address.ts"
import { ANCHORD_ROUTE_PROTOCOL, type DefaultRoute, type RouteStep } from "./Routing.ts"

/** Where a gateway was learnt. */
export type GatewaySource = "DHCP" | "ANCHORD_EXT_GATEWAY_IP" | "IPAM"

/** The same in words. */
export const describeSource: Readonly<Record<GatewaySource, string>> = {
  DHCP: "the router of the DHCP lease",
  ANCHORD_EXT_GATEWAY_IP: "ANCHORD_EXT_GATEWAY_IP names it",
  IPAM: "Docker knows it as the gateway of the external network"
}

export interface Gateway {
  readonly family: Family
  readonly address: Address
  readonly source: GatewaySource
}

export interface GatewaySources {
  /** The IPv4 router of the lease that holds. A lease that is lost takes it along: then the others count again (SPEC §9). */
  readonly lease?: Address | undefined
  readonly pin: AddressPair
  readonly ipam: AddressPair
  /** IPv6 comes from router advertisements: Docker's idea of the gateway does not count. */
  readonly v6ByAdvertisement?: boolean
}

/**
 * The gateway of each family that has one (SPEC §8.3): for IPv4 the lease, the pin, Docker's IPAM; for IPv6 the pin, Docker's IPAM. Each
 * family stands for itself: a pin for one does not take the fall-back from the other.
 */
export const chooseGateways = ({
  lease,
  pin,
  ipam,
  v6ByAdvertisement = false
}: GatewaySources): ReadonlyArray<Gateway> =>
  families.flatMap((family): ReadonlyArray<Gateway> => {
    const candidates: ReadonlyArray<readonly [GatewaySource, Address | undefined]> = [
      ["DHCP", family === "v4" ? lease : undefined],
      ["ANCHORD_EXT_GATEWAY_IP", pin[family]],
      ["IPAM", family === "v6" && v6ByAdvertisement ? undefined : ipam[family]]
    ]
    const [chosen] = candidates.flatMap(([source, address]) =>
      address === undefined ? [] : [{ family, address, source }]
    )
    return chosen === undefined ? [] : [chosen]
  })

/** What the kernel makes of an absent metric. */
const kernelMetric: Readonly<Record<Family, number>> = { v4: 0, v6: 1024 }

/** The metric that the kernel compares by: lower wins, and routes that share one displace each other. */
export const metricOf = (route: DefaultRoute): number => route.metric ?? kernelMetric[route.family]

/** Whether anchord made this route. */
export const isOurs = (route: DefaultRoute): boolean => route.protocol === ANCHORD_ROUTE_PROTOCOL

/** Whether these two are one route in all that is known of them; the table is the caller's business. */
export const isSameRoute = (a: DefaultRoute, b: DefaultRoute): boolean =>
  a.family === b.family &&
  a.gateway === b.gateway &&
  a.link === b.link &&
  a.onLink === b.onLink &&
  a.source === b.source &&
  a.mtu === b.mtu &&
  metricOf(a) === metricOf(b) &&
  (a.protocol ?? "boot") === (b.protocol ?? "boot")

/**
 * anchord's default route. For IPv6 its metric is below the kernel's 1024, so that it wins over one from a router advertisement, which
 * the kernel would only put back; for IPv4 it takes the place of a route without metric, as Docker's are.
 */
export const ownDefault = (family: Family, gateway: Address, link: string): DefaultRoute => ({
  family,
  gateway,
  link,
  protocol: ANCHORD_ROUTE_PROTOCOL,
  ...(family === "v6" ? { metric: 512 } : {})
})

/** What `ip route replace` takes away by itself: the first IPv4 route of that metric, every next hop of an IPv6 one. */
const displacedBy = (wanted: DefaultRoute, present: ReadonlyArray<DefaultRoute>): ReadonlyArray<DefaultRoute> => {
  const alike = present.filter((route) => metricOf(route) === metricOf(wanted) && route.protocol !== "ra")
  return wanted.family === "v4" ? alike.slice(0, 1) : alike
}

/**
 * The steps that put `wanted` in force and `unwanted` out of it, in that order: at no moment is there no default. `present` is all
 * defaults of that family in the main table. What the replacement displaces is not deleted as well, and when `wanted` is in place nothing
 * is replaced: the kernel refuses that as a duplicate when another route stands before it.
 */
export const takeOver = (
  wanted: DefaultRoute,
  present: ReadonlyArray<DefaultRoute>,
  unwanted: ReadonlyArray<DefaultRoute>
): ReadonlyArray<RouteStep> => {
  const inPlace = present.some((route) => isSameRoute(route, wanted))
  const displaced = inPlace ? [] : displacedBy(wanted, present)
  return [
    ...(inPlace ? [] : [{ _tag: "Replace" as const, route: wanted }]),
    ...unwanted.filter((route) => !displaced.includes(route)).map((route): RouteStep => ({ _tag: "Delete", route }))
  ]
}

export interface ExternalDefault {
  /** The external interface. */
  readonly link: string
  readonly gateways: ReadonlyArray<Gateway>
  /** The defaults of both families in the main table. */
  readonly current: ReadonlyArray<DefaultRoute>
  /** IPv6 has the default of a router advertisement, or none. */
  readonly v6ByAdvertisement?: boolean
}

/**
 * The steps that make the chosen gateway the only default route of its family (SPEC §8.3). A default from a router advertisement on the
 * external interface is left alone. A family without a gateway keeps what it has, unless such an advertisement chose one, or is to: then the
 * others go, because by the one that Docker put on a bridge packets would leave with another source. Steps on their own result are none, and
 * one family never waits for the other.
 */
export const planExternalDefault = ({
  link,
  gateways,
  current,
  v6ByAdvertisement = false
}: ExternalDefault): ReadonlyArray<RouteStep> =>
  families.flatMap((family): ReadonlyArray<RouteStep> => {
    const gateway = gateways.find((one) => one.family === family)
    const present = current.filter((route) => route.family === family)
    const isAdvertised = (route: DefaultRoute) => route.protocol === "ra" && route.link === link
    const others = present.filter((route) => !isAdvertised(route))
    if (gateway === undefined) {
      const isAwaited = family === "v6" && v6ByAdvertisement
      return isAwaited || present.some(isAdvertised)
        ? others.map((route): RouteStep => ({ _tag: "Delete", route }))
        : []
    }
    const wanted = ownDefault(family, gateway.address, link)
    return takeOver(
      wanted,
      present,
      others.filter((route) => !isSameRoute(route, wanted))
    )
  })
