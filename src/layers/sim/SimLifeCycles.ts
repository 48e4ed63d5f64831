import { requireFirst, resolveNetworks } from "./SimAttachments.ts"
import { isPlumbed, joinedRef, networkModeOf, programOf, type SimContainer } from "./SimContainer.ts"
import type { SimContainers } from "./SimContainers.ts"
import type { SimEndpoints } from "./SimEndpoints.ts"
import type { SimEvents } from "./SimEvents.ts"
import type { SimNetworks } from "./SimNetworks.ts"
import { noPlumbing, type SimFoundations } from "./SimPlumbing.ts"
import { SimRefusal } from "./SimRefusal.ts"

/** What the life of a container happens in. */
export interface SimSurroundings {
  readonly containers: SimContainers
  readonly networks: SimNetworks
  readonly endpoints: SimEndpoints
  readonly events: SimEvents
  readonly foundations: SimFoundations
  /** A time later than any before. */
  readonly stamp: () => bigint
  readonly remove: (container: SimContainer) => void
}

/** How long after the endpoints are announced a real engine has started the container. */
const START_MILLIS = 350

/** Starts and ends containers, in the order and with the time that a real engine takes. */
export class SimLifeCycles {
  readonly #in: SimSurroundings
  /** By container ID: who waits until its start is through. */
  readonly #starting = new Map<string, Array<() => void>>()
  /** By container ID: what comes after the end that was asked for. */
  readonly #stopping = new Map<string, Array<() => void>>()

  constructor(surroundings: SimSurroundings) {
    this.#in = surroundings
  }

  isStarting({ id }: SimContainer): boolean {
    return this.#starting.has(id)
  }

  /** The first half of a start: the endpoints are there and announced, the container does not run yet. */
  begin(container: SimContainer): void {
    if (isPlumbed(container) || this.isStarting(container)) throw new Error(`${container.name} runs already`)
    try {
      this.#prepare(container)
      container.startError = ""
    } catch (error) {
      container.startError = error instanceof Error ? error.message : String(error)
      throw error
    }
    this.#starting.set(container.id, [])
  }

  finish(container: SimContainer): void {
    const waiting = this.#starting.get(container.id)
    if (waiting === undefined) throw new Error(`${container.name} is not about to start`)
    const { plumbing = noPlumbing, processes } = this.#in.foundations
    this.#starting.delete(container.id)
    container.status = "running"
    container.snapshot = undefined
    container.startedAt = this.#in.stamp()
    const owner = joinedRef(networkModeOf(container))
    plumbing.enter(container.id, owner === undefined ? undefined : this.#in.containers.get(owner).id)
    this.#in.endpoints.appearAll(container)
    this.#in.events.container("start", container)
    processes?.started(programOf(container))
    for (const go of waiting) go()
  }

  start(container: SimContainer): void {
    this.begin(container)
    const { timers } = this.#in.foundations
    if (timers === undefined) this.finish(container)
    else timers.after(START_MILLIS, () => this.finish(container))
  }

  /** Asks the process to end, and kills it after the grace; `then` comes when it has ended. */
  stop(container: SimContainer, graceSeconds: number, then: () => void): void {
    if (this.isStarting(container)) return this.whenStarted(container, () => this.stop(container, graceSeconds, then))
    if (!isPlumbed(container)) return then()
    const waiting = this.#stopping.get(container.id)
    if (waiting !== undefined) return void waiting.push(then)
    const { processes, timers } = this.#in.foundations
    const cancel = timers?.after(graceSeconds * 1000, () => processes?.signal(container.id, "SIGKILL"))
    this.#stopping.set(container.id, [() => cancel?.(), then])
    this.#in.events.container("kill", container, { signal: "15" })
    if (processes === undefined) this.exited(container, 0)
    else processes.signal(container.id, "SIGTERM")
  }

  /** The main process has ended. */
  exited(container: SimContainer, exitCode: number): void {
    const then = this.#stopping.get(container.id)
    this.#stopping.delete(container.id)
    container.status = "exited"
    container.snapshot = undefined
    container.finishedAt = this.#in.stamp()
    for (const networkId of container.endpoints.keys()) this.#in.endpoints.unplumb(container, networkId)
    this.#in.foundations.plumbing?.leave(container.id)
    if (then !== undefined) this.#in.events.container("stop", container)
    this.#in.events.container("die", container, { exitCode: String(exitCode) })
    if (container.hostConfig["AutoRemove"] === true) this.#in.remove(container)
    for (const go of then ?? []) go()
  }

  /** Calls back once the container is not in the middle of its start. */
  whenStarted({ id }: SimContainer, go: () => void): void {
    const waiting = this.#starting.get(id)
    if (waiting === undefined) go()
    else waiting.push(go)
  }

  #prepare(container: SimContainer): void {
    const { containers, networks, endpoints } = this.#in
    const owner = joinedRef(networkModeOf(container))
    if (owner !== undefined && !isPlumbed(containers.get(owner))) {
      throw new SimRefusal(409, `cannot join network of a non running container: ${containers.get(owner).id}`)
    }
    if (container.endpoints.size > 0) requireFirst(container, networks)
    resolveNetworks(container, networks)
    endpoints.plumbAll(container)
  }
}
