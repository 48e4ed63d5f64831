import { nameBefore } from "./Recreation.ts"
import type { LifecycleAction, LifecycleDecision, LifecycleProblem } from "./LifecycleAction.ts"
import type { DockerEvent } from "./DockerState.ts"
import type { FirstNetwork } from "./FollowedEndpoint.ts"
import type { Leaving } from "./Leaving.ts"
import { dependentsOf } from "./NetnsOwner.ts"
import {
  byName,
  isUp,
  ownProject,
  projectOf,
  SERVICE_LABEL,
  serviceOf,
  type LifecycleContainer,
  type LifecycleState
} from "./LifecycleState.ts"
import { sentence, type Sentence } from "./Sentence.ts"

/** The network that has the name at this moment: another one, under another ID, whenever its owner made it anew. */
export interface FollowedNetwork {
  readonly id: string
  /** IDs of the containers with an endpoint on it. */
  readonly members: ReadonlySet<string>
}

export interface FollowInput {
  readonly state: LifecycleState
  /** `ANCHORD_FOLLOW_NETWORK`. */
  readonly network: string
  /** `ANCHORD_FOLLOW_TARGET`. */
  readonly target: string
  /** `ANCHORD_FOLLOW_RESTART`. */
  readonly restart: boolean
  /** `ANCHORD_FOLLOW_EVENT_BACKOFF`, in milliseconds. */
  readonly backoff: number
  /** Absent while no network has the name. */
  readonly found: FollowedNetwork | undefined
  /**
   * The ID of the network that the follower's own configuration has under that name, alive or not; empty while Docker has none and would look for
   * the name at its next start.
   */
  readonly configured: string | undefined
  /** Absent where the follower's `NetworkMode` is not an ID. */
  readonly first?: FirstNetwork
  readonly memory: FollowMemory
  readonly leaving: Leaving
  /** Unix milliseconds. */
  readonly now: number
}

/** What is remembered from one look to the next. */
export interface FollowMemory {
  /** The other endpoints as they were seen last, with the network that they are on and the follower; empty when there were none. */
  readonly seen: string
  /** Unix milliseconds: since when they are as they are, and since when there are any on this network. */
  readonly unchangedSince: number
  readonly presentSince: number
  /** Attempts to connect that failed one after another, and when the last one did. */
  readonly failures: number
  readonly failedAt: number
}

export const emptyFollow: FollowMemory = {
  seen: "",
  unchangedSince: 0,
  presentSince: 0,
  failures: 0,
  failedAt: 0
}

export interface FollowDecision extends LifecycleDecision {
  readonly memory: FollowMemory
}

/** Milliseconds without a change of the other endpoints after which the owner is taken to be up, with the addresses that are its own. */
const SETTLED = 3_000

/** Milliseconds after which that is not waited for any longer. */
const PATIENCE = 90_000

/** Attempts after the first one (SPEC §11.6). */
const RETRIES = 4

/**
 * The container to follow: a Compose service of the rebinder's own project, else a container of that name (SPEC §11.6). Of several containers of
 * the service it is one that is up, then the one that was created first.
 */
export const followerOf = (state: LifecycleState, target: string): LifecycleContainer | undefined => {
  const project = ownProject(state)
  const others = [...state.containers.values()].filter(
    (one) => one.id !== state.selfId && nameBefore(one) === undefined
  )
  const ofService = others.filter(
    (one) => project !== undefined && projectOf(one) === project && serviceOf(one) === target
  )
  const [first] = ofService.toSorted(
    (a, b) => Number(isUp(b)) - Number(isUp(a)) || a.createdAt - b.createdAt || byName(a, b)
  )
  const isOurs = (one: LifecycleContainer) => projectOf(one) === undefined || projectOf(one) === project
  return first ?? others.find((one) => one.name === target && isOurs(one))
}

/** Whether an event is a reason to look: others may be on the network now, or the follower may be another container. */
export const concernsFollow = (
  { type, containerId, attributes }: DockerEvent,
  { network, target, follower }: { readonly network: string; readonly target: string; readonly follower?: string }
): boolean =>
  type === "network"
    ? attributes["name"] === network
    : containerId === follower || attributes["name"] === target || attributes[SERVICE_LABEL] === target

