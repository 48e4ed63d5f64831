import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Layer from "effect/Layer"
import { families, type AddressPair, type Family } from "../../src/domain/Address.ts"
import { SimDhcp } from "../../src/layers/sim/SimDhcp.ts"
import { SimDocker } from "../../src/layers/sim/SimDocker.ts"
import { apiOf, type SimDockerEngine } from "../../src/layers/sim/SimDockerEngine.ts"
import { SimCompose } from "../../src/layers/sim/SimCompose.ts"
import { SimDns } from "../../src/layers/sim/SimDns.ts"
import type { SimProject } from "../../src/layers/sim/SimProject.ts"
import { SimHost, type SimNamespace } from "../../src/layers/sim/SimHost.ts"
import type { SimKernel } from "../../src/layers/sim/SimKernel.ts"
import { LAN, makeLan, type SimLan } from "../../src/layers/sim/SimLan.ts"
import type { ContainerSnapshot, DockerEvent } from "../../src/domain/DockerState.ts"
import * as SimNetlink from "../../src/layers/sim/SimNetlink.ts"
import type { SimRandom } from "../../src/layers/sim/SimNat.ts"
import { SimNftables } from "../../src/layers/sim/SimNftables.ts"
import type { SimProgram, SimSignal } from "../../src/layers/sim/SimPlumbing.ts"
import { SimTime } from "../../src/layers/sim/SimTime.ts"
import { Conntrack } from "../../src/services/Conntrack.ts"
import { ContainerLifecycle } from "../../src/services/ContainerLifecycle.ts"
import { DhcpClient } from "../../src/services/DhcpClient.ts"
import { DockerEngine } from "../../src/services/DockerEngine.ts"
import { NameResolver } from "../../src/services/NameResolver.ts"
import { Netlink } from "../../src/services/Netlink.ts"
import { Nftables } from "../../src/services/Nftables.ts"
import { serveLeases } from "./leases.ts"
import {
  ADVERTISED_EACH,
  composeProject,
  containerOf,
  DMZ,
  NETWORK_ANCHOR,
  networks,
  roleOf,
  roles,
  rolesOf,
  type Casting,
  type Role
} from "./cast.ts"
import { Endings } from "./Endings.ts"
import { Excuses } from "./excuses.ts"
import { Conduct, lastingName } from "./Conduct.ts"
import { Connections } from "./Connections.ts"
import { Faults, UNTIL_POLL } from "./Faults.ts"
import { History } from "./History.ts"
import { startProcess, type Process, type Services } from "./processes.ts"
import { Strangers } from "./Strangers.ts"
import { Standing } from "./Standing.ts"
import { Told } from "./Told.ts"
import { Violation } from "./Violation.ts"
import { portsOf } from "./truth.ts"

/** Somewhere in 2026; only differences of times matter. */
const EPOCH_MILLIS = 1_790_000_000_000

const ANCHORD_IMAGE = "anchord"

