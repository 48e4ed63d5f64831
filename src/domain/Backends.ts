import * as Result from "effect/Result"
import { families, type AddressPair } from "./Address.ts"
import type { Backend } from "./DesiredDnat.ts"
import type { ContainerSnapshot, ContainerStatus, DockerState, NetworkMember, Scope } from "./DockerState.ts"
import { parseExpose, parseExposeV6 } from "./ExposeLabel.ts"
import { namespaceReference, resolveReference } from "./NetnsOwner.ts"
import { about, sentence, type Sentence } from "./Sentence.ts"

const EXPOSE_LABEL = "anchord.expose"
const EXPOSE_V6_LABEL = "anchord.expose.v6"
export const PROJECT_LABEL = "com.docker.compose.project"

/** Why a container that asked for ports does not get them; `key` stays the same as long as the reason does. */
export interface BackendProblem {
  readonly key: string
  readonly level: "ERROR" | "WARN"
  readonly message: Sentence
}

export interface Discovered {
  readonly backends: ReadonlyArray<Backend>
  readonly problems: ReadonlyArray<BackendProblem>
}

/** Whether a container belongs to what anchord serves: its Compose project, or every pair of a label selector (SPEC §2, §4). */
export const inScope = (labels: Readonly<Record<string, string>>, scope: Scope): boolean =>
  scope._tag === "Project"
    ? labels[PROJECT_LABEL] === scope.project
    : Object.entries(scope.labels).every(([key, value]) => labels[key] === value)

/** In scope, and with a label that is not blank (SPEC §3, §4). */
export const wantsPorts = (container: ContainerSnapshot, scope: Scope): boolean =>
  (container.labels[EXPOSE_LABEL] ?? "").trim() !== "" && inScope(container.labels, scope)

const alive: ReadonlySet<ContainerStatus> = new Set(["running", "paused", "restarting"])

export type Owner =
  | { readonly _tag: "Owner"; readonly container: ContainerSnapshot }
  | { readonly _tag: "Nobody"; readonly why: string }

/** The container whose namespace this one lives in: itself, or the end of its chain of references. */
export const namespaceOwner = (container: ContainerSnapshot, state: DockerState): Owner => {
  const seen = new Set<string>()
  let current = container
  for (let ref = namespaceReference(current); ref !== undefined; ref = namespaceReference(current)) {
    seen.add(current.id)
    const next = resolveReference(state.containers, ref)
    if (next === undefined)
      return { _tag: "Nobody", why: `its network_mode names container ${ref}, which does not exist` }
    if (seen.has(next.id)) return { _tag: "Nobody", why: `its network_mode leads back to container ${next.name}` }
    current = next
  }
  return { _tag: "Owner", container: current }
}

const networksOf = (container: ContainerSnapshot): string =>
  container.networks !== undefined && container.networks.length > 0
    ? container.networks.join(", ")
    : `network_mode ${container.networkMode}`

/** The families of an endpoint that the container lets anchord use. */
const usable = (member: NetworkMember, v6: "auto" | "off"): AddressPair => ({
  ...(member.v4 === undefined ? {} : { v4: member.v4 }),
  ...(member.v6 === undefined || v6 === "off" ? {} : { v6: member.v6 })
})

const knownMappings = new WeakMap<ContainerSnapshot, ReturnType<typeof parseExpose>>()

/** What the label says, read once for each snapshot: of hundreds of containers an event changes one. */
const mappingsOf = (container: ContainerSnapshot) => {
  const known = knownMappings.get(container) ?? parseExpose(container.labels[EXPOSE_LABEL] ?? "")
  knownMappings.set(container, known)
  return known
}

/** What becomes of a container that asks for ports; `why` is a sentence without its end. */
export type Verdict =
  | { readonly _tag: "Backend"; readonly backend: Backend }
  | {
      readonly _tag: "Refused"
      readonly level: "ERROR" | "WARN"
      readonly why: Sentence
      /** What is wrong: a label, whose namespace it is in, or that the owner of that is not on the shared network. */
      readonly cause: "label" | "namespace" | "address"
    }
  /** Nothing is wrong with it, but it does not run. */
  | { readonly _tag: "Down"; readonly why: string }

const down = ({ name, status }: ContainerSnapshot): Verdict => ({ _tag: "Down", why: `${name} is ${status}` })

/** One container that asks for ports, on one shared network (SPEC §3, §4). */
export const verdictOf = (container: ContainerSnapshot, state: DockerState, sharedNetworkId: string): Verdict => {
  const { id, name, createdAt } = container
  const refuse = (cause: "label" | "namespace" | "address", why: Sentence): Verdict => ({
    _tag: "Refused",
    level: cause === "label" ? "ERROR" : "WARN",
    why,
    cause
  })
  const running = alive.has(container.status)
  const shared = state.networks.get(sharedNetworkId)
  const sharesNamespace = namespaceReference(container) !== undefined
  // An endpoint exists before the first instruction of its container runs, and until the last one has.
  const wanted = running || (!sharesNamespace && shared?.members.has(id) === true)
  if (!wanted) return down(container)

  const mappings = mappingsOf(container)
  if (Result.isFailure(mappings)) {
    const { entry, rule } = mappings.failure
    return refuse("label", sentence`label ${EXPOSE_LABEL}, entry "${entry}": ${rule}; none of its ports are mapped`)
  }
  const v6 = parseExposeV6(container.labels[EXPOSE_V6_LABEL])
  if (Result.isFailure(v6)) {
    const { entry, rule } = v6.failure
    return refuse("label", sentence`label ${EXPOSE_V6_LABEL}, value "${entry}": ${rule}; none of its ports are mapped`)
  }
  const owner = namespaceOwner(container, state)
  if (owner._tag === "Nobody") {
    return refuse(
      "namespace",
      sentence`${owner.why}; put ${EXPOSE_LABEL} on the container that owns the network namespace`
    )
  }
  if (sharesNamespace && !alive.has(owner.container.status)) return down(owner.container)
  const member = shared?.members.get(owner.container.id)
  const address = member && usable(member, v6.success)
  if (address === undefined || families.every((family) => address[family] === undefined)) {
    const through = owner.container.id === id ? "" : ` through ${owner.container.name}`
    return refuse(
      "address",
      sentence`it is on ${networksOf(owner.container)}${through}, without a usable address on the shared network ${shared?.name ?? sharedNetworkId}; its ports are not mapped`
    )
  }
  return { _tag: "Backend", backend: { id, name, createdAt, mappings: mappings.success, address } }
}

/**
 * The backends that are reached on one shared network, and for each container that asks for ports and does not get them the
 * reason (SPEC §3, §4). A container counts from the moment its endpoint exists on the network until the endpoint is gone; one that
 * lives in another container's namespace counts while it runs. One bad container never disturbs another.
 */
export const backendsOf = (state: DockerState, scope: Scope, sharedNetworkId: string): Discovered => {
  const seen = [...state.containers.values()]
    .filter((container) => container.id !== state.selfId && wantsPorts(container, scope))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((container) => ({ container, verdict: verdictOf(container, state, sharedNetworkId) }))
  return {
    backends: seen.flatMap(({ verdict }) => (verdict._tag === "Backend" ? [verdict.backend] : [])),
    problems: seen.flatMap(({ container: { id, name }, verdict }) =>
      verdict._tag === "Refused"
        ? [{ key: `backend:${id}`, level: verdict.level, message: about(`container ${name}`, verdict.why) }]
        : []
    )
  }
}
