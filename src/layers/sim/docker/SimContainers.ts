import type { ContainerSnapshot } from "../../../domain/DockerState.ts"
import { labelsOf, networkModeOf, type SimContainer, touch } from "./SimContainer.ts"
import { SimRefusal } from "./SimRefusal.ts"

/** The containers of a simulated engine, the oldest first, found as an engine finds them. */
export class SimContainers {
  readonly #byId = new Map<string, SimContainer>()
  readonly #byName = new Map<string, SimContainer>()
  readonly #networkName: (id: string) => string

  constructor(networkName: (id: string) => string) {
    this.#networkName = networkName
  }

  add(container: SimContainer): void {
    this.#byId.set(container.id, container)
    this.#byName.set(container.name, container)
  }

  remove(container: SimContainer): void {
    this.#byId.delete(container.id)
    this.#byName.delete(container.name)
  }

  rename(container: SimContainer, name: string): void {
    this.#byName.delete(container.name)
    container.name = name
    touch(container)
    this.#byName.set(name, container)
  }

  values(): IterableIterator<SimContainer> {
    return this.#byId.values()
  }

  /** By name, full ID, or an unmistakable beginning of one. */
  find(ref: string): SimContainer | undefined {
    const exact = this.#byId.get(ref) ?? this.#byName.get(ref)
    if (exact !== undefined || ref === "") return exact
    let beginning: SimContainer | undefined
    for (const container of this.#byId.values()) {
      if (!container.id.startsWith(ref)) continue
      if (beginning !== undefined) return undefined
      beginning = container
    }
    return beginning
  }

  /** The same; throws where there is none. */
  get(ref: string): SimContainer {
    const found = this.find(ref)
    if (found === undefined) throw new SimRefusal(404, `No such container: ${ref}`)
    return found
  }

  refuseName(wanted: string): void {
    const holder = this.#byName.get(wanted)
    if (holder === undefined) return
    throw new SimRefusal(
      409,
      `Conflict. The container name "/${wanted}" is already in use by container "${holder.id}".`
    )
  }

  /** The newest first, as a listing has them. */
  snapshots(): ReadonlyArray<ContainerSnapshot> {
    return Array.from(this.#byId.values(), (container) => this.snapshotOf(container)).toReversed()
  }

  /** Those of these IDs that are there, the newest first. */
  snapshotsById(ids: ReadonlyArray<string>): ReadonlyArray<ContainerSnapshot> {
    const found = [...new Set(ids)].flatMap((id) => this.#byId.get(id) ?? [])
    return found.toSorted((a, b) => (a.created < b.created ? 1 : -1)).map((container) => this.snapshotOf(container))
  }

  /** Made once until the container changes. */
  snapshotOf(container: SimContainer): ContainerSnapshot {
    container.snapshot ??= {
      id: container.id,
      name: container.name,
      createdAt: Number(container.created / 1_000_000_000n),
      status: container.status,
      labels: labelsOf(container),
      networkMode: networkModeOf(container),
      networks: [...container.endpoints.keys()].map(this.#networkName)
    }
    return container.snapshot
  }
}
