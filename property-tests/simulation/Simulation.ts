import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { families, type AddressPair, type Family } from "../../src/domain/Address.ts"
import type { ContainerSnapshot, DockerEvent } from "../../src/domain/DockerState.ts"
import { SimDhcp } from "../../src/layers/sim/lan/SimDhcp.ts"
import { SimDns } from "../../src/layers/sim/lan/SimDns.ts"
import { SimDocker } from "../../src/layers/sim/docker/SimDocker.ts"
import { apiOf, type SimDockerEngine } from "../../src/layers/sim/docker/SimDockerEngine.ts"
import { SimHost, type SimNamespace } from "../../src/layers/sim/lan/SimHost.ts"
import type { SimKernel } from "../../src/layers/sim/kernel/SimKernel.ts"
import { makeLan, type SimLan } from "../../src/layers/sim/lan/SimLan.ts"
import type { SimRandom } from "../../src/layers/sim/kernel/SimNat.ts"
import { SimTime } from "../../src/layers/sim/SimTime.ts"
import { build } from "./building.ts"
import { DMZ, NETWORK_ANCHOR, type Casting } from "./cast.ts"
import { Claims } from "./Claims.ts"
import { Composing } from "./Composing.ts"
import { Conduct } from "./Conduct.ts"
import { Connections } from "./Connections.ts"
import { Deserted } from "./Deserted.ts"
import { Doings } from "./Doings.ts"
import { Excuses } from "./excuses.ts"
import { Faults, UNTIL_POLL } from "./Faults.ts"
import { History } from "./History.ts"
import type { Process } from "./processes.ts"
import { Programs } from "./Programs.ts"
import { Standing } from "./Standing.ts"
import { Strangers } from "./Strangers.ts"
import { Told } from "./Told.ts"
import { askersOf, candidatesAmong, portsOf } from "./truth.ts"
import { Violation } from "./Violation.ts"

/** Somewhere in 2026; only differences of times matter. */
const EPOCH_MILLIS = 1_790_000_000_000

const ANCHORD_IMAGE = "anchord"

const randomFrom = (seed: number): SimRandom => {
  const random = Effect.runSync(Effect.service(Random.Random).pipe(Random.withSeed(seed)))
  return { next: () => random.nextDoubleUnsafe() }
}

/** A whole host with the real programs in its containers, from one cast; nothing in it is random, and its time is virtual. */
export class Simulation {
  readonly casting: Casting
  readonly time = new SimTime(EPOCH_MILLIS)
  readonly history = new History(() => this.time.now() - EPOCH_MILLIS)
  readonly excuses = new Excuses(this.time.now)
  readonly docker: SimDocker
  readonly api: SimDockerEngine
  readonly lan: SimLan
  readonly host: SimHost
  readonly dhcp = new SimDhcp()
  readonly dns: SimDns
  readonly faults = new Faults(this)
  /** Chance in the world itself: in which order an engine starts what ran before. */
  readonly random: SimRandom
  readonly connections = new Connections(this)
  readonly claims = new Claims(this)
  readonly deserted = new Deserted(this)
  readonly conduct = new Conduct(this)
  readonly doings = new Doings(this)
  readonly strangers = new Strangers(this)
  readonly standing = new Standing(this)
  readonly told: Told
  /** The IDs of containers that their restart policy is about to start. */
  readonly #restarting = new Set<string>()
  readonly programs = new Programs(this)
  /** Those that run, by container ID. */
  readonly processes: ReadonlyMap<string, Process> = this.programs.running
  readonly composing: Composing
  /** The containers that are to be there, by name. */
  readonly expected: ReadonlySet<string>
  #port = 20_000

