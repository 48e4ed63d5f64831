import { mutant, type Mutant } from "./Mutant.ts"

const RECONCILER = "src/main/networkAnchor/Reconciler.ts"
const HOLDER = "src/main/networkAnchor/LeaseHolder.ts"
const LEASES = "src/main/networkAnchor/DhcpLeases.ts"
const EXPLANATION = "src/domain/Explanation.ts"

/** What the program says of itself, and is not so. */
export const selfReportMutants: ReadonlyArray<Mutant> = [
  mutant(
    "conflicts-that-are-over",
    "The number of conflicts is not set again when none is left.",
    RECONCILER,
    "yield* Metric.update(Metrics.conflicts, desired.conflicts.length)",
    "if (desired.conflicts.length > 0) yield* Metric.update(Metrics.conflicts, desired.conflicts.length)"
  ),
  mutant(
    "remaining-until-renewal",
    "The metric tells when a lease is to be renewed, not when it ends.",
    HOLDER,
    "Metrics.leaseHeld(family, held.expiresAt)",
    "Metrics.leaseHeld(family, held.renewAt)"
  ),
  mutant(
    "expires-at-renewal",
    "The status tells when a lease is to be renewed, not when it ends.",
    LEASES,
    "new Date(held.expiresAt)",
    "new Date(held.renewAt)"
  ),
  mutant(
    "held-by-itself",
    "Of ports on standby the status names the container that waits for them, not the one that has them.",
    EXPLANATION,
    ".map(({ from, to, owner }): Piece",
    ".map(({ from, to, standby: owner }): Piece"
  ),
  mutant(
    "errors-counted-at-every-reconcile",
    "A reconcile that succeeds is counted as one that failed as well.",
    RECONCILER,
    `yield* Metrics.reconciled("ok")`,
    `yield* Effect.andThen(Metrics.reconciled("ok"), Metrics.reconciled("error"))`
  )
]
