import type { AddressPair } from "../../../domain/Address.ts"
import { shortId } from "../../../domain/Inspection.ts"
import { isPlumbed, type SimContainer } from "./SimContainer.ts"
import type { SimContainers } from "./SimContainers.ts"
import { byPrecedence, type SimNetwork, type SimNetworks } from "./SimNetworks.ts"

/** Networks on which there is no such server. */
const withoutServer = new Set(["bridge", "host", "none"])

/** The container in whose namespace another one is, unless that namespace has died: its owner has ended since. */
const namespaceOwner = (container: SimContainer, containers: SimContainers): SimContainer | undefined => {
  if (!isPlumbed(container)) return undefined
  if (container.joined === undefined) return container
  const owner = containers.find(container.joined.id)
  return owner?.startedAt === container.joined.startedAt ? owner && namespaceOwner(owner, containers) : undefined
}

const isCalled = (container: SimContainer, { id, name }: SimNetwork, hostname: string): boolean => {
  const aliases = (container.wanted.get(id)?.["Aliases"] ?? []) as ReadonlyArray<string>
  const names = [container.name, ...aliases, shortId(container.id)]
  return names.some((own) => own === hostname || `${own}.${name}` === hostname)
}

/**
 * Which addresses Docker's name server has for a name, asked from inside a container: those of the members of the first of its networks
 * that knows the name. A container is known by name, aliases and short ID, while it has an endpoint; the default bridge knows nobody.
 * Nothing where there is no such server: in a namespace that is dead, or on no network of the engine's making.
 */
export const nameRecords = (
  asking: SimContainer,
  hostname: string,
  containers: SimContainers,
  networks: SimNetworks
): ReadonlyArray<AddressPair> | undefined => {
  const owner = namespaceOwner(asking, containers)
  const plugged = [...(owner?.endpoints ?? [])].flatMap(([id, endpoint]) => (endpoint === undefined ? [] : [id]))
  const own = plugged.flatMap((id) => networks.find(id) ?? []).filter(({ name }) => !withoutServer.has(name))
  if (own.length === 0) return undefined
  for (const network of own.toSorted(byPrecedence)) {
    const members = [...network.members.values()].filter(({ containerId }) => {
      const member = containers.find(containerId)
      return member !== undefined && isCalled(member, network, hostname)
    })
    if (members.length > 0) return members
  }
  return []
}
