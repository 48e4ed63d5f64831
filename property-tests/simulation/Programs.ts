import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { families } from "../../src/domain/Address.ts"
import { leaseHeld } from "../../src/layers/observability/DhcpMetrics.ts"
import * as SimNetlink from "../../src/layers/sim/kernel/SimNetlink.ts"
import { SimNftables } from "../../src/layers/sim/kernel/SimNftables.ts"
import type { SimProgram, SimSignal } from "../../src/layers/sim/docker/SimPlumbing.ts"
import { Conntrack } from "../../src/services/Conntrack.ts"
import { ContainerLifecycle } from "../../src/services/ContainerLifecycle.ts"
import { DhcpClient } from "../../src/services/DhcpClient.ts"
import { DockerEngine } from "../../src/services/DockerEngine.ts"
import { NameResolver } from "../../src/services/NameResolver.ts"
import { Netlink } from "../../src/services/Netlink.ts"
import { Nftables } from "../../src/services/Nftables.ts"
import { NETWORK_ANCHOR, roleOf } from "./cast.ts"
import { Endings } from "./Endings.ts"
import { startProcess, type Process, type Services } from "./processes.ts"
import type { Simulation } from "./Simulation.ts"

const serviceOf = <I, S, Others>(tag: Context.Key<I, S>, layer: Layer.Layer<I | Others>): S =>
  Effect.runSync(Effect.provide(Effect.service(tag), layer))

/** The programs of anchord that run in the containers, and what each of them works with. */
export class Programs {
  readonly #sim: Simulation
  readonly #endings: Endings
  /** Those that run, by container ID. */
  readonly running = new Map<string, Process>()
  /** The nft session of each, by container ID. */
  readonly nft = new Map<string, SimNftables>()
  #defect: string | undefined
  #offence: string | undefined

  constructor(sim: Simulation) {
    this.#sim = sim
    this.#endings = new Endings(sim)
  }

  /** What a program has died of that it did not expect. */
  defect(): string | undefined {
    return this.#defect
  }

  /** What a program that has ended has not given back. */
  offence(): string | undefined {
    return this.#offence
  }

  begin(program: SimProgram): void {
    const { excuses, time, dhcp, standing, strangers, history, docker, doings } = this.#sim
    if (program.name === NETWORK_ANCHOR) {
      if (excuses.isLate()) excuses.for("nat", 15_000)
      excuses.touched("nat")
      // A new process knows nothing of what the one before it had; here they share what a module keeps.
      for (const family of families) leaseHeld(family, undefined)
    }
    const process = startProcess(program, time.now(), {
      fork: (main) => time.fork(main),
      after: time.after,
      services: (id) => this.#servicesOf(id),
      log: (name, level, message) => {
        history.note(name, `${level} ${message}`)
        doings.hear(message)
      },
      killed: () => {
        if (program.name === NETWORK_ANCHOR) dhcp.killAll()
      },
      signalled: (id, mode, signal) => this.#endings.signalled(id, mode, signal),
      exited: (id, status, defect) => {
        const ended = this.running.get(id)
        if (ended !== undefined) {
          standing.ended(id, ended.mode, status)
          this.#offence ??= this.#endings.ended(id, ended, status)
        }
        this.running.delete(id)
        if (defect !== undefined) this.#defect ??= `${program.name}: ${defect}`
        if (["running", "paused"].includes(docker.find(id)?.status ?? "")) docker.exited(id, status)
      }
    })
    this.running.set(program.id, process)
    standing.began(program.id, process.mode)
    strangers.began(program.id, process.mode)
  }

  signal(id: string, signal: SimSignal): void {
    const process = this.running.get(id)
    if (process !== undefined) process.signal(signal)
    else this.#sim.docker.exited(id, signal === "SIGTERM" ? 0 : 137)
  }

  #servicesOf(id: string): Context.Context<Services> {
    const { host, api, docker, told, conduct, doings, faults, dhcp, dns } = this.#sim
    const kernel = host.namespaceOf(id)?.kernel
    if (kernel === undefined) throw new Error(`${id} is in no namespace`)
    const nft = new SimNftables(kernel.ruleset)
    const access = api.access()
    const role = roleOf(docker.find(id)?.name ?? "")
    const lifecycle = doings.watch(role, serviceOf(ContainerLifecycle, access.layer))
    this.nft.set(id, nft)
    return Context.mergeAll(
      Context.make(DockerEngine, told.watch(id, serviceOf(DockerEngine, access.layer))),
      Context.make(ContainerLifecycle, conduct.watch(role, lifecycle)),
      Context.make(Netlink, faults.netlink(kernel, serviceOf(Netlink, SimNetlink.layer(kernel.netns)))),
      Context.make(Nftables, faults.nftables(serviceOf(Nftables, nft.layer))),
      Context.make(Conntrack, serviceOf(Conntrack, kernel.conntrack.layer)),
      Context.make(DhcpClient, serviceOf(DhcpClient, dhcp.layer)),
      Context.make(NameResolver, serviceOf(NameResolver, dns.layer(id)))
    )
  }
}
