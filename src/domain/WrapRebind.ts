import { namesOf, successorOf } from "./ContainerNames.ts"
import { nanosOf, type Inspection } from "./Inspection.ts"
import type { LifecycleDecision, LifecycleProblem, Recreate } from "./LifecycleAction.ts"
import {
  byName,
  isJoinable,
  isUp,
  missedItsNamespace,
  namesBeingReplaced,
  ownProject,
  projectOf,
  runsServiceAnchor,
  startOf,
  type LifecycleContainer,
  type LifecycleState
} from "./LifecycleState.ts"
import { dependentsOf, namespaceReference } from "./NetnsOwner.ts"
import { paceOf, type RepairTimes } from "./RepairPace.ts"
import { staleNetns } from "./StaleNetns.ts"
import { warningOf } from "./StaleNetnsAdvice.ts"
import { sentence } from "./Sentence.ts"

export interface Rebind extends Recreate {
  /** A service-anchor: a network-anchor of the same project would re-create it as well, and is quicker. */
  readonly yields: boolean
}

export interface WrapDecision extends LifecycleDecision {
  readonly actions: ReadonlyArray<Rebind>
}

interface Wish {
  readonly container: LifecycleContainer
  /** The container that has the name now. */
  readonly heir: LifecycleContainer
}

/** Milliseconds that a container has to run, after it was restarted by its policy, to be taken for one that stays. */
const STEADY = 10_000

/** Milliseconds after the start of a container within which a network-anchor has begun to put its service-anchor right, if it may. */
const YIELD = 2_000

/**
 * Until when (Unix milliseconds) a container is not joined: that is in a crash loop, because it would be gone again before the other one has started; and
 * by who `yields`, because two processes that re-create one container at the same time undo each other's work. Nothing for one that runs long
 * enough. `running` is false for one that does not run by now.
 */
export const steadiness = (
  inspection: Inspection,
  now: number,
  yields = false
): { readonly running: boolean; readonly unsteadyUntil?: number } => {
  const { State } = inspection
  const since = Number(nanosOf(State.StartedAt ?? "") / 1_000_000n)
  const crashed = Number(inspection["RestartCount"] ?? 0) > 0
  const until = Math.min(since, now) + (crashed ? STEADY : yields ? YIELD : 0)
  return { running: State.Status === "running", ...(until > now ? { unsteadyUntil: until } : {}) }
}

/** The containers of the project that are in the namespace of another one than the name now means. */
const wishes = (state: LifecycleState, project: string): ReadonlyArray<Wish> => {
  const gone = staleNetns(state).filter(({ kind, inherited }) => kind === "gone" && !inherited)
  const targets = new Map(gone.map(({ container, target }) => [container.id, target]))
  return [...state.containers.values()].toSorted(byName).flatMap((container) => {
    const ref = namespaceReference(container)
    if (ref === undefined || container.id === state.selfId || projectOf(container) !== project) return []
    if (container.status === "paused" || !(isUp(container) || missedItsNamespace(container))) return []
    const heir = successorOf(state.names, state.containers, ref) ?? targets.get(container.id)
    if (heir === undefined || heir.id === container.id) return []
    const hangsOnIt = dependentsOf(state.containers, container).some(({ id }) => id === heir.id)
    return hangsOnIt ? [] : [{ container, heir }]
  })
}

/** What is told of containers of the project whose owner is gone and was called nobody knows what: from before anybody looked. */
const unknownOwners = (state: LifecycleState, project: string): ReadonlyArray<LifecycleProblem> =>
  staleNetns(state).flatMap((stale): ReadonlyArray<LifecycleProblem> => {
    const { container, target } = stale
    const isKnown = target !== undefined || namesOf(state.names, namespaceReference(container) ?? "").length > 0
    if (isKnown || container.id === state.selfId || projectOf(container) !== project) return []
    return [{ key: `unknown:${container.id}`, level: "WARN", message: warningOf(stale) }]
  })

/**
 * What the wrap-rebinder does (SPEC §11.7): every container of its own project whose `network_mode` was the name of a container that
 * now means another one is re-created with that name, as soon as the other one runs. Docker keeps the ID and not the name, so the name
 * is the one that the old owner was seen under, or that of the service that Compose knows of; where there is neither, the operator is told.
 *
 * Whoever carries it out looks at the {@link steadiness} of the other one before. Two wishes within a second are one, and an owner that keeps
 * being made anew has its dependents re-created twenty times a minute at most; one that only is restarted, over and over or not, is the same container, and causes nothing here. What was stopped on purpose
 * or is paused is left as it is, and what hangs on a container that is re-created now has its turn at the next look. The rebinder itself and other
 * projects are never touched; a rebinder without a project does nothing, and says so.
 */
export const decideWrapRebind = (state: LifecycleState, times: RepairTimes, now: number): WrapDecision => {
  const project = ownProject(state)
  if (project === undefined) {
    const message = sentence`this container belongs to no Compose project, so there is nothing to rebind; run the wrap-rebinder as a service of the project whose containers it shall re-create`
    return { actions: [], problems: [{ key: "rebind:no-project", level: "WARN", message }] }
  }
  const replaced = namesBeingReplaced(state, now)
  const all = wishes(state, project)
  const wanting = new Set(all.map(({ container }) => container.id))
  const actions: Array<Rebind> = []
  const problems = [...unknownOwners(state, project)]
  const later: Array<number> = []
  for (const { container, heir } of all) {
    const { id, name } = container
    const waits = !isJoinable(heir) || wanting.has(heir.id) || replaced.has(name) || replaced.has(heir.name)
    if (waits) continue
    const reason = `${heir.name} is another container now, and ${name} is in the namespace of the old one`
    const refusal = container.inspected?.refusal
    if (refusal !== undefined) {
      const message = sentence`${reason}; it is not re-created: ${refusal}`
      problems.push({ key: `refused:${name}`, level: "ERROR", message })
      continue
    }
    const pace = paceOf(times, name, now, startOf(heir))
    if (pace._tag === "Now")
      actions.push({
        _tag: "Recreate",
        id,
        name,
        networkMode: `container:${heir.name}`,
        start: true,
        reason,
        yields: runsServiceAnchor(container)
      })
    else later.push(pace.at)
    if (pace._tag === "Later" && pace.storm)
      problems.push({
        key: `storm:${name}`,
        level: "WARN",
        message: sentence`${reason}; it was re-created again and again within a minute, so anchord waits a while; see why ${heir.name} is made anew so often`
      })
  }
  return { actions, problems, ...(later.length === 0 ? {} : { again: Math.min(...later) }) }
}
