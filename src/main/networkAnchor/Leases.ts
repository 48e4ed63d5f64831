import * as Effect from "effect/Effect"
import type { Address } from "../../domain/Address.ts"
import type { StatusLease } from "../../domain/Status.ts"
import type { Netlink } from "../../services/Netlink.ts"
import type { ExternalLink } from "./ExternalLink.ts"

/** What the rest of a network-anchor sees of DHCP. */
export interface Leases {
  /** The IPv4 router of the lease that holds, if there is one. */
  readonly router: () => Address | undefined
  /** The leases that hold, for the status. */
  readonly held: () => ReadonlyArray<StatusLease>
  /** Asks for another look at the interface: addresses on it are others than before, or a link is. */
  readonly lookAgain: (change: "address" | "link") => Effect.Effect<void>
  readonly keep: Effect.Effect<never, never, Netlink>
}

export interface LeasesInput {
  readonly external: ExternalLink
  /** Called whenever the router may be another one. */
  readonly onChange: Effect.Effect<void>
}

export type MakeLeases = (input: LeasesInput) => Effect.Effect<Leases, never, Netlink>

/** For the address modes in which Docker's addresses stay. */
export const noLeases: MakeLeases = () =>
  Effect.succeed({ router: () => undefined, held: () => [], lookAgain: () => Effect.void, keep: Effect.never })
