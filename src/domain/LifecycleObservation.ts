import { containerStatus, type ContainerSnapshot } from "./DockerState.ts"
import { nameOf, nanosOf, wasStarted, type Inspection } from "./Inspection.ts"
import type { ContainerNames } from "./ContainerNames.ts"
import { projectOf, serviceOf, type Inspected, type LifecycleContainer, type LifecycleState } from "./LifecycleState.ts"
import { ownerService } from "./StaleNetns.ts"
import { namespaceReference, resolveReference } from "./NetnsOwner.ts"
import { refusalOf } from "./Recreation.ts"

const NANOS_PER_MILLI = 1e6

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined)

const wordsOf = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value) ? value.filter((word) => typeof word === "string") : []

const environmentOf = (entries: ReadonlyArray<string>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    entries.map((entry): [string, string] => {
      const at = entry.indexOf("=")
      return at < 0 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)]
    })
  )

const knownInspected = new WeakMap<Inspection, Inspected>()

/** What the decisions of SPEC §11 need of an inspection; read once, because one is kept until its container changes. */
export const inspectedOf = (inspection: Inspection): Inspected => {
  const known = knownInspected.get(inspection) ?? readInspected(inspection)
  knownInspected.set(inspection, known)
  return known
}

const readInspected = (inspection: Inspection): Inspected => {
  const { State, Config } = inspection
  const startError = textOf(State["Error"])
  const path = textOf(inspection["Path"])
  const refusal = refusalOf(inspection)
  return {
    ...(wasStarted(inspection) ? { startedAt: Number(nanosOf(State.StartedAt ?? "")) / NANOS_PER_MILLI } : {}),
    ...(startError === undefined ? {} : { startError }),
    environment: environmentOf(Config.Env ?? []),
    words: [...(path === undefined ? [] : [path]), ...wordsOf(inspection["Args"])],
    ...(refusal === undefined ? {} : { refusal })
  }
}

/** Whom Compose knows to own the namespace of a container, if its reference leads nowhere. */
const possibleOwners = (
  container: ContainerSnapshot,
  containers: ReadonlyMap<string, ContainerSnapshot>
): ReadonlyArray<ContainerSnapshot> => {
  const service = ownerService(container)
  const isIt = (one: ContainerSnapshot) => projectOf(one) === projectOf(container) && serviceOf(one) === service
  return service === undefined ? [] : [...containers.values()].filter(isIt)
}

/**
 * The containers to inspect: those that join another's namespace, those that they join, and those that are named (the managed
 * service-anchor and its target). All others are known well enough by the list.
 */
export const worthInspecting = (
  containers: ReadonlyMap<string, ContainerSnapshot>,
  names: ReadonlyArray<string>
): ReadonlySet<string> => {
  const wanted = new Set<string>()
  for (const container of containers.values()) {
    const ref = namespaceReference(container)
    if (ref === undefined) continue
    wanted.add(container.id)
    const owner = resolveReference(containers, ref)
    for (const { id } of owner === undefined ? possibleOwners(container, containers) : [owner]) wanted.add(id)
  }
  for (const name of names) {
    const named = resolveReference(containers, name)
    if (named !== undefined) wanted.add(named.id)
  }
  return wanted
}

export interface Observation {
  /** anchord's own container; absent where whoever looks is none of the listed, or need not know. */
  readonly self?: { readonly id: string; readonly imageId: string } | undefined
  readonly listed: ReadonlyArray<ContainerSnapshot>
  readonly inspections: ReadonlyMap<string, Inspection>
  readonly names: ContainerNames
}

/**
 * List and inspections as one. Where they differ the inspection is the newer one: since it was listed a container may have been renamed away for another
 * one, or have been started, for which an inspection waits. The image of a container that nobody inspected is not known; anchord's own always is.
 */
export const observed = ({ self, listed, inspections, names }: Observation): LifecycleState => ({
  selfId: self?.id ?? "",
  containers: new Map(
    listed.map((container): [string, LifecycleContainer] => {
      const inspection = inspections.get(container.id)
      const imageId = inspection?.Image ?? (container.id === self?.id ? self.imageId : "")
      const known =
        inspection === undefined
          ? {}
          : {
              name: nameOf(inspection),
              status: containerStatus(inspection.State.Status) ?? container.status,
              inspected: inspectedOf(inspection)
            }
      return [container.id, { ...container, imageId, ...known }]
    })
  ),
  names
})
