import type { LifecycleAction, LifecycleDecision } from "./LifecycleAction.ts"
import type { LifecycleState } from "./LifecycleState.ts"
import { movesIn, noMoves, rememberMoves, type NamespaceMoves } from "./NamespaceMoves.ts"
import { rememberOwnRestarts, type OwnRestarts } from "./OwnRestarts.ts"
import { nameBefore } from "./Recreation.ts"
import { ownerStartIn, rememberRepairs, type RepairTimes } from "./RepairPace.ts"
import { inOrder, rememberOrder, type StartOrder } from "./StartOrder.ts"
import { staleNetns, type StaleContainer } from "./StaleNetns.ts"

/** What is remembered from one decision to the next. */
export interface LifecycleMemory {
  readonly times: RepairTimes
  /** IDs of dependents of what anchord re-created or restarted, until they are out of the dead namespace. */
  readonly owed: ReadonlySet<string>
  /**
   * IDs of what anchord re-created, the last ones of them: whoever refers to one is anchord's to repair, however late he comes or is seen. One that is back
   * under its name was not replaced.
   */
  readonly replaced: ReadonlyArray<string>
  readonly restarts: OwnRestarts
  readonly order: StartOrder
  readonly moves: NamespaceMoves
}

export const emptyMemory: LifecycleMemory = {
  times: new Map(),
  owed: new Set(),
  replaced: [],
  restarts: new Map(),
  order: new Map(),
  moves: noMoves
}

const MOST_REPLACED = 100

/** What is seen, with what is known from before of who has come out of a dead namespace, and of who was replaced. */
export const withMemory = (state: LifecycleState, { moves, replaced }: LifecycleMemory): LifecycleState => ({
  ...state,
  moved: movesIn(moves, state),
  replaced
})

/**
 * Who becomes anchord's business when it re-creates or restarts a container, beside those that are repaired with it: who is in a dead namespace, belongs
 * into this one's, and could not be repaired now, because he is paused, say. A start makes nobody its business.
 */
const owedAfter = (stales: ReadonlyArray<StaleContainer>, action: LifecycleAction): ReadonlyArray<string> =>
  action._tag === "Recreate" || action._tag === "Restart"
    ? stales.flatMap(({ container, target }) => (target?.id === action.id ? [container.id] : []))
    : []

/** What became of the actions of a decision; all others were done. */
export interface LifecycleOutcome {
  /** Not done. */
  readonly left?: ReadonlyArray<LifecycleAction>
  /** Done by somebody else before: when, and so in which namespace, is not known. */
  readonly found?: ReadonlyArray<LifecycleAction>
}

/** The memory after a decision was carried out; `given` is what it was taken on. */
export const rememberDecision = (
  memory: LifecycleMemory,
  given: LifecycleState,
  { actions }: LifecycleDecision,
  now: number,
  { left = [], found = [] }: LifecycleOutcome = {}
): LifecycleMemory => {
  const seen = withMemory(given, memory)
  const state = inOrder(seen, memory.order)
  const stales = staleNetns(state)
  const stale = new Set(stales.map(({ container }) => container.id))
  const followers = actions.flatMap((action) =>
    action._tag !== "CreateManaged" && action.after !== undefined ? [action.id] : []
  )
  const after = actions.flatMap((action) => owedAfter(stales, action))
  const isBack = (id: string): boolean => {
    const container = seen.containers.get(id)
    return container !== undefined && nameBefore(container) === undefined
  }
  const replaced = actions.flatMap((action) => (action._tag === "Recreate" ? [action.id] : []))
  // The answer may be all that was lost of what was left.
  const tried = actions.filter((action) => !found.includes(action))
  const done = tried.filter((action) => !left.includes(action))
  return {
    times: rememberRepairs(memory.times, actions, now, { left, ownerStart: ownerStartIn(state) }),
    owed: new Set([...[...memory.owed].filter((id) => stale.has(id)), ...followers, ...after]),
    replaced: [...memory.replaced.filter((id) => !isBack(id)), ...replaced].slice(-MOST_REPLACED),
    restarts: rememberOwnRestarts(memory.restarts, seen, tried),
    order: rememberOrder(memory.order, seen, done),
    moves: rememberMoves(memory.moves, seen, stale)
  }
}
