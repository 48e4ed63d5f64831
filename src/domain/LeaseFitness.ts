import * as Result from "effect/Result"
import type { Lease, StaticRoute } from "./DhcpLease.ts"
import { holds, isSameNetwork, networkOf, overlap, type Network } from "./Network.ts"
import type { LinkAddress } from "./Routing.ts"

export interface FittingLease {
  /** Without the routes that cannot be. */
  readonly lease: Lease
  /** Why each of the others is left out. */
  readonly leftOut: ReadonlyArray<string>
}

const text = ({ address, prefixLength }: Network): string => `${address}/${prefixLength}`

/** The networks of the other links: the transit network and its like. */
const networksOfOthers = (link: string, present: ReadonlyArray<LinkAddress>): ReadonlyArray<Network> =>
  present.filter((one) => one.link !== link && one.scope === "global").flatMap((one) => networkOf(one) ?? [])

const refusalOf = (
  { destination, prefixLength, gateway }: StaticRoute,
  own: Network | undefined,
  others: ReadonlyArray<Network>
): string | undefined => {
  const network = { address: destination, prefixLength }
  const other = others.find((one) => overlap(one, network))
  if (other !== undefined) return `it would take traffic of ${text(other)}, which is on another interface`
  if (gateway !== undefined && own !== undefined && !holds(own, gateway)) return `${gateway} is not in ${text(own)}`
  return undefined
}

/**
 * What of a lease can be used beside the networks of the other interfaces. One in a network of theirs is refused: its route would displace
 * theirs, and no backend could be reached. Of option 121 the same routes are left out, and those by a router that is out of reach; a route
 * to the lease's own network says nothing new.
 */
export const fitLease = (
  lease: Lease,
  link: string,
  present: ReadonlyArray<LinkAddress>
): Result.Result<FittingLease, string> => {
  const others = networksOfOthers(link, present)
  const own = networkOf(lease)
  const other = others.find((one) => own !== undefined && overlap(one, own))
  if (other !== undefined)
    return Result.fail(`${lease.address} is in ${text(other)}, which is the network of another interface`)
  const leftOut: Array<string> = []
  const routes = lease.routes.filter((route) => {
    const network = { address: route.destination, prefixLength: route.prefixLength }
    if (own !== undefined && isSameNetwork(network, own)) return false
    const refusal = refusalOf(route, own, others)
    if (refusal !== undefined) leftOut.push(`the route to ${text(network)}: ${refusal}`)
    return refusal === undefined
  })
  return Result.succeed({ lease: { ...lease, routes }, leftOut })
}