/** Has endpoints on all its networks: while it waits to be started again it has none, and will have them by itself. */
const isPlugged = ({ status }: LifecycleContainer): boolean => status === "running" || status === "paused"

/** The memory after a look at the other endpoints. Whatever changes on the network is a new chance for what failed. */
const observe = (
  memory: FollowMemory,
  on: { readonly network: string; readonly follower: string },
  others: ReadonlyArray<string>,
  now: number
): FollowMemory => {
  if (others.length === 0) return emptyFollow
  const seen = [on.network, on.follower, ...others.toSorted()].join(" ")
  if (seen === memory.seen) return memory
  const sameNetwork = memory.seen.split(" ")[0] === on.network
  return { ...emptyFollow, seen, unchangedSince: now, presentSince: sameNetwork ? memory.presentSince : now }
}

/** When the next attempt is due, in Unix milliseconds, the first one at `first`; nothing when there were enough. */
const dueAt = (memory: FollowMemory, backoff: number, first: number): number | undefined => {
  if (memory.failures > RETRIES) return undefined
  return memory.failures > 0 ? memory.failedAt + backoff * 2 ** (memory.failures - 1) : first
}

const settledAt = ({ unchangedSince, presentSince }: FollowMemory): number =>
  Math.min(unchangedSince + SETTLED, presentSince + PATIENCE)

const earliest = (times: ReadonlyArray<number>): number | undefined =>
  times.length === 0 ? undefined : Math.min(...times)

const connection = (
  { network, restart, configured }: FollowInput,
  follower: LifecycleContainer,
  networkId: string
): ReadonlyArray<LifecycleAction> => {
  const { id, name } = follower
  const on = { id, name, network }
  const stale = Boolean(configured) && configured !== networkId
  const why = stale ? `${network} was made anew, and ${name} is on the old one` : `others are back on ${network}`
  return [
    // A container that runs has nothing to leave there; one that does not cannot start while it is configured with a network that is gone.
    ...(stale && !isPlugged(follower) ? [{ _tag: "Disconnect" as const, ...on, reason: why }] : []),
    { _tag: "Connect", ...on, networkId, reason: why },
    ...(restart && isPlugged(follower)
      ? [{ _tag: "Restart" as const, id, name, reason: `${name} is back on ${network}`, after: id }]
      : [])
  ]
}

/**
 * What the external-rebinder does (SPEC §11.6): keeps one container on the network that has a name, whatever its ID. Off the network, it comes
 * back when other endpoints are there and unchanged for 3 s, at most 90 s after the first of them came: whoever owns the network
 * gives its fixed addresses out first. What fails is tried 4 times more, and then again when something changes on the network.
 * On the network, it steps off as soon as it is the last, not counting those that were told to end: a network with an endpoint on it cannot be removed.
 *
 * At the start the same holds: 3 s are not worth taking an address from the owner. A follower that is stopped, or waits to be started again, has no
 * endpoint, and is in nobody's way; but one that is stopped is moved from a network that is gone to the one that has its name, because it could not be
 * started on that. One that runs leaves a network that is gone at once: it would not come up again after its next end. One that was created on the
 * network by its ID can do nothing at all any more once that is gone; it is re-created, once, on another of its networks or by the name.
 */
