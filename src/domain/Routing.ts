import type { Address, Family } from "./Address.ts"

/** A link of this network namespace, as `ip -j link` shows it. */
export interface Link {
  readonly index: number
  readonly name: string
  /** Lower case. Empty for links that have none. */
  readonly mac: string
  readonly up: boolean
  /** Bytes. */
  readonly mtu?: number | undefined
}

export interface LinkAddress {
  readonly family: Family
  readonly link: string
  readonly address: Address
  readonly prefixLength: number
  readonly scope: "global" | "link" | "host" | "site"
  /** The kernel's duplicate address detection has not finished (RFC 4862). */
  readonly tentative: boolean
}

/** A default route. `protocol` as `ip route` names it (`boot`, `kernel`, `ra`, `static`, or a number). */
export interface DefaultRoute {
  readonly family: Family
  /** That of an IPv4 route may be an IPv6 address (RFC 8950): then `ip` calls it `via inet6`. */
  readonly gateway?: Address
  readonly link?: string
  /** The gateway is taken to be on the link, whatever the addresses say. */
  readonly onLink?: true
  /** The local address that connections by this route get. */
  readonly source?: Address
  /** Bytes. */
  readonly mtu?: number
  readonly metric?: number
  readonly protocol?: string
  /** Absent for the main table. */
  readonly table?: number
}

/** NUD states of `ip neigh` (RFC 4861 and neighbour(7)). */
export type NeighbourState =
  | "none"
  | "incomplete"
  | "reachable"
  | "stale"
  | "delay"
  | "probe"
  | "failed"
  | "noarp"
  | "permanent"

export interface Neighbour {
  readonly family: Family
  readonly address: Address
  readonly link: string
  readonly state: NeighbourState
}

/** What a line of `ip monitor` says has changed; the reader looks at the kernel again for what it is now. */
export type NetlinkChange = "route" | "address" | "link" | "neighbour"

/**
 * The route protocol (`ip route … proto N`, rtnetlink(7)) that marks routes as anchord's own: how a successor tells its
 * predecessor's route from an original one. 97 is not in iproute2's `rt_protos`.
 */
export const ANCHORD_ROUTE_PROTOCOL = "97"

/** The route table that keeps a wrapped namespace's original default routes (SPEC §10). */
export const ORIGINALS_TABLE = 29793

/** One step of a route plan. Carrying it out twice does no harm. */
export type RouteStep =
  | { readonly _tag: "Replace"; readonly route: DefaultRoute }
  | { readonly _tag: "Delete"; readonly route: DefaultRoute }
  /** Beside the routes of that metric that are there, none of which is displaced. */
  | { readonly _tag: "Append"; readonly route: DefaultRoute }
