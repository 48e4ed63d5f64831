import type { ContainerSnapshot, ContainerStatus, NetworkSnapshot } from "../../domain/DockerState.ts"
import type { Json } from "../../domain/Inspection.ts"
import type { NetworkConfiguration } from "../../domain/ProjectToWrap.ts"
import type { OwnContainer } from "../../services/DockerEngine.ts"
import { configure, disconnect, prepareConnect } from "./SimAttachments.ts"
import {
  inspectionOf,
  isPlumbed,
  isRunning,
  joinedRef,
  makeContainer,
  networkModeOf,
  type SimContainer
} from "./SimContainer.ts"
import { hostConfigOf, type SimImage } from "./SimContainerConfig.ts"
import { SimContainers } from "./SimContainers.ts"
import { SimEndpoints } from "./SimEndpoints.ts"
import { type SimEngineEnd, SimEngineEnds } from "./SimEngineEnd.ts"
import { makeEventLog, type SimEventLog } from "./SimEventLog.ts"
import { SimEvents } from "./SimEvents.ts"
import { makeFiles, type SimFiles } from "./SimFiles.ts"
import { SimLifeCycles, type Then } from "./SimLifeCycles.ts"
import { configurationOf, makeNetworks, snapshotOf } from "./SimNetworks.ts"
import { noPlumbing, type SimFoundations, type SimSignal } from "./SimPlumbing.ts"
import { SimRefusal } from "./SimRefusal.ts"
import type { SimRandom } from "./SimSurroundings.ts"
import type { SimTimers } from "./SimTime.ts"
import { endpointFor, requestOf, type SimContainerSpec, type SimNetworkSpec } from "./SimSpec.ts"

export type { SimContainerSpec, SimNetworkSpec } from "./SimSpec.ts"

const thrown: Then = (refused) => {
  if (refused !== undefined) throw refused
}

/**
 * A Docker engine in memory, with the engine's own rules: networks with address pools, containers with their life cycle, and events in the
 * order in which Docker 26.1 sends them. Every operation happens at once, and throws where the engine would refuse; `now` (nanoseconds
 * since the epoch) stamps what it does, each event later than the one before.
 */
export class SimDocker {
  readonly #now: () => bigint
  readonly #foundations: SimFoundations
  #made = 0
  #last = 0n
  /** What the engine has said so far, and who listens to it. */
  readonly log: SimEventLog
  readonly files: SimFiles = makeFiles()
  readonly #images = new Map<string, SimImage>()
  readonly #networks = makeNetworks(() => this.#newId())
  readonly #containers = new SimContainers(this.#networks.nameOf)
  readonly #events: SimEvents
  readonly #endpoints: SimEndpoints
  readonly #lives: SimLifeCycles
  readonly #ends: SimEngineEnds

  constructor(now: () => bigint, foundations: SimFoundations = {}) {
    this.#now = now
    this.#foundations = foundations
    this.log = makeEventLog(now)
    this.#events = new SimEvents(this.log)
    this.#endpoints = new SimEndpoints(this.#networks, this.#events, foundations.plumbing ?? noPlumbing)
    const surroundings = {
      log: this.log,
      containers: this.#containers,
      networks: this.#networks,
      endpoints: this.#endpoints,
      events: this.#events,
      foundations,
      stamp: () => this.#stamp(),
      discard: (container: SimContainer) => this.#discard(container)
    }
    this.#lives = new SimLifeCycles(surroundings)
    this.#ends = new SimEngineEnds(surroundings, this.#lives)
  }

