import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Address, Family } from "../../../domain/Address.ts"
import type { Flow, FlowSelector, Protocol } from "../../../domain/Dnat.ts"
import { selectorMatches } from "../../../domain/FlowConsistency.ts"
import { Conntrack, ConntrackError } from "../../../services/Conntrack.ts"
import { isSameTuple, SimFlow, type SimPacket, type Tuple } from "./SimFlow.ts"
import { SimFlowTable } from "./SimFlowTable.ts"

/** A table that has grown by so many is looked through for what has expired. */
const SWEEP_AFTER = 500

/** The life of a flow that somebody else put into the table. */
const INSERTED_FOR = 300_000

/**
 * The connection tracking table of a simulated namespace. Flows come with packets and go when they expire, and the tool that reads it can be
 * broken.
 */
export class SimConntrack {
  readonly now: () => number
  readonly #flows = new SimFlowTable()
  #sweepAt = SWEEP_AFTER
  #flushes = 0
  /** Set: the tool fails with this message, whatever it is asked. */
  failure: string | undefined

  /** `now` answers in milliseconds; without it no time passes. */
  constructor(now: () => number = () => 0) {
    this.now = now
  }

  /** The flow that has this tuple in one of its directions, unless it has expired. */
  find(protocol: Protocol, tuple: Tuple): SimFlow | undefined {
    const found = this.#flows.find(protocol, tuple)
    if (found === undefined || found.expires > this.now()) return found
    this.remove(found)
    return undefined
  }

  /** The flow of a packet; one that is not known yet is in the table only once it is confirmed. */
  track(packet: SimPacket): SimFlow {
    const { family, protocol, source, sourcePort, destination, destinationPort } = packet
    const known = this.find(protocol, packet)
    const flow = known ?? new SimFlow(family, protocol, { source, sourcePort, destination, destinationPort })
    flow.refresh(known !== undefined && !isSameTuple(known.original, packet), this.now())
    return flow
  }

  /** Whether another flow has this tuple in one of its directions. Another with the same original tuple does not count: they are one. */
  isTaken(tuple: Tuple, by: SimFlow): boolean {
    const found = this.find(by.protocol, tuple)
    return found !== undefined && found !== by && !isSameTuple(found.original, by.original)
  }

  /** Where flows of this source were translated to before, the newest first. */
  fromSource(flow: SimFlow): ReadonlyArray<SimFlow> {
    return this.#flows.fromSource(flow).filter(({ expires }) => expires > this.now())
  }

  /** A flow's first packet has got through. The answer is false where another has one of its tuples by now: then the packet is dropped. */
  confirm(flow: SimFlow): boolean {
    if (flow.confirmed) return true
    const { protocol, original, reply } = flow
    if (this.find(protocol, original) !== undefined || this.find(protocol, reply) !== undefined) return false
    flow.confirmed = true
    this.#flows.add(flow)
    if (this.#flows.size > this.#sweepAt) {
      this.#sweep()
      this.#sweepAt = this.#flows.size * 2 + SWEEP_AFTER
    }
    return true
  }

  remove(flow: SimFlow): void {
    this.#flows.remove(flow)
  }

  #sweep(): void {
    const now = this.now()
    for (const flow of this.#flows.values()) if (flow.expires <= now) this.remove(flow)
  }

  #entries(): ReadonlyArray<SimFlow> {
    this.#sweep()
    return [...this.#flows.values()]
  }

  /** A flow that somebody inserts; like the kernel, it refuses one whose packets could not be told from another's. */
  add(flow: Flow): void {
    const { family, protocol, source, sourcePort, destination, destinationPort } = flow
    const original: Tuple = { source, sourcePort, destination, destinationPort }
    const entry = new SimFlow(family, protocol, original)
    entry.setReply({
      source: flow.replySource,
      sourcePort: flow.replySourcePort,
      destination: source,
      destinationPort: sourcePort
    })
    entry.destinationNat = flow.replySource !== destination || flow.replySourcePort !== destinationPort
    entry.destinationSettled = true
    entry.sourceSettled = true
    entry.replied = true
    entry.expires = this.now() + INSERTED_FOR
    if (!this.confirm(entry)) throw new Error("Operation failed: such conntrack exists")
  }

  flows(): ReadonlyArray<Flow> {
    return this.#entries().map(({ flow }) => flow)
  }

  /** The flows with all that the kernel keeps of them. */
  tracked(): ReadonlyArray<SimFlow> {
    return this.#entries()
  }

  /** A link went down: what was masqueraded by it ends, as the kernel does (nf_nat_masquerade). */
  linkDown(index: number): void {
    for (const flow of this.#entries()) if (flow.masqueradedBy === index) this.remove(flow)
  }

  /** The same for one address of a link. */
  addressGone(index: number, address: Address): void {
    for (const flow of this.#entries()) {
      if (flow.masqueradedBy === index && flow.reply.destination === address) this.remove(flow)
    }
  }

  /** How often a flush was asked for since the last time this was, failed ones included. */
  takeFlushes(): number {
    const flushes = this.#flushes
    this.#flushes = 0
    return flushes
  }

  #flush(selectors: ReadonlyArray<FlowSelector>): number {
    const gone = this.#entries().filter(({ flow }) => selectors.some((selector) => selectorMatches(selector, flow)))
    for (const flow of gone) this.remove(flow)
    return gone.length
  }

  #ask<A>(command: string, answer: () => A): Effect.Effect<A, ConntrackError> {
    return Effect.suspend(() =>
      this.failure === undefined
        ? Effect.sync(answer)
        : Effect.fail(new ConntrackError({ command, message: this.failure }))
    )
  }

  readonly layer: Layer.Layer<Conntrack> = Layer.succeed(Conntrack)({
    flush: (selectors) =>
      Effect.suspend(() => {
        this.#flushes += 1
        return this.#ask("conntrack -D", () => this.#flush(selectors))
      }),
    flows: (family: Family) => this.#ask("conntrack -L", () => this.flows().filter((flow) => flow.family === family))
  })
}
