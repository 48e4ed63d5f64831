import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import { families, type Family } from "../../domain/Address.ts"
import type { DhcpSettings } from "../../domain/Settings.ts"
import type { StatusLease } from "../../domain/Status.ts"
import * as Metrics from "../../layers/observability/DhcpMetrics.ts"
import { DhcpClient } from "../../services/DhcpClient.ts"
import { makeLeaseHolder, type HeldLease, type LeaseHolder } from "./LeaseHolder.ts"
import { keepLease } from "./LeaseKeeper.ts"
import type { LeasesInput, MakeLeases } from "./Leases.ts"

const together = { concurrency: "unbounded", discard: true } as const

const CHECK = "30 seconds"
const RETRY = "1 second"

/**
 * Looks whether a lease is still on the interface: when an address changes there, and whatever it looks like when a link does (one that was down has
 * lost its routes), and every 30 s.
 */
const makeWatch = Effect.fnUntraced(function* (holder: LeaseHolder) {
  const asked = yield* Queue.sliding<void>(1)
  let anyway = false
  const lookAgain = (change: "address" | "link") =>
    Effect.suspend(() => {
      anyway ||= change === "link"
      return Effect.asVoid(Queue.offer(asked, undefined))
    })
  const watch = Effect.gen(function* () {
    let isRight = true
    while (true) {
      const told: Option.Option<void> = yield* Effect.timeoutOption(Queue.take(asked), isRight ? CHECK : RETRY)
      const all: boolean = anyway || Option.isNone(told)
      anyway = false
      isRight = yield* holder.repair(all)
    }
  })
  return { lookAgain, watch }
})

const statusOf = (family: Family, held: HeldLease | undefined): ReadonlyArray<StatusLease> => {
  if (held === undefined) return []
  const { address, server, router } = held.lease
  return [
    {
      family,
      address,
      expires: new Date(held.expiresAt).toISOString(),
      ...(server === undefined ? {} : { server }),
      ...(router === undefined ? {} : { router })
    }
  ]
}

/** Leases of both families, each kept by its own client; neither waits for the other (SPEC §8.2, §9). */
export const makeDhcpLeases = Effect.fnUntraced(function* ({ hostname, backoffMax }: DhcpSettings) {
  const client = yield* DhcpClient
  yield* Metrics.initialise
  const makeLeases: MakeLeases = Effect.fnUntraced(function* (input: LeasesInput) {
    const { external } = input
    const kept = yield* Effect.forEach(families, (family) =>
      Effect.gen(function* () {
        const replugged = yield* Queue.sliding<void>(1)
        external.tell(Effect.asVoid(Queue.offer(replugged, undefined)))
        const holder = yield* makeLeaseHolder({ family, external: external.current, onChange: input.onChange })
        const { lookAgain, watch } = yield* makeWatch(holder)
        const link = () => external.current().link
        const keeper = { family, hostname, backoffMax, link, replugged: Queue.take(replugged) }
        return { family, holder, lookAgain, keep: Effect.all([keepLease(keeper, holder), watch], together) }
      })
    )
    return {
      held: () => kept.flatMap(({ family, holder }) => statusOf(family, holder.held())),
      router: () => kept.find(({ family }) => family === "v4")?.holder.held()?.lease.router,
      lookAgain: (change) => Effect.forEach(kept, ({ lookAgain }) => lookAgain(change), { discard: true }),
      keep: Effect.all(
        kept.map(({ keep }) => keep),
        together
      ).pipe(Effect.andThen(Effect.never), Effect.provideService(DhcpClient, client))
    }
  })
  return { makeLeases, beforeScrape: Metrics.beforeScrape }
})
