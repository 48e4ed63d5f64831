import type { AddressPair } from "../../../domain/Address.ts"
import type { ContainerSnapshot, ContainerStatus, NetworkSnapshot } from "../../../domain/DockerState.ts"
import type { Json } from "../../../domain/Inspection.ts"
import type { NetworkConfiguration } from "../../../domain/ProjectToWrap.ts"
import type { OwnContainer } from "../../../services/DockerEngine.ts"
import { configureMissing, disconnect, prepareConnect, refuseToShare } from "./SimAttachments.ts"
import {
  inspectionOf,
  isPlumbed,
  isRunning,
  joinedRef,
  networkModeOf,
  type SimContainer,
  touch
} from "./SimContainer.ts"
import { hostConfigOf, type SimImage } from "./SimContainerConfig.ts"
import { SimCreation } from "./SimCreation.ts"
import { SimContainers } from "./SimContainers.ts"
import { SimEndpoints } from "./SimEndpoints.ts"
import { type SimEngineEnd, SimEngineEnds } from "./SimEngineEnd.ts"
import { makeEventLog, type SimEventLog } from "./SimEventLog.ts"
import { SimEvents } from "./SimEvents.ts"
import type { SimFiles } from "./SimFiles.ts"
import { SimLifeCycles, type Then } from "./SimLifeCycles.ts"
import { nameRecords } from "./SimNameRecords.ts"
import { configurationOf, makeNetworks, snapshotOf } from "./SimNetworks.ts"
import { noPlumbing, type SimFoundations, type SimSignal } from "./SimPlumbing.ts"
import { SimRefusal } from "./SimRefusal.ts"
import type { SimRandom } from "./SimSurroundings.ts"
import type { SimTimers } from "../SimTime.ts"
import type { SimContainerSpec, SimNetworkSpec } from "./SimSpec.ts"

export type { SimContainerSpec, SimNetworkSpec } from "./SimSpec.ts"

const thrown: Then = (refused) => {
  if (refused !== undefined) throw refused
}

/**
 * A Docker engine in memory, with the engine's own rules: networks with address pools, containers with their life cycle, and events in the
 * order in which Docker 26.1 sends them. An operation throws where the engine would refuse it. What takes time takes it from the timers of
 * its foundations, and happens at once without them; `now` (nanoseconds since the epoch) stamps what it does, each event later than the one
 * before.
 */
