import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import type { Lease } from "../../domain/DhcpLease.ts"
import { fitLease } from "../../domain/LeaseFitness.ts"
import * as Metrics from "../../layers/observability/DhcpMetrics.ts"
import { Netlink } from "../../services/Netlink.ts"
import { makeNotices } from "../Notices.ts"
import { makeLeasedInterface, type LeasedInterfaceInput } from "./LeasedInterface.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logWarning } from "../../layers/observability/OperatorLog.ts"

/** A lease, and when it is to be renewed and ends, in milliseconds of Unix time. */
export interface HeldLease {
  readonly lease: Lease
  readonly renewAt: number
  readonly expiresAt: number
}

/** The lease of a family that holds, on the interface. It holds as well when the kernel refuses it. */
export interface LeaseHolder {
  readonly held: () => HeldLease | undefined
  readonly take: (lease: Lease) => Effect.Effect<void, never, Netlink>
  readonly lose: (why: string) => Effect.Effect<void, never, Netlink>
  /** Puts the lease on the interface again if somebody has undone it, or `anyway`. Answers with whether there is nothing left to do. */
  readonly repair: (anyway: boolean) => Effect.Effect<boolean, never, Netlink>
  /** The interface was plugged in anew: the lease that holds goes on it for as long as it is left. */
  readonly replug: Effect.Effect<void, never, Netlink>
}

/** The lease as it is at this moment: what is left of its time. */
const remainderOf = ({ lease, expiresAt }: HeldLease, now: number): Lease => ({
  ...lease,
  leaseSeconds: Math.max(1, Math.round((expiresAt - now) / 1_000))
})

const describe = ({ address, leaseSeconds, router, server, mtu }: Lease) => ({
  address,
  leaseSeconds,
  ...(router === undefined ? {} : { router }),
  ...(server === undefined ? {} : { server }),
  ...(mtu === undefined ? {} : { mtu })
})

/** What of a lease can be used here; nothing when none of it can. Both are told once, however often the server says the same. */
const makeFitting = ({ family, external }: LeasedInterfaceInput) => {
  const notices = makeNotices()
  return Effect.fnUntraced(
    function* (lease: Lease) {
      const present = yield* (yield* Netlink).addresses
      const fitting = fitLease(lease, external().link, present)
      const messages = Result.isFailure(fitting)
        ? [sentence`a lease is not used: ${fitting.failure}`]
        : fitting.success.leftOut.map((what) => sentence`part of a lease is not used: ${what}`)
      yield* notices(messages.map((message) => ({ key: message, level: "WARN" as const, message })))
      return Result.isFailure(fitting) ? undefined : fitting.success.lease
    },
    (effect, lease) =>
      Effect.catch(effect, ({ message }) =>
        Effect.as(
          Effect.logDebug("cannot compare the lease with other interfaces").pipe(
            Effect.annotateLogs({ family, error: message })
          ),
          lease
        )
      )
  )
}

export const makeLeaseHolder = Effect.fnUntraced(function* (input: LeasedInterfaceInput) {
  const { family } = input
  const { put, repair, hasBootstrap } = makeLeasedInterface(input)
  const fitting = makeFitting(input)
  const turn = yield* Semaphore.make(1)
  let held: HeldLease | undefined

  const take = Effect.fn("lease.take")(function* (offered: Lease) {
    yield* Effect.annotateCurrentSpan({ family })
    const lease = yield* fitting(offered)
    yield* Effect.annotateCurrentSpan({ usable: lease !== undefined })
    if (lease === undefined) return yield* Metrics.acquired(family, "error")
    const now = yield* Clock.currentTimeMillis
    const same = held?.lease.address === lease.address
    yield* Effect.annotateCurrentSpan({ renewed: same, ...describe(lease) })
    held = { lease, renewAt: now + lease.renewSeconds * 1_000, expiresAt: now + lease.leaseSeconds * 1_000 }
    Metrics.leaseHeld(family, held.expiresAt)
    const isThere = yield* put(lease)
    yield* Metrics.acquired(family, isThere ? "ok" : "error")
    if (!isThere) return
    const line = same ? Effect.logDebug("the lease is renewed") : Effect.logInfo("the project has a leased address")
    yield* line.pipe(Effect.annotateLogs({ family, ...describe(lease) }))
  })

  const lose = Effect.fn("lease.lose")(function* (why: string) {
    if (held === undefined) return
    const { address } = held.lease
    yield* Effect.annotateCurrentSpan({ family, address, why })
    held = undefined
    Metrics.leaseHeld(family, undefined)
    const isThere = yield* put(undefined)
    const then =
      isThere && hasBootstrap() ? "Docker's address is back" : "the project has no other address of this family"
    yield* logWarning(sentence`the lease is lost: ${why}; ${then} until there is another`).pipe(
      Effect.annotateLogs({ family, address })
    )
  })

  const again = Effect.fnUntraced(function* (how: (lease: Lease) => Effect.Effect<boolean, never, Netlink>) {
    return held === undefined || (yield* how(remainderOf(held, yield* Clock.currentTimeMillis)))
  })

  const inTurn = turn.withPermit
  return {
    held: () => held,
    take: (lease) => inTurn(take(lease)),
    lose: (why) => inTurn(lose(why)),
    repair: (anyway) => inTurn(again((lease) => repair(lease, anyway))),
    replug: inTurn(Effect.asVoid(again(put)))
  } satisfies LeaseHolder
})
