import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { rememberName, rememberNames, type ContainerNames } from "../../domain/ContainerNames.ts"
import type { ContainerSnapshot, DockerEvent } from "../../domain/DockerState.ts"
import type { Inspection } from "../../domain/Inspection.ts"
import { observed, worthInspecting } from "../../domain/LifecycleObservation.ts"
import { ContainerLifecycle } from "../../services/ContainerLifecycle.ts"
import { DockerError, type DockerEngine } from "../../services/DockerEngine.ts"

const AT_ONCE = 4

export interface LifecycleObserverInput {
  /** anchord's own container, where it matters which one that is. */
  readonly self?: { readonly id: string; readonly imageId: string }
  /** All containers of the host, as they were listed last. */
  readonly containers: () => ReadonlyMap<string, ContainerSnapshot>
  /** Names and IDs of containers to inspect beside those whose namespaces matter. */
  readonly alsoInspected: ReadonlyArray<string>
  /** Tells what containers were called that are gone before the first look; left out where that changes nothing. */
  readonly past?: DockerEngine["Service"]["pastEvents"]
}

const cannotInspect = (name: string, { endpoint, reason, status, message }: DockerError): DockerError =>
  new DockerError({
    endpoint,
    reason,
    ...(status === undefined ? {} : { status }),
    message: `cannot inspect container ${name}: ${message}`
  })

/**
 * Inspects the containers whose namespaces matter (SPEC §11), each once until an event names it or somebody asks for everything. What is gone
 * by then counts as not listed. What it has seen of names it remembers, and what the engine remembers of its events: Docker keeps only the ID of
 * what a container joined.
 */
export const makeLifecycleObserver = Effect.fnUntraced(function* (input: LifecycleObserverInput) {
  const lifecycle = yield* ContainerLifecycle
  const inspections = new Map<string, Inspection>()
  // Set aside until the next look: an answer that was under way at that moment may be from before it, and is there only afterwards.
  const noted = new Set<string>()
  let isForgotten = false
  let isRecalled = input.past === undefined
  let names: ContainerNames = new Map()

  const noteName = ({ type, containerId, attributes }: DockerEvent): void => {
    const name = attributes["name"]
    if (type === "container" && containerId !== undefined && name) names = rememberName(names, containerId, name)
  }

  /** Where the past may not be asked for, names are known from now on. After any other failure it is asked for again at the next look. */
  const recall = Effect.fnUntraced(function* ({ past = Effect.succeed([]) }: LifecycleObserverInput) {
    if (isRecalled) return
    const outcome = yield* Effect.result(past)
    if (Result.isSuccess(outcome)) outcome.success.forEach(noteName)
    else if (outcome.failure.reason === "unreachable") return yield* outcome.failure
    isRecalled = Result.isSuccess(outcome) || outcome.failure.reason === "forbidden"
  })

  /** Answers with whether the container is still there. */
  const inspect = Effect.fnUntraced(function* (id: string, name: string) {
    if (inspections.has(id)) return true
    const found = yield* Effect.catch(lifecycle.inspect(id), (error) =>
      error.reason === "not-found" ? Effect.succeed(undefined) : Effect.fail(cannotInspect(name, error))
    )
    if (found !== undefined) inspections.set(id, found)
    return found !== undefined
  })

  const dropOutdated = (): void => {
    if (isForgotten) inspections.clear()
    for (const id of noted) inspections.delete(id)
    noted.clear()
    isForgotten = false
  }

  const look = Effect.fn("containers.look")(function* () {
    dropOutdated()
    yield* recall(input)
    const containers = input.containers()
    names = rememberNames(names, containers)
    const wanted = worthInspecting(containers, input.alsoInspected)
    for (const id of inspections.keys()) if (!wanted.has(id)) inspections.delete(id)
    const isThere = ({ id, name }: ContainerSnapshot) => (wanted.has(id) ? inspect(id, name) : Effect.succeed(true))
    const listed = yield* Effect.filter([...containers.values()], isThere, { concurrency: AT_ONCE })
    return { listed, state: observed({ self: input.self, listed, inspections, names }) }
  })

  /** What an event is about is inspected anew at the next look. It tells the name as well: the container may be gone when somebody looks. */
  const note = (event: DockerEvent): void => {
    if (event.type !== "container" || event.containerId === undefined) return
    noted.add(event.containerId)
    noteName(event)
  }

  /** Everything, or what these IDs mean, is inspected anew at the next look. */
  const forget = (ids?: ReadonlySet<string>): void => {
    isForgotten ||= ids === undefined
    for (const id of ids ?? []) noted.add(id)
  }

  return { look, note, forget }
})