const serviceOf = <I, S, Others>(tag: Context.Key<I, S>, layer: Layer.Layer<I | Others>): S =>
  Effect.runSync(Effect.provide(Effect.service(tag), layer))

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
  readonly conduct = new Conduct(this)
  readonly strangers = new Strangers(this)
  /** Whether Compose is at work: nobody runs it twice at a time. */
  isComposing = false
  /** Whether it is about to remove the whole project: what anchord makes anew meanwhile need not stay. */
  #isGoingDown = false
  /** The containers that are to be there, by name. */
  readonly expected = new Set<string>()
  readonly standing = new Standing(this)
  readonly told: Told
  /** The IDs of containers that their restart policy is about to start. */
  readonly #restarting = new Set<string>()
  /** By container ID. */
  readonly processes = new Map<string, Process>()
  readonly nft = new Map<string, SimNftables>()
  readonly #operator: Layer.Layer<DockerEngine | ContainerLifecycle>
  readonly #project: SimProject
  #port = 20_000
  readonly #endings = new Endings(this)
  #defect: string | undefined
  #offence: string | undefined

  constructor(casting: Casting) {
    this.casting = casting
    this.random = randomFrom(casting.chance)
    this.lan = makeLan(this.time)
    this.host = new SimHost(this.lan, this.time, (id) => this.#sysctlsOf(id))
    this.docker = new SimDocker(this.time.nowNanos, {
      plumbing: this.host,
      timers: this.time,
      processes: {
        started: (program) => program.image.includes(ANCHORD_IMAGE) && this.#begin(program),
        signal: (id, signal) => this.#signal(id, signal)
      }
    })
    this.api = apiOf(this.docker)
    this.told = new Told(this.docker)
    this.#operator = apiOf(this.docker).access().layer
    this.#project = composeProject(casting)
    this.dns = new SimDns(this.docker, this.random)
    this.faults.watchEvents()
    this.docker.log.listen((event) => {
      const { type, action, attributes, containerId } = event
      if (this.excuses.isLate()) for (const subject of this.concernedBy(event)) this.excuses.touched(subject)
      if (type === "network" && action === "destroy") this.host.forgetNetwork(event.networkId ?? "")
      if (type === "container") this.#noteExpected(event)
      if (action === "die" && this.docker.find(containerId ?? "")?.status === "restarting")
        this.#restarting.add(containerId ?? "")
      this.connections.dockerChanged()
      this.history.note("docker", `${type} ${action} ${attributes["name"] ?? ""}`)
    })
    this.#build()
  }

  /** Lets everything happen that does not wait, and then so much time pass. */
  pass(millis: number): void {
    this.time.advance(millis)
    this.#excuseSilence()
    this.strangers.settle()
    if (this.#defect !== undefined) throw new Violation(`a defect in anchord: ${this.#defect}`)
    const offence = this.conduct.offence() ?? this.#offence
    if (offence !== undefined) throw new Violation(offence)
  }

  /** Those that join the namespace of a container, whether or not that is there. */
  dependentsOf(id: string): ReadonlyArray<ContainerSnapshot> {
    return this.docker.containers().filter(({ networkMode }) => networkMode === `container:${id}`)
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

  /** Whoever was created is to be there until somebody removes it who is not anchord. */
  #noteExpected({ action, containerId = "", attributes }: DockerEvent): void {
    const name = lastingName(attributes["name"] ?? "")
    if (roleOf(name) === undefined) return
    const isUnwanted = this.#isGoingDown && this.isInComposeFile(name)
    if (!isUnwanted && (action === "create" || action === "rename")) this.expected.add(name)
    if (action !== "destroy" || this.conduct.removed(containerId) !== undefined) return
    const isLast = this.docker.containers().every((other) => lastingName(other.name) !== name)
    if (isLast || name === attributes["name"]) this.expected.delete(name)
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

  isInComposeFile(name: string): boolean {
    return name in this.#project.services
  }

  /** An operator who wants to remove what anchord has removed a moment before does not expect it any more. */
  #removing(real: ContainerLifecycle["Service"]): ContainerLifecycle["Service"] {
    const gone = (ref: string) => Effect.sync(() => void this.expected.delete(this.conduct.removed(ref) ?? ""))
    return {
      ...real,
      remove: (ref) =>
        Effect.tapError(real.remove(ref), ({ reason }) => (reason === "not-found" ? gone(ref) : Effect.void))
    }
  }

  /** Somebody runs Compose on the project, and is told when it fails. What goes wrong between anchord and the engine does not reach Compose. */
  compose(use: (compose: SimCompose) => ReturnType<SimCompose["up"]>, isDown = false): void {
    const told = (message: string) => Effect.sync(() => this.history.note("operator", `refused: ${message}`))
    this.isComposing = true
    this.#isGoingDown = isDown
    if (isDown) for (const name of Object.keys(this.#project.services)) this.expected.delete(name)
    this.time.fork(
      use(new SimCompose(this.docker, this.#project)).pipe(
        Effect.catch(({ message }) => told(message)),
        Effect.ensuring(
          Effect.sync(() => {
            this.isComposing = false
            this.#isGoingDown = false
          })
        ),
        Effect.updateService(ContainerLifecycle, (real) => this.#removing(real)),
        Effect.provide(this.#operator)
      )
    )
  }

  createNetwork(name: string): void {
    const spec = networks.find((one) => one.name === name)
    if (spec !== undefined) this.docker.createNetwork(spec)
  }

  /** Routers advertise themselves again and again (RFC 4861 §6.2.4). */
  #advertiseAgain(): void {
    this.advertise(true)
    this.time.after(ADVERTISED_EACH, () => this.#advertiseAgain())
  }

  /**
   * The router advertises itself, and the kernel of the network-anchor's namespace sets its default route, or with a lifetime of 0 takes it away.
   * For the time without one there is no way out by IPv6.
   */
  advertise(lives: boolean): void {
    const [netns, link] = [this.namespace(NETWORK_ANCHOR)?.kernel.netns, this.linkOn(NETWORK_ANCHOR, DMZ)]
    if (netns === undefined || link === undefined) return
    const present = netns.defaultRoutes("v6").find(({ protocol }) => protocol === "ra")
    const route = { family: "v6", gateway: LAN.advertiser, link, protocol: "ra", metric: 1024 } as const
    if (lives && present === undefined) netns.add(route)
    if (!lives && present !== undefined) netns.apply({ _tag: "Delete", route: present })
  }

  create(name: string): void {
    const role = roles.find((one) => one.name === name)
    if (role === undefined) throw new Error(`nobody is called ${name}`)
    this.docker.create(containerOf(role, this.casting))
  }

  #build(): void {
    this.docker.addImage(ANCHORD_IMAGE, { Entrypoint: ["tini", "--", "anchord"] }, ANCHORD_IMAGE)
    this.docker.addImage("application", {}, "application")
    for (const network of networks) this.docker.createNetwork(network)
    const [anchor, ...others] = rolesOf(this.casting).filter(({ name }) => !this.isInComposeFile(name))
    const start = ({ name }: Role) => {
      this.create(name)
      this.docker.start(name)
      this.pass(400)
    }
    if (anchor !== undefined) start(anchor)
    this.compose((compose) => compose.up())
    this.pass(1_500)
    for (const other of others) start(other)
    if (this.casting.addressMode === "dhcp-refresh") serveLeases(this, 0)
    if (this.casting.addressMode === "slaac-ra-only") this.#advertiseAgain()
    this.pass(4_000)
  }

  #sysctlsOf(id: string): Readonly<Record<string, string>> {
    const host = this.docker.inspection(id)["HostConfig"] as { readonly Sysctls?: Readonly<Record<string, string>> }
    return host.Sysctls ?? {}
  }

  #begin(program: SimProgram): void {
    if (program.name === NETWORK_ANCHOR) {
      if (this.excuses.isLate()) this.excuses.for("nat", 15_000)
      this.excuses.touched("nat")
    }
    const process = startProcess(program, this.time.now(), {
      fork: (main) => this.time.fork(main),
      after: this.time.after,
      services: (id) => this.#servicesOf(id),
      log: (name, level, message) => this.history.note(name, `${level} ${message}`),
      killed: () => {
        if (program.name === NETWORK_ANCHOR) this.dhcp.killAll()
      },
      signalled: (id, mode, signal) => this.#endings.signalled(id, mode, signal),
      exited: (id, status, defect) => {
        const ended = this.processes.get(id)
        if (ended !== undefined) {
          this.standing.ended(id, ended.mode, status)
          this.#offence ??= this.#endings.ended(id, ended, status)
        }
        this.processes.delete(id)
        if (defect !== undefined) this.#defect ??= `${program.name}: ${defect}`
        if (["running", "paused"].includes(this.docker.find(id)?.status ?? "")) this.docker.exited(id, status)
      }
    })
    this.processes.set(program.id, process)
    this.standing.began(program.id, process.mode)
  }

  #signal(id: string, signal: SimSignal): void {
    const process = this.processes.get(id)
    if (process !== undefined) process.signal(signal)
    else this.docker.exited(id, signal === "SIGTERM" ? 0 : 137)
  }

  #servicesOf(id: string): Context.Context<Services> {
    const kernel = this.host.namespaceOf(id)?.kernel
    if (kernel === undefined) throw new Error(`${id} is in no namespace`)
    const nft = new SimNftables(kernel.ruleset)
    const access = this.api.access()
    const role = roleOf(this.docker.find(id)?.name ?? "")
    this.nft.set(id, nft)
    return Context.mergeAll(
      Context.make(DockerEngine, this.told.watch(id, serviceOf(DockerEngine, access.layer))),
      Context.make(ContainerLifecycle, this.conduct.watch(role, serviceOf(ContainerLifecycle, access.layer))),
      Context.make(Netlink, this.faults.netlink(serviceOf(Netlink, SimNetlink.layer(kernel.netns)))),
      Context.make(Nftables, this.faults.nftables(serviceOf(Nftables, nft.layer))),
      Context.make(Conntrack, serviceOf(Conntrack, kernel.conntrack.layer)),
      Context.make(DhcpClient, serviceOf(DhcpClient, this.dhcp.layer)),
      Context.make(NameResolver, serviceOf(NameResolver, this.dns.layer(id)))
    )
  }
}
