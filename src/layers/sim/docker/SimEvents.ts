import { labelsOf, type SimContainer } from "./SimContainer.ts"
import type { SimEventLog } from "./SimEventLog.ts"
import type { SimNetwork } from "./SimNetworks.ts"

/** What the engine says of containers and networks, with the attributes of Docker's events. */
export class SimEvents {
  readonly #log: SimEventLog

  constructor(log: SimEventLog) {
    this.#log = log
  }

  container(action: string, container: SimContainer, more: Readonly<Record<string, string>> = {}): void {
    const attributes = { ...labelsOf(container), image: container.imageId, name: container.name, ...more }
    this.#log.append({ type: "container", action, containerId: container.id, attributes })
  }

  network(action: string, network: SimNetwork, containerId?: string): void {
    const { id, name, driver } = network
    const who = containerId === undefined ? {} : { containerId }
    const attributes = { ...(containerId === undefined ? {} : { container: containerId }), name, type: driver }
    this.#log.append({ type: "network", action, networkId: id, ...who, attributes })
  }
}
