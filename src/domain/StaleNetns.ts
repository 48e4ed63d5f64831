import type { ContainerSnapshot } from "./DockerState.ts"
import { namesOf, successorOf } from "./ContainerNames.ts"
import {
  anchordMode,
  byName,
  DEPENDS_ON_LABEL,
  isJoinable,
  isUp,
  isOneOff,
  missedItsNamespace,
  projectOf,
  serviceOf,
  type LifecycleContainer,
  type LifecycleState
} from "./LifecycleState.ts"
import { dependentsOf, meansId, namespaceReference, resolveReference } from "./NetnsOwner.ts"
import { nameBefore } from "./Recreation.ts"

/** The namespace that is dead: the reference to its owner, and what that was or is called, where it is known. */
export interface DeadTarget {
  readonly ref: string
  readonly name?: string
}

/**
 * A dependent in a namespace that is not its owner's any more (SPEC §0).
 * `gone`: what it refers to does not exist; `replaced`: it exists, stopped, and another container has its name; `restarted`: it runs, in a
 * namespace that is newer than the dependent. `inherited`: its owner is itself one of these.
 *
 * A namespace is made by a start of the container that refers to no other. Where an owner lives in a third container's namespace, it is that
 * one's start that counts: the owner's own restart leaves everybody where they are, unless it has led him out of a dead one (`moved`).
 */
export interface StaleContainer {
  readonly container: LifecycleContainer
  readonly kind: "gone" | "replaced" | "restarted"
  readonly inherited: boolean
  readonly dead: DeadTarget
  /** Whose namespace it belongs into, if that is known and there: it may have to be started or repaired first. */
  readonly target?: LifecycleContainer
  /** The Compose service whose container it belongs to, while that has none that could be joined: it has to be started first. */
  readonly absent?: string
}

/** `service:condition:restart` for each dependency; Compose sets `restart` for the service that owns the namespace. */
const restartsWith = (label: string): ReadonlyArray<string> =>
  label.split(",").flatMap((entry) => {
    const [service = "", , restart] = entry.trim().split(":")
    return service !== "" && restart === "true" ? [service] : []
  })

/**
 * The service that owns the namespace: `network_mode: service:X` leaves its trace in the label of dependencies. Only when one service can
 * be meant: a guess would put a container into somebody else's network.
 */
export const ownerService = (container: ContainerSnapshot): string | undefined => {
  const [service, ...others] = restartsWith(container.labels[DEPENDS_ON_LABEL] ?? "")
  return projectOf(container) === undefined || others.length > 0 ? undefined : service
}

/**
 * Nobody lives in the namespace of an anchord that is no service-anchor: that service is depended on for other reasons. And who is renamed away is about
 * to be gone.
 */
const mayOwn = (container: LifecycleContainer, { selfId }: LifecycleState): boolean => {
  const mode = container.inspected && anchordMode(container.inspected)
  return (
    container.id !== selfId && nameBefore(container) === undefined && (mode === undefined || mode === "service-anchor")
  )
}

/** The containers of the service that owns the namespace, as far as Compose knows. */
const composeOwners = (container: LifecycleContainer, state: LifecycleState): ReadonlyArray<LifecycleContainer> => {
  const service = ownerService(container)
  return service === undefined
    ? []
    : [...state.containers.values()].filter(
        (one) => projectOf(one) === projectOf(container) && serviceOf(one) === service && mayOwn(one, state)
      )
}

/** The one that can be meant; see {@link ownerService}. */
const composeOwner = (container: LifecycleContainer, state: LifecycleState): LifecycleContainer | undefined => {
  const [owner, ...more] = composeOwners(container, state)
  return more.length === 0 ? owner : undefined
}

const absentOwner = (container: LifecycleContainer, state: LifecycleState): { readonly absent?: string } => {
  const absent = ownerService(container)
  return absent === undefined || composeOwners(container, state).some(isJoinable) ? {} : { absent }
}

/** From an owner to the container whose start made the namespace: the chain of references, if that has an end. */
const chainFrom = (owner: LifecycleContainer, state: LifecycleState): ReadonlyArray<LifecycleContainer> => {
  const chain = new Map<string, LifecycleContainer>()
  let next: LifecycleContainer | undefined = owner
  while (next !== undefined && !chain.has(next.id)) {
    chain.set(next.id, next)
    const ref = namespaceReference(next)
    if (ref === undefined) return [...chain.values()]
    next = resolveReference(state.containers, ref)
  }
  return []
}

/** Whether the namespace is newer than a dependent, or somebody between the two has come into it only after that one was started. */
const cameAfter = (
  chain: ReadonlyArray<LifecycleContainer>,
  maker: LifecycleContainer,
  { inspected }: LifecycleContainer,
  { moved }: LifecycleState
): boolean => {
  const times = [maker.inspected?.startedAt, ...chain.map(({ id }) => moved?.get(id))]
  const { startedAt } = inspected ?? {}
  return startedAt !== undefined && times.some((time) => time !== undefined && time > startedAt)
}

