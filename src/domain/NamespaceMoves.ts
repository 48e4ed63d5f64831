import { isUp, startOf, type LifecycleState } from "./LifecycleState.ts"

/**
 * What is remembered of containers that came out of a dead namespace, by ID. Whoever lives with such a container and was started before that is still in
 * there; which, where the owner joins a third container itself, Docker's times need not tell: he may have been started after that one.
 */
export interface NamespaceMoves {
  /** The start (`startOf`) at which a container was seen in a dead namespace. */
  readonly dead: ReadonlyMap<string, string>
  /** When it was started by which it came out of there; Unix milliseconds. */
  readonly moved: ReadonlyMap<string, number>
}

export const noMoves: NamespaceMoves = { dead: new Map(), moved: new Map() }

/** When each of those came out that were seen in a dead namespace and have been started anew since. */
export const movesIn = (
  { dead, moved }: NamespaceMoves,
  { containers }: LifecycleState
): ReadonlyMap<string, number> => {
  const now = new Map(moved)
  for (const [id, start] of dead) {
    const container = containers.get(id)
    const startedAt = container?.inspected?.startedAt
    if (container !== undefined && startedAt !== undefined && startOf(container) !== start) now.set(id, startedAt)
  }
  return now
}

/** The memory after a look; `stale` are the IDs of those that are in a dead namespace now. */
export const rememberMoves = (
  moves: NamespaceMoves,
  seen: LifecycleState,
  stale: ReadonlySet<string>
): NamespaceMoves => {
  const { containers } = seen
  const dead = new Map([...moves.dead].filter(([id, start]) => startOf(containers.get(id)) === start))
  for (const container of containers.values())
    if (stale.has(container.id) && isUp(container)) dead.set(container.id, startOf(container) ?? "")
  return { dead, moved: new Map([...movesIn(moves, seen)].filter(([id]) => containers.has(id))) }
}
