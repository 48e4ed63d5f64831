import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ContainerSnapshot, DockerEvent } from "../../src/domain/DockerState.ts"
import type { SimDocker } from "../../src/layers/sim/docker/SimDocker.ts"
import type { DockerEngine } from "../../src/services/DockerEngine.ts"

type Names = Map<string, Set<string>>

const note = (names: Names, id: string, name: string | undefined): void => {
  if (name === undefined) return
  const known = names.get(id)
  if (known === undefined) names.set(id, new Set([name]))
  else known.add(name)
}

const noteEvent = (names: Names, { type, containerId, attributes }: DockerEvent): void => {
  if (type === "container" && containerId !== undefined) note(names, containerId, attributes["name"])
}

/** The names in all that the engine still remembers of its events. */
const remembered = ({ log }: SimDocker): Names => {
  const names: Names = new Map()
  const { past, stop } = log.listen(() => undefined, 0n)
  stop()
  for (const event of past) noteEvent(names, event)
  return names
}

interface Knowledge {
  readonly told: Names
  /** What the engine would have told of the past at the last list, until it has. */
  past: Names
  hasAsked: boolean
}

/**
 * What Docker has told each process of names, by lists and events, and what it would have told of the past if asked for it. Docker keeps only the ID of
 * a container that another one joins: who cannot have been told what that was called cannot know who has followed it.
 */
export class Told {
  readonly #docker: SimDocker
  /** By the ID of the container that a process runs in. */
  readonly #knowledge = new Map<string, Knowledge>()

  constructor(docker: SimDocker) {
    this.#docker = docker
  }

  /** What a new process in a container asks Docker by: what that tells from now on counts, and nothing from before. */
  watch(processId: string, real: DockerEngine["Service"]): DockerEngine["Service"] {
    const knowledge: Knowledge = { told: new Map(), past: new Map(), hasAsked: false }
    const { told } = knowledge
    this.#knowledge.set(processId, knowledge)
    const listed = (all: ReadonlyArray<ContainerSnapshot>) =>
      Effect.sync(() => {
        for (const { id, name } of all) note(told, id, name)
        if (!knowledge.hasAsked) knowledge.past = remembered(this.#docker)
      })
    const answered = (events: ReadonlyArray<DockerEvent>) =>
      Effect.sync(() => {
        for (const event of events) noteEvent(told, event)
        knowledge.hasAsked = true
      })
    return {
      ...real,
      containers: Effect.tap(real.containers, listed),
      containersById: (ids) => Effect.tap(real.containersById(ids), listed),
      pastEvents: Effect.tap(real.pastEvents, answered),
      events: (since, actions) =>
        Stream.tap(real.events(since, actions), (event) => Effect.sync(() => noteEvent(told, event)))
    }
  }

  /** Whether the process that runs in a container can know that an ID had that name. */
  knows(processId: string, id: string, name: string): boolean {
    const knowledge = this.#knowledge.get(processId)
    return [knowledge?.told, knowledge?.past].some((names) => names?.get(id)?.has(name) === true)
  }
}