export class SimDocker {
  readonly #now: () => bigint
  readonly #foundations: SimFoundations
  #made = 0
  #last = 0n
  /** What the engine has said so far, and who listens to it. */
  readonly log: SimEventLog
  readonly #networks = makeNetworks(() => this.#newId())
  readonly #containers = new SimContainers(this.#networks.nameOf)
  readonly #events: SimEvents
  readonly #endpoints: SimEndpoints
  readonly #creation: SimCreation
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
      newId: () => this.#newId(),
      discard: (container: SimContainer) => this.#discard(container)
    }
    this.#creation = new SimCreation(surroundings)
    this.#lives = new SimLifeCycles(surroundings)
    this.#ends = new SimEngineEnds(surroundings, this.#lives)
  }

  createNetwork(spec: SimNetworkSpec): string {
    if (this.#networks.named(spec.name)) throw new SimRefusal(409, `network with name ${spec.name} already exists`)
    const network = this.#networks.add(spec)
    this.#events.network("create", network)
    return network.id
  }

  removeNetwork(ref: string): void {
    const network = this.#networks.get(ref)
    const refused = (why: string) => new SimRefusal(403, why)
    if (["bridge", "host", "none"].includes(network.name)) {
      throw refused(`${network.name} is a pre-defined network and cannot be removed`)
    }
    if (network.members.size > 0) {
      throw refused(`error while removing network: network ${network.name} id ${network.id} has active endpoints`)
    }
    this.#networks.remove(network.id)
    this.#events.network("destroy", network)
  }

  addImage(name: string, config: Json, id = this.#newId()): void {
    this.#creation.addImage(name, config, id)
  }

  image(name: string): SimImage | undefined {
    return this.#creation.image(name)
  }

  /** `docker create`: no address yet. An image that is not there is made; everything is there to be run. */
  create(spec: SimContainerSpec): string {
    return this.#creation.create(spec)
  }

  /** `POST /containers/create`, with what it asks for on its networks. */
  createFrom(name: string, request: Json, endpoints: Readonly<Record<string, Json>> = {}): string {
    return this.#creation.from(name, request, endpoints)
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
    if (container.hostConfig["AutoRemove"] === true && !["no", "", undefined].includes(policy["Name"] as string)) {
      throw new SimRefusal(409, "Restart policy cannot be updated because AutoRemove is enabled for the container")
    }
    touch(container)
    container.hostConfig = hostConfigOf(
      { HostConfig: { ...container.hostConfig, RestartPolicy: policy } },
      networkModeOf(container)
    )
    this.#events.container("update", container)
  }

  pause(ref: string): void {
    const container = this.#containers.get(ref)
    if (!isRunning(container)) throw new SimRefusal(409, `Container ${container.id} is not running`)
    if (container.status !== "running") throw new SimRefusal(409, `Container ${ref} is ${container.status}`)
    this.#turn(container, "paused", "pause")
  }

  unpause(ref: string): void {
    const container = this.#containers.get(ref)
    if (container.status !== "paused") throw new SimRefusal(500, `Container ${container.id} is not paused`)
    this.#turn(container, "running", "unpause")
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
    const container = this.#containers.get(ref)
    if (!isRunning(container) && this.#networks.find(networkRef) === undefined) {
      return configureMissing(container, networkRef, wanted, this.#networks)
    }
    refuseToShare(container)
    const network = this.#networks.get(networkRef)
    const isNew = prepareConnect(container, network, wanted, this.#networks)
    if (!isNew || !isPlumbed(container)) return
    this.#endpoints.plumb(container, network)
    this.#endpoints.appear(container, network)
  }

  /** `docker network disconnect [--force]`; the engine announces it twice when the container runs. */
  disconnect(networkRef: string, ref: string, force = false): void {
    const container = this.#containers.get(ref)
    disconnect(container, networkRef, force, this.#networks, {
      unplumb: (network) => this.#endpoints.unplumb(container, network.id),
      announce: (network) => this.#events.network("disconnect", network, container.id)
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

  /** What Docker's name server answers inside of a container; nothing where there is none. */
  lookUp(ref: string, hostname: string): ReadonlyArray<AddressPair> | undefined {
    const asking = this.#containers.find(ref)
    return asking && nameRecords(asking, hostname, this.#containers, this.#networks)
  }

  /** `GET /containers/{id}/json`, in full. */
  inspection(ref: string): Json {
    const container = this.#containers.get(ref)
    const owner = joinedRef(networkModeOf(container))
    const joined = owner === undefined ? undefined : this.#containers.find(owner)
    return inspectionOf(container, this.#networks.nameOf, joined)
  }

  get files(): SimFiles {
    return this.#creation.files
  }

  write(ref: string, path: string, text: string): void {
    this.files.write(this.#containers.get(ref), path, text)
  }

  read(ref: string, path: string): string | undefined {
    return this.files.read(this.#containers.get(ref), path)
  }

  /** Why the last start of a container failed; empty when it did not. */
  startError(ref: string): string {
    return this.#containers.find(ref)?.startError ?? ""
  }

  /** Calls back once the container is not in the middle of its start: until then the engine does not answer an inspection. */
  whenSettled(ref: string, go: () => void): void {
    const container = this.#containers.find(ref)
    if (container === undefined) go()
    else this.#lives.whenStarted(container, go)
  }

  #discard(container: SimContainer): void {
    if (this.#containers.find(container.id) === undefined) return
    // Whoever waited for its end may have begun its next start.
    if (this.#lives.isStarting(container)) this.#lives.callOff(container)
    this.#containers.remove(container)
    this.#events.container("destroy", container)
  }

  /** Later than every time before, as an engine's clock is. */
  #stamp(): bigint {
    const now = this.#now()
    this.#last = now > this.#last ? now : this.#last + 1n
    return this.#last
  }

  #turn(container: SimContainer, status: ContainerStatus, action: string): void {
    container.status = status
    touch(container)
    this.#events.container(action, container)
  }

  /** IDs that are the same in every run, and differ in their first characters already. */
  #newId(): string {
    this.#made += 1
    const scattered = BigInt.asUintN(64, BigInt(this.#made) * 0x9e37_79b9_7f4a_7c15n)
    return scattered.toString(16).padStart(16, "0").repeat(4)
  }
}
