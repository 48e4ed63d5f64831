import { mutant, type Mutant } from "./Mutant.ts"

const PLAN = "src/domain/DnatPlan.ts"
const CONSISTENCY = "src/domain/FlowConsistency.ts"
const RECONCILER = "src/main/networkAnchor/Reconciler.ts"
const FLUSHER = "src/main/networkAnchor/FlowFlusher.ts"

/** What becomes of connections that are open, and of what the kernel knows of neighbours. */
export const flowMutants: ReadonlyArray<Mutant> = [
  mutant(
    "flush-forgotten",
    "The flows of a port that has another owner now are left to the check at the poll.",
    RECONCILER,
    "    yield* flusher.flush(plan.flush)\n",
    ""
  ),
  mutant(
    "flows-not-checked-at-the-poll",
    "A flush that failed is never made up for.",
    RECONCILER,
    "if (work.refresh.full || !wasKnown) yield* checkFlows",
    "if (!wasKnown) yield* checkFlows"
  ),
  mutant(
    "wrong-conntrack-direction",
    "A flow's original destination is compared with the backend's address, not where its replies come from.",
    CONSISTENCY,
    "flow.replySource === selector.address",
    "flow.destination === selector.address"
  ),
  mutant(
    "udp-before-the-mapping",
    "UDP flows that began before their port was mapped are left as they are until the poll.",
    PLAN,
    `return protocol === "udp" ? [{ _tag: "NotDnated", family, protocol, from, to }] : []`,
    "return []"
  ),
  mutant(
    "udp-before-the-mapping-at-the-poll",
    "The check at the poll takes a UDP flow that was never translated for a good one.",
    CONSISTENCY,
    `if (owner === undefined || flow.protocol !== "udp") return undefined`,
    "return undefined"
  ),
  mutant(
    "flush-by-element",
    "All flows of an element that is removed are deleted, also those of ports whose owner stays.",
    PLAN,
    "changes(coverageIn(applied, space), coverageIn(desired, space))",
    `[
        ...changes(coverage(remove.filter((entry) => spaceOf(entry) === space)), []),
        ...changes(coverageIn(applied, space), coverageIn(desired, space)).filter((one) => !one.before)
      ]`
  ),
  mutant(
    "flush-of-one-family",
    "Flows are flushed for IPv4 only.",
    FLUSHER,
    "selector.family === family)",
    `selector.family === family && family === "v4")`
  ),
  mutant(
    "flush-forgotten-after-a-failure",
    "When the rule set is installed whole after a failure, only the flows of what differs from the last known maps are looked at.",
    RECONCILER,
    "if (work.refresh.full || !wasKnown) yield* checkFlows",
    "if (work.refresh.full) yield* checkFlows"
  ),
  mutant(
    "flush-waits-after-a-failure",
    "After a flush that failed no other is made for some seconds.",
    FLUSHER,
    "annotateLogs({ command: error.command, error: error.message })\n      )",
    "annotateLogs({ command: error.command, error: error.message }),\n        Effect.andThen(Effect.sleep(4_000))\n      )"
  ),
  mutant(
    "neighbours-not-forgotten",
    "The kernel goes on sending to the machine that had an address before.",
    RECONCILER,
    "    yield* neighbours.follow(backends)\n",
    ""
  )
]
