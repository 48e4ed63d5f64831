import type { Address, AddressPair } from "./Address.ts"
import type { Network } from "./Network.ts"
import type { PublishedPort } from "./PublishedPort.ts"

/** How a Docker network is set up, and which of its addresses are not to be had. */
export interface NetworkConfiguration {
  readonly name: string
  readonly driver: string
  readonly internal: boolean
  readonly subnets: ReadonlyArray<Network>
  /** Gateways, reserved addresses, and those that somebody has. */
  readonly taken: ReadonlyArray<Address>
}

/** A network that a container is configured for, and the addresses that it always gets there. */
export interface ConfiguredNetwork {
  readonly name: string
  readonly pinned: AddressPair
}

/** A container of the project that is to be wrapped. */
export interface ContainerToWrap {
  readonly name: string
  /** Its Compose service, if it is known. */
  readonly service: string | undefined
  readonly runs: boolean
  /** Whose network namespace it is in: one of its own, the host's, that of another container, or one without networks. */
  readonly namespace: "own" | "host" | "shared" | "none"
  readonly networks: ReadonlyArray<ConfiguredNetwork>
  readonly ports: ReadonlyArray<PublishedPort>
  /** It carries `anchord.expose`: a network-anchor serves it already. */
  readonly exposed: boolean
}

/** What there is to know of a project before it is wrapped, from Docker or from its compose file. */
export interface ProjectToWrap {
  readonly project: string
  readonly containers: ReadonlyArray<ContainerToWrap>
  /** The networks that are known, by name. */
  readonly networks: ReadonlyMap<string, NetworkConfiguration>
}
