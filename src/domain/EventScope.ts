import type { ContainerSnapshot, DockerEvent, DockerState, NetworkSnapshot, OwnAttachment } from "./DockerState.ts"

/** What to look at again. `full` is everything; otherwise exactly what is named (SPEC §4). */
export interface Refresh {
  readonly full: boolean
  /** anchord's own container: which networks it is attached to. */
  readonly self: boolean
  readonly containers: ReadonlySet<string>
  readonly networks: ReadonlySet<string>
}

export const emptyRefresh: Refresh = { full: false, self: false, containers: new Set(), networks: new Set() }

export const fullRefresh: Refresh = { ...emptyRefresh, full: true }

/** Looks at what either names: associative, commutative, and merging twice changes nothing. */
export const mergeRefresh = (a: Refresh, b: Refresh): Refresh =>
  a.full || b.full
    ? fullRefresh
    : {
        full: false,
        self: a.self || b.self,
        containers: a.containers.union(b.containers),
        networks: a.networks.union(b.networks)
      }

export const isEmptyRefresh = (refresh: Refresh): boolean =>
  !refresh.full && !refresh.self && refresh.containers.size === 0 && refresh.networks.size === 0

const containerActions = new Set(["create", "start", "die", "stop", "destroy", "rename", "pause", "unpause"])

/** The actions that anchord asks the engine for; all others never cause work (SPEC §4). */
export const watchedActions: ReadonlyArray<string> = [...containerActions, "connect", "disconnect"]

/** The same, and the signals that containers are sent: for who has to know that one is about to end. */
export const watchedWithSignals: ReadonlyArray<string> = [...watchedActions, "kill"]

/**
 * What an event makes worth looking at (SPEC §4). A container's event names that container; an endpoint's event on one of
 * anchord's own networks names that network, and the container too when it is not known yet. Anything else is nothing:
 * `exec_*`, `health_status` and the like, and whatever happens on networks that anchord is not on. No event leads to a full listing.
 */
export const refreshFor = (event: DockerEvent, state: DockerState): Refresh => {
  const { containerId, networkId } = event
  if (event.type === "container") {
    if (containerId === undefined || containerId === state.selfId || !containerActions.has(event.action))
      return emptyRefresh
    return { ...emptyRefresh, containers: new Set([containerId]) }
  }
  if ((event.action !== "connect" && event.action !== "disconnect") || networkId === undefined) return emptyRefresh
  if (containerId === state.selfId) return { ...emptyRefresh, self: true }
  if (!state.own.some((attachment) => attachment.networkId === networkId)) return emptyRefresh
  const unknown = containerId !== undefined && !state.containers.has(containerId)
  return { ...emptyRefresh, networks: new Set([networkId]), containers: new Set(unknown ? [containerId] : []) }
}

/** An answer to a question about named things: what was asked for and is not in `found` does not exist. */
interface Answer<A> {
  readonly asked: ReadonlyArray<string>
  readonly found: ReadonlyArray<A>
}

export interface Observed {
  readonly self?: ReadonlyArray<OwnAttachment>
  /** Every container of the host. */
  readonly all?: ReadonlyArray<ContainerSnapshot>
  readonly containers?: Answer<ContainerSnapshot>
  readonly networks?: Answer<NetworkSnapshot>
}

const merged = <A extends { readonly id: string }>(
  known: ReadonlyMap<string, A>,
  answer: Answer<A> | undefined
): ReadonlyMap<string, A> => {
  if (answer === undefined) return known
  const next = new Map(known)
  for (const id of answer.asked) next.delete(id)
  for (const one of answer.found) next.set(one.id, one)
  return next
}

/**
 * The state after looking: what was looked at is as it was found, everything else is as it was. Networks that anchord is no
 * longer on are forgotten.
 */
export const mergeObserved = (state: DockerState, observed: Observed): DockerState => {
  const own = observed.self ?? state.own
  const joined = new Set(own.map((attachment) => attachment.networkId))
  const all = observed.all && new Map(observed.all.map((container) => [container.id, container]))
  const networks = merged(state.networks, observed.networks)
  return {
    selfId: state.selfId,
    own,
    containers: all ?? merged(state.containers, observed.containers),
    networks: new Map([...networks].filter(([id]) => joined.has(id)))
  }
}
