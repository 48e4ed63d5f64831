import type { ContainerSnapshot, ContainerStatus, NetworkSnapshot } from "../../domain/DockerState.ts"
import type { Json } from "../../domain/Inspection.ts"
import type { NetworkConfiguration } from "../../domain/ProjectToWrap.ts"
import type { OwnContainer } from "../../services/DockerEngine.ts"
import { configure, disconnect, prepareConnect, requireFirst, resolveNetworks } from "./SimAttachments.ts"
import {
  fixedAddresses,
  inspectionOf,
  isPlumbed,
  joinedRef,
  labelsOf,
  macFor,
  makeContainer,
  networkModeOf,
  type SimContainer
} from "./SimContainer.ts"
import { hostConfigOf, type SimImage } from "./SimContainerConfig.ts"
import { makeEventLog, type SimEventLog } from "./SimEventLog.ts"
import { makeFiles, type SimFiles } from "./SimFiles.ts"
import { releasePair, takePair } from "./SimIpam.ts"
import { configurationOf, makeNetworks, snapshotOf, type SimNetwork } from "./SimNetworks.ts"
import { SimRefusal } from "./SimRefusal.ts"
import { endpointFor, requestOf, type SimContainerSpec, type SimNetworkSpec } from "./SimSpec.ts"

export type { SimContainerSpec, SimNetworkSpec } from "./SimSpec.ts"

/**
 * A Docker engine in memory, with the engine's own rules: networks with address pools, containers with their life cycle, and events in the
 * order in which Docker 26.1 sends them. Every operation happens at once, and throws where the engine would refuse; `now` (nanoseconds
 * since the epoch) stamps what it does, each event later than the one before.
 */
export class SimDocker {
  readonly #now: () => bigint
  #made = 0
  #last = 0n
  /** What the engine has said so far, and who listens to it. */
  readonly log: SimEventLog
  readonly files: SimFiles = makeFiles()
  readonly #images = new Map<string, SimImage>()
  readonly #containers = new Map<string, SimContainer>()
  readonly #networks = makeNetworks(() => this.#newId())
  readonly #starting = new Map<string, Array<() => void>>()

  constructor(now: () => bigint) {
    this.#now = now
    this.log = makeEventLog(now)
  }

