import type { AddressPair } from "./Address.ts"
import { successorOf } from "./ContainerNames.ts"
import type { Scope } from "./DockerState.ts"
import type { CreateManaged, LifecycleAction, LifecycleProblem, ManagedSpec, Repair } from "./LifecycleAction.ts"
import {
  byName,
  isForeign,
  isJoinable,
  namesBeingReplaced,
  runsServiceAnchor,
  type LifecycleContainer,
  type LifecycleState
} from "./LifecycleState.ts"
import { namespaceReference, resolveReference } from "./NetnsOwner.ts"
import type { CommonSettings, ManagedAnchorSettings } from "./Settings.ts"
import { sentence, type Sentence } from "./Sentence.ts"

export const MANAGED_LABEL = "anchord.managed-by"
export const MANAGED_BY = "f45"

const GATEWAY = "ANCHORD_GATEWAY_IP"

export interface ManagedInput {
  readonly state: LifecycleState
  readonly scope: Scope
  readonly settings: ManagedAnchorSettings
  readonly logLevel: CommonSettings["logLevel"]
  /** anchord's own addresses on the shared network, once that is settled. */
  readonly own: AddressPair | undefined
  /** Whether an update of anchord may have brought another image that the managed one does not run yet; see {@link awaitsUpdate}. */
  readonly startUp: boolean
  /** Unix milliseconds. */
  readonly now: number
}

export interface ManagedDecision {
  readonly action?: Repair | CreateManaged
  readonly problems: ReadonlyArray<LifecycleProblem>
}

const nothing: ManagedDecision = { problems: [] }

const problem = (key: string, level: LifecycleProblem["level"], message: Sentence): ManagedDecision => ({
  problems: [{ key: `managed:${key}`, level, message }]
})

/** One address per family, in the form of `ANCHORD_GATEWAY_IP`; nothing when there is none. */
const gatewayText = ({ v4, v6 }: AddressPair): string | undefined =>
  [v4, v6].filter((address) => address !== undefined).join(",") || undefined

/** The container that `ANCHORD_MANAGED_SA_TARGET` names, by name or ID. */
export const managedTarget = (state: LifecycleState, { target }: ManagedAnchorSettings) =>
  resolveReference(state.containers, target)

/**
 * The managed service-anchor, if there is one: what has its name, else what carries the label and lives in the target's namespace: one that
 * somebody renamed, or that has the name of an earlier configuration. A second one would fight it over the default route.
 */
export const managedContainer = (
  state: LifecycleState,
  settings: ManagedAnchorSettings
): LifecycleContainer | undefined => {
  const all = [...state.containers.values()].toSorted(byName)
  const target = managedTarget(state, settings)
  return (
    all.find(({ name }) => name === settings.name) ??
    all.find((one) => {
      const ref = one.labels[MANAGED_LABEL] === MANAGED_BY ? namespaceReference(one) : undefined
      if (ref === undefined || target === undefined) return false
      const owner = resolveReference(state.containers, ref) ?? successorOf(state.names, state.containers, ref)
      return owner?.id === target.id
    })
  )
}

/**
 * The container to create (SPEC §11.2): as little of it as a service-anchor needs (SPEC §15), and no label of Compose, which would take it for
 * its own. The operator's variables win over anchord's; anchord's label over the operator's.
 */
export const managedSpec = (
  { name, image, environment, labels }: ManagedAnchorSettings,
  made: { readonly target: string; readonly image: string; readonly gateway: string; readonly logLevel: string }
): ManagedSpec => ({
  name,
  image: image ?? made.image,
  networkMode: `container:${made.target}`,
  environment: Object.entries({
    ANCHORD_MODE: "service-anchor",
    [GATEWAY]: made.gateway,
    ANCHORD_LOG_LEVEL: made.logLevel,
    ...environment
  })
    .map(([variable, value]) => `${variable}=${value}`)
    .toSorted(),
  labels: { ...labels, [MANAGED_LABEL]: MANAGED_BY },
  capAdd: ["NET_ADMIN"],
  capDrop: ["ALL"],
  securityOpt: ["no-new-privileges"],
  readOnly: true,
  tmpfs: ["/run"],
  restartPolicy: "unless-stopped"
})

const gatewayFor = ({ settings, own }: ManagedInput): string | undefined => gatewayText(settings.gateway ?? own ?? {})

const create = (input: ManagedInput, target: LifecycleContainer): ManagedDecision => {
  const { settings, state, logLevel } = input
  const gateway = gatewayFor(input)
  const image = state.containers.get(state.selfId)?.imageId
  if (gateway === undefined && settings.environment[GATEWAY] === undefined)
    return problem(
      "gateway",
      "INFO",
      sentence`${settings.name} is created when the shared network is settled: until then nobody knows the address that it shall route to; ANCHORD_MANAGED_SA_GATEWAY_IP sets it`
    )
  if (image === undefined && settings.image === undefined) return nothing
  const spec = managedSpec(settings, { target: target.name, image: image ?? "", gateway: gateway ?? "", logLevel })
  const reason = `${target.name} runs, and has no service-anchor ${settings.name}`
  return { action: { _tag: "CreateManaged", spec, reason }, problems: [] }
}

