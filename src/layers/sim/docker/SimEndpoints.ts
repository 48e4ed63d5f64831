import { requireFirst, resolveNetwork } from "./SimAttachments.ts"
import { fixedAddresses, macFor, type SimContainer, touch } from "./SimContainer.ts"
import type { SimEvents } from "./SimEvents.ts"
import { releasePair, takePair } from "./SimIpam.ts"
import { byPrecedence, type SimNetwork, type SimNetworks } from "./SimNetworks.ts"
import type { SimPlumbing } from "./SimPlumbing.ts"

/** Plugs containers into networks: addresses, members, events, and the links in the namespaces of those that run. */
export class SimEndpoints {
  readonly #networks: SimNetworks
  readonly #events: SimEvents
  readonly #plumbing: SimPlumbing

  constructor(networks: SimNetworks, events: SimEvents, plumbing: SimPlumbing) {
    this.#networks = networks
    this.#events = events
    this.#plumbing = plumbing
  }

  /**
   * Everything that a container is to be on, or nothing; the default bridge first, and the others in no order to rely on. When one fails after
   * another has been plugged in, the engine announces that the container leaves them all. The links appear with
   * {@link SimEndpoints.appearAll}.
   */
  plumbAll(container: SimContainer): void {
    const isBridge = (key: string) => this.#networks.nameOf(key) === "bridge"
    const keys = [...container.endpoints.keys()].toSorted((a, b) => Number(isBridge(b)) - Number(isBridge(a)))
    const plugged = new Set<string>()
    try {
      for (const key of keys) {
        const network = resolveNetwork(container, key, this.#networks)
        requireFirst(container, this.#networks)
        this.plumb(container, network)
        plugged.add(network.id)
      }
    } catch (error) {
      if (plugged.size > 0) this.unplumbAll(container)
      throw error
    }
  }

  /** The engine announces that it leaves every network that it is to be on, also one that it could not be plugged into. */
  unplumbAll(container: SimContainer): void {
    if (container.joined !== undefined) return
    for (const [key, endpoint] of container.endpoints) {
      if (endpoint !== undefined) this.unplumb(container, key)
      else {
        const network = this.#networks.find(container.resolved.has(key) ? key : this.#networks.nameOf(key))
        if (network !== undefined) this.#events.network("disconnect", network, container.id)
      }
    }
  }

  plumb(container: SimContainer, network: SimNetwork): void {
    const wanted = container.wanted.get(network.id)
    const pair = takePair(network.pools, fixedAddresses(wanted))
    const endpoint = { ...macFor(wanted, pair), ...pair }
    container.endpoints.set(network.id, endpoint)
    touch(container)
    container.resolved.add(network.id)
    this.#networks.join(network, container.id, endpoint)
    this.#events.network("connect", network, container.id)
  }

  /** The link of an endpoint is there. */
  appear(container: SimContainer, network: SimNetwork): void {
    const endpoint = container.endpoints.get(network.id)
    if (endpoint !== undefined) this.#plumbing.attach(container.id, network, endpoint)
  }

  /** All links of a container, in the order in which they are numbered. */
  appearAll(container: SimContainer): void {
    const plugged = [...container.endpoints].filter(([, endpoint]) => endpoint !== undefined)
    const networks = plugged.map(([id]) => this.#networks.get(id))
    for (const network of networks.toSorted(byPrecedence)) this.appear(container, network)
  }

  unplumb(container: SimContainer, networkId: string): void {
    const endpoint = container.endpoints.get(networkId)
    if (endpoint === undefined) return
    const network = this.#networks.get(networkId)
    this.#plumbing.detach(container.id, networkId)
    releasePair(network.pools, endpoint)
    container.endpoints.set(networkId, undefined)
    touch(container)
    this.#networks.leave(network, container.id)
    this.#events.network("disconnect", network, container.id)
  }
}
