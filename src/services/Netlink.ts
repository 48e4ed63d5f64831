import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Address, Family } from "../domain/Address.ts"
import type { AddressStep } from "../domain/AddressPlan.ts"
import type { DefaultRoute, Link, LinkAddress, Neighbour, NetlinkChange, RouteStep } from "../domain/Routing.ts"

/** An `ip` command failed. `not-permitted` means that CAP_NET_ADMIN is missing. */
export class NetlinkError extends Data.TaggedError("NetlinkError")<{
  readonly command: string
  readonly reason: "not-permitted" | "failed"
  readonly message: string
}> {}

/** Links, addresses, routes and neighbours of this network namespace, by iproute2. */
export class Netlink extends Context.Service<
  Netlink,
  {
    readonly links: Effect.Effect<ReadonlyArray<Link>, NetlinkError>
    readonly addresses: Effect.Effect<ReadonlyArray<LinkAddress>, NetlinkError>
    /** The default routes of a family in the main table, or in `table`. A table that does not exist is empty. */
    readonly defaultRoutes: (family: Family, table?: number) => Effect.Effect<ReadonlyArray<DefaultRoute>, NetlinkError>
    /** Carries the steps out in order, in one `ip -batch` per family; deleting a route that is gone is not an error. */
    readonly applyRoutes: (steps: ReadonlyArray<RouteStep>) => Effect.Effect<void, NetlinkError>
    /**
     * Carries the steps out in order; a step that fails ends the plan, except that deleting what is gone is not an error. Announcing is
     * gratuitous ARP (RFC 5227 §2.3) or an unsolicited neighbour advertisement (RFC 4861 §7.2.6), and takes no answer.
     */
    readonly applyAddresses: (steps: ReadonlyArray<AddressStep>) => Effect.Effect<void, NetlinkError>
    readonly neighbours: (family: Family) => Effect.Effect<ReadonlyArray<Neighbour>, NetlinkError>
    /** Deletes what the kernel knows of who has these addresses, so that it asks again; what it does not know, or was told for ever, stays as it is. */
    readonly forgetNeighbours: (addresses: ReadonlyArray<Address>) => Effect.Effect<void, NetlinkError>
    /**
     * Has the kernel ask now whether a neighbour is there (ARP, RFC 4861 §7.3), without a packet of anybody's to it. The answer shows in
     * `neighbours`, at the latest some seconds later. What the kernel was told for ever it forgets by this.
     */
    readonly askNeighbour: (link: string, address: Address) => Effect.Effect<void, NetlinkError>
    /** How long the kernel waits before it asks again for a neighbour on this link that did not answer; it gives up after 3 s, as it would by itself (neighbour tables of both families). */
    readonly setNeighbourRetransmission: (link: string, millis: number) => Effect.Effect<void, NetlinkError>
    /** Ends the duplicate address detection (RFC 4862) of an IPv6 address by adding it anew without: from then on the kernel uses it. */
    readonly endAddressDetection: (address: LinkAddress) => Effect.Effect<void, NetlinkError>
    /** A kernel parameter, by its dotted sysctl name; `undefined` when this kernel does not have it. */
    readonly sysctl: (name: string) => Effect.Effect<string | undefined>
    /**
     * What the kernel says changes (`ip monitor`). The monitor is restarted with back-off when it dies, and then emits
     * every kind once, because what happened in between was not seen.
     */
    readonly changes: Stream.Stream<NetlinkChange>
  }
>()("anchord/services/Netlink") {}
