import type { AddressPair, Family } from "../../src/domain/Address.ts"
import type { SimKernel } from "../../src/layers/sim/kernel/SimKernel.ts"
import { LAN } from "../../src/layers/sim/lan/SimLan.ts"
import { exchange, type SimPacket, type Walk } from "../../src/layers/sim/lan/SimWalker.ts"
import { NETWORK_ANCHOR } from "./cast.ts"
import { isExcused } from "./safety.ts"
import type { Simulation } from "./Simulation.ts"
import { Violation } from "./Violation.ts"
import { candidatesOf, ownerAmong, outsidePorts, type Candidate } from "./truth.ts"

interface Connection {
  readonly packet: SimPacket
  readonly client: SimKernel
  /** Through whom. */
  readonly anchor: SimKernel
  /** To whom, if the port was that one's: else nobody has had it yet, or the maps lead to who has it no more. */
  readonly backend: SimKernel | undefined
  /** Whose the port is, whether or not that has started. */
  readonly heir: string
  /** Whether the port has become somebody else's since the connection was right the last time, and be it for a moment. */
  readonly isInherited: boolean
  /** Whether conntrack has failed while it was so: nobody could delete the flow. */
  readonly isUnflushed: boolean
  /** When the connection was right the last time. */
  readonly right: number
  /** When the client has sent the last time. */
  readonly spoke: number
}

/** A client opens so many connections at a time, to ports that are so far from each other in the list; and so many are kept. */
const AT_ONCE = 4
const STRIDE = 5
const MOST_OPEN = 24

const forgetFlow = ({ conntrack }: SimKernel, packet: SimPacket): void => {
  const flow = conntrack.find(packet.protocol, packet)
  if (flow !== undefined) conntrack.remove(flow)
}

/** A UDP client that is silent for longer may find its flow expired (nf_conntrack_udp_timeout). */
const SILENCE_MILLIS = 29_000

/**
 * The connections that clients on the LAN keep open: they must not notice what happens to others, and whoever has not got the port any more must not
 * hear of them again (SPEC §7). A client that sends by UDP goes on whoever answers, and if nobody does.
 */
export class Connections {
  readonly #sim: Simulation
  #open: ReadonlyArray<Connection> = []

  constructor(sim: Simulation) {
    this.#sim = sim
  }

  /** A client connects to several of the ports; by TCP if somebody has it. */
  open(index: number, port: number, family: Family): void {
    for (let turn = 0; turn < AT_ONCE; turn++) this.#openOne(index, port + turn * STRIDE, family)
    this.#open = this.#open.slice(-MOST_OPEN)
  }

