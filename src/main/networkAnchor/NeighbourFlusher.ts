import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { Address } from "../../domain/Address.ts"
import type { Backend } from "../../domain/DesiredDnat.ts"
import { movedAddresses } from "../../domain/MovedAddresses.ts"
import { Netlink } from "../../services/Netlink.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logWarning } from "../../layers/observability/OperatorLog.ts"

/**
 * Makes the kernel ask again who has an address when another backend may be there: what it knew may be good for half a minute and more, in which
 * every packet goes to a machine that is gone. Beside the reconciler, so that no transaction is delayed by it.
 */
export const makeNeighbourFlusher = Effect.gen(function* () {
  const waiting = yield* Latch.make(false)
  let known: ReadonlyArray<Backend> = []
  let wanted: ReadonlyArray<Address> = []

  const forget = Effect.gen(function* () {
    const { forgetNeighbours } = yield* Netlink
    const addresses = [...new Set(wanted)]
    wanted = []
    Latch.closeUnsafe(waiting)
    yield* Effect.catch(forgetNeighbours(addresses), ({ command, message }) =>
      logWarning(sentence`cannot make the kernel ask again who has the address of a backend`).pipe(
        Effect.annotateLogs({ command, error: message })
      )
    )
  })

  return {
    /** These are the backends now. */
    follow: (backends: ReadonlyArray<Backend>): Effect.Effect<void> =>
      Effect.suspend(() => {
        const moved = movedAddresses(known, backends)
        known = backends
        wanted = [...wanted, ...moved]
        return moved.length === 0 ? Effect.void : Latch.open(waiting)
      }),
    /** Does what is asked for, for ever. */
    keep: waiting.await.pipe(Effect.andThen(forget), Effect.forever)
  }
})
