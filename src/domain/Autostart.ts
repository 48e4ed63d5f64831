import type { Scope } from "./DockerState.ts"
import type { Start } from "./LifecycleAction.ts"
import {
  byName,
  isJoinable,
  isOneOff,
  isSibling,
  missedItsNamespace,
  namesBeingReplaced,
  type LifecycleState
} from "./LifecycleState.ts"
import { namespaceReference, resolveReference } from "./NetnsOwner.ts"

/**
 * Which containers wait for nothing any more but for being started (SPEC §11.1): those in state `created` that live in the namespace of
 * a container that runs. Also those that the engine itself tried to start while that namespace was not there, as happens when it
 * restarts everything in any order; one that was stopped stays stopped.
 *
 * Only siblings: in scope, or of anchord's own Compose project. Not one that Compose or anchord is putting into another's place, and none of
 * `docker compose run`, which starts it itself, attached to a terminal.
 */
export const autostart = (state: LifecycleState, scope: Scope, now: number): ReadonlyArray<Start> => {
  const replaced = namesBeingReplaced(state, now)
  return [...state.containers.values()].toSorted(byName).flatMap((container): ReadonlyArray<Start> => {
    const { id, name, status } = container
    const ref = namespaceReference(container)
    if (ref === undefined || (status !== "created" && !missedItsNamespace(container))) return []
    if (replaced.has(name) || isOneOff(container) || !isSibling(container, state, scope)) return []
    const owner = resolveReference(state.containers, ref)
    if (owner === undefined || !isJoinable(owner)) return []
    const why =
      status === "created" ? "it was created and never started" : "its last start failed without that container"
    return [{ _tag: "Start", id, name, reason: `${name} joins the network of ${owner.name}, which runs; ${why}` }]
  })
}
