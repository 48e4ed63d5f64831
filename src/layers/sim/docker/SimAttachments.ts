import type { Json } from "../../../domain/Inspection.ts"
import { isPlumbed, networkModeOf, type SimContainer, touch } from "./SimContainer.ts"
import type { SimNetwork, SimNetworks } from "./SimNetworks.ts"
import { SimRefusal } from "./SimRefusal.ts"

const forget = (container: SimContainer, networkId: string): void => {
  touch(container)
  container.endpoints.delete(networkId)
  container.wanted.delete(networkId)
  container.resolved.delete(networkId)
}

/** The ID under which a container has the network of that name; of one that may be gone. */
const configuredAs = (container: SimContainer, name: string, { nameOf }: SimNetworks): string | undefined =>
  [...container.endpoints.keys()].find((id) => nameOf(id) === name)

const BUILT_IN = /^(?:default|bridge|host|none|container:.*)$/

/** Refuses to plug in a container whose first network is gone. */
export const requireFirst = (container: SimContainer, { find }: SimNetworks): void => {
  const mode = networkModeOf(container)
  if (BUILT_IN.test(mode) || find(mode) !== undefined) return
  throw new SimRefusal(404, `could not find a network matching network mode ${mode}: network ${mode} not found`)
}

/** Has a network, without an endpoint on it yet. */
export const configure = (container: SimContainer, networkId: string, wanted: Json): void => {
  forget(container, networkId)
  container.endpoints.set(networkId, undefined)
  container.wanted.set(networkId, wanted)
}

/** The key of a network that is not there, by what it was called; a start finds one of that name, if there is one by then. */
export const missingKey = (ref: string): string => `?${ref}`

/** What a network is called by its key: an ID, or one that is missing. */
export const calledBy = (key: string): string | undefined => (key.startsWith("?") ? key.slice(1) : undefined)

/** A container that does not run is to be on a network that is not there: the engine takes its word (seen on 26.1). */
export const configureMissing = (container: SimContainer, ref: string, wanted: Json, networks: SimNetworks): void => {
  // The engine's handler of the call dies of it, and the connection ends without an answer.
  if (container.wanted.size === 0 && networkModeOf(container).startsWith("container:")) {
    throw new SimRefusal(0, "socket hang up")
  }
  const before = configuredAs(container, ref, networks)
  if (before !== undefined) forget(container, before)
  configure(container, missingKey(ref), wanted)
}

/**
 * The network that a container is configured for by this key. One that it was never plugged into it finds by name: it may have been made anew
 * since the container was told of it. Throws where there is none.
 */
export const resolveNetwork = (container: SimContainer, key: string, networks: SimNetworks): SimNetwork => {
  const present = networks.get(container.resolved.has(key) ? key : networks.nameOf(key))
  if (present.id !== key) {
    const wanted = container.wanted.get(key) ?? {}
    forget(container, key)
    configure(container, present.id, wanted)
  }
  return present
}

const SHARES =
  "container sharing network namespace with another container or host cannot be connected to any other network"
const IS_ALONE = "container cannot be connected to multiple networks with one of the networks in private (none) mode"

/** Refuses any network to a container that runs in another's namespace. */
export const refuseToShare = (container: SimContainer): void => {
  if (isPlumbed(container) && networkModeOf(container).startsWith("container:")) throw new SimRefusal(400, SHARES)
}

/** Refuses networks that do not go together: the host's namespace has no room for others, and `none` means none. */
const refuseTogether = (container: SimContainer, network: SimNetwork, networks: SimNetworks): void => {
  for (const id of container.endpoints.keys()) {
    const other = networks.find(networks.nameOf(id))
    if (other === undefined || other === network) continue
    if ([other.driver, network.driver].includes("host")) throw new SimRefusal(400, SHARES)
    if ([other.driver, network.driver].includes("null")) throw new SimRefusal(400, IS_ALONE)
  }
}

/**
 * Prepares `docker network connect`; answers whether there is anything to do. A container that does not run keeps what it has on that network, but
 * for one that is gone.
 */
export const prepareConnect = (
  container: SimContainer,
  network: SimNetwork,
  wanted: Json,
  networks: SimNetworks
): boolean => {
  refuseTogether(container, network, networks)
  if (isPlumbed(container)) requireFirst(container, networks)
  if (container.endpoints.get(network.id) !== undefined) {
    throw new SimRefusal(403, `endpoint with name ${container.name} already exists in network ${network.name}`)
  }
  const before = configuredAs(container, network.name, networks)
  const keeps = before === network.id || (before !== undefined && !container.resolved.has(before))
  if (keeps && !isPlumbed(container)) return false
  if (before !== undefined) forget(container, before)
  configure(container, network.id, wanted)
  return true
}

/**
 * What `docker network disconnect` leaves; `unplumb` takes the endpoint away, and says so, and the call is announced as well. A container that does not run leaves by name, whatever network that
 * was. One that runs leaves only a network that it has an endpoint on, or by force what is gone.
 */
export const disconnect = (
  container: SimContainer,
  ref: string,
  force: boolean,
  networks: SimNetworks,
  engine: { readonly unplumb: (network: SimNetwork) => void; readonly announce: (network: SimNetwork) => void }
): void => {
  const network = networks.find(ref)
  const name = network?.name ?? ref
  const refused = () => new SimRefusal(500, `container ${container.id} is not connected to network ${name}`)
  if (isPlumbed(container) && network !== undefined) {
    if (network.driver === "host" && networkModeOf(container) === "host") {
      throw new SimRefusal(400, "container cannot be disconnected from host network or connected to host network")
    }
    if (container.endpoints.get(network.id) === undefined) throw refused()
    engine.unplumb(network)
    forget(container, network.id)
    return engine.announce(network)
  }
  if (isPlumbed(container) && !force) networks.get(ref)
  const configured = configuredAs(container, name, networks)
  if (configured === undefined) throw refused()
  forget(container, configured)
  if (network !== undefined) engine.announce(network)
}
