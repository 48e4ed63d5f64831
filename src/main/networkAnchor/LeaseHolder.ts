import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Family } from "../../domain/Address.ts"
import {
  bootstrapAmong,
  isUndone,
  planAddresses,
  type AddressSituation,
  type Prefixed
} from "../../domain/AddressPlan.ts"
import type { Lease } from "../../domain/DhcpLease.ts"
import type { FoundExternal } from "../../domain/ExternalInterface.ts"
import * as Metrics from "../../layers/observability/DhcpMetrics.ts"
import { Netlink } from "../../services/Netlink.ts"

const ETHERNET_MTU = 1_500

export interface LeaseHolderInput {
  readonly family: Family
  /** The external interface as it is now. */
  readonly external: () => FoundExternal
  /** Called when what is on the interface, and with it perhaps the gateway, is another. */
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
  /** Puts the lease on the interface again if somebody has undone it. */
  readonly repair: Effect.Effect<void, never, Netlink>
  /** The interface was plugged in anew: the lease that holds goes on it for as long as it is left. */
  readonly replug: Effect.Effect<void, never, Netlink>
}

/** What is known of one plugging of the interface. */
interface Plugging {
  readonly index: number
  /** What Docker gave it, once that has been seen. */
  bootstrap: Prefixed | undefined
  /** Its MTU before any lease. */
  mtu: number | undefined
  /** The lease whose address and routes are on it. */
  installed: Lease | undefined
}

/** Another link: nothing of ours is on it. Docker's address is known already if it has given the same one again. */
const nextPlugging = ({ index, addresses }: FoundExternal, family: Family, before?: Plugging): Plugging => ({
  index,
  bootstrap: before?.bootstrap?.address === addresses[family] ? before?.bootstrap : undefined,
  mtu: undefined,
  installed: undefined
})

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

/** Reads the interface as it is now, for one family. */
const lookAt = Effect.fnUntraced(function* (family: Family, external: FoundExternal, plugging: Plugging) {
  const netlink = yield* Netlink
  const present = yield* netlink.addresses
  plugging.bootstrap ??= bootstrapAmong(present, external.link, family, external.addresses[family])
  plugging.mtu ??= (yield* netlink.links).find(({ name }) => name === external.link)?.mtu
  return (lease: Lease | undefined): AddressSituation => ({
    family,
    link: external.link,
    bootstrap: plugging.bootstrap,
    bootstrapMtu: plugging.mtu ?? ETHERNET_MTU,
    lease,
    previous: plugging.installed,
    present
  })
})

export const makeLeaseHolder = Effect.fnUntraced(function* ({ family, external, onChange }: LeaseHolderInput) {
  const turn = yield* Semaphore.make(1)
  let held: HeldLease | undefined
  let current = nextPlugging(external(), family)
  const plugging = () => {
    if (current.index !== external().index) current = nextPlugging(external(), family, current)
    return current
  }

  const putOn = Effect.fn("lease.install")(function* (situation: AddressSituation) {
    yield* Effect.annotateCurrentSpan({ family, address: situation.lease?.address ?? "none" })
    yield* (yield* Netlink).applyAddresses(planAddresses(situation))
    plugging().installed = situation.lease
    yield* onChange
  })

  const logged = Effect.catch((error: { readonly command: string; readonly message: string }) =>
    Effect.logError("cannot put the lease on the interface").pipe(
      Effect.annotateLogs({ family, command: error.command, error: error.message })
    )
  )

  const install = Effect.fnUntraced(function* (lease: Lease | undefined) {
    yield* putOn((yield* lookAt(family, external(), plugging()))(lease))
  }, logged)

  const take = Effect.fn("lease.take")(function* (lease: Lease) {
    const now = yield* Clock.currentTimeMillis
    const same = held?.lease.address === lease.address
    yield* Effect.annotateCurrentSpan({ family, renewed: same, ...describe(lease) })
    held = { lease, renewAt: now + lease.renewSeconds * 1_000, expiresAt: now + lease.leaseSeconds * 1_000 }
    Metrics.leaseHeld(family, held.expiresAt)
    yield* install(lease)
    yield* Metrics.acquired(family, "ok")
    const line = same ? Effect.logDebug("the lease is renewed") : Effect.logInfo("the project has a leased address")
    yield* line.pipe(Effect.annotateLogs({ family, ...describe(lease) }))
  })

  const lose = Effect.fn("lease.lose")(function* (why: string) {
    if (held === undefined) return
    const { address } = held.lease
    yield* Effect.annotateCurrentSpan({ family, address, why })
    held = undefined
    Metrics.leaseHeld(family, undefined)
    yield* install(undefined)
    yield* Effect.logWarning(`the lease is lost: ${why}; Docker's address is back until there is another`).pipe(
      Effect.annotateLogs({ family, address })
    )
  })

  const repair = Effect.gen(function* () {
    if (held === undefined) return
    const { link, index } = external()
    const links = yield* (yield* Netlink).links
    if (!links.some((one) => one.name === link && one.index === index)) return
    const lease = remainderOf(held, yield* Clock.currentTimeMillis)
    const situation = (yield* lookAt(family, external(), plugging()))(lease)
    if (!isUndone(situation)) return
    yield* Effect.logWarning("somebody changed the project's address; the leased one is set again").pipe(
      Effect.annotateLogs({ family, address: lease.address })
    )
    yield* putOn(situation)
  }).pipe(logged)

  const replug = Effect.gen(function* () {
    if (held !== undefined) yield* install(remainderOf(held, yield* Clock.currentTimeMillis))
  })

  const inTurn = turn.withPermit
  return {
    held: () => held,
    take: (lease) => inTurn(take(lease)),
    lose: (why) => inTurn(lose(why)),
    repair: inTurn(repair),
    replug: inTurn(replug)
  } satisfies LeaseHolder
})