  #openOne(index: number, port: number, family: Family): void {
    const [sim, outside] = [this.#sim, outsidePorts[port % outsidePorts.length]]
    const [client, destination] = [sim.lan.clients[index], sim.external()[family]]
    const anchor = sim.namespace(NETWORK_ANCHOR)?.kernel
    if (client === undefined || destination === undefined || anchor === undefined || outside === undefined) return
    const { protocol, port: destinationPort } = outside
    const source = LAN.clients[index === 0 ? 0 : 1][family]
    const packet = { family, protocol, source, sourcePort: sim.nextSourcePort(), destination, destinationPort }
    const { there, answered } = exchange(client, packet)
    const isHeard = there._tag === "Delivered" && answered && there.kernel !== anchor
    if (!isHeard && protocol === "tcp") return
    const heard = isHeard ? there.kernel : undefined
    const right = sim.claims.rightAt({ family, protocol, port: destinationPort })
    const { heir, kernel, owner } = this.#owner({ packet }, this.#candidates())
    const backend = heard === kernel ? heard : undefined
    // While the port is excused the maps may still lead to whoever had it, who cannot be told from nobody when he is gone.
    const isInherited = kernel !== heard || isExcused(sim, { family, protocol, port: destinationPort }, owner)
    const isFailing = anchor.conntrack.failure !== undefined
    const spoke = sim.time.now()
    this.#open = [
      ...this.#open,
      { packet, client, anchor, backend, heir, isInherited, isUnflushed: isInherited && isFailing, right, spoke }
    ]
  }

  /** The interface that all of them come by is taken away. */
  cut(): void {
    this.#open = []
  }

  /** Docker's state has changed, and these may have ports now: a backend that has lost its port, and be it for a moment, may lose its connections. */
  dockerChanged(candidates: ReadonlyArray<Candidate>): void {
    if (this.#open.length === 0) return
    this.#open = this.#open.map((connection) => {
      const { heir, kernel } = this.#owner(connection, candidates)
      if (heir === connection.heir && (connection.backend ?? kernel) === kernel) return connection
      const backend = kernel === connection.backend ? kernel : undefined
      const isInherited = connection.isInherited || heir !== connection.heir
      const isFailing = connection.anchor.conntrack.failure !== undefined
      return {
        ...connection,
        backend,
        heir,
        isInherited,
        isUnflushed: connection.isUnflushed || (isInherited && isFailing)
      }
    })
  }

  /** From now on nobody can delete a flow. */
  conntrackFails(): void {
    this.#open = this.#open.map((connection) => ({ ...connection, isUnflushed: connection.isInherited }))
  }

  /** Whose the port of a connection is, by those who may have ports. */
  #owner(
    { packet: { family, protocol, destinationPort: port } }: Pick<Connection, "packet">,
    candidates: ReadonlyArray<Candidate>
  ) {
    const outside = { family, protocol, port }
    const owner = ownerAmong(candidates, outside)
    const kernel = owner && this.#sim.host.namespaceOf(owner.owner.id)?.kernel
    return { outside, owner, kernel, heir: `${owner?.owner.id} ${kernel?.name}` }
  }

  /** Every connection to a container that still has its port goes on, and none comes out at one that has not. */
  check(): void {
    if (this.#open.length === 0) return
    const [external, candidates] = [this.#sim.external(), this.#candidates()]
    this.#open = this.#open
      .filter((connection) => this.#isUp(connection, external))
      .flatMap((connection) => this.#speak(connection, candidates) ?? [])
  }

  #candidates(): ReadonlyArray<Candidate> {
    return candidatesOf(this.#sim.docker, this.#sim.casting)
  }

  #isUp({ packet: { family, protocol, destination }, anchor, spoke }: Connection, external: AddressPair): boolean {
    const isSilent = protocol === "udp" && this.#sim.time.now() - spoke > SILENCE_MILLIS
    return anchor.alive && !isSilent && external[family] === destination
  }

  /** The client sends once more. Answers with what the connection is from then on, if it goes on. */
  #speak(connection: Connection, candidates: ReadonlyArray<Candidate>): Connection | undefined {
    const { packet, client, anchor, backend, spoke } = connection
    const { excuses, claims } = this.#sim
    const { outside, owner, kernel } = this.#owner(connection, candidates)
    // Until anchord has seen whose the port was when it began, it may take the connection for one of the backend before.
    const isSettled = !excuses.coveredSince(`port:${outside.protocol}/${outside.port}`, spoke)
    const isTracked = anchor.conntrack.find(packet.protocol, packet) !== undefined
    const stays = backend?.alive === true && kernel === backend && isSettled
    // What conntrack could not delete are the flows of a port that has become somebody else's; nobody else's are concerned.
    const excused = (excuses.covers("flows") && connection.isUnflushed) || isExcused(this.#sim, outside, owner)
    const of = owner === undefined ? "that nobody has" : `of ${owner.owner.name}`
    const what = `the connection from ${packet.source}:${packet.sourcePort} to ${packet.protocol}/${packet.destinationPort} ${of}`
    if (stays && !isTracked) throw new Violation(`${what} was deleted`)
    const { there } = exchange(client, packet)
    const at = there._tag === "Delivered" && there.kernel !== anchor ? there.kernel : undefined
    if (stays && at !== backend) throw new Violation(`${what} comes out at ${this.#sim.nameOf(there.kernel)}`)
    const now = this.#sim.time.now()
    const goesOn = { ...connection, backend: at === kernel ? at : undefined, spoke: now }
    if (excused && there._tag === "Delivered" && at !== undefined && !claims.allows(outside, there, connection.right))
      throw new Violation(`${what} comes out at ${this.#sim.nameOf(at)}, which has not asked for that port`)
    if (excused) return stays || packet.protocol === "udp" ? goesOn : connection
    if (at !== undefined && at !== kernel) throw new Violation(`${what} goes on at ${this.#sim.nameOf(there.kernel)}`)
    const isRight = { ...goesOn, isInherited: false, isUnflushed: false, right: now }
    if (packet.protocol === "tcp") return stays ? isRight : undefined
    if (at === undefined && kernel !== undefined) throw new Violation(`${what} does not get there`)
    return isRight
  }

  /** Takes what one packet has left behind out of the tables that it went through, as if it had never been. */
  forget(packet: SimPacket, walk: Walk): void {
    const anchor = this.#sim.namespace(NETWORK_ANCHOR)?.kernel
    for (const kernel of anchor === undefined || anchor === walk.kernel ? [walk.kernel] : [anchor, walk.kernel]) {
      forgetFlow(kernel, packet)
      if (walk._tag === "Delivered" && walk.packet !== packet) forgetFlow(kernel, walk.packet)
    }
  }
}
