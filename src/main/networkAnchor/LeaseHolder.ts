import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Family } from "../../domain/Address.ts"
import { planAddresses, type Prefixed } from "../../domain/AddressPlan.ts"
import type { Lease } from "../../domain/DhcpLease.ts"
import * as Metrics from "../../layers/observability/DhcpMetrics.ts"
import { Netlink } from "../../services/Netlink.ts"

export interface LeaseHolderInput {
  readonly family: Family
  /** The external interface, as it is called now. */
  readonly link: () => string
  readonly bootstrap: Prefixed | undefined
  readonly bootstrapMtu: number
  /** Called when the lease, and with it the gateway, is another one. */
  readonly onChange: Effect.Effect<void>
}

/** A lease, and when it is to be renewed and ends, in milliseconds of Unix time. */
export interface HeldLease {
  readonly lease: Lease
  readonly renewAt: number
  readonly expiresAt: number
}

/** The lease that holds, on the interface. What the kernel refuses is logged; the lease holds all the same. */
export interface LeaseHolder {
  readonly held: () => HeldLease | undefined
  readonly take: (lease: Lease) => Effect.Effect<void, never, Netlink>
  readonly lose: (why: string) => Effect.Effect<void, never, Netlink>
}

export const makeLeaseHolder = ({ family, link, bootstrap, bootstrapMtu, onChange }: LeaseHolderInput): LeaseHolder => {
  let held: HeldLease | undefined
  /** The lease whose address and routes are on the interface. */
  let installed: Lease | undefined

  const install = Effect.fn("lease.install")(
    function* (lease: Lease | undefined) {
      const netlink = yield* Netlink
      const present = yield* netlink.addresses
      const situation = { family, link: link(), bootstrap, bootstrapMtu, lease, previous: installed, present }
      yield* netlink.applyAddresses(planAddresses(situation))
      installed = lease
      yield* onChange
    },
    Effect.catch((error) =>
      Effect.logError("cannot put the lease on the interface").pipe(
        Effect.annotateLogs({ family, command: error.command, error: error.message })
      )
    )
  )

  const take = Effect.fn("lease.take")(function* (lease: Lease) {
    const now = yield* Clock.currentTimeMillis
    const same = held?.lease.address === lease.address
    held = { lease, renewAt: now + lease.renewSeconds * 1_000, expiresAt: now + lease.leaseSeconds * 1_000 }
    Metrics.leaseHeld(family, held.expiresAt)
    yield* install(lease)
    yield* Metrics.acquired(family, "ok")
    const line = same ? Effect.logDebug("the lease is renewed") : Effect.logInfo("the project has a leased address")
    yield* line.pipe(
      Effect.annotateLogs({
        family,
        address: lease.address,
        leaseSeconds: lease.leaseSeconds,
        ...(lease.router === undefined ? {} : { router: lease.router }),
        ...(lease.server === undefined ? {} : { server: lease.server })
      })
    )
  })

  const lose = Effect.fn("lease.lose")(function* (why: string) {
    if (held === undefined) return
    const { address } = held.lease
    held = undefined
    Metrics.leaseHeld(family, undefined)
    yield* install(undefined)
    yield* Effect.logWarning(`the lease is lost: ${why}; Docker's address is back until there is another`).pipe(
      Effect.annotateLogs({ family, address })
    )
  })

  return { held: () => held, take, lose }
}
