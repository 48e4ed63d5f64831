import * as Effect from "effect/Effect"
import { rememberName, rememberNames, type ContainerNames } from "../../domain/ContainerNames.ts"
import type { ContainerSnapshot, DockerEvent } from "../../domain/DockerState.ts"
import type { Inspection } from "../../domain/Inspection.ts"
import { observed, worthInspecting } from "../../domain/LifecycleObservation.ts"
import { ContainerLifecycle } from "../../services/ContainerLifecycle.ts"

const AT_ONCE = 4

export interface LifecycleObserverInput {
  readonly self: { readonly id: string; readonly imageId: string }
  /** All containers of the host, as they were listed last. */
  readonly containers: () => ReadonlyMap<string, ContainerSnapshot>
  /** Names and IDs of containers to inspect beside those whose namespaces matter. */
  readonly alsoInspected: ReadonlyArray<string>
}

/**
 * Inspects the containers whose namespaces matter (SPEC §11), each once until an event names it or somebody asks for everything. What it has
 * seen of names it remembers: Docker keeps only the ID of what a container joined.
 */
export const makeLifecycleObserver = Effect.fnUntraced(function* (input: LifecycleObserverInput) {
  const lifecycle = yield* ContainerLifecycle
  const inspections = new Map<string, Inspection>()
  let names: ContainerNames = new Map()

  const inspect = Effect.fnUntraced(function* (id: string) {
    if (inspections.has(id)) return
    const found = yield* lifecycle.inspect(id).pipe(
      Effect.catchIf(
        ({ reason }) => reason === "not-found",
        () => Effect.succeed(undefined)
      )
    )
    if (found !== undefined) inspections.set(id, found)
  })

  const look = Effect.fn("containers.look")(function* () {
    const containers = input.containers()
    names = rememberNames(names, containers)
    const wanted = worthInspecting(containers, input.alsoInspected)
    for (const id of inspections.keys()) if (!wanted.has(id)) inspections.delete(id)
    yield* Effect.forEach(wanted, inspect, { concurrency: AT_ONCE, discard: true })
    const listed = [...containers.values()]
    return { listed, state: observed({ self: input.self, listed, inspections, names }) }
  })

  /** What an event is about is inspected anew. It tells the name as well: the container may be gone when somebody looks. */
  const note = ({ type, containerId, attributes }: DockerEvent): void => {
    if (type !== "container" || containerId === undefined) return
    inspections.delete(containerId)
    const name = attributes["name"]
    if (name) names = rememberName(names, containerId, name)
  }

  return { look, note, forget: () => inspections.clear() }
})
