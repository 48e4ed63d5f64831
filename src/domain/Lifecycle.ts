import type { AddressPair } from "./Address.ts"
import { autostart } from "./Autostart.ts"
import type { Scope } from "./DockerState.ts"
import type { CreateManaged, LifecycleAction, LifecycleDecision, LifecycleProblem, Repair } from "./LifecycleAction.ts"
import { isSibling, namesBeingReplaced, type LifecycleState } from "./LifecycleState.ts"
import { awaitsUpdate, decideManaged, managedContainer, managedTarget, type ManagedDecision } from "./ManagedAnchor.ts"
import { movesIn, noMoves, rememberMoves, type NamespaceMoves } from "./NamespaceMoves.ts"
import { dependentsOf } from "./NetnsOwner.ts"
import { planRepairs, type Unrepaired } from "./NetnsRepair.ts"
import { nameBefore } from "./Recreation.ts"
import { ownerStartIn, paceOf, rememberRepairs, type RepairTimes } from "./RepairPace.ts"
import type { CommonSettings, LifecycleSettings } from "./Settings.ts"
import { inOrder, rememberOrder, type StartOrder } from "./StartOrder.ts"
import { staleNetns, type StaleContainer } from "./StaleNetns.ts"
import { describeStale, warningOf } from "./StaleNetnsAdvice.ts"
import { sentence } from "./Sentence.ts"

/** What is remembered from one decision to the next. */
export interface LifecycleMemory {
  readonly times: RepairTimes
  /** IDs of dependents of what anchord re-created or restarted, until they are out of the dead namespace; who is waiting for his start, until he had it. */
  readonly owed: ReadonlySet<string>
  /**
   * IDs of what anchord re-created, the last ones of them: whoever refers to one is anchord's to repair, however late he comes or is seen. One that is back
   * under its name was not replaced.
   */
  readonly replaced: ReadonlyArray<string>
  readonly order: StartOrder
  readonly moves: NamespaceMoves
}

export const emptyMemory: LifecycleMemory = {
  times: new Map(),
  owed: new Set(),
  replaced: [],
  order: new Map(),
  moves: noMoves
}

const MOST_REPLACED = 100

/** What is seen, with what is known from before of who has come out of a dead namespace, and of who was replaced. */
const withMemory = (state: LifecycleState, { moves, replaced }: LifecycleMemory): LifecycleState => ({
  ...state,
  moved: movesIn(moves, state),
  replaced
})

export interface LifecycleInput {
  readonly state: LifecycleState
  readonly scope: Scope
  /** The Compose project, if there is one beside a selector. */
  readonly project: string | undefined
  readonly settings: LifecycleSettings
  readonly logLevel: CommonSettings["logLevel"]
  /** anchord's own addresses on the shared network, once that is settled. */
  readonly own: AddressPair | undefined
  /** See ManagedInput. */
  readonly startUp: boolean
  readonly memory: LifecycleMemory
  /** Unix milliseconds. */
  readonly now: number
}

/** Milliseconds for which a new owner that is not started yet is taken to be about to be: Compose makes everything before it starts anything. */
const ABOUT_TO_START = 120_000

const isUnderWay = ({ stale: { container, target, dead } }: Unrepaired, input: LifecycleInput): boolean => {
  const replaced = namesBeingReplaced(input.state, input.now)
  if ([container.name, target?.name ?? "", dead.name ?? ""].some((name) => replaced.has(name))) return true
  return target?.status === "created" && input.now - target.createdAt * 1_000 < ABOUT_TO_START
}

const problemOf = (left: Unrepaired, input: LifecycleInput): ReadonlyArray<LifecycleProblem> => {
  const { stale, why } = left
  const { id, name } = stale.container
  if (why === "storm")
    return [
      {
        key: `storm:${name}`,
        level: "WARN",
        message: sentence`${describeStale(stale)}; it was repaired again and again within a minute, so anchord waits a while; see why ${stale.dead.name ?? "that container"} does not stay up`
      }
    ]
  if (why === "refused") {
    const { refusal = "" } = stale.container.inspected ?? {}
    const message = sentence`${warningOf(stale)}; anchord does not do that by itself: ${refusal}`
    return [{ key: `stale:${id}`, level: "WARN", message }]
  }
  if (why === "failed") return [{ key: `stale:${id}`, level: "WARN", message: warningOf(stale) }]
  const watched = isSibling(stale.container, input.state, input.scope)
  if (!watched || why === "too-soon" || isUnderWay(left, input)) return []
  const waits = why === "waits-for-owner" && stale.dead.name !== undefined
  const message = waits
    ? sentence`${describeStale(stale)}; anchord repairs it when ${stale.target?.name ?? stale.dead.name} runs`
    : warningOf(stale)
  return [{ key: `stale:${id}`, level: "WARN", message }]
}

/** The WARN of every victim that is not repaired (SPEC §11.5), and the one INFO where nobody looks. */
const watcher = (unrepaired: ReadonlyArray<Unrepaired>, input: LifecycleInput): ReadonlyArray<LifecycleProblem> =>
  input.scope._tag === "Selector" && input.project === undefined
    ? [
        {
          key: "watcher-off",
          level: "INFO",
          message: sentence`dependents in dead namespaces are not looked for: with a selector and no ANCHORD_PROJECT nobody knows whose they are`
        }
      ]
    : unrepaired.flatMap((left) => problemOf(left, input))