/** anchord's own image, where the managed one is to run that and runs another. */
const otherImage = ({ settings, state }: ManagedInput, managed: LifecycleContainer): string | undefined => {
  const image = state.containers.get(state.selfId)?.imageId
  const ours = managed.labels[MANAGED_LABEL] === MANAGED_BY
  return ours && settings.image === undefined && managed.imageId !== image ? image : undefined
}

/**
 * What is not as anchord would make it now, and why that matters. The image counts at start-up only (SPEC §11.3); the address always: a managed
 * service-anchor cannot look it up.
 */
const driftOf = (input: ManagedInput, managed: LifecycleContainer) => {
  const { settings, startUp } = input
  const image = startUp ? otherImage(input, managed) : undefined
  const ours = managed.labels[MANAGED_LABEL] === MANAGED_BY
  const wanted = settings.environment[GATEWAY] === undefined ? gatewayFor(input) : undefined
  const has = managed.inspected?.environment[GATEWAY]
  const otherGateway = ours && wanted !== undefined && managed.inspected !== undefined && has !== wanted
  const reasons = [
    ...(image === undefined ? [] : [`${managed.name} runs another image than anchord`]),
    ...(otherGateway ? [`${managed.name} routes to ${has ?? "nowhere"}, and anchord is ${wanted}`] : [])
  ]
  return {
    reasons,
    changes: {
      ...(image === undefined ? {} : { image }),
      ...(otherGateway ? { environment: { [GATEWAY]: wanted } } : {})
    }
  }
}

const keep = (input: ManagedInput, managed: LifecycleContainer, target: LifecycleContainer): ManagedDecision => {
  const { id, name, status } = managed
  const on = { id, name }
  if (status === "paused" || status === "removing" || status === "dead") return nothing
  const ref = namespaceReference(managed)
  const owner = ref === undefined ? undefined : resolveReference(input.state.containers, ref)
  const drift = driftOf(input, managed)
  const networkMode = `container:${target.name}` as const
  if (owner?.id !== target.id || drift.reasons.length > 0) {
    const elsewhere =
      owner?.id === target.id ? [] : [`${name} is not in the namespace of ${target.name}, which was made anew`]
    const reason = [...elsewhere, ...drift.reasons].join("; ")
    const refusal = managed.inspected?.refusal
    if (refusal !== undefined)
      return problem("refused", "ERROR", sentence`${reason}; it is not made anew itself: ${refusal}`)
    return { action: { _tag: "Recreate", ...on, networkMode, start: true, ...drift.changes, reason }, problems: [] }
  }
  if (status === "exited" || status === "created")
    return { action: { _tag: "Start", ...on, reason: `${target.name} runs, and ${name} does not` }, problems: [] }
  const [its, since] = [managed.inspected?.startedAt, target.inspected?.startedAt]
  return its !== undefined && since !== undefined && since > its
    ? {
        action: { _tag: "Restart", ...on, reason: `${target.name} was restarted, and has a new namespace` },
        problems: []
      }
    : nothing
}

/** Whether somebody is replacing the managed service-anchor or its target at this moment. */
const isBeingReplaced = (
  { state, settings, now }: ManagedInput,
  target: LifecycleContainer,
  managed: LifecycleContainer | undefined
): boolean => {
  const replaced = namesBeingReplaced(state, now)
  return [target.name, settings.name, managed?.name ?? ""].some((name) => replaced.has(name))
}

/**
 * Whether the managed service-anchor may still run the image of an earlier anchord, so that the next decision has to look at that again: until
 * one could be taken, and what followed from it was `done`. One that is created has the image from the start.
 */
export const awaitsUpdate = (input: ManagedInput, done: ReadonlyArray<LifecycleAction>): boolean => {
  const { state, settings } = input
  const target = managedTarget(state, settings)
  if (target === undefined || !isJoinable(target)) return true
  const managed = managedContainer(state, settings)
  if (isBeingReplaced(input, target, managed)) return true
  if (managed === undefined || otherImage(input, managed) === undefined) return false
  return !done.some((action) => action._tag === "Recreate" && action.id === managed.id)
}

/**
 * Whether the managed service-anchor is to be created, started, restarted, re-created or left (SPEC §11.2, §11.3). While the target does
 * not run it is left, whatever it is in. One that an operator made under its name is adopted if it is a service-anchor; anything else of that name is
 * not touched, and neither is what belongs to a foreign project.
 */
export const decideManaged = (input: ManagedInput): ManagedDecision => {
  const { state, settings, scope } = input
  const target = managedTarget(state, settings)
  if (target === undefined || !isJoinable(target)) return nothing
  const managed = managedContainer(state, settings)
  if (isBeingReplaced(input, target, managed)) return nothing
  if (managed === undefined) return create(input, target)
  const ours = managed.labels[MANAGED_LABEL] === MANAGED_BY || runsServiceAnchor(managed)
  if (managed.id === target.id || managed.id === state.selfId || !ours || isForeign(managed, state, scope))
    return problem(
      "name",
      "WARN",
      sentence`container ${managed.name} is not a service-anchor of this project, so ${target.name} gets none; rename it, or set ANCHORD_MANAGED_SA_NAME to another name`
    )
  return keep(input, managed, target)
}
