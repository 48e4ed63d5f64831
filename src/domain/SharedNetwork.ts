import * as Result from "effect/Result"
import { backendsOf } from "./Backends.ts"
import type { DockerState, OwnAttachment, Scope } from "./DockerState.ts"
import { sentence, type Sentence } from "./Sentence.ts"

/** The Docker network on which anchord reaches its backends (SPEC §0, §5). */
export interface SharedNetwork {
  readonly networkId: string
  readonly name: string
  /** Once true, the choice stays for as long as the process lives. */
  readonly settled: boolean
  /** Why this one, for logs and the operator. */
  readonly reason: string
}

export interface SharedNetworkInput {
  readonly state: DockerState
  readonly scope: Scope
  /** `ANCHORD_SHARED_NETWORK`: a name or an ID. */
  readonly pin?: string | undefined
  readonly externalNetworkId?: string | undefined
  readonly previous?: SharedNetwork | undefined
}

export const ONLY_EXTERNAL = sentence`only the external network is attached; at least one project-internal network is needed`

const isTransit = (name: string): boolean => name.toLowerCase().includes("transit")

interface Candidate extends OwnAttachment {
  readonly backends: number
}

/** More backends first, then a name with `transit` in it, then by the alphabet. */
const byPreference = (a: Candidate, b: Candidate): number =>
  b.backends - a.backends ||
  Number(isTransit(b.networkName)) - Number(isTransit(a.networkName)) ||
  (a.networkName < b.networkName ? -1 : a.networkName > b.networkName ? 1 : 0)

const reasonFor = (best: Candidate, others: number): string => {
  if (best.backends > 0) return `it has the most backends attached (${best.backends})`
  if (others === 0) return "it is the only network besides the external one"
  return isTransit(best.networkName)
    ? "no backend is attached anywhere yet; its name contains transit"
    : "no backend is attached anywhere yet; it is the first by name"
}

/**
 * Chooses the shared network among anchord's own networks without the external one (SPEC §5). A pin wins; a settled choice
 * stays, by ID or, when the network was made anew, by name. Fails when a pin names no network of anchord's own, or when there is no candidate.
 */
export const chooseShared = (input: SharedNetworkInput): Result.Result<SharedNetwork, Sentence> => {
  const { state, scope, pin, externalNetworkId, previous } = input
  const candidates = state.own.filter((attachment) => attachment.networkId !== externalNetworkId)
  const attached = state.own.map((attachment) => attachment.networkName).toSorted()
  if (pin !== undefined) {
    const pinned = candidates.find(({ networkId, networkName }) => networkName === pin || networkId === pin)
    if (pinned === undefined) {
      return Result.fail(
        sentence`ANCHORD_SHARED_NETWORK names ${pin}, which is not a project-internal network of this container; attached are: ${attached.join(", ") || "none"}`
      )
    }
    return Result.succeed({
      networkId: pinned.networkId,
      name: pinned.networkName,
      settled: true,
      reason: "ANCHORD_SHARED_NETWORK names it"
    })
  }
  if (previous?.settled === true) {
    const same = candidates.find(({ networkId }) => networkId === previous.networkId)
    const again = same ?? candidates.find(({ networkName }) => networkName === previous.name)
    return Result.succeed({ ...previous, networkId: again?.networkId ?? previous.networkId })
  }
  const [best] = candidates
    .map((own): Candidate => ({ ...own, backends: backendsOf(state, scope, own.networkId).backends.length }))
    .toSorted(byPreference)
  if (best === undefined) return Result.fail(ONLY_EXTERNAL)
  return Result.succeed({
    networkId: best.networkId,
    name: best.networkName,
    settled: best.backends > 0,
    reason: reasonFor(best, candidates.length - 1)
  })
}