export const decideFollow = (input: FollowInput): FollowDecision => {
  const { state, network, target, found, memory, backoff, now } = input
  const follower = followerOf(state, target)
  if (follower === undefined) {
    const message = sentence`there is no container ${target}, neither as a service of this project nor by name, so nothing is kept on ${network}; a container of another project is left alone`
    return { actions: [], problems: [{ key: "follow:target", level: "WARN", message }], memory: emptyFollow }
  }
  const { id, name } = follower
  if (input.first?.isThere === false) return remaking(input, follower, input.first)
  if (found === undefined) {
    const reason = `${network} is gone, and ${name} could not be started again while it is configured with it`
    const leave: LifecycleAction = { _tag: "Disconnect", id, name, network, reason }
    const isHeld = input.configured !== undefined && isPlugged(follower)
    return { actions: isHeld ? [leave] : [], problems: [], memory: emptyFollow }
  }
  const all = [...found.members].filter((member) => member !== id && member !== state.selfId)
  const others = all.filter((member) => (input.leaving.get(member) ?? 0) <= now)
  const again = earliest(all.map((member) => input.leaving.get(member) ?? 0).filter((until) => until > now))
  const next = observe(memory, { network: found.id, follower: id }, others, now)
  const wait = again === undefined ? {} : { again }
  if (found.members.has(id)) {
    const reason = `${name} is the last one on ${network}, which could not be removed with it`
    const stepOff: LifecycleAction = { _tag: "Disconnect", id, name, network, reason }
    return {
      actions: others.length === 0 ? [stepOff] : [],
      problems: input.first?.id === found.id ? [willBeRemade(name, network)] : [],
      memory: followAfresh(next),
      ...wait
    }
  }
  const comesByItself = !input.configured || input.configured === found.id || isUp(follower)
  const inNobodysWay = !isPlugged(follower) && comesByItself
  if (others.length === 0 || inNobodysWay) return { actions: [], problems: [], memory: next, ...wait }
  const due = dueAt(next, backoff, settledAt(next))
  if (due === undefined) return { actions: [], problems: [gaveUp(name, network)], memory: next, ...wait }
  if (now < due) return { actions: [], problems: [], memory: next, again: Math.min(due, again ?? due) }
  return { actions: connection(input, follower, found.id), problems: [], memory: next, ...wait }
}

const willBeRemade = (name: string, network: string): LifecycleProblem => ({
  key: "follow:first",
  level: "WARN",
  message: sentence`${name} was created with ${network} as its first network, by ID: Docker will neither connect nor start it when that has been made anew, so it is re-created then; to avoid that, give another of its networks a higher priority in the compose file`
})

/** Re-creates a follower whose first network is gone, so that it can be started and connected again. */
const remaking = (input: FollowInput, follower: LifecycleContainer, first: FirstNetwork): FollowDecision => {
  const { state, network, found, configured, backoff, now } = input
  const { id, name } = follower
  const seen = `first ${id}`
  const memory = input.memory.seen === seen ? input.memory : { ...emptyFollow, seen }
  const reason = `the network that ${name} was created on is gone, and without it Docker neither connects nor starts it`
  const problem = (level: "WARN" | "ERROR", message: Sentence): FollowDecision => ({
    actions: [],
    problems: [{ key: "follow:first", level, message }],
    memory
  })
  const dependents = dependentsOf(state.containers, follower).map((one) => one.name)
  if (dependents.length > 0)
    return problem(
      "ERROR",
      sentence`${reason}; re-create it, and then what is in its namespace: ${dependents.join(", ")}`
    )
  const mode = first.other ?? (found && network)
  if (mode === undefined) return problem("WARN", sentence`${reason}; it is re-created when ${network} is there again`)
  const due = dueAt(memory, backoff, now)
  if (due === undefined) return problem("ERROR", sentence`${reason}; it could not be re-created, ${RETRIES + 1} times`)
  if (now < due) return { actions: [], problems: [], memory, again: due }
  const leave: LifecycleAction = { _tag: "Disconnect", id, name, network, reason }
  const start = isUp(follower) || first.wasMissed
  const remake: LifecycleAction = {
    _tag: "Recreate",
    id,
    name,
    networkMode: mode,
    start,
    reason,
    after: id
  }
  return { actions: [...(configured === undefined ? [] : [leave]), remake], problems: [], memory }
}

const gaveUp = (name: string, network: string): LifecycleProblem => ({
  key: "follow:failed",
  level: "ERROR",
  message: sentence`${name} could not be connected to ${network}, ${RETRIES + 1} times; it is tried again when something changes on that network`
})

/** The memory after Docker was away: whatever was in the way may not be there any more. */
export const followAfresh = (memory: FollowMemory): FollowMemory => ({ ...memory, failures: 0, failedAt: 0 })

/** The memory after an attempt that failed: with "address already in use", or otherwise. */
export const followFailed = (memory: FollowMemory, now: number): FollowMemory => ({
  ...memory,
  failures: memory.failures + 1,
  failedAt: now
})
