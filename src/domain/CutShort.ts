import type { Scope } from "./DockerState.ts"
import { isForeign, isSibling, type LifecycleContainer, type LifecycleState } from "./LifecycleState.ts"
import { managedTarget } from "./ManagedAnchor.ts"
import { dependentsOf } from "./NetnsOwner.ts"
import { nameBefore } from "./Recreation.ts"
import type { ManagedAnchorSettings } from "./Settings.ts"

/**
 * The containers that are renamed away for a re-creation that nobody carries on with, and that only this anchord can have begun (SPEC §11): those of
 * its project; and of those that are nobody's, the managed service-anchor, and whatever lives in the namespace of its target, before or after.
 */
export const cutShort = (
  state: LifecycleState,
  scope: Scope,
  managed: ManagedAnchorSettings | undefined
): ReadonlyArray<LifecycleContainer> => {
  const target = managed && managedTarget(state, managed)
  const inside = new Set(target && dependentsOf(state.containers, target).map(({ id }) => id))
  const all = [...state.containers.values()]
  return all.filter((container) => {
    const name = nameBefore(container)
    if (name === undefined) return false
    if (isSibling(container, state, scope)) return true
    if (managed === undefined || isForeign(container, state, scope)) return false
    const successor = all.find((one) => one.name === name)
    return name === managed.name || inside.has(container.id) || (successor !== undefined && inside.has(successor.id))
  })
}