/** The container that made another namespace than the one that a dependent got when it was started, and runs. */
export const restartedMaker = (
  container: LifecycleContainer,
  state: LifecycleState
): LifecycleContainer | undefined => {
  const owner = resolveReference(state.containers, namespaceReference(container) ?? "")
  const chain = owner === undefined ? [] : chainFrom(owner, state)
  const maker = chain.at(-1)
  return maker !== undefined && isJoinable(maker) && isUp(container) && cameAfter(chain, maker, container, state)
    ? maker
    : undefined
}

const named = (ref: string, name: string | undefined): DeadTarget => ({
  ref: ref.replace(/^\//, ""),
  ...(name === undefined ? {} : { name })
})

const withTarget = (target: LifecycleContainer | undefined) => (target === undefined ? {} : { target })

/** Whether one container may be put into the other's namespace: not if that is itself, or hangs on it. */
const mayJoin = (container: LifecycleContainer, target: LifecycleContainer | undefined, state: LifecycleState) =>
  target !== undefined &&
  target.id !== container.id &&
  !dependentsOf(state.containers, container).some(({ id }) => id === target.id)

const look = (container: LifecycleContainer, ref: string, state: LifecycleState): StaleContainer | undefined => {
  const owner = resolveReference(state.containers, ref)
  const successor = successorOf(state.names, state.containers, ref)
  const found = { container, inherited: false }
  if (owner === undefined) {
    const candidate = successor ?? (namesOf(state.names, ref).length === 0 ? composeOwner(container, state) : undefined)
    const target = mayJoin(container, candidate, state) ? candidate : undefined
    return {
      ...found,
      kind: "gone",
      dead: named(ref, namesOf(state.names, ref)[0] ?? target?.name),
      ...withTarget(target),
      ...absentOwner(container, state)
    }
  }
  if (!isUp(owner) && mayJoin(container, successor, state))
    return {
      ...found,
      kind: "replaced",
      dead: named(owner.id, successor?.name),
      ...withTarget(successor),
      ...absentOwner(container, state)
    }
  const maker = isJoinable(owner) ? restartedMaker(container, state) : undefined
  return maker && { ...found, kind: "restarted", dead: named(maker.id, maker.name), target: owner }
}

/** Created to join a container that was replaced before it was ever started: it can never be. */
const cameTooLate = ({ status }: LifecycleContainer, ref: string, { names, containers }: LifecycleState): boolean =>
  status === "created" && successorOf(names, containers, ref) !== undefined

/** Whether a container refers to one that anchord has re-created, by the ID of before. */
export const refersToReplaced = (container: LifecycleContainer, { replaced = [] }: LifecycleState): boolean => {
  const ref = namespaceReference(container)
  return ref !== undefined && replaced.some((id) => meansId(ref, id))
}

/** Who does not run, and could not be started: a container of `docker compose run` is in the hands of whoever typed that. */
const cannotStart = (container: LifecycleContainer, ref: string, state: LifecycleState): boolean => {
  if (missedItsNamespace(container)) return true
  if (isOneOff(container) || resolveReference(state.containers, ref) !== undefined) return false
  return refersToReplaced(container, state) || cameTooLate(container, ref, state)
}

/**
 * Every container that has no network although Docker calls it running, or that cannot be started for that reason; those that hang on
 * another of them after that one. In all of the host: who may be repaired is decided elsewhere.
 *
 * A stopped owner still counts as existing: its dependents are left until it runs again. What refers to itself or leads back to
 * itself can never have run, and is not listed.
 */
export const staleNetns = (state: LifecycleState): ReadonlyArray<StaleContainer> => {
  const known = new Map<string, StaleContainer | undefined>()
  const found: Array<StaleContainer> = []
  const visit = (container: LifecycleContainer): StaleContainer | undefined => {
    if (known.has(container.id)) return known.get(container.id)
    known.set(container.id, undefined)
    const ref = namespaceReference(container)
    if (ref === undefined) return undefined
    if (!isUp(container) && !cannotStart(container, ref, state)) return undefined
    const owner = resolveReference(state.containers, ref)
    const above = owner && visit(owner)
    const own = look(container, ref, state)
    if (own?.target !== undefined && own.target !== owner) visit(own.target)
    const stale =
      own ??
      (above &&
        owner && {
          container,
          kind: above.kind,
          inherited: true,
          dead: above.dead,
          target: owner
        })
    known.set(container.id, stale)
    if (stale !== undefined) found.push(stale)
    return stale
  }
  for (const container of [...state.containers.values()].toSorted(byName)) visit(container)
  return found
}
