import type { AddressPair } from "./Address.ts"
import { autostart } from "./Autostart.ts"
import type { Scope } from "./DockerState.ts"
import type { CreateManaged, LifecycleAction, LifecycleDecision, LifecycleProblem, Repair } from "./LifecycleAction.ts"
import { withMemory, type LifecycleMemory } from "./LifecycleMemory.ts"
import { isSibling, namesBeingReplaced, type LifecycleState } from "./LifecycleState.ts"
import { awaitsUpdate, decideManaged, managedContainer, managedTarget, type ManagedDecision } from "./ManagedAnchor.ts"
import { ownRestartsIn } from "./OwnRestarts.ts"
import { planRepairs, type Unrepaired } from "./NetnsRepair.ts"
import { ownerStartIn, paceOf } from "./RepairPace.ts"
import type { CommonSettings, LifecycleSettings } from "./Settings.ts"
import { inOrder } from "./StartOrder.ts"
import { describeStale, warningOf } from "./StaleNetnsAdvice.ts"
import { sentence } from "./Sentence.ts"

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
    restarts: ownRestartsIn(memory.restarts, known),
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