  createNetwork(spec: SimNetworkSpec): string {
    if (this.#networks.find(spec.name) !== undefined) throw new Error(`${spec.name} already exists`)
    const network = this.#networks.add(spec)
    this.#networkEvent("create", network)
    return network.id
  }

  removeNetwork(ref: string): void {
    const network = this.#networks.get(ref)
    if (this.network(network.id)?.members.size !== 0) throw new Error(`network ${network.name} has active endpoints`)
    this.#networks.remove(network.id)
    this.#networkEvent("destroy", network)
  }

  addImage(name: string, config: Json, id = this.#newId()): void {
    this.#images.set(name, { id: `sha256:${id}`, config })
  }

  image(name: string): SimImage | undefined {
    return this.#images.get(name) ?? [...this.#images.values()].find(({ id }) => id === name)
  }

  /** `docker create`: no address yet. An image that is not there is made; everything is there to be run. */
  create(spec: SimContainerSpec): string {
    const request = requestOf(spec)
    const image = String(request["Image"])
    if (!this.#images.has(image)) this.addImage(image, {}, image)
    const mode = spec.network ?? "bridge"
    const networks = joinedRef(mode) === undefined ? [mode, ...(spec.also ?? [])] : []
    for (const network of networks) this.#networks.get(network)
    const asked = networks.map((name) => [name, endpointFor(spec.addresses?.[this.#networks.get(name).name])] as const)
    return this.createFrom(spec.name, request, Object.fromEntries(asked))
  }

  /**
   * `POST /containers/create`, with what it asks for on its networks. A `container:<ref>` becomes the ID of what it names now; one that
   * names nothing stays as it is.
   */
  createFrom(name: string, request: Json, endpoints: Readonly<Record<string, Json>> = {}): string {
    const image = this.image(String(request["Image"]))
    if (image === undefined) throw new SimRefusal(404, `No such image: ${String(request["Image"])}`)
    this.#refuseName(name)
    const id = this.#newId()
    const mode = String((request["HostConfig"] as Json | undefined)?.["NetworkMode"] ?? "bridge")
    const joined = joinedRef(mode)
    const resolved = joined === undefined ? mode : `container:${this.#lookUp(joined)?.id ?? joined}`
    const container = makeContainer(
      { id, name, image, request, networkMode: resolved, created: this.#stamp() },
      {
        anonymous: () => {
          const volume = this.#newId()
          this.files.make(volume)
          return volume
        },
        named: (volume) => this.files.make(volume),
        from: (ref) => this.#container(ref).mounts
      }
    )
    for (const [network, wanted] of joined === undefined ? Object.entries({ [mode]: {}, ...endpoints }) : []) {
      configure(container, this.#networks.get(network).id, wanted)
    }
    this.#containers.set(id, container)
    this.#containerEvent("create", container)
    return id
  }

  /** The first half of a start: the endpoints are there and announced, the container does not run yet (300 to 400 ms on a real engine). */
  beginStart(ref: string): void {
    const container = this.#container(ref)
    if (isPlumbed(container) || this.#starting.has(container.id)) throw new Error(`${container.name} runs already`)
    try {
      this.#prepareStart(container)
      container.startError = ""
    } catch (error) {
      container.startError = error instanceof Error ? error.message : String(error)
      throw error
    }
    this.#starting.set(container.id, [])
  }

  #prepareStart(container: SimContainer): void {
    const owner = joinedRef(networkModeOf(container))
    if (owner !== undefined && !isPlumbed(this.#container(owner))) {
      throw new SimRefusal(400, "cannot join network of a non running container")
    }
    if (container.endpoints.size > 0) requireFirst(container, this.#networks)
    resolveNetworks(container, this.#networks)
    const plumbed: Array<string> = []
    try {
      for (const networkId of container.endpoints.keys()) {
        this.#plumb(container, this.#networks.get(networkId))
        plumbed.push(networkId)
      }
    } catch (error) {
      for (const networkId of plumbed) this.#unplumb(container, networkId)
      throw error
    }
  }

  finishStart(ref: string): void {
    const container = this.#container(ref)
    const waiting = this.#starting.get(container.id)
    if (waiting === undefined) throw new Error(`${container.name} is not about to start`)
    this.#starting.delete(container.id)
    container.status = "running"
    container.startedAt = this.#stamp()
    this.#containerEvent("start", container)
    for (const go of waiting) go()
  }

  start(ref: string): void {
    this.beginStart(ref)
    this.finishStart(ref)
  }

  isRunning(ref: string): boolean {
    return isPlumbed(this.#container(ref))
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
    if (container.hostConfig["AutoRemove"] === true) this.remove(container.id)
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

  /** `docker rm`. */
  removeStopped(ref: string): void {
    const container = this.#container(ref)
    if (isPlumbed(container)) throw new SimRefusal(409, `cannot remove container ${container.name}: it is running`)
    this.remove(container.id)
  }

  setRestartPolicy(ref: string, policy: Json): void {
    const container = this.#container(ref)
    container.hostConfig = hostConfigOf(
      { HostConfig: { ...container.hostConfig, RestartPolicy: policy } },
      networkModeOf(container)
    )
    this.#containerEvent("update", container)
  }

  pause(ref: string): void {
    this.#turn(ref, "running", "paused", "pause")
  }

  unpause(ref: string): void {
    this.#turn(ref, "paused", "running", "unpause")
  }

  rename(ref: string, name: string): void {
    const container = this.#container(ref)
    if (container.name === name)
      throw new SimRefusal(400, "Renaming a container with the same name as its current name")
    this.#refuseName(name)
    const oldName = container.name
    container.name = name
    this.#containerEvent("rename", container, { oldName: `/${oldName}` })
  }

  /** `docker network connect`: at once when the container runs, else with its next start. One that fails stays wanted. */
  connect(networkRef: string, ref: string, wanted: Json = {}): void {
    const [network, container] = [this.#networks.get(networkRef), this.#container(ref)]
    const isNew = prepareConnect(container, network, wanted, this.#networks)
    if (isNew && isPlumbed(container)) this.#plumb(container, network)
  }

  /** `docker network disconnect [--force]`; the engine announces it twice when the container runs. */
  disconnect(networkRef: string, ref: string, force = false): void {
    const container = this.#container(ref)
    disconnect(container, networkRef, force, this.#networks, (network) => {
      this.#unplumb(container, network.id)
      this.#networkEvent("disconnect", network, { container: container.id })
    })
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
    const network = this.#networks.find(ref)
    return network && snapshotOf(network, this.#containers.values())
  }

  networkConfiguration(ref: string): NetworkConfiguration | undefined {
    const network = this.#networks.find(ref)
    return network && configurationOf(network, this.#containers.values())
  }

  inspect(ref: string): OwnContainer | undefined {
    const container = this.#lookUp(ref)
    if (container === undefined) return undefined
    const attachments = [...container.endpoints].flatMap(([networkId, endpoint]) =>
      endpoint === undefined ? [] : [{ networkId, networkName: this.#networks.nameOf(networkId), ...endpoint }]
    )
    return { id: container.id, name: container.name, imageId: container.imageId, attachments }
  }

  /** `GET /containers/{id}/json`, in full. */
  inspection(ref: string): Json {
    const container = this.#container(ref)
    const owner = joinedRef(networkModeOf(container))
    const joined = owner === undefined ? undefined : this.#lookUp(owner)
    return inspectionOf(container, this.#networks.nameOf, joined)
  }

  write(ref: string, path: string, text: string): void {
    this.files.write(this.#container(ref), path, text)
  }

  read(ref: string, path: string): string | undefined {
    return this.files.read(this.#container(ref), path)
  }

  /** Calls back once the container is not in the middle of its start: until then the engine does not answer an inspection. */
  whenSettled(ref: string, go: () => void): void {
    const waiting = this.#starting.get(this.#lookUp(ref)?.id ?? "")
    if (waiting === undefined) go()
    else waiting.push(go)
  }

  #refuseName(wanted: string): void {
    if ([...this.#containers.values()].some(({ name }) => name === wanted)) {
      throw new SimRefusal(409, `the name ${wanted} is already in use`)
    }
  }

  #snapshot(container: SimContainer): ContainerSnapshot {
    const { id, name, created, status, endpoints } = container
    return {
      id,
      name,
      createdAt: Number(created / 1_000_000_000n),
      status,
      labels: labelsOf(container),
      networkMode: networkModeOf(container),
      networks: [...endpoints.keys()].map(this.#networks.nameOf)
    }
  }

  /** Later than every time before, as an engine's clock is. */
  #stamp(): bigint {
    const now = this.#now()
    this.#last = now > this.#last ? now : this.#last + 1n
    return this.#last
  }

  #lookUp(ref: string): SimContainer | undefined {
    const exact = this.#containers.get(ref) ?? [...this.#containers.values()].find(({ name }) => name === ref)
    if (exact !== undefined || ref === "") return exact
    const beginning = [...this.#containers.values()].filter(({ id }) => id.startsWith(ref))
    return beginning.length === 1 ? beginning[0] : undefined
  }

  #container(ref: string): SimContainer {
    const found = this.#lookUp(ref)
    if (found === undefined) throw new SimRefusal(404, `No such container: ${ref}`)
    return found
  }

  #plumb(container: SimContainer, network: SimNetwork): void {
    const wanted = container.wanted.get(network.id)
    const pair = takePair(network.pools, fixedAddresses(wanted))
    container.endpoints.set(network.id, { ...macFor(wanted, pair), ...pair })
    container.resolved.add(network.id)
    this.#networkEvent("connect", network, { container: container.id })
  }

  #unplumb(container: SimContainer, networkId: string): void {
    const endpoint = container.endpoints.get(networkId)
    if (endpoint === undefined) return
    const network = this.#networks.get(networkId)
    releasePair(network.pools, endpoint)
    container.endpoints.set(network.id, undefined)
    this.#networkEvent("disconnect", network, { container: container.id })
  }

  #halt(container: SimContainer): void {
    container.status = "exited"
    container.finishedAt = this.#stamp()
    for (const networkId of container.endpoints.keys()) this.#unplumb(container, networkId)
  }

  #turn(ref: string, from: ContainerStatus, to: ContainerStatus, action: string): void {
    const container = this.#container(ref)
    if (container.status !== from) throw new Error(`${container.name} is not ${from}`)
    container.status = to
    this.#containerEvent(action, container)
  }

  #containerEvent(action: string, container: SimContainer, more: Readonly<Record<string, string>> = {}): void {
    const attributes = { ...labelsOf(container), image: container.imageId, name: container.name, ...more }
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
