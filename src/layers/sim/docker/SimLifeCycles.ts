import { isPlumbed, isRunning, joinedRef, networkModeOf, programOf, type SimContainer, touch } from "./SimContainer.ts"
import { noPlumbing, type SimSignal } from "./SimPlumbing.ts"
import { SimRefusal } from "./SimRefusal.ts"
import { restartDelay } from "./SimRestartPolicy.ts"
import type { SimSurroundings } from "./SimSurroundings.ts"

/** What comes after; with what was refused, if it was. */
export type Then = (refused?: unknown) => void

/** How long after the endpoints are announced a real engine has started the container. */
const START_MILLIS = 350

/** The exit code of a container that has no other and could not be started. */
const NOT_STARTED = 128

const numberOf: Readonly<Record<SimSignal, number>> = { SIGTERM: 15, SIGKILL: 9 }
const killedBy: Readonly<Record<SimSignal, number>> = { SIGTERM: 0, SIGKILL: 137 }

/** Starts and ends containers, in the order and with the time that a real engine takes. */
export class SimLifeCycles {
  readonly #in: SimSurroundings
  /** By container ID: who waits until its start is through, and how that is called off. */
  readonly #starting = new Map<string, { readonly waiting: Array<() => void>; cancel: () => void }>()
  /** By container ID: who waits for its end, and how many of them asked for it by `stop`. */
  readonly #ending = new Map<string, { stops: number; readonly waiting: Array<() => void> }>()
  /** By container ID: how the start that its policy is about to make is called off. */
  readonly #restarting = new Map<string, () => void>()
  /** Set while the engine ends: nobody's policy counts. */
  isEnding = false

  constructor(surroundings: SimSurroundings) {
    this.#in = surroundings
  }

  isStarting({ id }: SimContainer): boolean {
    return this.#starting.has(id)
  }

  /** Whether somebody waits for its end. */
  isStopping({ id }: SimContainer): boolean {
    return this.#ending.has(id)
  }

  /** The first half of a start: the endpoints are there and announced, the container does not run yet. */
  begin(container: SimContainer): void {
    if (container.status === "paused") {
      throw new SimRefusal(409, "cannot start a paused container, try unpause instead")
    }
    if (isRunning(container) || this.isStarting(container)) throw new SimRefusal(304, `${container.name} runs already`)
    this.#begin(container)
    touch(container)
    container.restartCount = 0
    container.backOffMillis = 0
    container.manuallyStopped = false
    container.restartCancelled = false
  }

