import { inScope, PROJECT_LABEL } from "./Backends.ts"
import type { ContainerNames } from "./ContainerNames.ts"
import type { ContainerSnapshot, Scope } from "./DockerState.ts"
import { asideOf, interimOf } from "./ReplacementName.ts"

/** What only `GET /containers/{id}/json` tells. */
export interface Inspected {
  /** Unix milliseconds; absent when it never was started. */
  readonly startedAt?: number
  /** `State.Error`: why the last start failed. Docker clears it when one succeeds. */
  readonly startError?: string
  readonly environment: Readonly<Record<string, string>>
  /** `Path` and `Args`: what the container runs, entrypoint and command in one. */
  readonly words: ReadonlyArray<string>
  /** Why it cannot be re-created without losing something, and what to do about it. */
  readonly refusal?: string
}

/**
 * What the decisions of SPEC §11 need of one container. `inspected` is absent while nobody has asked; it is needed of every container whose
 * `network_mode` is `container:<ref>` and of those that they refer to. (Inspecting a container blocks while it is being started.)
 */
export interface LifecycleContainer extends ContainerSnapshot {
  /** `sha256:…`; empty while it is not known. */
  readonly imageId: string
  readonly inspected?: Inspected
}

/** All containers of the host, and what is known of those that are gone. */
export interface LifecycleState {
  readonly selfId: string
  readonly containers: ReadonlyMap<string, LifecycleContainer>
  readonly names: ContainerNames
  /** When a container was started that came out of a dead namespace by that, by ID, as far as somebody has seen it there. */
  readonly moved?: ReadonlyMap<string, number>
  /** IDs of what anchord has re-created. */
  readonly replaced?: ReadonlyArray<string>
}

export const SERVICE_LABEL = "com.docker.compose.service"
export const ONE_OFF_LABEL = "com.docker.compose.oneoff"
export const DEPENDS_ON_LABEL = "com.docker.compose.depends_on"

export const projectOf = ({ labels }: ContainerSnapshot): string | undefined => labels[PROJECT_LABEL] || undefined

/** The Compose project that anchord's own container belongs to. */
export const ownProject = (state: LifecycleState): string | undefined => {
  const self = state.containers.get(state.selfId)
  return self && projectOf(self)
}

/** Of the Compose project that anchord's own container belongs to, if that is of one. */
export const isOfOwnProject = (container: ContainerSnapshot, state: LifecycleState): boolean =>
  projectOf(container) !== undefined && projectOf(container) === ownProject(state)

/** In scope, or of the same Compose project as anchord's own container. */
export const isSibling = (container: ContainerSnapshot, state: LifecycleState, scope: Scope): boolean =>
  inScope(container.labels, scope) || isOfOwnProject(container, state)

/** Of a Compose project that anchord has nothing to do with. A container of no project is nobody's, and not foreign. */
export const isForeign = (container: ContainerSnapshot, state: LifecycleState, scope: Scope): boolean =>
  projectOf(container) !== undefined && !isSibling(container, state, scope)

/**
 * The mode of anchord that a container runs (SPEC §1), if it runs anchord: the word behind `anchord` in what it runs, else `ANCHORD_MODE`, else
 * network-anchor. The variable alone does not count: an env_file often goes to every service of a project.
 */
export const anchordMode = ({ words, environment }: Pick<Inspected, "words" | "environment">): string | undefined => {
  const at = words.findIndex((word) => word === "anchord" || word.endsWith("/anchord"))
  if (at < 0) return undefined
  const typed = words.slice(at + 1).find((word) => !word.startsWith("-"))
  return (typed ?? environment["ANCHORD_MODE"] ?? "").trim() || "network-anchor"
}

/** Whether a container runs anchord as a service-anchor. */
export const runsServiceAnchor = ({ inspected }: LifecycleContainer): boolean =>
  inspected !== undefined && anchordMode(inspected) === "service-anchor"

/** Has a process, so that its network namespace is in use. */
export const isUp = ({ status }: ContainerSnapshot): boolean =>
  status === "running" || status === "paused" || status === "restarting"

/** Its network namespace can be joined. */
export const isJoinable = ({ status }: ContainerSnapshot): boolean => status === "running"

/** Milliseconds after which Compose is taken to have given up on a replacement that it left behind. */
const INTERIM_LIFE = 120_000

/**
 * The names of containers that somebody is replacing at this moment: Compose, or anchord itself. Neither the old nor the new one may be
 * touched until that is done: both could end up running. What Compose left behind long ago is not started, but does not keep the old
 * one from being repaired. Nor does what anchord left behind, when the new one runs and the old one does not: it only could not be removed.
 */
export const namesBeingReplaced = (state: LifecycleState, now: number): ReadonlySet<string> => {
  const names = new Set<string>()
  const containers = [...state.containers.values()]
  const up = new Set(containers.filter(isUp).map(({ name }) => name))
  for (const { name, createdAt } of containers) {
    const aside = asideOf(name)
    const interim = interimOf(name)
    if (aside !== undefined || interim !== undefined) names.add(name)
    if (aside !== undefined && (up.has(name) || !up.has(aside))) names.add(aside)
    if (interim !== undefined && now - createdAt * 1_000 < INTERIM_LIFE) names.add(interim)
  }
  return names
}

/** What tells one start of a container from another. */
export const startOf = (container: LifecycleContainer | undefined): string | undefined =>
  container && `${container.id} ${container.inspected?.startedAt ?? 0}`

const NAMESPACE_ERROR = /No such container|join(?:ing)? (?:own )?network/i

/** Whether Docker says of a start that the namespace to join was not there. */
export const tellsOfNoNamespace = (error: string): boolean => NAMESPACE_ERROR.test(error)

/** Whether its last start failed for that reason. */
export const missedItsNamespace = ({ status, inspected }: LifecycleContainer): boolean =>
  status === "exited" && tellsOfNoNamespace(inspected?.startError ?? "")

/** A container of `docker compose run`: whoever typed that has it in hand. */
export const isOneOff = ({ labels }: ContainerSnapshot): boolean => labels[ONE_OFF_LABEL]?.toLowerCase() === "true"

/** The Compose service, unless it is a one-off. */
export const serviceOf = (container: ContainerSnapshot): string | undefined =>
  isOneOff(container) ? undefined : container.labels[SERVICE_LABEL] || undefined

/** By name, so that what is decided does not depend on the order of a listing. */
export const byName = (a: ContainerSnapshot, b: ContainerSnapshot): number => (a.name < b.name ? -1 : 1)
