import { NETWORK_ANCHOR } from "./cast.ts"
import { lastingName } from "./Conduct.ts"
import { isBeingReplaced } from "./quiet/namespaces.ts"
import { isRunning, isServiceAnchor } from "./quiet/responsibility.ts"
import type { Simulation } from "./Simulation.ts"
import { Violation } from "./Violation.ts"

/** A service-anchor whose owner was restarted is restarted as well within two seconds (SPEC §11.3), and that takes a moment. */
const FOLLOWED_MILLIS = 3_500

/** Who runs in a namespace that its owner has left by a restart: an event has told of that, and no poll need come. */
export class Deserted {
  readonly #sim: Simulation
  /** By the ID of the container, since when. */
  #since: ReadonlyMap<string, number> = new Map()

  constructor(sim: Simulation) {
    this.#sim = sim
  }

  check(): void {
    const { docker, host, excuses, time, composing } = this.#sim
    const process = this.#sim.process(NETWORK_ANCHOR)
    const now = time.now()
    const since = new Map<string, number>()
    // Containers are looked after when a reconcile has succeeded.
    const isBusy = excuses.covers("engine") || excuses.covers("tables") || composing.isAtWork
    const isHeldUp = isBusy || process === undefined || process.isEnding()
    for (const container of isHeldUp ? [] : docker.containers()) {
      const { id, name, networkMode } = container
      if (!networkMode.startsWith("container:") || !isRunning(container) || name !== lastingName(name)) continue
      const owner = docker.find(networkMode.slice("container:".length))
      if (owner === undefined || !isRunning(owner) || host.namespaceOf(id) === host.namespaceOf(owner.id)) continue
      const isExcused = [id, owner.id].some((subject) => excuses.covers(subject))
      if (
        !isServiceAnchor(this.#sim, container) ||
        isExcused ||
        [name, owner.name].some((one) => isBeingReplaced(this.#sim, one))
      )
        continue
      since.set(id, Math.max(this.#since.get(id) ?? now, process?.startedAt ?? now))
      if (now - (since.get(id) ?? now) > FOLLOWED_MILLIS)
        throw new Violation(`${name} still runs in a namespace that ${owner.name} has left by a restart`)
    }
    this.#since = since
  }
}
