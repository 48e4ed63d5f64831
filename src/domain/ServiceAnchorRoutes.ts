import { families, familyOf, type Address, type AddressPair, type Family } from "./Address.ts"
import { isOurs, isSameRoute, metricOf, ownDefault, takeOver } from "./DefaultRoute.ts"
import { holds, networkOf } from "./Network.ts"
import { ORIGINALS_TABLE, type DefaultRoute, type LinkAddress, type RouteStep } from "./Routing.ts"

/** What a service-anchor decides by: the namespace as the kernel shows it, both families together. */
export interface NamespaceRoutes {
  /** The defaults in the main table. */
  readonly main: ReadonlyArray<DefaultRoute>
  /** Those in {@link ORIGINALS_TABLE}. */
  readonly originals: ReadonlyArray<DefaultRoute>
  readonly addresses: ReadonlyArray<LinkAddress>
}

const contains = (local: LinkAddress, address: Address): boolean => {
  const network = networkOf(local)
  return network !== undefined && holds(network, address)
}

/**
 * The link by which a gateway is a direct neighbour: the one with the longest prefix that contains it. None when no network of the
 * namespace holds it, when it is an address of the namespace itself, or when it is link-local and several links could be meant.
 */
export const linkTowards = (gateway: Address, addresses: ReadonlyArray<LinkAddress>): string | undefined => {
  if (addresses.some(({ address }) => address === gateway)) return undefined
  const near = addresses
    .filter((local) => local.scope !== "host" && contains(local, gateway))
    .toSorted((a, b) => b.prefixLength - a.prefixLength)
  const [first] = near
  const ambiguous = first?.scope === "link" && near.some(({ link }) => link !== first.link)
  return ambiguous ? undefined : first?.link
}

/** Whether a namespace has no network at all: its links went with the container that made it, or it never had any. */
export const isDeserted = (addresses: ReadonlyArray<LinkAddress>): boolean =>
  addresses.every(({ scope }) => scope === "host")

/**
 * Whether this foreign default would keep the traffic from ours: one without metric, as Docker makes them, or preferred to that. The
 * router's own advertisements are not among them, because ours comes before theirs and the kernel would only put them back.
 */
const isRival = (route: DefaultRoute): boolean =>
  !isOurs(route) && route.protocol !== "ra" && metricOf(route) <= (route.family === "v4" ? 0 : 1024)

/** Whether a recorded original could still be put back: its link is there and its gateway on it, and its source address is there. */
const fits = (original: DefaultRoute, addresses: ReadonlyArray<LinkAddress>): boolean => {
  const { family, gateway, link, source } = original
  const hop = gateway === undefined ? family : familyOf(gateway)
  const local = addresses.filter((one) => one.link === link && one.family === hop)
  const reachable = gateway === undefined || original.onLink || linkTowards(gateway, local) !== undefined
  return local.length > 0 && reachable && (source === undefined || addresses.some(({ address }) => address === source))
}

const of = (family: Family, routes: ReadonlyArray<DefaultRoute>) => routes.filter((route) => route.family === family)

const recorded = (route: DefaultRoute): DefaultRoute => ({ ...route, table: ORIGINALS_TABLE })

/** Of routes that share a metric only one can be in a table; the first is the one in force. */
const oneEachMetric = (routes: ReadonlyArray<DefaultRoute>): ReadonlyArray<DefaultRoute> =>
  routes.filter((route, index) => routes.findIndex((other) => metricOf(other) === metricOf(route)) === index)

/**
 * Puts the originals by before the first change. The record is made while nothing has been displaced, and stands from then on, whatever
 * others put in the place of ours; only when none of it could be put back any more (the namespace was re-plumbed), or when it was empty
 * because there was nothing, does what is found now take its place.
 */
const record = (
  main: ReadonlyArray<DefaultRoute>,
  originals: ReadonlyArray<DefaultRoute>,
  addresses: ReadonlyArray<LinkAddress>
): ReadonlyArray<RouteStep> => {
  const found = oneEachMetric(main.filter(isRival))
  const displacedNothing = !main.some(isOurs) && originals.every((one) => main.some((route) => isSameRoute(route, one)))
  if (found.length === 0 || !(displacedNothing || !originals.some((one) => fits(one, addresses)))) return []
  const known = (route: DefaultRoute) => originals.some((original) => isSameRoute(original, route))
  const outdated = originals.filter((original) => !found.some((route) => metricOf(route) === metricOf(original)))
  return [
    ...found.filter((route) => !known(route)).map((route): RouteStep => ({ _tag: "Replace", route: recorded(route) })),
    ...outdated.map((route): RouteStep => ({ _tag: "Delete", route: recorded(route) }))
  ]
}

/**
 * The steps that point the default route of each family with a gateway at it (SPEC §10). What was there before the first change is put by
 * in a table of the namespace itself, where a successor finds it after a kill; a route of anchord's own is never taken for an original.
 * That there was none is told by the absence of a record. There is no moment without a default, other routes are not touched, and
 * steps on their own result are none. A gateway on no network of the namespace gets no steps.
 */
export const planFollow = (
  { main, originals, addresses }: NamespaceRoutes,
  gateways: AddressPair
): ReadonlyArray<RouteStep> =>
  families.flatMap((family): ReadonlyArray<RouteStep> => {
    const gateway = gateways[family]
    const link = gateway === undefined ? undefined : linkTowards(gateway, addresses)
    if (gateway === undefined || link === undefined) return []
    const present = of(family, main)
    const wanted = ownDefault(family, gateway, link)
    const unwanted = present.filter((route) => isRival(route) || (isOurs(route) && !isSameRoute(route, wanted)))
    return record(present, of(family, originals), addresses).concat(takeOver(wanted, present, unwanted))
  })

/** Replacing would take away a default of this metric that the router's advertisements keep. */
const besideAdvertised = (route: DefaultRoute, present: ReadonlyArray<DefaultRoute>): boolean =>
  present.some((one) => one.protocol === "ra" && metricOf(one) === metricOf(route))

/**
 * The steps that leave a family as it was found: the originals in force again, then anchord's own routes and the record gone (SPEC §10).
 * Where there was no original there is no default afterwards. Each step stands for itself: one that fails is no reason to leave out the next.
 */
export const planRestore = (
  { main, originals }: Pick<NamespaceRoutes, "main" | "originals">,
  family: Family
): ReadonlyArray<RouteStep> => {
  const present = of(family, main)
  const putBy = of(family, originals).map(({ table: _table, ...route }): DefaultRoute => route)
  return [
    ...putBy
      .filter((original) => !present.some((route) => isSameRoute(route, original)))
      .map((route): RouteStep => ({ _tag: besideAdvertised(route, present) ? "Append" : "Replace", route })),
    ...present.filter(isOurs).map((route): RouteStep => ({ _tag: "Delete", route })),
    ...putBy.map((route): RouteStep => ({ _tag: "Delete", route: recorded(route) }))
  ]
}
