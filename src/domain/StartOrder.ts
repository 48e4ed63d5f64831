import type { LifecycleAction } from "./LifecycleAction.ts"
import { startOf, type LifecycleContainer, type LifecycleState } from "./LifecycleState.ts"
import { namespaceReference, resolveReference } from "./NetnsOwner.ts"
import { staleNetns } from "./StaleNetns.ts"

/**
 * What is known of the order of starts without any clock: for each container that anchord put right, by name (a re-created one has another ID), the
 * starts of its owners that were there before it was started (`startOf`). A clock that was set back makes such an owner look younger until it
 * has caught up, and its dependents dead, however often they are restarted.
 */
export type StartOrder = ReadonlyMap<string, ReadonlySet<string>>

/** The owner of a container's namespace, that one's owner, and so on; each once. */
const ownersOf = (
  containers: ReadonlyMap<string, LifecycleContainer>,
  networkMode: string
): ReadonlyArray<LifecycleContainer> => {
  const owners = new Map<string, LifecycleContainer>()
  let ref = namespaceReference({ networkMode })
  while (ref !== undefined) {
    const owner = resolveReference(containers, ref)
    if (owner === undefined || owners.has(owner.id)) break
    owners.set(owner.id, owner)
    ref = namespaceReference(owner)
  }
  return [...owners.values()]
}

/** The state with what is known of the order of starts: who was started after its owner counts as not older than that. */
export const inOrder = (state: LifecycleState, order: StartOrder): LifecycleState => {
  if (order.size === 0) return state
  const containers = new Map(state.containers)
  for (const container of state.containers.values()) {
    const { inspected, networkMode, name } = container
    const known = order.get(name)
    if (known === undefined || inspected?.startedAt === undefined) continue
    const before = ownersOf(state.containers, networkMode).filter((owner) => known.has(startOf(owner) ?? ""))
    const startedAt = Math.max(inspected.startedAt, ...before.map((owner) => owner.inspected?.startedAt ?? 0))
    containers.set(container.id, { ...container, inspected: { ...inspected, startedAt } })
  }
  return { ...state, containers }
}

/**
 * The memory after actions that anchord itself has `done` on what was seen in `state`. Each of them led its container into the namespace of its owner as that ran
 * then; what is above an owner counts as far as that one was in order, or was put into order just before. Kept for as long as there is a
 * container of that name.
 */
export const rememberOrder = (
  order: StartOrder,
  state: LifecycleState,
  done: ReadonlyArray<LifecycleAction>
): StartOrder => {
  const names = new Set([...state.containers.values()].map(({ name }) => name))
  const next = new Map([...order].filter(([name]) => names.has(name)))
  const containers = new Map(state.containers)
  const doubtful = new Set(staleNetns(inOrder(state, order)).map(({ container }) => container.id))
  for (const action of done) {
    if (action._tag === "CreateManaged") continue
    const container = containers.get(action.id)
    doubtful.delete(action.id)
    if (container !== undefined && action._tag === "Recreate")
      containers.set(action.id, { ...container, networkMode: action.networkMode })
  }
  for (const action of done) {
    const one = action._tag === "CreateManaged" ? action.spec : containers.get(action.id)
    const owners = one === undefined ? [] : ownersOf(containers, one.networkMode)
    const doubt = owners.findIndex(({ id }) => doubtful.has(id))
    const before = doubt < 0 ? owners : owners.slice(0, doubt + 1)
    if (one !== undefined) next.set(one.name, new Set(before.map((owner) => startOf(owner) ?? "")))
  }
  return next
}