  constructor(casting: Casting) {
    this.casting = casting
    this.random = randomFrom(casting.chance)
    this.lan = makeLan(this.time)
    this.host = new SimHost(this.lan, this.time, (id) => this.#sysctlsOf(id))
    this.docker = new SimDocker(this.time.nowNanos, {
      plumbing: this.host,
      timers: this.time,
      obstacle: this.faults.obstacle,
      processes: {
        started: (program) => program.image.includes(ANCHORD_IMAGE) && this.programs.begin(program),
        signal: (id, signal) => this.programs.signal(id, signal)
      }
    })
    this.api = apiOf(this.docker)
    this.told = new Told(this.docker)
    this.composing = new Composing(this)
    this.expected = this.composing.expected
    this.dns = new SimDns(this.docker, this.random)
    this.faults.watchEvents()
    this.docker.log.listen((event) => {
      const { type, action, attributes, containerId } = event
      if (this.excuses.isLate()) for (const subject of this.concernedBy(event)) this.excuses.touched(subject)
      if (type === "network" && action === "destroy") this.host.forgetNetwork(event.networkId ?? "")
      if (type === "network") this.claims.membersChanged()
      if (type === "container") this.claims.containerChanged(event)
      if (type === "container") this.composing.noteEvent(event)
      if (type === "container") this.doings.noteEvent(event)
      if (action === "die" && this.docker.find(containerId ?? "")?.status === "restarting")
        this.#restarting.add(containerId ?? "")
      const askers = askersOf(this.docker, casting)
      this.claims.dockerChanged(askers)
      this.connections.dockerChanged(candidatesAmong(askers))
      this.history.note("docker", `${type} ${action} ${attributes["name"] ?? ""}`)
    })
    build(this, ANCHORD_IMAGE)
  }

  /** Lets everything happen that does not wait, and then so much time pass. */
  pass(millis: number): void {
    this.time.advance(millis)
    this.#excuseSilence()
    this.strangers.settle()
    const defect = this.programs.defect()
    if (defect !== undefined) throw new Violation(`a defect in anchord: ${defect}`)
    const offence = this.conduct.offence() ?? this.doings.offence() ?? this.programs.offence()
    if (offence !== undefined) throw new Violation(offence)
  }

  /** Those that join the namespace of a container, and those that join theirs, whether or not that is there. */
  dependentsOf(id: string): ReadonlyArray<ContainerSnapshot> {
    const direct = this.docker.containers().filter(({ networkMode }) => networkMode === `container:${id}`)
    return direct.flatMap((one) => [one, ...this.dependentsOf(one.id)])
  }

  /** Docker tells nobody when a restart policy gives up, because the container cannot be started any more: that is seen by the poll. */
  #excuseSilence(): void {
    for (const containerId of this.#restarting) {
      const status = this.docker.find(containerId)?.status
      if (status === "restarting") continue
      this.#restarting.delete(containerId)
      if (status !== "exited") continue
      for (const subject of this.concernedBy({ containerId, attributes: {} })) this.excuses.for(subject, UNTIL_POLL)
    }
  }

  /**
   * What is concerned by what happens to a container: it, those in its namespace, and the ports that they ask for; but not its own, where only
   * its running is meant and it has endpoints of its own.
   */
  concernedBy(
    { containerId, attributes }: Pick<DockerEvent, "containerId" | "attributes">,
    running = false
  ): ReadonlyArray<string> {
    if (containerId === undefined) return []
    const known = this.docker.find(containerId)
    const isApart = running && known !== undefined && !known.networkMode.startsWith("container:")
    const labels = [
      isApart ? {} : (known?.labels ?? attributes),
      ...this.dependentsOf(containerId).map((one) => one.labels)
    ]
    return [
      containerId,
      ...this.dependentsOf(containerId).map(({ id }) => id),
      ...labels.flatMap(portsOf).map(({ protocol, port }) => `port:${protocol}/${port}`)
    ]
  }

  idOf(name: string): string | undefined {
    return this.docker.find(name)?.id
  }

  namespace(name: string): SimNamespace | undefined {
    const id = this.idOf(name)
    return id === undefined ? undefined : this.host.namespaceOf(id)
  }

  process(name: string): Process | undefined {
    return this.processes.get(this.idOf(name) ?? "")
  }

  /** The link of a namespace on one network. */
  linkOn(name: string, networkName: string): string | undefined {
    return [...(this.namespace(name)?.links ?? [])].find(([, network]) => network.name === networkName)?.[0]
  }

  /** What the project is reached by on the LAN at this moment. */
  external(): AddressPair {
    const link = this.linkOn(NETWORK_ANCHOR, DMZ)
    const addresses = this.namespace(NETWORK_ANCHOR)?.kernel.netns.addresses() ?? []
    const pair: { -readonly [F in Family]?: string } = {}
    for (const family of families) {
      const all = addresses.filter((one) => one.link === link && one.family === family && one.scope === "global")
      const address = all.at(-1)?.address
      if (address !== undefined) pair[family] = address
    }
    return pair
  }

  /** A source port that no client has used for long. */
  nextSourcePort(): number {
    this.#port = this.#port >= 60_000 ? 20_000 : this.#port + 1
    return this.#port
  }

  /** The name of the container that a namespace belongs to, for a person. */
  nameOf(kernel: SimKernel): string {
    const owner = this.host.ownerOf(kernel)
    return owner === undefined ? kernel.name : (this.docker.find(owner)?.name ?? kernel.name)
  }

  /** The main process ends by itself. */
  crash(name: string): void {
    const process = this.process(name)
    if (process === undefined) this.docker.exited(name, 1)
    else process.signal("SIGKILL")
  }

  /** `docker rm -f`. */
  remove(name: string, then: () => void = () => {}): void {
    this.docker.remove(name, then)
  }

  #sysctlsOf(id: string): Readonly<Record<string, string>> {
    const host = this.docker.inspection(id)["HostConfig"] as { readonly Sysctls?: Readonly<Record<string, string>> }
    return host.Sysctls ?? {}
  }
}
