import * as Effect from "effect/Effect"
import { familyName, type Family } from "../../domain/Address.ts"
import {
  bootstrapAmong,
  isOptional,
  isUndone,
  planAddresses,
  type AddressSituation,
  type AddressStep
} from "../../domain/AddressPlan.ts"
import type { Lease } from "../../domain/DhcpLease.ts"
import type { FoundExternal } from "../../domain/ExternalInterface.ts"
import type { Prefixed } from "../../domain/Network.ts"
import { Netlink, type NetlinkError } from "../../services/Netlink.ts"
import { makeNotices, type Notice } from "../Notices.ts"
import { sentence, withReason, type Sentence } from "../../domain/Sentence.ts"
import { logWarning } from "../../layers/observability/OperatorLog.ts"

const ETHERNET_MTU = 1_500

export interface LeasedInterfaceInput {
  readonly family: Family
  /** The external interface as it is now. */
  readonly external: () => FoundExternal
  /** Called when what is on the interface, and with it perhaps the gateway, is another. */
  readonly onChange: Effect.Effect<void>
}

/** Puts leases of one family on the external interface. What the kernel refuses and what somebody has undone is logged; each answers with whether the address is there. */
export interface LeasedInterface {
  /** Puts a lease on the interface, or takes the last one off. */
  readonly put: (lease: Lease | undefined) => Effect.Effect<boolean, never, Netlink>
  /** The same if somebody has undone it; `anyway` also where nothing shows. */
  readonly repair: (lease: Lease, anyway: boolean) => Effect.Effect<boolean, never, Netlink>
  /** Whether Docker has given the interface an address of its own. */
  readonly hasBootstrap: () => boolean
}

/** What is known of one plugging of the interface. */
interface Plugging {
  readonly index: number
  /** What Docker gave it, once that has been seen. */
  bootstrap: Prefixed | undefined
  /** Its MTU before any lease. */
  mtu: number | undefined
  /** The lease whose address and routes are on it, or were meant to be. */
  installed: Lease | undefined
  /** Whether the kernel has taken its address. */
  isThere: boolean
}

/** Another link: nothing of ours is on it. Docker's address is known already if it has given the same one again. */
const nextPlugging = ({ index, addresses }: FoundExternal, family: Family, before?: Plugging): Plugging => ({
  index,
  bootstrap: before?.bootstrap?.address === addresses[family] ? before?.bootstrap : undefined,
  mtu: undefined,
  installed: undefined,
  isThere: false
})

const describe = (step: AddressStep): string =>
  step._tag === "SetMtu" ? `MTU ${step.mtu}` : "route" in step ? `${step._tag} ${step.route.destination}` : step._tag

/** Carries a plan out: what the address needs in one go, and each other step for itself. Answers with what was refused. */
const carryOut = Effect.fnUntraced(function* (plan: ReadonlyArray<AddressStep>, family: Family) {
  const netlink = yield* Netlink
  const refused = (key: string, level: Notice["level"], what: Sentence) => (error: NetlinkError) =>
    Effect.succeed<ReadonlyArray<Notice>>([{ key, level, message: withReason(what, error.message) }])
  const apply = Effect.fn("address.change")(function* (steps: ReadonlyArray<AddressStep>) {
    yield* Effect.annotateCurrentSpan({ family, steps: steps.length })
    yield* netlink.applyAddresses(steps)
    return []
  })
  const attempt = (steps: ReadonlyArray<AddressStep>, otherwise: ReturnType<typeof refused>) =>
    Effect.catch(apply(steps), otherwise)
  const needed = yield* attempt(
    plan.filter((step) => !isOptional(step)),
    refused("address", "ERROR", sentence`the kernel refuses the address (${familyName[family]})`)
  )
  const others = yield* Effect.forEach(plan.filter(isOptional), (step) =>
    attempt(
      [step],
      refused(
        describe(step),
        "WARN",
        sentence`the kernel refuses ${describe(step)} of the lease (${familyName[family]})`
      )
    )
  )
  return { isThere: needed.length === 0, notices: [...needed, ...others.flat()] }
})

export const makeLeasedInterface = ({ family, external, onChange }: LeasedInterfaceInput): LeasedInterface => {
  let plugging = nextPlugging(external(), family)
  const notices = makeNotices()

  const lookAt = Effect.fnUntraced(function* (lease: Lease | undefined) {
    const netlink = yield* Netlink
    const [present, links] = yield* Effect.all([netlink.addresses, netlink.links], { concurrency: 2 })
    const { link, index, addresses } = external()
    if (plugging.index !== index) plugging = nextPlugging(external(), family, plugging)
    plugging.bootstrap ??= bootstrapAmong(present, link, family, addresses[family])
    const own = links.find((one) => one.name === link && one.index === index)
    const mtu = own?.mtu ?? ETHERNET_MTU
    plugging.mtu ??= own?.mtu
    const { bootstrap, mtu: bootstrapMtu = ETHERNET_MTU, installed: previous } = plugging
    const situation: AddressSituation = { family, link, bootstrap, bootstrapMtu, mtu, lease, previous, present }
    const isAnother = own === undefined && links.some((one) => one.name === link)
    return { situation, isThere: own !== undefined, isAnother, isUp: own?.up === true }
  })

  /** A renewal may be the first to find it, as well as a look. What the kernel has refused was not undone by anybody. */
  const tellOfUndone = (situation: AddressSituation) => {
    const { lease, previous } = situation
    const wasThere = plugging.isThere && lease !== undefined && lease.address === previous?.address
    if (!wasThere || !isUndone(situation)) return Effect.void
    return logWarning(sentence`somebody changed the project's address; the leased one is set again`).pipe(
      Effect.annotateLogs({ family, address: lease.address })
    )
  }

  const install = Effect.fn("lease.install")(function* (situation: AddressSituation) {
    yield* Effect.annotateCurrentSpan({ family, address: situation.lease?.address ?? "none" })
    yield* tellOfUndone(situation)
    // Also if it fails half-way: what is left of it has to be taken off by the next plan.
    plugging.installed = situation.lease
    const outcome = yield* carryOut(planAddresses(situation), family)
    plugging.isThere = outcome.isThere
    yield* notices(outcome.notices)
    yield* onChange
    return outcome.isThere
  })

  const unseen = Effect.catch((error: NetlinkError) =>
    Effect.as(
      notices([
        {
          key: "look",
          level: "ERROR",
          message: sentence`cannot look at the interface (${familyName[family]}): ${error.message}`
        }
      ]),
      false
    )
  )

  return {
    put: Effect.fnUntraced(function* (lease) {
      const { situation, isAnother } = yield* lookAt(lease)
      // A link of another network has the name now; when the external one is found again, the lease goes there.
      return isAnother ? false : yield* install(situation)
    }, unseen),
    repair: Effect.fnUntraced(function* (lease, anyway) {
      const { situation, isThere, isUp } = yield* lookAt(lease)
      if (!isThere || !isUp) return true
      const undone = isUndone(situation)
      return undone || anyway ? yield* install(situation) : true
    }, unseen),
    hasBootstrap: () => plugging.bootstrap !== undefined
  }
}