  createNetwork(spec: SimNetworkSpec): string {
    if (this.#networks.find(spec.name) !== undefined) throw new Error(`${spec.name} already exists`)
    const network = this.#networks.add(spec)
    this.#events.network("create", network)
    return network.id
  }

  removeNetwork(ref: string): void {
    const network = this.#networks.get(ref)
    if (network.members.size > 0) throw new Error(`network ${network.name} has active endpoints`)
    this.#networks.remove(network.id)
    this.#events.network("destroy", network)
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
    this.#containers.refuseName(name)
    const id = this.#newId()
    const mode = String((request["HostConfig"] as Json | undefined)?.["NetworkMode"] ?? "bridge")
    const joined = joinedRef(mode)
    const resolved = joined === undefined ? mode : `container:${this.#containers.find(joined)?.id ?? joined}`
    const container = makeContainer(
      { id, name, image, request, networkMode: resolved, created: this.#stamp() },
      {
        anonymous: () => {
          const volume = this.#newId()
          this.files.make(volume)
          return volume
        },
        named: (volume) => this.files.make(volume),
        from: (ref) => this.#containers.get(ref).mounts
      }
    )
    for (const [network, wanted] of joined === undefined ? Object.entries({ [mode]: {}, ...endpoints }) : []) {
      configure(container, this.#networks.get(network).id, wanted)
    }
    this.#containers.add(container)
    this.#events.container("create", container)
    return id
  }

  /** The first half of a start: the endpoints are there and announced, the container does not run yet (300 to 400 ms on a real engine). */
  beginStart(ref: string): void {
    this.#lives.begin(this.#containers.get(ref))
  }

  finishStart(ref: string): void {
    this.#lives.finish(this.#containers.get(ref))
  }

  /** `docker start`; with timers it is through some time later ({@link SimDocker.whenSettled}). */
  start(ref: string): void {
    this.#lives.start(this.#containers.get(ref))
  }

  /** The time that it takes its delays from. */
  get timers(): SimTimers | undefined {
    return this.#foundations.timers
  }

  isRunning(ref: string): boolean {
    return isRunning(this.#containers.get(ref))
  }

  /** `docker run -d`. */
  run(spec: SimContainerSpec): string {
    const id = this.create(spec)
    this.start(id)
    return id
  }

  /** `docker stop`; `then` comes when the container has ended. */
  stop(ref: string, graceSeconds = 10, then: Then = () => {}): void {
    this.#lives.stop(this.#containers.get(ref), graceSeconds, then)
  }

  /** `docker kill`. */
  kill(ref: string, signal: SimSignal = "SIGKILL"): void {
    this.#lives.kill(this.#containers.get(ref), signal)
  }

  /** The main process of the container has ended, by itself or as it was told to. Of one that does not run it is no news. */
  exited(ref: string, exitCode: number): void {
    const container = this.#containers.find(ref)
    if (container === undefined || !isPlumbed(container)) return
    if (this.#ends.notice(container, exitCode)) this.#lives.exited(container, exitCode)
  }

  /** A running container ends by itself. */
  die(ref: string, exitCode = 1): void {
    const container = this.#containers.get(ref)
    if (!isPlumbed(container)) throw new Error(`${container.name} does not run`)
    this.exited(container.id, exitCode)
  }

  /** `docker restart`; `then` comes when the container has started again, or could not. */
  restart(ref: string, graceSeconds = 10, then: Then = thrown): void {
    this.#lives.restart(this.#containers.get(ref), graceSeconds, then)
  }

  /** `docker rm -f`. */
  remove(ref: string, then: Then = () => {}): void {
    const container = this.#containers.get(ref)
    const remove = () => {
      this.#lives.whenEnded(container, () => {
        this.#discard(container)
        then()
      })
      if (isRunning(container)) this.#lives.kill(container, "SIGKILL")
    }
    this.#lives.whenStarted(container, remove)
  }

  /** `docker rm`. */
  removeStopped(ref: string): void {
    const container = this.#containers.get(ref)
    const state = container.status === "running" ? "running" : `${container.status} and must be unpaused first`
    if (isRunning(container)) {
      throw new SimRefusal(409, `cannot remove container "/${container.name}": container is ${state}`)
    }
    this.remove(container.id)
  }

  get isAway(): boolean {
    return this.#ends.isAway
  }

  /** Calls back each time when the engine ends; the answer gives that up. */
  whenAway(listener: () => void): () => void {
    return this.#ends.whenAway(listener)
  }

  /** The engine ends; `then` comes when it has, with what ends with it. */
  end(how: SimEngineEnd, then: () => void = () => {}): void {
    this.#ends.end(how, then)
  }

  /** The engine comes up again, and starts in any order what its policy brings back. */
  begin(random: SimRandom): void {
    this.#ends.begin(random)
  }

  setRestartPolicy(ref: string, policy: Json): void {
    const container = this.#containers.get(ref)
    container.hostConfig = hostConfigOf(
      { HostConfig: { ...container.hostConfig, RestartPolicy: policy } },
      networkModeOf(container)
    )
    this.#events.container("update", container)
  }

  pause(ref: string): void {
    this.#turn(ref, "running", "paused", "pause")
  }

  unpause(ref: string): void {
    this.#turn(ref, "paused", "running", "unpause")
  }

  rename(ref: string, name: string): void {
    const container = this.#containers.get(ref)
    if (container.name === name)
      throw new SimRefusal(400, "Renaming a container with the same name as its current name")
    this.#containers.refuseName(name)
    const oldName = container.name
    this.#containers.rename(container, name)
    this.#events.container("rename", container, { oldName: `/${oldName}` })
  }

  /** `docker network connect`: at once when the container runs, else with its next start. One that fails stays wanted. */
  connect(networkRef: string, ref: string, wanted: Json = {}): void {
    const [network, container] = [this.#networks.get(networkRef), this.#containers.get(ref)]
    const isNew = prepareConnect(container, network, wanted, this.#networks)
    if (!isNew || !isPlumbed(container)) return
    this.#endpoints.plumb(container, network)
    this.#endpoints.appear(container, network)
  }

  /** `docker network disconnect [--force]`; the engine announces it twice when the container runs. */
  disconnect(networkRef: string, ref: string, force = false): void {
    const container = this.#containers.get(ref)
    disconnect(container, networkRef, force, this.#networks, (network) => {
      this.#endpoints.unplumb(container, network.id)
      this.#events.network("disconnect", network, container.id)
    })
  }

  /** An event that happens often and means nothing to anchord: `exec_start: …`, `health_status: …`, `top`. */
  noise(ref: string, action: string): void {
    this.#events.container(action, this.#containers.get(ref))
  }

  /** The newest first. */
  containers(): ReadonlyArray<ContainerSnapshot> {
    return this.#containers.snapshots()
  }

  /** Those of these IDs that are there, the newest first. */
  containersById(ids: ReadonlyArray<string>): ReadonlyArray<ContainerSnapshot> {
    return this.#containers.snapshotsById(ids)
  }

  /** By name, full ID, or an unmistakable beginning of one. */
  find(ref: string): ContainerSnapshot | undefined {
    const found = this.#containers.find(ref)
    return found && this.#containers.snapshotOf(found)
  }

  network(ref: string): NetworkSnapshot | undefined {
    const network = this.#networks.find(ref)
    return network && snapshotOf(network)
  }

  networkConfiguration(ref: string): NetworkConfiguration | undefined {
    const network = this.#networks.find(ref)
    return network && configurationOf(network)
  }

  inspect(ref: string): OwnContainer | undefined {
    const container = this.#containers.find(ref)
    if (container === undefined) return undefined
    const attachments = [...container.endpoints].flatMap(([networkId, endpoint]) =>
      endpoint === undefined ? [] : [{ networkId, networkName: this.#networks.nameOf(networkId), ...endpoint }]
    )
    return { id: container.id, name: container.name, imageId: container.imageId, attachments }
  }

  /** `GET /containers/{id}/json`, in full. */
  inspection(ref: string): Json {
    const container = this.#containers.get(ref)
    const owner = joinedRef(networkModeOf(container))
    const joined = owner === undefined ? undefined : this.#containers.find(owner)
    return inspectionOf(container, this.#networks.nameOf, joined)
  }

  write(ref: string, path: string, text: string): void {
    this.files.write(this.#containers.get(ref), path, text)
  }

  read(ref: string, path: string): string | undefined {
    return this.files.read(this.#containers.get(ref), path)
  }

  /** Calls back once the container is not in the middle of its start: until then the engine does not answer an inspection. */
  whenSettled(ref: string, go: () => void): void {
    const container = this.#containers.find(ref)
    if (container === undefined) go()
    else this.#lives.whenStarted(container, go)
  }

  #discard(container: SimContainer): void {
    if (this.#containers.find(container.id) === undefined) return
    this.#containers.remove(container)
    this.#events.container("destroy", container)
  }

  /** Later than every time before, as an engine's clock is. */
  #stamp(): bigint {
    const now = this.#now()
    this.#last = now > this.#last ? now : this.#last + 1n
    return this.#last
  }

  #turn(ref: string, from: ContainerStatus, to: ContainerStatus, action: string): void {
    const container = this.#containers.get(ref)
    if (container.status !== from) throw new Error(`${container.name} is not ${from}`)
    container.status = to
    container.snapshot = undefined
    this.#events.container(action, container)
  }

  /** IDs that are the same in every run, and differ in their first characters already. */
  #newId(): string {
    this.#made += 1
    const scattered = BigInt.asUintN(64, BigInt(this.#made) * 0x9e37_79b9_7f4a_7c15n)
    return scattered.toString(16).padStart(16, "0").repeat(4)
  }
}
