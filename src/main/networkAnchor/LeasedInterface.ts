import * as Effect from "effect/Effect"
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
import { Netlink, type NetlinkError } from "../../services/Netlink.ts"

const ETHERNET_MTU = 1_500

export interface LeasedInterfaceInput {
  readonly family: Family
  /** The external interface as it is now. */
  readonly external: () => FoundExternal
  /** Called when what is on the interface, and with it perhaps the gateway, is another. */
  readonly onChange: Effect.Effect<void>
}

/** Puts leases of one family on the external interface. What the kernel refuses is logged. */
export interface LeasedInterface {
  /** Puts a lease on the interface, or takes the last one off. */
  readonly put: (lease: Lease | undefined) => Effect.Effect<void, never, Netlink>
  /** Does so only if somebody has undone it, and tells. */
  readonly repair: (lease: Lease) => Effect.Effect<void, never, Netlink>
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

export const makeLeasedInterface = ({ family, external, onChange }: LeasedInterfaceInput): LeasedInterface => {
  let plugging = nextPlugging(external(), family)

  const lookAt = Effect.fnUntraced(function* (lease: Lease | undefined) {
    const netlink = yield* Netlink
    const [present, links] = yield* Effect.all([netlink.addresses, netlink.links], { concurrency: 2 })
    const { link, index, addresses } = external()
    if (plugging.index !== index) plugging = nextPlugging(external(), family, plugging)
    plugging.bootstrap ??= bootstrapAmong(present, link, family, addresses[family])
    plugging.mtu ??= links.find(({ name }) => name === link)?.mtu
    const { bootstrap, mtu = ETHERNET_MTU, installed } = plugging
    const situation: AddressSituation = {
      family,
      link,
      bootstrap,
      bootstrapMtu: mtu,
      lease,
      previous: installed,
      present
    }
    return { situation, isThere: links.some((one) => one.name === link && one.index === index) }
  })

  const carryOut = Effect.fn("lease.install")(function* (situation: AddressSituation) {
    yield* Effect.annotateCurrentSpan({ family, address: situation.lease?.address ?? "none" })
    yield* (yield* Netlink).applyAddresses(planAddresses(situation))
    plugging.installed = situation.lease
    yield* onChange
  })

  const logged = Effect.catch((error: NetlinkError) =>
    Effect.logError("cannot put the lease on the interface").pipe(
      Effect.annotateLogs({ family, command: error.command, error: error.message })
    )
  )

  return {
    put: Effect.fnUntraced(function* (lease) {
      yield* carryOut((yield* lookAt(lease)).situation)
    }, logged),
    repair: Effect.fnUntraced(function* (lease) {
      const { situation, isThere } = yield* lookAt(lease)
      if (!isThere || !isUndone(situation)) return
      yield* Effect.logWarning("somebody changed the project's address; the leased one is set again").pipe(
        Effect.annotateLogs({ family, address: lease.address })
      )
      yield* carryOut(situation)
    }, logged)
  }
}