/** What autostart would start now, and the times for what it is too soon for. */
const startsNow = ({ state, scope, settings, memory, now }: LifecycleInput) => {
  const all = settings.autostart ? autostart(state, scope, now) : []
  const paced = all.map((start) => ({ start, pace: paceOf(memory.times, start.name, now, ownerStartIn(state)(start)) }))
  return {
    starts: paced.flatMap(({ start, pace }) => (pace._tag === "Now" ? [start] : [])),
    times: paced.flatMap(({ pace }) => (pace._tag === "Later" ? [pace.at] : []))
  }
}

/**
 * Whether the next decision is one at start-up as well: while the managed service-anchor may run an earlier image, because the decision could not be
 * taken yet, had to wait, or was `left` undone.
 */
export const isStillStartUp = (
  { settings, startUp, ...input }: LifecycleInput,
  { actions }: LifecycleDecision,
  left: ReadonlyArray<LifecycleAction>
): boolean =>
  startUp &&
  settings.managed !== undefined &&
  awaitsUpdate(
    { ...input, startUp, settings: settings.managed },
    actions.filter((action) => !left.includes(action))
  )

/** The managed service-anchor's action, unless it is too soon for one; then the time for it. */
const managedNow = (input: LifecycleInput): ManagedDecision & { readonly at?: number } => {
  const { settings, state, scope, logLevel, own, startUp, now } = input
  if (settings.managed === undefined) return { problems: [] }
  const decision = decideManaged({ state, scope, settings: settings.managed, logLevel, own, startUp, now })
  const { action, problems } = decision
  if (action === undefined) return decision
  const name = action._tag === "CreateManaged" ? action.spec.name : action.name
  const pace = paceOf(input.memory.times, name, now, ownerStartIn(state)(action))
  return pace._tag === "Now" ? decision : { problems, at: pace.at }
}

const isRepair = (action: Repair | CreateManaged | undefined): action is Repair =>
  action !== undefined && action._tag !== "CreateManaged"

/**
 * Everything that the network-anchor does for containers in other containers' namespaces (SPEC §11.1 to §11.5), and everything about
 * them that an operator should know. Level-triggered: it follows from the listing, whatever event asked for it; what fails is decided again
 * at the next look. `again` is when to look although nothing happened.
 */
export const decideLifecycle = (given: LifecycleInput): LifecycleDecision => {
  const { scope, settings, memory, now } = given
  const known = withMemory(given.state, settings.autofix === "off" ? { ...memory, replaced: [] } : memory)
  const input = { ...given, state: inOrder(known, memory.order) }
  const { state } = input
  const managed = managedNow(input)
  const { starts, times: startTimes } = startsNow(input)
  const plan = planRepairs(state, isRepair(managed.action) ? [managed.action] : [], {
    scope,
    autofix: settings.autofix,
    managedTarget: settings.managed && managedTarget(state, settings.managed)?.id,
    managed: settings.managed && managedContainer(state, settings.managed)?.id,
    owed: memory.owed,
    starts,
    times: memory.times,
    now
  })
  const created = managed.action?._tag === "CreateManaged" ? [managed.action] : []
  const times = [managed.at, ...startTimes, ...plan.unrepaired.map(({ at }) => at)].filter((at) => at !== undefined)
  return {
    actions: [...created, ...plan.repairs],
    problems: [...managed.problems, ...watcher([...plan.unrepaired, ...plan.retried], input)],
    ...(times.length === 0 ? {} : { again: Math.min(...times) })
  }
}

/**
 * Who becomes anchord's business when it re-creates or restarts a container, beside those that are repaired with it: who is in a dead namespace, belongs
 * into this one's, and could not be repaired now, because he is paused, say. After a restart whoever lives with the container, because who was about to be
 * started meanwhile may have come into the namespace that this one has left. A start makes nobody its business.
 */
const owedAfter = (
  { containers }: LifecycleState,
  stales: ReadonlyArray<StaleContainer>,
  action: LifecycleAction
): ReadonlyArray<string> => {
  if (action._tag !== "Recreate" && action._tag !== "Restart") return []
  const left = stales.flatMap(({ container, target }) => (target?.id === action.id ? [container.id] : []))
  return action._tag === "Recreate" ? left : [...left, ...dependentsOf(containers, action).map(({ id }) => id)]
}

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
  // That he was started may be seen looks after the restart of his owner.
  const isOutstanding = (id: string): boolean => stale.has(id) || seen.containers.get(id)?.status === "created"
  const followers = actions.flatMap((action) =>
    action._tag !== "CreateManaged" && action.after !== undefined ? [action.id] : []
  )
  const after = actions.flatMap((action) => owedAfter(state, stales, action))
  const isBack = (id: string): boolean => {
    const container = seen.containers.get(id)
    return container !== undefined && nameBefore(container) === undefined
  }
  const replaced = actions.flatMap((action) => (action._tag === "Recreate" ? [action.id] : []))
  return {
    times: rememberRepairs(memory.times, actions, now, { left, ownerStart: ownerStartIn(state) }),
    owed: new Set([...[...memory.owed].filter(isOutstanding), ...followers, ...after]),
    replaced: [...memory.replaced.filter((id) => !isBack(id)), ...replaced].slice(-MOST_REPLACED),
    order: rememberOrder(
      memory.order,
      seen,
      actions.filter((action) => !left.includes(action) && !found.includes(action))
    ),
    moves: rememberMoves(memory.moves, seen, stale)
  }
}