  /** The second half. It fails when the container whose namespace is to be joined has ended meanwhile. */
  finish(container: SimContainer): void {
    const start = this.#starting.get(container.id)
    if (start === undefined) throw new Error(`${container.name} is not about to start`)
    this.#starting.delete(container.id)
    if (this.#hasLostOwner(container)) this.#fail(container)
    else this.#run(container)
    for (const go of start.waiting) go()
  }

  start(container: SimContainer): void {
    this.begin(container)
    this.#finishLater(container)
  }

  /** Asks the process to end, and kills it after the grace; `then` comes when it has ended. */
  stop(container: SimContainer, graceSeconds: number, then: Then): void {
    if (this.isStarting(container)) return this.whenStarted(container, () => this.stop(container, graceSeconds, then))
    if (!isRunning(container)) return then()
    const cancel = this.#in.foundations.timers?.after(graceSeconds * 1000, () => this.kill(container, "SIGKILL"))
    this.#awaitEnd(container, 1, () => {
      cancel?.()
      then()
    })
    this.kill(container, "SIGTERM")
  }

  /** Sends a signal, which calls the container's restart policy off. */
  kill(container: SimContainer, signal: SimSignal): void {
    if (!isRunning(container)) throw new SimRefusal(409, `Container ${container.id} is not running`)
    container.restartCancelled = true
    container.manuallyStopped ||= !this.isEnding
    if (container.status === "restarting") return this.#giveUp(container)
    // SIGKILL ends what is frozen, before the engine comes to wake it.
    if (container.status === "paused" && signal === "SIGTERM") {
      this.#become(container, "running")
      this.#in.events.container("unpause", container)
    }
    this.#in.events.container("kill", container, { signal: String(numberOf[signal]) })
    const { processes } = this.#in.foundations
    if (processes === undefined) this.exited(container, killedBy[signal])
    else processes.signal(container.id, signal)
  }

  restart(container: SimContainer, graceSeconds: number, then: Then): void {
    container.manuallyRestarted = isRunning(container)
    this.stop(container, graceSeconds, () => {
      try {
        // Somebody may have removed it in the moment in which it did not run.
        this.start(this.#in.containers.get(container.id))
      } catch (error) {
        return then(notRestarted(container, error))
      }
      this.whenStarted(container, () => {
        container.manuallyRestarted = false
        if (container.startError !== "") return then(notRestarted(container, container.startError))
        this.#in.events.container("restart", container)
        then()
      })
    })
  }

  /** The main process has ended: the policy starts the container again, or it has exited. */
  exited(container: SimContainer, exitCode: number): void {
    if (!isPlumbed(container)) throw new Error(`${container.name} does not run`)
    const { timers, plumbing } = this.#in.foundations
    const { id, startedAt = 0n } = container
    const stamp = this.#in.stamp()
    container.exitCode = exitCode
    container.finishedAt = stamp
    const ran = Number((stamp - startedAt) / 1_000_000n)
    const delay = timers === undefined || this.isEnding ? undefined : restartDelay(container, ran)
    if (delay !== undefined) container.restartCount += 1
    this.#become(container, delay === undefined ? "exited" : "restarting")
    this.#in.endpoints.unplumbAll(container)
    plumbing?.leave(id)
    this.#tellStops(container)
    this.#in.events.container("die", container, { exitCode: String(exitCode) })
    if (timers === undefined || delay === undefined) return this.#hasEnded(container)
    this.#restarting.set(
      id,
      timers.after(delay, () => this.#restart(container))
    )
  }

  /** Calls back once the container is not in the middle of its start. */
  whenStarted({ id }: SimContainer, go: () => void): void {
    const start = this.#starting.get(id)
    if (start === undefined) go()
    else start.waiting.push(go)
  }

  /** Calls back once the container does not run. */
  whenEnded(container: SimContainer, go: () => void): void {
    if (isRunning(container)) this.#awaitEnd(container, 0, go)
    else go()
  }

  /** The engine ends: a start that is not through does not come to anything, and no policy acts any more. */
  callOff(container: SimContainer): void {
    const start = this.#starting.get(container.id)
    if (start !== undefined) {
      start.cancel()
      this.#starting.delete(container.id)
      this.#in.endpoints.unplumbAll(container)
      for (const go of start.waiting) go()
    }
    if (container.status === "restarting") this.#giveUp(container)
  }

  #hasLostOwner({ joined }: SimContainer): boolean {
    const owner = joined && this.#in.containers.find(joined.id)
    return joined !== undefined && (owner === undefined || owner.startedAt !== joined.startedAt || !isPlumbed(owner))
  }

  #fail(container: SimContainer): void {
    touch(container)
    container.startError = "failed to create task for container: namespace path: no such file or directory"
    container.exitCode ||= NOT_STARTED
    this.#in.endpoints.unplumbAll(container)
    if (container.status === "restarting") this.#become(container, "exited")
    this.#hasEnded(container)
  }

  #run(container: SimContainer): void {
    const { plumbing = noPlumbing, processes } = this.#in.foundations
    this.#become(container, "running")
    container.exitCode = 0
    container.startedBefore = true
    container.startedAt = this.#in.stamp()
    plumbing.enter(container.id, container.joined?.id)
    this.#in.endpoints.appearAll(container)
    this.#in.events.container("start", container)
    processes?.started(programOf(container))
  }

  #awaitEnd({ id }: SimContainer, stops: number, go: () => void): void {
    const ending = this.#ending.get(id) ?? { stops: 0, waiting: [] }
    ending.stops += stops
    ending.waiting.push(go)
    this.#ending.set(id, ending)
  }

  #tellStops(container: SimContainer): void {
    const ending = this.#ending.get(container.id)
    if (ending === undefined) return
    for (; ending.stops > 0; ending.stops--) this.#in.events.container("stop", container)
  }

  #hasEnded(container: SimContainer): void {
    const ending = this.#ending.get(container.id)
    this.#ending.delete(container.id)
    if (container.hostConfig["AutoRemove"] === true && !container.manuallyRestarted) this.#in.discard(container)
    for (const go of ending?.waiting ?? []) go()
  }

  /** What the policy was about to do is not done. */
  #giveUp(container: SimContainer): void {
    this.#restarting.get(container.id)?.()
    this.#restarting.delete(container.id)
    this.#become(container, "exited")
    this.#tellStops(container)
    this.#hasEnded(container)
  }

  /** What the policy does after its delay; a start that fails is not tried again. */
  #restart(container: SimContainer): void {
    this.#restarting.delete(container.id)
    try {
      this.#begin(container)
    } catch {
      this.#become(container, "exited")
      return this.#hasEnded(container)
    }
    this.#finishLater(container)
  }

  #become(container: SimContainer, status: SimContainer["status"]): void {
    container.status = status
    touch(container)
  }

  #begin(container: SimContainer): void {
    try {
      this.#prepare(container)
      touch(container)
      container.startError = ""
    } catch (error) {
      touch(container)
      container.startError = error instanceof Error ? error.message : String(error)
      container.exitCode ||= NOT_STARTED
      if (container.hostConfig["AutoRemove"] === true) this.#in.discard(container)
      throw error
    }
    this.#starting.set(container.id, { waiting: [], cancel: () => {} })
  }

  #finishLater(container: SimContainer): void {
    const { timers, startMillis = () => START_MILLIS } = this.#in.foundations
    const start = this.#starting.get(container.id)
    if (timers === undefined || start === undefined) this.finish(container)
    else start.cancel = timers.after(startMillis(), () => this.finish(container))
  }

  #prepare(container: SimContainer): void {
    const { containers, endpoints, foundations } = this.#in
    const ref = joinedRef(networkModeOf(container))
    const owner = ref === undefined ? undefined : containers.get(ref)
    if (ref !== undefined && owner !== undefined) refuseToJoin(container, owner, ref)
    const obstacle = foundations.obstacle?.(container.name)
    if (obstacle !== undefined) throw new SimRefusal(500, obstacle)
    container.joined = owner && { id: owner.id, startedAt: owner.startedAt }
    if (owner === undefined) endpoints.plumbAll(container)
  }
}

/** Whatever the reason is, the engine takes it for its own failure. */
const notRestarted = ({ name }: SimContainer, why: unknown): SimRefusal =>
  new SimRefusal(500, `Cannot restart container ${name}: ${why instanceof Error ? why.message : String(why)}`)

/** Both texts call the owner what the mode calls it: by its ID, or by a name that nobody had when the mode was given. */
const refuseToJoin = (container: SimContainer, owner: SimContainer, ref: string): void => {
  if (owner === container) throw new SimRefusal(500, "cannot join own network")
  if (!isRunning(owner)) throw new SimRefusal(409, `cannot join network of a non running container: ${ref}`)
  if (owner.status === "restarting") {
    throw new SimRefusal(409, `Container ${ref} is restarting, wait until the container is running`)
  }
}
