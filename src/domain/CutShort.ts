import type { Scope } from "./DockerState.ts"
import { isForeign, isSibling, isUp, type LifecycleContainer, type LifecycleState } from "./LifecycleState.ts"
import { managedTarget } from "./ManagedAnchor.ts"
import { dependentsOf } from "./NetnsOwner.ts"
import { awayOf, nameBefore } from "./Recreation.ts"
import type { ManagedAnchorSettings } from "./Settings.ts"

/**
 * The containers that are renamed away for a re-creation that nobody carries on with (SPEC §11): what this container's process began, before it was
 * started again; and, of those that `isOurs` says may be looked after here, what was begun in a container that does not run any more. What another
 * container's process has begun is left to that one, however long it takes.
 */
export const cutShort = (
  state: LifecycleState,
  isOurs: (container: LifecycleContainer) => boolean
): ReadonlyArray<LifecycleContainer> => {
  const all = [...state.containers.values()]
  const isAlive = (by: string | undefined): boolean =>
    by !== undefined && all.some((one) => one.id.startsWith(by) && isUp(one))
  return all.filter((container) => {
    const away = awayOf(container)
    if (away === undefined) return false
    const isMine = away.by !== undefined && state.selfId.startsWith(away.by)
    return isMine || (isOurs(container) && !isAlive(away.by))
  })
}

/**
 * Whether a container that is renamed away is a network-anchor's to look after: one of its project; and of those that are nobody's, the managed
 * service-anchor, and whatever lives in the namespace of its target, before or after.
 */
export const isNetworkAnchors =
  (state: LifecycleState, scope: Scope, managed: ManagedAnchorSettings | undefined) =>
  (container: LifecycleContainer): boolean => {
    if (isSibling(container, state, scope)) return true
    if (managed === undefined || isForeign(container, state, scope)) return false
    const target = managedTarget(state, managed)
    const inside = new Set(target && dependentsOf(state.containers, target).map(({ id }) => id))
    const name = nameBefore(container)
    const successor = [...state.containers.values()].find((one) => one.name === name)
    return name === managed.name || inside.has(container.id) || (successor !== undefined && inside.has(successor.id))
  }
