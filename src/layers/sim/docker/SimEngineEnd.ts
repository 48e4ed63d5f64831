import { isPlumbed, isRunning, type SimContainer } from "./SimContainer.ts"
import type { SimLifeCycles } from "./SimLifeCycles.ts"
import { comesBack } from "./SimRestartPolicy.ts"
import type { SimRandom, SimSurroundings } from "./SimSurroundings.ts"

/** How an engine ends: as it is told to, with all that runs in it at once, or leaving it all running (`live-restore`). */
export type SimEngineEnd = "shutdown" | "power failure" | "live restore"

/** Within this time an engine that comes up begins all its starts, in any order. */
const COMING_BACK_MILLIS = 1_500

/** What a container is left with that ran when the power failed. */
const LOST = 255

/** An engine that ends and comes up again, with what that does to the containers. */
export class SimEngineEnds {
  readonly #in: SimSurroundings
  readonly #lives: SimLifeCycles
  readonly #listeners = new Set<() => void>()
  /** Ends that nobody was there to notice, also of those that an engine ended after that on its own way out. */
  #unnoticed: Array<readonly [SimContainer, exitCode: number]> = []
  #isAway = false

  constructor(surroundings: SimSurroundings, lives: SimLifeCycles) {
    this.#in = surroundings
    this.#lives = lives
  }

  get isAway(): boolean {
    return this.#isAway
  }

  /** Calls back each time when the engine goes away; the answer gives that up. */
  whenAway(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Nobody reaches the engine any more; `then` comes when it has ended, with the containers that end with it. */
  end(how: SimEngineEnd, then: () => void): void {
    const { containers } = this.#in
    this.#isAway = true
    this.#lives.isEnding = true
    const listeners = [...this.#listeners]
    for (const listener of listeners) listener()
    for (const container of containers.values()) this.#lives.callOff(container)
    const running = how === "live restore" ? [] : [...containers.values()].filter(isPlumbed)
    if (how === "power failure") for (const container of running) this.#lose(container)
    let left = running.length
    const oneLess = () => {
      left -= 1
      if (left === 0) then()
    }
    if (left === 0) then()
    for (const container of running) this.#lives.stop(container, graceOf(container), oneLess)
  }

  /** The engine is there again, knows nothing of its events before, and starts in any order what is to come back. */
  begin(random: SimRandom): void {
    const { containers, log, foundations } = this.#in
    for (const [container, exitCode] of this.#unnoticed) {
      if (isPlumbed(container)) this.#lives.exited(container, exitCode)
    }
    this.#unnoticed = []
    this.#isAway = false
    this.#lives.isEnding = false
    log.forget()
    const back = [...containers.values()].filter((container) => !isRunning(container) && comesBack(container))
    const starts = back.map((container) => ({ container, delay: random.next() * COMING_BACK_MILLIS }))
    for (const { container, delay } of starts.toSorted((a, b) => a.delay - b.delay)) {
      const start = () => this.#start(container)
      if (foundations.timers === undefined) start()
      else foundations.timers.after(delay, start)
    }
  }

  /** Notes the end of a process; answers whether there was an engine to see it. */
  notice(container: SimContainer, exitCode: number): boolean {
    if (!this.#isAway || this.#lives.isStopping(container)) return true
    this.#unnoticed.push([container, exitCode])
    return false
  }

  #lose(container: SimContainer): void {
    this.#lives.exited(container, LOST)
    this.#in.foundations.processes?.signal(container.id, "SIGKILL")
  }

  /** What fails is left alone: the reason is in its inspection. */
  #start(container: SimContainer): void {
    if (this.#isAway || isRunning(container) || this.#in.containers.find(container.id) === undefined) return
    try {
      this.#lives.start(container)
    } catch {
      return
    }
  }
}

const graceOf = ({ config }: SimContainer): number =>
  typeof config["StopTimeout"] === "number" ? config["StopTimeout"] : 10
