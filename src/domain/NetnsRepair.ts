import { inScope } from "./Backends.ts"
import type { Scope } from "./DockerState.ts"
import type { Repair, Start } from "./LifecycleAction.ts"
import {
  isForeign,
  isJoinable,
  isSibling,
  isUp,
  missedItsNamespace,
  namesBeingReplaced,
  runsServiceAnchor,
  startOf,
  tellsOfNoNamespace,
  type LifecycleContainer,
  type LifecycleState
} from "./LifecycleState.ts"
import { dependentsOf, namespaceReference, refersByName, resolveReference } from "./NetnsOwner.ts"
import { hasFailed, paceOf, type Pace, type RepairTimes } from "./RepairPace.ts"
import { refersToReplaced, restartedMaker, staleNetns, type StaleContainer } from "./StaleNetns.ts"
import type { OwnRestarts } from "./OwnRestarts.ts"
import { describeStale } from "./StaleNetnsAdvice.ts"

export interface RepairPolicy {
  readonly scope: Scope
  readonly autofix: "off" | "own" | "project"
  /** Never touched: anchord's own container is not, either. */
  readonly managedTarget: string | undefined
  /** Whose dependents are anchord's business, whoever broke them. */
  readonly managed: string | undefined
  /** IDs of dependents of what anchord itself re-created or restarted, whose own repair is or may be outstanding. */
  readonly owed: ReadonlySet<string>
  /** What anchord itself has restarted last, by ID. */
  readonly restarts: OwnRestarts
  /** What waits to be started. If such a container has to be re-created, the new one is started instead. */
  readonly starts: ReadonlyArray<Start>
  readonly times: RepairTimes
  /** Unix milliseconds. */
  readonly now: number
}

/**
 * A stale container that is not repaired now: that is not anchord's business, would lose something (`refused`), or has to wait; after an attempt that
 * `failed` as well.
 */
export interface Unrepaired {
  readonly stale: StaleContainer
  readonly why: "not-ours" | "refused" | "waits-for-owner" | "being-replaced" | "too-soon" | "failed" | "storm"
  /** Unix milliseconds, where it only is too soon. */
  readonly at?: number
}

export interface RepairPlan {
  readonly repairs: ReadonlyArray<Repair>
  readonly unrepaired: ReadonlyArray<Unrepaired>
  /** What is tried again now, after an attempt that failed, and what waits for that: as likely as not it stays as it is. */
  readonly retried: ReadonlyArray<Unrepaired>
}

/** What is paused would lose what it holds in memory. */
const isUntouchable = (container: LifecycleContainer, state: LifecycleState, policy: RepairPolicy): boolean =>
  container.id === state.selfId ||
  container.id === policy.managedTarget ||
  isForeign(container, state, policy.scope) ||
  container.status === "paused" ||
  container.status === "removing" ||
  container.status === "dead"

/** Whether anchord may repair it at all (SPEC §11.3, §11.4). */
const isOurs = (
  { container, target }: StaleContainer,
  acted: ReadonlyMap<string, Repair>,
  state: LifecycleState,
  policy: RepairPolicy
): boolean => {
  if (isUntouchable(container, state, policy)) return false
  if (inScope(container.labels, policy.scope) && runsServiceAnchor(container)) return true
  if (policy.autofix === "off") return false
  if (policy.autofix === "project" && isSibling(container, state, policy.scope)) return true
  const caused = target !== undefined && (acted.has(target.id) || target.id === policy.managed)
  const wasLeft = target !== undefined && policy.restarts.has(target.id)
  return caused || wasLeft || policy.owed.has(container.id) || refersToReplaced(container, state)
}

/** A re-creation that could only be refused is not begun, and does not count as a repair. */
const isRefused = ({ inspected }: LifecycleContainer, { _tag }: Repair): boolean =>
  _tag === "Recreate" && inspected?.refusal !== undefined

const inTime: Pace = { _tag: "Now" }

/**
 * Whether it runs, or would if the last start had found its namespace. Who was only created waits for his start (SPEC §11.1); what a service-anchor is
 * there for begins with the container that it is created for.
 */
const isMeantToRun = (container: LifecycleContainer): boolean =>
  isUp(container) ||
  tellsOfNoNamespace(container.inspected?.startError ?? "") ||
  (container.status === "created" && runsServiceAnchor(container))

/** What repairs a stale container whose target is there. */
const repairOf = (
  stale: StaleContainer,
  target: LifecycleContainer,
  acted: ReadonlyMap<string, Repair>,
  state: LifecycleState
): Repair => {
  const { container, kind, inherited } = stale
  const its = acted.get(target.id)
  const reason = describeStale(stale)
  const on = { id: container.id, name: container.name, ...(its === undefined ? {} : { after: target.id }) }
  const mustBeMade = kind !== "restarted" && !inherited
  const ref = namespaceReference(container) ?? ""
  if (mustBeMade || (its?._tag === "Recreate" && !refersByName(state.containers, ref)))
    return { _tag: "Recreate", ...on, networkMode: `container:${target.name}`, start: isMeantToRun(container), reason }
  return { _tag: isUp(container) ? "Restart" : "Start", ...on, reason }
}

/**
 * Repairs what is stale and anchord's business, and after whatever is acted on, its dependents, owners always first (SPEC §11.3, §11.4). `first` is what was decided before. What was stopped on purpose is re-created without being started, if it
 * could not be started any more otherwise.
 */
