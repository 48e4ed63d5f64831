import { families } from "../../../domain/Address.ts"
import type { NetworkMember, NetworkSnapshot } from "../../../domain/DockerState.ts"
import { networkOf } from "../../../domain/Network.ts"
import type { NetworkConfiguration } from "../../../domain/ProjectToWrap.ts"
import type { SimEndpoint } from "./SimContainer.ts"
import { calledBy } from "./SimAttachments.ts"
import { SimAddressSpace } from "./SimAddressSpace.ts"
import { gatewaysOf, makePool, type SimPools } from "./SimIpam.ts"
import { SimRefusal } from "./SimRefusal.ts"
import type { SimNetworkSpec } from "./SimSpec.ts"

export interface SimNetwork {
  readonly id: string
  readonly name: string
  readonly driver: string
  readonly internal: boolean
  /** Whether the host gives what leaves by it its own address. */
  readonly masquerade: boolean
  readonly pools: SimPools
  /** By container ID, in the order in which they came. */
  readonly members: Map<string, NetworkMember>
  snapshot: NetworkSnapshot | undefined
}

const gateways = ({ pools, internal }: SimNetwork): number =>
  internal ? -1 : families.filter((family) => pools[family] !== undefined).length

/**
 * In which order an engine plugs a starting container into networks: those with gateways of both families come first and internal ones last, and then
 * the name decides. The first one that has a gateway gives the default route, also when it is joined later (seen on 26.1).
 */
export const byPrecedence = (a: SimNetwork, b: SimNetwork): number =>
  gateways(b) - gateways(a) || (a.name < b.name ? -1 : 1)

/** A network, and who is on it; made once until that changes. */
export const snapshotOf = (network: SimNetwork): NetworkSnapshot => {
  const { id, name, pools, members } = network
  network.snapshot ??= { id, name, gateway: gatewaysOf(pools), members: new Map(members) }
  return network.snapshot
}

/** How a network is set up, and which of its addresses are taken. */
export const configurationOf = ({ name, driver, internal, pools, members }: SimNetwork): NetworkConfiguration => {
  const subnets = families.flatMap((family) => {
    const [address = "", length] = (pools[family]?.subnet ?? "").split("/")
    return networkOf({ address, prefixLength: Number(length) }) ?? []
  })
  const pairs = [gatewaysOf(pools), ...members.values()]
  const taken = pairs.flatMap((pair) => families.flatMap((family) => pair[family] ?? []))
  return { name, driver, internal, subnets, taken }
}

/** The networks of a simulated engine; the three that every engine has are there from the beginning. */
export interface SimNetworks {
  readonly add: (spec: SimNetworkSpec) => SimNetwork
  readonly remove: (id: string) => void
  /** By ID, name, or an unmistakable beginning of an ID. */
  readonly find: (ref: string) => SimNetwork | undefined
  /** Whether there is one of that name. */
  readonly named: (name: string) => boolean
  /** As `find`; throws where there is none. */
  readonly get: (ref: string) => SimNetwork
  /** A container is on the network from now on. */
  readonly join: (network: SimNetwork, containerId: string, endpoint: SimEndpoint) => void
  readonly leave: (network: SimNetwork, containerId: string) => void
  /** What a network is or was called. */
  readonly nameOf: (id: string) => string
}

export const makeNetworks = (newId: () => string): SimNetworks => {
  const networks = new Map<string, SimNetwork>()
  const names = new Map<string, string>()
  const space = new SimAddressSpace()

  const subnetFor = (asked: string | undefined): string | undefined => {
    const present = [...networks.values()].map(({ pools }) => pools)
    if (asked === "pool") return space.take(present)
    if (asked !== undefined) space.require(present, asked)
    return asked
  }
  const add = (spec: SimNetworkSpec): SimNetwork => {
    const { name, driver = "bridge", gateway = {}, internal = false, masquerade = true } = spec
    const [v4, v6] = [subnetFor(spec.v4), subnetFor(spec.v6)]
    const pools: SimPools = {
      ...(v4 === undefined ? {} : { v4: makePool("v4", v4, gateway.v4) }),
      ...(v6 === undefined ? {} : { v6: makePool("v6", v6, gateway.v6) })
    }
    const [members, snapshot] = [new Map<string, NetworkMember>(), undefined]
    const network = { id: newId(), name, driver, internal, masquerade, pools, members, snapshot }
    networks.set(network.id, network)
    names.set(network.id, name)
    return network
  }
  const find = (ref: string) => {
    const exact = networks.get(ref) ?? networks.values().find(({ name }) => name === ref)
    if (exact !== undefined || ref === "") return exact
    const beginning = [...networks.values()].filter(({ id }) => id.startsWith(ref))
    return beginning.length === 1 ? beginning[0] : undefined
  }

  add({ name: "bridge", v4: "172.17.0.0/16", gateway: { v4: "172.17.0.1" } })
  add({ name: "host", driver: "host" })
  add({ name: "none", driver: "null" })
  return {
    add,
    remove: (id) => void networks.delete(id),
    find,
    named: (wanted) => networks.values().some(({ name }) => name === wanted),
    get: (ref) => {
      const found = find(ref)
      if (found === undefined) throw new SimRefusal(404, `network ${ref} not found`)
      return found
    },
    join: (network, containerId, endpoint) => {
      network.members.set(containerId, { containerId, ...endpoint })
      network.snapshot = undefined
    },
    leave: (network, containerId) => {
      network.members.delete(containerId)
      network.snapshot = undefined
    },
    nameOf: (key) => calledBy(key) ?? names.get(key) ?? ""
  }
}
