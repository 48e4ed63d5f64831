import { containerNetworks } from "./ContainerNetworks.ts"
import type { Inspection, Json } from "./Inspection.ts"
import { serviceOf, type LifecycleContainer } from "./LifecycleState.ts"

/**
 * What a container asks for on a network: fixed addresses, aliases, a pinned MAC address (`EndpointSettings` of the Docker API). Docker forgets it
 * when the container leaves the network, so it is kept by who takes it off.
 */
export interface KnownEndpoint {
  /** Its ID: one that was made anew may ask for something else. */
  readonly follower: string
  readonly settings: Json
}

/**
 * The ID that a container's own configuration has for the network of that name. It is empty while Docker would look for the name at the next
 * start: the container never was on that network, or was refused there. Absent when it is not configured for it.
 */
export const configuredNetwork = ({ NetworkSettings }: Inspection, network: string): string | undefined => {
  const { [network]: endpoint } = NetworkSettings.Networks ?? {}
  return endpoint === undefined ? undefined : (endpoint?.NetworkID ?? "")
}

/** The network that a container was created on, where Docker was told its ID, as Compose tells it of external networks. */
export interface FirstNetwork {
  readonly id: string
  /** Whether it exists. Without it Docker (seen on 26.1) neither connects the container to any network, nor starts it on one. */
  readonly isThere: boolean
  /** Another network that the container is on. */
  readonly other?: string
  /** Its last start has failed for that. */
  readonly wasMissed: boolean
}

const FULL_ID = /^[0-9a-f]{64}$/

/** The ID of the network that a container was created on, if that is how it was named. */
export const firstNetworkId = ({ HostConfig }: Inspection): string | undefined =>
  FULL_ID.test(HostConfig.NetworkMode ?? "") ? (HostConfig.NetworkMode ?? undefined) : undefined

export const firstNetwork = (inspection: Inspection, network: string, isThere: boolean): FirstNetwork | undefined => {
  const id = firstNetworkId(inspection)
  if (id === undefined) return undefined
  const other = Object.keys(inspection.NetworkSettings.Networks ?? {}).find((name) => name !== network)
  const wasMissed = inspection.State.Status === "exited" && /network mode/.test(String(inspection.State["Error"] ?? ""))
  return { id, isThere, wasMissed, ...(other === undefined ? {} : { other }) }
}

/**
 * What is known after an inspection of the follower: what it shows, where it has been on the network. What it shows after it was refused there is less
 * than what it had asked for.
 */
export const rememberEndpoint = (
  known: KnownEndpoint | undefined,
  inspection: Inspection,
  network: string
): KnownEndpoint | undefined => {
  const before = known?.follower === inspection.Id ? known : undefined
  if (configuredNetwork(inspection, network) === "" && before !== undefined) return before
  const { networks } = containerNetworks(inspection, inspection.HostConfig.NetworkMode || "bridge")
  const settings = networks.find(({ name }) => name === network)?.endpoint
  return settings === undefined ? before : { follower: inspection.Id, settings }
}

/** What Compose asks for where nothing is said: that the container is found by the name of its service. */
export const defaultEndpoint = (follower: LifecycleContainer): Json => {
  const service = serviceOf(follower)
  return service === undefined ? {} : { Aliases: [service] }
}
