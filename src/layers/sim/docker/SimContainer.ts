import type { AddressPair } from "../../../domain/Address.ts"
import type { ContainerSnapshot, ContainerStatus } from "../../../domain/DockerState.ts"
import { type Json, shortId } from "../../../domain/Inspection.ts"
import {
  configOf,
  hostConfigOf,
  mountsOf,
  type SimImage,
  type SimMount,
  type SimVolumes
} from "./SimContainerConfig.ts"
import type { SimProgram } from "./SimPlumbing.ts"

export interface SimEndpoint extends AddressPair {
  readonly mac?: string
}

/** Times are nanoseconds since the epoch. */
export interface SimContainer {
  readonly id: string
  readonly imageId: string
  readonly config: Json
  hostConfig: Json
  readonly mounts: ReadonlyArray<SimMount>
  readonly created: bigint
  startedAt: bigint | undefined
  finishedAt: bigint | undefined
  /** Why its last start failed; empty when it did not. */
  startError: string
  exitCode: number
  /** How often its policy has started it since somebody did, and the policy's last delay in milliseconds. */
  restartCount: number
  backOffMillis: number
  /** Whether somebody stopped it after its last start, whether the policy is thereby off, and whether it is only to be restarted. */
  manuallyStopped: boolean
  restartCancelled: boolean
  manuallyRestarted: boolean
  startedBefore: boolean
  /** Whose namespace it is in since its last start, and since when that one runs. */
  joined: { readonly id: string; readonly startedAt: bigint | undefined } | undefined
  name: string
  status: ContainerStatus
  /** By network ID; an endpoint is there only while the network is plumbed. */
  readonly endpoints: Map<string, SimEndpoint | undefined>
  /** By network ID: what it asks for there (`EndpointSettings`). */
  readonly wanted: Map<string, Json>
  /** IDs of the networks that it was plugged into: it stays with that ID. Any other network it finds by name at its start. */
  readonly resolved: Set<string>
  /** What is in its own layer, by path. */
  readonly files: Map<string, string>
  /** As a listing has it, and as an inspection does (with the owner at that time); made when they are asked for, forgotten with every change. */
  snapshot: ContainerSnapshot | undefined
  inspected: { readonly json: Json; readonly owner: SimContainer | undefined } | undefined
}

/** What a container is made of. */
export interface SimBirth {
  readonly id: string
  readonly name: string
  readonly image: SimImage
  /** The body of `POST /containers/create`. */
  readonly request: Json
  /** With the ID of the container that it joins. */
  readonly networkMode: string
  readonly created: bigint
}

/** A container that was just created; throws where the engine refuses the request. */
export const makeContainer = (birth: SimBirth, volumes: SimVolumes): SimContainer => {
  const { id, name, image, request, networkMode, created } = birth
  const config = configOf(id, request, image)
  const hostConfig = hostConfigOf(request, networkMode)
  return {
    id,
    name,
    imageId: image.id,
    config,
    hostConfig,
    mounts: mountsOf(config, hostConfig, volumes),
    created,
    startedAt: undefined,
    finishedAt: undefined,
    startError: "",
    exitCode: 0,
    restartCount: 0,
    backOffMillis: 0,
    manuallyStopped: false,
    restartCancelled: false,
    manuallyRestarted: false,
    startedBefore: false,
    joined: undefined,
    status: "created",
    endpoints: new Map(),
    wanted: new Map(),
    resolved: new Set(),
    files: new Map(),
    snapshot: undefined,
    inspected: undefined
  }
}

/** Something of it has changed. */
export const touch = (container: SimContainer): void => {
  container.snapshot = undefined
  container.inspected = undefined
}

const JOINS = "container:"

export const joinedRef = (mode: string): string | undefined =>
  mode.startsWith(JOINS) ? mode.slice(JOINS.length) : undefined

export const networkModeOf = ({ hostConfig }: SimContainer): string => String(hostConfig["NetworkMode"])

export const labelsOf = ({ config }: SimContainer): Readonly<Record<string, string>> =>
  config["Labels"] as Readonly<Record<string, string>>

/** Whether the engine takes it for running: one that its policy is about to start again is meant, too. */
export const isRunning = (container: SimContainer): boolean => isPlumbed(container) || container.status === "restarting"

/** Whether its processes and endpoints are there. */
export const isPlumbed = ({ status }: SimContainer): boolean => status === "running" || status === "paused"