export const planRepairs = (state: LifecycleState, first: ReadonlyArray<Repair>, policy: RepairPolicy): RepairPlan => {
  const stales = staleNetns(state)
  const staleIds = new Set(stales.map(({ container }) => container.id))
  const replaced = namesBeingReplaced(state, policy.now)
  const acted = new Map(first.map((repair) => [repair.id, repair]))
  const unrepaired: Array<Unrepaired> = []

  const decide = (stale: StaleContainer): Unrepaired | undefined => {
    const { container, target } = stale
    if (!isOurs(stale, acted, state, policy)) return { stale, why: "not-ours" }
    if (replaced.has(container.name) || replaced.has(target?.name ?? "")) return { stale, why: "being-replaced" }
    const its = target && acted.get(target.id)
    const ready = target !== undefined && (its !== undefined || (isJoinable(target) && !staleIds.has(target.id)))
    const staysStopped = its?._tag === "Recreate" && !its.start
    if (!ready || (staysStopped && isMeantToRun(container))) return { stale, why: "waits-for-owner" }
    const repair = repairOf(stale, target, acted, state)
    if (isRefused(container, repair)) return { stale, why: "refused" }
    // With an owner that is started now, it is now or never: only what anchord broke itself is its business afterwards.
    const pace = acted.has(target.id) ? inTime : paceOf(policy.times, container.name, policy.now, startOf(target))
    if (pace._tag === "Later") {
      const why = pace.storm ? "storm" : hasFailed(policy.times, container.name) ? "failed" : "too-soon"
      return { stale, why, at: pace.at }
    }
    acted.set(container.id, repair)
    return undefined
  }

  for (const stale of stales) {
    const left = acted.has(stale.container.id) ? undefined : decide(stale)
    if (left !== undefined) unrepaired.push(left)
  }
  addFollowers(state, acted, replaced, policy)
  for (const start of policy.starts) {
    const then = acted.has(start.id) ? undefined : startAfter(start, acted, state)
    if (then !== undefined) acted.set(then.id, then)
  }
  addFollowers(state, acted, replaced, policy)
  return { repairs: [...acted.values()], unrepaired, retried: retriedOf(stales, acted, policy.times) }
}

/** Of the stale containers, owners first, those that are acted on after a failure of theirs or of what they come after. */
const retriedOf = (
  stales: ReadonlyArray<StaleContainer>,
  acted: ReadonlyMap<string, Repair>,
  times: RepairTimes
): ReadonlyArray<Unrepaired> => {
  const retried = new Map<string, Unrepaired>()
  for (const stale of stales) {
    const { id, name } = stale.container
    const repair = acted.get(id)
    if (repair === undefined) continue
    const before = acted.get(repair.after ?? "")
    if (before !== undefined && (retried.has(before.id) || hasFailed(times, before.name)))
      retried.set(id, { stale, why: "waits-for-owner" })
    else if (hasFailed(times, name)) retried.set(id, { stale, why: "failed" })
  }
  return [...retried.values()]
}

/** A start waits for its owner, where that one is acted on, too; it cannot be had if the owner's ID is about to be gone. */
const startAfter = (start: Start, acted: ReadonlyMap<string, Repair>, state: LifecycleState): Start | undefined => {
  const container = state.containers.get(start.id)
  const ref = (container && namespaceReference(container)) ?? ""
  const owner = resolveReference(state.containers, ref)
  const its = owner && acted.get(owner.id)
  if (owner === undefined || its === undefined) return start
  return its._tag === "Recreate" && !refersByName(state.containers, ref) ? undefined : { ...start, after: owner.id }
}

/** What has to be done to a dependent that was in order, after its owner's action. */
const follow = (
  container: LifecycleContainer,
  owner: LifecycleContainer,
  its: Repair,
  state: LifecycleState,
  policy: RepairPolicy
): Repair | undefined => {
  const { id, name } = container
  const on = { id, name, after: owner.id }
  if (its._tag === "Recreate" && !refersByName(state.containers, namespaceReference(container) ?? "")) {
    const wanted = isUp(container) || missedItsNamespace(container) || policy.starts.some((one) => one.id === id)
    // Below an owner that stays stopped nothing can be started; what runs there is left for the operator to decide.
    if (isUp(container) && !its.start) return undefined
    const start = wanted && its.start
    const reason = `${owner.name} is made anew, and ${name} is in its namespace`
    return { _tag: "Recreate", ...on, networkMode: `container:${owner.name}`, start, reason }
  }
  const maker = restartedMaker(container, state)
  return (
    maker && {
      _tag: "Restart",
      ...on,
      reason: `${owner.name} comes into the new namespace of ${maker.name}, and ${name} with it`
    }
  )
}

/**
 * What refers to a container by an ID that is about to be gone has to be made anew with it, or could never be started again. A restart or
 * a start, on the other hand, only matters to who is still in an older namespace: all that are acted on live in that of yet another one.
 */
const addFollowers = (
  state: LifecycleState,
  acted: Map<string, Repair>,
  replaced: ReadonlySet<string>,
  policy: RepairPolicy
): void => {
  if (policy.autofix === "off") return
  for (const root of acted.keys()) {
    for (const one of dependentsOf(state.containers, { id: root, name: "" })) {
      const { id, name } = one
      if (acted.has(id) || isUntouchable(one, state, policy) || replaced.has(name)) continue
      const owner = resolveReference(state.containers, namespaceReference(one) ?? "")
      const its = owner && acted.get(owner.id)
      const repair = owner && its && follow(one, owner, its, state, policy)
      if (repair !== undefined && !isRefused(one, repair)) acted.set(id, repair)
    }
  }
}
