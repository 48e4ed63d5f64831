import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { families } from "../../domain/Address.ts"
import type { DhcpSettings } from "../../domain/Settings.ts"
import * as Metrics from "../../layers/observability/DhcpMetrics.ts"
import { DhcpClient } from "../../services/DhcpClient.ts"
import { makeLeaseHolder } from "./LeaseHolder.ts"
import { keepLease } from "./LeaseKeeper.ts"
import type { LeasesInput, MakeLeases } from "./Leases.ts"

/** Leases of both families, each kept by its own client; neither waits for the other (SPEC §8.2, §9). */
export const makeDhcpLeases = Effect.fnUntraced(function* ({ hostname, backoffMax }: DhcpSettings) {
  const client = yield* DhcpClient
  yield* Metrics.initialise
  const link = ({ external }: LeasesInput) => external.current().link

  const makeLeases: MakeLeases = Effect.fnUntraced(function* (input: LeasesInput) {
    const { external, onChange } = input
    const kept = yield* Effect.forEach(families, (family) =>
      Effect.gen(function* () {
        const addressesChanged = yield* Queue.sliding<void>(1)
        const replugged = yield* Queue.sliding<void>(1)
        const holder = yield* makeLeaseHolder({ family, external: external.current, onChange })
        external.tell(Effect.asVoid(Queue.offer(replugged, undefined)))
        const keeper = { family, hostname, backoffMax, link: () => link(input), replugged: Queue.take(replugged) }
        const watch = Queue.take(addressesChanged).pipe(Effect.andThen(holder.repair), Effect.forever)
        return { family, holder, addressesChanged, keep: Effect.all([keepLease(keeper, holder), watch], together) }
      })
    )
    return {
      router: () => kept.find(({ family }) => family === "v4")?.holder.held()?.lease.router,
      lookAgain: Effect.forEach(kept, (one) => Queue.offer(one.addressesChanged, undefined), { discard: true }),
      keep: Effect.all(
        kept.map(({ keep }) => keep),
        together
      ).pipe(Effect.andThen(Effect.never), Effect.provideService(DhcpClient, client))
    }
  })
  return { makeLeases, beforeScrape: Metrics.beforeScrape }
})

const together = { concurrency: "unbounded", discard: true } as const
