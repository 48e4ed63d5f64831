import type { LifecycleAction } from "./LifecycleAction.ts"
import { startOf, type LifecycleState } from "./LifecycleState.ts"

/**
 * The containers that anchord has restarted, by ID, and which start of theirs it was (`startOf`): the one that followed the one of `before`, once it was seen.
 * Whoever is in a namespace that such a container has left is anchord's to repair, however late he comes or is seen; until somebody else starts it anew.
 */
export type OwnRestarts = ReadonlyMap<string, { readonly before: string; readonly start?: string }>

/** What is left of them in what is seen now. */
export const ownRestartsIn = (known: OwnRestarts, { containers }: LifecycleState): OwnRestarts => {
  const now = new Map(known)
  for (const [id, { before, start }] of known) {
    const seen = startOf(containers.get(id))
    if (seen === undefined || (start !== undefined && seen !== start)) now.delete(id)
    else if (seen !== before) now.set(id, { before, start: seen })
  }
  return now
}

/** The memory after actions that were `tried` on what was seen in `state`. */
export const rememberOwnRestarts = (
  known: OwnRestarts,
  state: LifecycleState,
  tried: ReadonlyArray<LifecycleAction>
): OwnRestarts => {
  const restarted = tried.flatMap((action) => (action._tag === "Restart" ? [action.id] : []))
  const begun = restarted.map((id) => [id, { before: startOf(state.containers.get(id)) ?? "" }] as const)
  return new Map([...ownRestartsIn(known, state), ...begun])
}
