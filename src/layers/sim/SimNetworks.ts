import { families } from "../../domain/Address.ts"
import type { NetworkSnapshot } from "../../domain/DockerState.ts"
import { networkOf } from "../../domain/Network.ts"
import type { NetworkConfiguration } from "../../domain/ProjectToWrap.ts"
import type { SimContainer } from "./SimContainer.ts"
import { gatewaysOf, makePool, type SimPools } from "./SimIpam.ts"
import { SimRefusal } from "./SimRefusal.ts"
import type { SimNetworkSpec } from "./SimSpec.ts"

export interface SimNetwork {
  readonly id: string
  readonly name: string
  readonly driver: string
  readonly internal: boolean
  readonly pools: SimPools
}

/** A network, and who of these containers is on it. */
export const snapshotOf = (
  { id, name, pools }: SimNetwork,
  containers: Iterable<Pick<SimContainer, "id" | "endpoints">>
): NetworkSnapshot => {
  const members = [...containers].flatMap((container) => {
    const endpoint = container.endpoints.get(id)
    return endpoint === undefined ? [] : [[container.id, { containerId: container.id, ...endpoint }] as const]
  })
  return { id, name, gateway: gatewaysOf(pools), members: new Map(members) }
}

/** How a network is set up, and which of its addresses these containers have. */
export const configurationOf = (
  network: SimNetwork,
  containers: Iterable<Pick<SimContainer, "id" | "endpoints">>
): NetworkConfiguration => {
  const { name, driver, internal, pools } = network
  const { gateway, members } = snapshotOf(network, containers)
  const subnets = families.flatMap((family) => {
    const [address = "", length] = (pools[family]?.subnet ?? "").split("/")
    return networkOf({ address, prefixLength: Number(length) }) ?? []
  })
  const taken = [gateway, ...members.values()].flatMap((pair) => families.flatMap((family) => pair[family] ?? []))
  return { name, driver, internal, subnets, taken }
}

/** The networks of a simulated engine; the three that every engine has are there from the beginning. */
export interface SimNetworks {
  readonly add: (spec: SimNetworkSpec) => SimNetwork
  readonly remove: (id: string) => void
  /** By name or ID. */
  readonly find: (ref: string) => SimNetwork | undefined
  /** The same; throws where there is none. */
  readonly get: (ref: string) => SimNetwork
  /** What a network is or was called. */
  readonly nameOf: (id: string) => string
}

export const makeNetworks = (newId: () => string): SimNetworks => {
  const networks = new Map<string, SimNetwork>()
  const names = new Map<string, string>()
  const add = ({ name, driver = "bridge", v4, v6, gateway = {}, internal = false }: SimNetworkSpec): SimNetwork => {
    const pools: SimPools = {
      ...(v4 === undefined ? {} : { v4: makePool("v4", v4, gateway.v4) }),
      ...(v6 === undefined ? {} : { v6: makePool("v6", v6, gateway.v6) })
    }
    const network = { id: newId(), name, driver, internal, pools }
    networks.set(network.id, network)
    names.set(network.id, name)
    return network
  }
  const find = (ref: string) => networks.get(ref) ?? [...networks.values()].find(({ name }) => name === ref)

  add({ name: "bridge", v4: "172.17.0.0/16", gateway: { v4: "172.17.0.1" } })
  add({ name: "host", driver: "host" })
  add({ name: "none", driver: "null" })
  return {
    add,
    remove: (id) => void networks.delete(id),
    find,
    get: (ref) => {
      const found = find(ref)
      if (found === undefined) throw new SimRefusal(404, `network ${ref} not found`)
      return found
    },
    nameOf: (id) => names.get(id) ?? ""
  }
}
