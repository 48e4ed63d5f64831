import type { AddressPair } from "../../domain/Address.ts"
import type { ContainerSnapshot, ContainerStatus, NetworkSnapshot } from "../../domain/DockerState.ts"
import type { OwnContainer } from "../../services/DockerEngine.ts"
import { makeEventLog, type SimEventLog } from "./SimEventLog.ts"
import { gatewaysOf, makePool, releasePair, type SimPools, takePair } from "./SimIpam.ts"

export interface SimNetworkSpec {
  readonly name: string
  /** `bridge` when left out. */
  readonly driver?: string
  /** `172.20.0.0/16`; a network without a subnet gives no addresses of that family. */
  readonly v4?: string
  /** `fd00:20::/64`. */
  readonly v6?: string
  /** Left out, the first address of the subnet is the gateway, but is not reported as such. */
  readonly gateway?: AddressPair
}

export interface SimContainerSpec {
  readonly name: string
  readonly image?: string
  readonly labels?: Readonly<Record<string, string>>
  /** `network_mode`: `bridge` (default), `host`, `none`, a network, or `container:<ref>`. */
  readonly network?: string
  /** More networks, by name or ID. */
  readonly also?: ReadonlyArray<string>
  /** Fixed addresses, by network name. */
  readonly addresses?: Readonly<Record<string, AddressPair>>
}

interface Endpoint extends AddressPair {
  readonly mac?: string
}

interface SimContainer {
  readonly id: string
  readonly imageId: string
  readonly labels: Readonly<Record<string, string>>
  readonly networkMode: string
  readonly createdAt: number
  readonly addresses: Readonly<Record<string, AddressPair>>
  name: string
  status: ContainerStatus
  /** By network ID; an endpoint is there only while the network is plumbed. */
  readonly endpoints: Map<string, Endpoint | undefined>
}

interface SimNetwork {
  readonly id: string
  readonly name: string
  readonly driver: string
  readonly pools: SimPools
}

const JOINS = "container:"

const joinedRef = (mode: string): string | undefined => (mode.startsWith(JOINS) ? mode.slice(JOINS.length) : undefined)

const isPlumbed = ({ status }: SimContainer): boolean => status === "running" || status === "paused"

/** The engine's own look of a MAC address up to Docker 27: the IPv4 address behind `02:42`. */
const macFor = ({ v4 }: AddressPair): { readonly mac?: string } =>
  v4 === undefined
    ? {}
    : { mac: ["02", "42", ...v4.split(".").map((byte) => Number(byte).toString(16).padStart(2, "0"))].join(":") }

/**
 * A Docker engine in memory, with the engine's own rules: networks with address pools, containers with their life cycle, and events in the
 * order in which Docker 26.1 sends them. Every operation happens at once, and throws where the engine would refuse; `now` (nanoseconds
 * since the epoch) stamps what it does, each event later than the one before.
 */
export class SimDocker {
  readonly #now: () => bigint
  /** What the engine has said so far, and who listens to it. */
  readonly log: SimEventLog
  readonly #containers = new Map<string, SimContainer>()
  readonly #networks = new Map<string, SimNetwork>()
  readonly #starting = new Map<string, Array<() => void>>()
  #made = 0

  constructor(now: () => bigint) {
    this.#now = now
    this.log = makeEventLog(now)
    this.#addNetwork({ name: "bridge", v4: "172.17.0.0/16", gateway: { v4: "172.17.0.1" } })
    this.#addNetwork({ name: "host", driver: "host" })
    this.#addNetwork({ name: "none", driver: "null" })
  }

