import { families, type Address, type AddressPair, type Family } from "./Address.ts"
import { highestFree } from "./FreeAddress.ts"
import { holds } from "./Network.ts"
import type { ContainerToWrap, NetworkConfiguration, ProjectToWrap } from "./ProjectToWrap.ts"
import type { Remark } from "./WrapPorts.ts"

/** Docker's own bridge resolves no names and gives out no fixed addresses. */
const DEFAULT_BRIDGE = "bridge"

/** A network of which nothing is known but its name may be what it has to be. */
const isUsable = (name: string, { networks }: ProjectToWrap): boolean =>
  name !== DEFAULT_BRIDGE && (networks.get(name)?.driver ?? "bridge") === "bridge"

export const isOn = ({ networks }: ContainerToWrap, network: string): boolean =>
  networks.some(({ name }) => name === network)

/**
 * The network on which a network-anchor reaches the most of these containers: of several, one that is not internal, then one with IPv6, then
 * the alphabetically first. It has to be a bridge, and not Docker's own.
 */
export const sharedNetworkFor = (
  containers: ReadonlyArray<ContainerToWrap>,
  project: ProjectToWrap
): string | undefined => {
  const names = [...new Set(containers.flatMap(({ networks }) => networks.map(({ name }) => name)))]
  const ranked = names
    .filter((name) => isUsable(name, project))
    .map((name) => {
      const known = project.networks.get(name)
      const members = containers.filter((container) => isOn(container, name)).length
      const v6 = known?.subnets.some(({ address }) => address.includes(":")) === true
      return { name, members, internal: known?.internal === true, v6 }
    })
  return ranked.toSorted(
    (a, b) =>
      b.members - a.members ||
      Number(a.internal) - Number(b.internal) ||
      Number(b.v6) - Number(a.v6) ||
      (a.name < b.name ? -1 : 1)
  )[0]?.name
}

const pinsOn = (network: string, family: Family, containers: ReadonlyArray<ContainerToWrap>): ReadonlyArray<Address> =>
  containers
    .flatMap(({ networks }) => networks)
    .filter(({ name }) => name === network)
    .flatMap(({ pinned }) => pinned[family] ?? [])

const freeBeside = (pins: ReadonlyArray<Address>, known: NetworkConfiguration | undefined): Address | undefined => {
  const subnet = known?.subnets.find((one) => pins.some((pin) => holds(one, pin)))
  return known === undefined || subnet === undefined ? undefined : highestFree(subnet, [...known.taken, ...pins])
}

const mayCollide = (network: string, pins: ReadonlyArray<Address>): Remark => ({
  kind: "undecided",
  container: undefined,
  ports: [],
  why: `containers of the project have fixed addresses on ${network} (${pins.join(", ")}), and no address for anchord could be found there`,
  whatToDo: "give anchord a free one on that network, or Docker may give it one of theirs while they are stopped"
})

/**
 * The addresses that the network-anchor is to have on the shared network. Docker picks them, except where containers of the project have fixed ones:
 * it would hand out one of those while its container is stopped. Docker takes a fixed address only where somebody configured the subnet; that others
 * have one proves it.
 */
export const anchorAddresses = (
  network: string,
  { containers, networks }: ProjectToWrap
): { readonly addresses: AddressPair; readonly remarks: ReadonlyArray<Remark> } => {
  const found = families
    .map((family) => ({ family, pins: pinsOn(network, family, containers).toSorted() }))
    .filter(({ pins }) => pins.length > 0)
    .map(({ family, pins }) => ({ family, pins, address: freeBeside(pins, networks.get(network)) }))
  const without = found.filter(({ address }) => address === undefined)
  return {
    addresses: Object.fromEntries(
      found.flatMap(({ family, address }) => (address === undefined ? [] : [[family, address]]))
    ),
    remarks:
      without.length === 0
        ? []
        : [
            mayCollide(
              network,
              without.flatMap(({ pins }) => pins)
            )
          ]
  }
}
