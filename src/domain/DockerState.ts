import type { AddressPair } from "./Address.ts"

const statuses = ["created", "running", "paused", "restarting", "removing", "exited", "dead"] as const

/** `State` as `GET /containers/json` reports it, `State.Status` of an inspection. */
export type ContainerStatus = (typeof statuses)[number]

/** The status that Docker calls by that word; none for a word that is not known. */
export const containerStatus = (word: string): ContainerStatus | undefined => statuses.find((status) => status === word)

/** What anchord needs to know of one container. Times are Unix seconds, as the list endpoint gives them. */
export interface ContainerSnapshot {
  readonly id: string
  /** Without the leading slash. */
  readonly name: string
  readonly createdAt: number
  readonly status: ContainerStatus
  readonly labels: Readonly<Record<string, string>>
  /** `HostConfig.NetworkMode`: `bridge`, `host`, `none`, a network's name, or `container:<ref>`. */
  readonly networkMode: string
  /** Names of the networks it is configured for, attached or not. */
  readonly networks?: ReadonlyArray<string>
}

/** One endpoint on a Docker network, as `GET /networks/{id}` lists it. An endpoint exists from `connect` to `disconnect`. */
export interface NetworkMember extends AddressPair {
  readonly containerId: string
  readonly mac?: string
}

export interface NetworkSnapshot {
  readonly id: string
  readonly name: string
  /** The IPAM gateways, one per family. */
  readonly gateway: AddressPair
  readonly members: ReadonlyMap<string, NetworkMember>
}

/** One network that anchord's own container is attached to, as inspecting that container reports it. */
export interface OwnAttachment extends AddressPair {
  readonly networkId: string
  readonly networkName: string
  /** Lower case; absent while Docker has not plumbed the endpoint. */
  readonly mac?: string
}

/**
 * Everything anchord knows of Docker: the input of every decision (SPEC §4).
 * `containers` holds all containers of the host, because `network_mode: container:X` may name one out of scope;
 * `networks` holds the networks that anchord's own container is attached to.
 */
export interface DockerState {
  readonly selfId: string
  readonly own: ReadonlyArray<OwnAttachment>
  readonly containers: ReadonlyMap<string, ContainerSnapshot>
  readonly networks: ReadonlyMap<string, NetworkSnapshot>
}

/** Which containers anchord serves: those of a Compose project, or those that carry every label of a selector. */
export type Scope =
  | { readonly _tag: "Project"; readonly project: string }
  | { readonly _tag: "Selector"; readonly labels: Readonly<Record<string, string>> }

/** A Docker event, reduced to what anchord looks at. `timeNano` is the engine's own time stamp. */
export interface DockerEvent {
  readonly type: "container" | "network"
  readonly action: string
  /** The container of a container event; for a network event the container that joined or left, if any. */
  readonly containerId?: string
  readonly networkId?: string
  readonly attributes: Readonly<Record<string, string>>
  readonly timeNano: bigint
}