  createNetwork(spec: SimNetworkSpec): string {
    if ([...this.#networks.values()].some(({ name }) => name === spec.name))
      throw new Error(`${spec.name} already exists`)
    const network = this.#addNetwork(spec)
    this.#networkEvent("create", network)
    return network.id
  }

  removeNetwork(ref: string): void {
    const network = this.#network(ref)
    if (this.network(network.id)?.members.size !== 0) throw new Error(`network ${network.name} has active endpoints`)
    for (const container of this.#containers.values()) container.endpoints.delete(network.id)
    this.#networks.delete(network.id)
    this.#networkEvent("destroy", network)
  }

  /** `docker create`: no address yet. A `container:<ref>` becomes the ID of what it names now; one that names nothing stays as it is. */
  create(spec: SimContainerSpec): string {
    this.#refuseName(spec.name)
    const mode = spec.network ?? "bridge"
    const joined = joinedRef(mode)
    const networks = joined !== undefined ? [] : [mode, ...(spec.also ?? [])].map((ref) => this.#network(ref))
    const container: SimContainer = {
      id: this.#newId(),
      name: spec.name,
      imageId: `sha256:${spec.image ?? "0".repeat(64)}`,
      labels: spec.labels ?? {},
      networkMode: joined === undefined ? mode : `container:${this.#lookUp(joined)?.id ?? joined}`,
      createdAt: Number(this.#now() / 1_000_000_000n),
      addresses: spec.addresses ?? {},
      status: "created",
      endpoints: new Map(networks.map(({ id }) => [id, undefined]))
    }
    this.#containers.set(container.id, container)
    this.#containerEvent("create", container)
    return container.id
  }

  /** The first half of a start: the endpoints are there and announced, the container does not run yet (300 to 400 ms on a real engine). */
  beginStart(ref: string): void {
    const container = this.#container(ref)
    if (isPlumbed(container) || this.#starting.has(container.id)) throw new Error(`${container.name} runs already`)
    const owner = joinedRef(container.networkMode)
    if (owner !== undefined && !isPlumbed(this.#container(owner))) {
      throw new Error("cannot join network of a non running container")
    }
    const plumbed: Array<string> = []
    try {
      for (const networkId of container.endpoints.keys()) {
        this.#plumb(container, this.#network(networkId))
        plumbed.push(networkId)
      }
    } catch (error) {
      for (const networkId of plumbed) this.#unplumb(container, this.#network(networkId))
      throw error
    }
    this.#starting.set(container.id, [])
  }

  finishStart(ref: string): void {
    const container = this.#container(ref)
    const waiting = this.#starting.get(container.id)
    if (waiting === undefined) throw new Error(`${container.name} is not about to start`)
    this.#starting.delete(container.id)
    container.status = "running"
    this.#containerEvent("start", container)
    for (const go of waiting) go()
  }

  start(ref: string): void {
    this.beginStart(ref)
    this.finishStart(ref)
  }

  /** `docker run -d`. */
  run(spec: SimContainerSpec): string {
    const id = this.create(spec)
    this.start(id)
    return id
  }

  stop(ref: string): void {
    const container = this.#container(ref)
    if (!isPlumbed(container)) return
    this.#containerEvent("kill", container, { signal: "15" })
    this.#halt(container)
    this.#containerEvent("stop", container)
    this.#containerEvent("die", container, { exitCode: "0" })
  }

  /** The container ends by itself. */
  die(ref: string, exitCode = 1): void {
    const container = this.#container(ref)
    if (!isPlumbed(container)) throw new Error(`${container.name} does not run`)
    this.#halt(container)
    this.#containerEvent("die", container, { exitCode: String(exitCode) })
  }

  restart(ref: string): void {
    this.stop(ref)
    this.start(ref)
    this.#containerEvent("restart", this.#container(ref))
  }

  /** `docker rm -f`. */
  remove(ref: string): void {
    const container = this.#container(ref)
    if (isPlumbed(container)) this.die(container.id, 137)
    this.#containers.delete(container.id)
    this.#containerEvent("destroy", container)
  }

  pause(ref: string): void {
    this.#turn(ref, "running", "paused", "pause")
  }

  unpause(ref: string): void {
    this.#turn(ref, "paused", "running", "unpause")
  }

  rename(ref: string, name: string): void {
    const container = this.#container(ref)
    this.#refuseName(name)
    const oldName = container.name
    container.name = name
    this.#containerEvent("rename", container, { oldName: `/${oldName}` })
  }

  /** `docker network connect`: at once when the container runs, else with its next start. */
  connect(networkRef: string, ref: string): void {
    const [network, container] = [this.#network(networkRef), this.#container(ref)]
    if (container.endpoints.has(network.id)) throw new Error(`${container.name} is already attached to ${network.name}`)
    if (isPlumbed(container)) this.#plumb(container, network)
    else container.endpoints.set(network.id, undefined)
  }

  /** `docker network disconnect`; the engine announces it twice when the container runs. */
  disconnect(networkRef: string, ref: string): void {
    const [network, container] = [this.#network(networkRef), this.#container(ref)]
    if (!container.endpoints.has(network.id)) throw new Error(`${container.name} is not connected to ${network.name}`)
    this.#unplumb(container, network)
    container.endpoints.delete(network.id)
    if (isPlumbed(container)) this.#networkEvent("disconnect", network, { container: container.id })
  }

  /** An event that happens often and means nothing to anchord: `exec_start: …`, `health_status: …`, `top`. */
  noise(ref: string, action: string): void {
    this.#containerEvent(action, this.#container(ref))
  }

  containers(): ReadonlyArray<ContainerSnapshot> {
    return [...this.#containers.values()].toReversed().map((container) => this.#snapshot(container))
  }

  /** By name, full ID, or an unmistakable beginning of one. */
  find(ref: string): ContainerSnapshot | undefined {
    const found = this.#lookUp(ref)
    return found && this.#snapshot(found)
  }

  network(ref: string): NetworkSnapshot | undefined {
    const network = this.#findNetwork(ref)
    if (network === undefined) return undefined
    const { id, name, pools } = network
    const members = [...this.#containers.values()].flatMap((container) => {
      const endpoint = container.endpoints.get(id)
      return endpoint === undefined ? [] : [[container.id, { containerId: container.id, ...endpoint }] as const]
    })
    return { id, name, gateway: gatewaysOf(pools), members: new Map(members) }
  }

  inspect(ref: string): OwnContainer | undefined {
    const container = this.#lookUp(ref)
    if (container === undefined) return undefined
    const attachments = [...container.endpoints].flatMap(([networkId, endpoint]) =>
      endpoint === undefined ? [] : [{ networkId, networkName: this.#network(networkId).name, ...endpoint }]
    )
    return { id: container.id, name: container.name, imageId: container.imageId, attachments }
  }

  /** Calls back once the container is not in the middle of its start: until then the engine does not answer an inspection. */
  whenSettled(ref: string, go: () => void): void {
    const waiting = this.#starting.get(this.#lookUp(ref)?.id ?? "")
    if (waiting === undefined) go()
    else waiting.push(go)
  }

  #addNetwork({ name, driver = "bridge", v4, v6, gateway = {} }: SimNetworkSpec): SimNetwork {
    const pools: SimPools = {
      ...(v4 === undefined ? {} : { v4: makePool("v4", v4, gateway.v4) }),
      ...(v6 === undefined ? {} : { v6: makePool("v6", v6, gateway.v6) })
    }
    const network = { id: this.#newId(), name, driver, pools }
    this.#networks.set(network.id, network)
    return network
  }

  #refuseName(wanted: string): void {
    if ([...this.#containers.values()].some(({ name }) => name === wanted)) {
      throw new Error(`the name ${wanted} is already in use`)
    }
  }

  #snapshot({ id, name, createdAt, status, labels, networkMode, endpoints }: SimContainer): ContainerSnapshot {
    const networks = [...endpoints.keys()].map((networkId) => this.#network(networkId).name)
    return { id, name, createdAt, status, labels, networkMode, networks }
  }

  #lookUp(ref: string): SimContainer | undefined {
    const exact = this.#containers.get(ref) ?? [...this.#containers.values()].find(({ name }) => name === ref)
    if (exact !== undefined || ref === "") return exact
    const beginning = [...this.#containers.values()].filter(({ id }) => id.startsWith(ref))
    return beginning.length === 1 ? beginning[0] : undefined
  }

  #container(ref: string): SimContainer {
    const found = this.#lookUp(ref)
    if (found === undefined) throw new Error(`No such container: ${ref}`)
    return found
  }

  #findNetwork(ref: string): SimNetwork | undefined {
    return this.#networks.get(ref) ?? [...this.#networks.values()].find(({ name }) => name === ref)
  }

  #network(ref: string): SimNetwork {
    const found = this.#findNetwork(ref)
    if (found === undefined) throw new Error(`network ${ref} not found`)
    return found
  }

  #plumb(container: SimContainer, network: SimNetwork): void {
    const pair = takePair(network.pools, container.addresses[network.name])
    container.endpoints.set(network.id, { ...macFor(pair), ...pair })
    this.#networkEvent("connect", network, { container: container.id })
  }

  #unplumb(container: SimContainer, network: SimNetwork): void {
    const endpoint = container.endpoints.get(network.id)
    if (endpoint === undefined) return
    releasePair(network.pools, endpoint)
    container.endpoints.set(network.id, undefined)
    this.#networkEvent("disconnect", network, { container: container.id })
  }

  #halt(container: SimContainer): void {
    container.status = "exited"
    for (const networkId of container.endpoints.keys()) this.#unplumb(container, this.#network(networkId))
  }

  #turn(ref: string, from: ContainerStatus, to: ContainerStatus, action: string): void {
    const container = this.#container(ref)
    if (container.status !== from) throw new Error(`${container.name} is not ${from}`)
    container.status = to
    this.#containerEvent(action, container)
  }

  #containerEvent(action: string, container: SimContainer, more: Readonly<Record<string, string>> = {}): void {
    const attributes = { ...container.labels, image: container.imageId, name: container.name, ...more }
    this.log.append({ type: "container", action, containerId: container.id, attributes })
  }

  #networkEvent(action: string, network: SimNetwork, more: { readonly container?: string } = {}): void {
    const attributes = { ...more, name: network.name, type: network.driver }
    const who = more.container === undefined ? {} : { containerId: more.container }
    this.log.append({ type: "network", action, networkId: network.id, ...who, attributes })
  }

  /** IDs that are the same in every run, and differ in their first characters already. */
  #newId(): string {
    this.#made += 1
    const scattered = BigInt.asUintN(64, BigInt(this.#made) * 0x9e37_79b9_7f4a_7c15n)
    return scattered.toString(16).padStart(16, "0").repeat(4)
  }
}
