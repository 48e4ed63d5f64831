import type { Family } from "../../src/domain/Address.ts"
import { tupleKey } from "../../src/layers/sim/SimFlow.ts"
import type { SimKernel } from "../../src/layers/sim/SimKernel.ts"
import { LAN } from "../../src/layers/sim/SimLan.ts"
import { exchange, type SimPacket, type Walk } from "../../src/layers/sim/SimWalker.ts"
import { NETWORK_ANCHOR } from "./cast.ts"
import type { Simulation } from "./Simulation.ts"
import { Violation } from "./Violation.ts"
import { ownerOf, outsidePorts } from "./truth.ts"

interface Connection {
  readonly packet: SimPacket
  readonly client: SimKernel
  /** Through whom, and to whom. */
  readonly anchor: SimKernel
  readonly backend: SimKernel
  /** When the client has sent the last time. */
  readonly spoke: number
}

/** A UDP client that is silent for longer may find its flow expired (nf_conntrack_udp_timeout). */
const SILENCE_MILLIS = 29_000

/** The connections that clients on the LAN keep open: they must not notice what happens to others (SPEC §7). */
export class Connections {
  readonly #sim: Simulation
  #open: ReadonlyArray<Connection> = []

  constructor(sim: Simulation) {
    this.#sim = sim
  }

  /** A client connects to one of the ports, if somebody has it. */
  open(index: number, port: number, family: Family): void {
    const [sim, outside] = [this.#sim, outsidePorts[port % outsidePorts.length]]
    const [client, destination] = [sim.lan.clients[index], sim.external()[family]]
    const anchor = sim.namespace(NETWORK_ANCHOR)?.kernel
    if (client === undefined || destination === undefined || anchor === undefined || outside === undefined) return
    const { protocol, port: destinationPort } = outside
    const source = LAN.clients[index === 0 ? 0 : 1][family]
    const packet = { family, protocol, source, sourcePort: sim.nextSourcePort(), destination, destinationPort }
    const { there, answered } = exchange(client, packet)
    if (there._tag === "Lost" || !answered || there.kernel === anchor) return
    this.#open = [...this.#open, { packet, client, anchor, backend: there.kernel, spoke: sim.time.now() }]
  }

  /** Every connection to a container that still has its port goes on. Those whose backend or network-anchor is gone are over. */
  check(): void {
    this.#open = this.#open.filter((connection) => this.#isUp(connection)).map((connection) => this.#speak(connection))
  }

  #isUp({ packet: { family, protocol, destination }, anchor, backend, spoke }: Connection): boolean {
    const { time } = this.#sim
    const isSilent = spoke === Number.NEGATIVE_INFINITY || (protocol === "udp" && time.now() - spoke > SILENCE_MILLIS)
    return anchor.alive && backend.alive && !isSilent && this.#sim.external()[family] === destination
  }

  #ownerOf({ packet: { family, protocol, destinationPort: port } }: Connection) {
    const { docker, casting, host } = this.#sim
    const owner = ownerOf(docker, casting, { family, protocol, port })
    return owner === undefined
      ? undefined
      : { name: owner.owner.name, kernel: host.namespaceOf(owner.owner.id)?.kernel }
  }

  /** The client sends once more. Whoever is not asked any more may lose the connection, and then has lost it for good. */
  #speak(connection: Connection): Connection {
    const { packet, client, anchor, backend } = connection
    const owner = this.#ownerOf(connection)
    if (owner?.kernel !== backend) return { ...connection, spoke: Number.NEGATIVE_INFINITY }
    const what = `the connection from ${packet.source}:${packet.sourcePort} to ${packet.protocol}/${packet.destinationPort} of ${owner.name}`
    if (anchor.conntrack.find(tupleKey(packet.protocol, packet)) === undefined)
      throw new Violation(`${what} was deleted`)
    const { there } = exchange(client, packet)
    if (there.kernel !== backend) throw new Violation(`${what} comes out at ${this.#sim.nameOf(there.kernel)}`)
    return { ...connection, spoke: this.#sim.time.now() }
  }

  /** Takes what one packet has left behind out of the tables that it went through, as if it had never been. */
  forget(packet: SimPacket, walk: Walk): void {
    const anchor = this.#sim.namespace(NETWORK_ANCHOR)?.kernel
    for (const { conntrack } of [...(anchor === undefined ? [] : [anchor]), walk.kernel]) {
      for (const one of walk._tag === "Delivered" ? [packet, walk.packet] : [packet]) {
        const flow = conntrack.find(tupleKey(one.protocol, one))
        if (flow !== undefined) conntrack.remove(flow)
      }
    }
  }
}
