import { mutant, type Mutant } from "./Mutant.ts"

const SCOPE = "src/domain/EventScope.ts"
const ANCHOR = "src/main/networkAnchor/NetworkAnchor.ts"
const RECONCILER = "src/main/networkAnchor/Reconciler.ts"
const PENDING = "src/main/networkAnchor/PendingWork.ts"
const FEED = "src/main/docker/EventFeed.ts"

/** How the network-anchor follows what happens in Docker. */
export const dockerMutants: ReadonlyArray<Mutant> = [
  mutant(
    "kept-after-disconnect",
    "An endpoint that is gone is no reason to look at its network.",
    SCOPE,
    `(event.action !== "connect" && event.action !== "disconnect")`,
    `event.action !== "connect"`
  ),
  mutant(
    "unknown-container-dropped",
    "An endpoint of a container that is not known yet has the network looked at, and not the container.",
    SCOPE,
    "new Set(unknown ? [containerId] : [])",
    "new Set<string>()"
  ),
  mutant(
    "gone-containers-kept",
    "What was asked for and not found stays as it was.",
    SCOPE,
    "for (const id of answer.asked) next.delete(id)",
    ""
  ),
  mutant(
    "death-not-heard",
    "That a container has ended by itself is no reason to look at it.",
    SCOPE,
    `"create", "start", "die", "stop",`,
    `"create", "start", "stop",`
  ),
  mutant(
    "networks-of-one-event",
    "Of two events that wait only the networks of the later one are looked at.",
    SCOPE,
    "networks: a.networks.union(b.networks)",
    "networks: b.networks"
  ),
  mutant(
    "pending-overwritten",
    "Work that comes while other work waits takes its place.",
    PENDING,
    "pending = merge(pending, work)",
    "pending = work"
  ),
  mutant(
    "pending-lost-on-failure",
    "The work of a reconcile that failed is not done with the next one.",
    RECONCILER,
    "        pending.putBack(work)\n",
    "        Effect.void\n"
  ),
  {
    name: "no-resync-after-reconnect",
    about: "A lost event stream is opened again from that moment on, and nothing is read again.",
    changes: [
      {
        file: FEED,
        find: "engine.events(since, actions)",
        replace: "engine.events(opened === 1 ? since : yield* Clock.currentTimeNanos, actions)"
      },
      {
        file: ANCHOR,
        find: "pending.offer({ refresh: fullRefresh, source, eventTimeNano: undefined })",
        replace: `source === "start" ? pending.offer({ refresh: fullRefresh, source, eventTimeNano: undefined }) : Effect.void`
      }
    ]
  },
  {
    name: "since-in-whole-seconds",
    about: "A lost event stream is opened again from the next full second on, and nothing is read again.",
    changes: [
      {
        file: FEED,
        find: "since = event.timeNano + 1n",
        replace: "since = (event.timeNano / 1_000_000_000n + 1n) * 1_000_000_000n"
      },
      {
        file: ANCHOR,
        find: "pending.offer({ refresh: fullRefresh, source, eventTimeNano: undefined })",
        replace: `source === "start" ? pending.offer({ refresh: fullRefresh, source, eventTimeNano: undefined }) : Effect.void`
      }
    ]
  },
  mutant(
    "poll-looks-at-nothing",
    "The poll only looks at the network-anchor's own container, so a lost event is never made up for.",
    ANCHOR,
    `refresh: fullRefresh, source: "poll"`,
    `refresh: { ...emptyRefresh, self: true }, source: "poll"`
  ),
  mutant(
    "stream-not-reopened-soon",
    "After a good stream was lost the pause before the next attempt grows all the same.",
    FEED,
    "    if (good) backOff.reset()\n",
    ""
  ),
  mutant(
    "gives-up-after-one-failure",
    "A reconcile that fails ends the loop, and nothing says so.",
    RECONCILER,
    "else yield* backOff.pause",
    "else return yield* Effect.never"
  )
]