/** The addresses that a container asks for on a network. */
export const fixedAddresses = (wanted: Json | undefined): AddressPair => {
  const { IPv4Address: v4, IPv6Address: v6 } = (wanted?.["IPAMConfig"] ?? {}) as Readonly<Record<string, string>>
  return { ...(v4 === undefined ? {} : { v4 }), ...(v6 === undefined ? {} : { v6 }) }
}

/** The one asked for, or the engine's own look of a MAC address up to Docker 27: the IPv4 address behind `02:42`. */
export const macFor = (wanted: Json | undefined, { v4 }: AddressPair): { readonly mac?: string } => {
  if (typeof wanted?.["MacAddress"] === "string") return { mac: wanted["MacAddress"] }
  if (v4 === undefined) return {}
  return { mac: ["02", "42", ...v4.split(".").map((byte) => Number(byte).toString(16).padStart(2, "0"))].join(":") }
}

const timeText = (nanos: bigint | undefined): string => {
  if (nanos === undefined) return "0001-01-01T00:00:00Z"
  const seconds = new Date(Number(nanos / 1_000_000_000n) * 1000).toISOString().slice(0, 19)
  return `${seconds}.${String(nanos % 1_000_000_000n).padStart(9, "0")}Z`
}

const endpointText = (container: SimContainer, networkId: string): Json => {
  const { id, name } = container
  const wanted = container.wanted.get(networkId) ?? {}
  const endpoint = container.endpoints.get(networkId)
  const aliases = (wanted["Aliases"] ?? []) as ReadonlyArray<string>
  const pinned = typeof wanted["MacAddress"] === "string" && container.startedAt === undefined
  return {
    IPAMConfig: null,
    Links: null,
    Aliases: null,
    DriverOpts: null,
    ...wanted,
    NetworkID: container.resolved.has(networkId) ? networkId : "",
    MacAddress: endpoint?.mac ?? (pinned ? wanted["MacAddress"] : ""),
    IPAddress: endpoint?.v4 ?? "",
    GlobalIPv6Address: endpoint?.v6 ?? "",
    DNSNames: [name, ...aliases, shortId(id)]
  }
}

const wordsOf = (list: unknown): ReadonlyArray<string> => (Array.isArray(list) ? list : [])

/** What is run in a container. */
export const programOf = (container: SimContainer): SimProgram => {
  const { id, name, config } = container
  const command = [...wordsOf(config["Entrypoint"]), ...wordsOf(config["Cmd"])]
  const labels = labelsOf(container)
  return { id, name, image: String(config["Image"]), command, env: wordsOf(config["Env"]), labels }
}

/** `GET /containers/{id}/json`; `owner` is the container whose namespace it is in. Made once until one of them changes. */
export const inspectionOf = (
  container: SimContainer,
  networkName: (id: string) => string,
  owner: SimContainer | undefined
): Json => {
  const known = container.inspected
  if (known !== undefined && known.owner === owner) return known.json
  const json = makeInspection(container, networkName, owner)
  container.inspected = { json, owner }
  return json
}

/** As API 1.45 tells it. */
const makeInspection = (
  container: SimContainer,
  networkName: (id: string) => string,
  owner: SimContainer | undefined
): Json => {
  const networks = [...container.endpoints.keys()].map((id) => [networkName(id), endpointText(container, id)] as const)
  const mode = networkModeOf(container)
  const own = networks.find(([name, { NetworkID }]) => name === mode || NetworkID === mode)?.[0]
  const ownId = [...container.endpoints.keys()].find((id) => networkName(id) === own)
  const pinned = ownId === undefined ? undefined : container.wanted.get(ownId)?.["MacAddress"]
  const { MacAddress: _said, ...config } = container.config
  const { Hostname, Domainname } = owner?.config ?? config
  const [Path = "", ...Args] = [...wordsOf(config["Entrypoint"]), ...wordsOf(config["Cmd"])]
  return {
    Id: container.id,
    Name: `/${container.name}`,
    Created: timeText(container.created),
    Image: container.imageId,
    Path,
    Args,
    RestartCount: container.restartCount,
    State: {
      Status: container.status,
      Running: isRunning(container),
      Paused: container.status === "paused",
      Restarting: container.status === "restarting",
      ExitCode: container.exitCode,
      Error: container.startError,
      StartedAt: timeText(container.startedAt),
      FinishedAt: timeText(container.finishedAt)
    },
    Config: {
      ...config,
      ...(container.startedAt === undefined ? {} : { Hostname, Domainname }),
      ...(pinned === undefined ? {} : { MacAddress: pinned })
    },
    HostConfig: container.hostConfig,
    Mounts: container.mounts,
    NetworkSettings: { Networks: Object.fromEntries(networks) }
  }
}
