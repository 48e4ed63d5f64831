import { DMZ, NETWORK_ANCHOR } from "./cast.ts"
import { lastingName } from "./Conduct.ts"
import { canKnowHeir, canTellApart, heirOf, isAtHome, isBeingReplaced } from "./quiet/namespaces.ts"
import { isRunning, isToFollow } from "./quiet/responsibility.ts"
import type { Simulation } from "./Simulation.ts"
import { Violation } from "./Violation.ts"
import type { ContainerSnapshot } from "../../src/domain/DockerState.ts"

/** Who lives in a namespace that its owner has left is repaired within two seconds (SPEC §11.3), and that takes a moment. */
const FOLLOWED_MILLIS = 3_500

/** Who runs in a namespace that its owner has left: an event has told of that, and no poll need come. */
export class Deserted {
  readonly #sim: Simulation
  /** By the ID of the container, since when. */
  #since: ReadonlyMap<string, number> = new Map()

  constructor(sim: Simulation) {
    this.#sim = sim
  }

  check(): void {
    const { docker, excuses, time, composing } = this.#sim
    const process = this.#sim.process(NETWORK_ANCHOR)
    const now = time.now()
    const since = new Map<string, number>()
    // Containers are looked after when a reconcile has succeeded.
    const isBusy = excuses.covers("engine") || excuses.covers("tables") || composing.isAtWork
    // Without the external network one that begins waits, and looks at nothing.
    const isUnplugged = !docker.network(DMZ)?.members.has(this.#sim.idOf(NETWORK_ANCHOR) ?? "")
    const isHeldUp = isBusy || isUnplugged || process === undefined || process.isEnding()
    for (const container of isHeldUp ? [] : docker.containers()) {
      const owner = this.#whomToFollow(container)
      if (owner === undefined) continue
      const { id, name } = container
      since.set(id, Math.max(this.#since.get(id) ?? now, process?.startedAt ?? now))
      if (now - (since.get(id) ?? now) > FOLLOWED_MILLIS)
        throw new Violation(`${name} still runs in a namespace that ${owner.name} has left`)
    }
    this.#since = since
  }

  /** Whose namespace a container is to come into, if it is in another one. */
  #whomToFollow(container: ContainerSnapshot): ContainerSnapshot | undefined {
    const { docker, host, excuses } = this.#sim
    const { id, name, networkMode } = container
    if (!networkMode.startsWith("container:") || !isRunning(container) || name !== lastingName(name)) return undefined
    const direct = docker.find(networkMode.slice("container:".length))
    const owner = direct ?? heirOf(this.#sim, container)
    if (owner === undefined || !isAtHome(this.#sim, owner) || host.namespaceOf(id) === host.namespaceOf(owner.id))
      return undefined
    if (!isToFollow(this.#sim, container, owner)) return undefined
    if (direct === undefined && !canKnowHeir(this.#sim, NETWORK_ANCHOR, container, owner)) return undefined
    if ([id, owner.id].some((subject) => excuses.covers(subject))) return undefined
    if ([name, owner.name].some((one) => isBeingReplaced(this.#sim, one))) return undefined
    return canTellApart(this.#sim, container, owner) ? owner : undefined
  }
}
