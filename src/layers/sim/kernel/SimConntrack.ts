import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Address, Family } from "../../../domain/Address.ts"
import type { Flow, FlowSelector } from "../../../domain/Dnat.ts"
import { selectorMatches } from "../../../domain/FlowConsistency.ts"
import { Conntrack, ConntrackError } from "../../../services/Conntrack.ts"
import { SimFlow, tupleKey, type SimPacket, type Tuple } from "./SimFlow.ts"

/** A table that has grown by so many is looked through for what has expired. */
const SWEEP_AFTER = 1_000

/** The life of a flow that somebody else put into the table. */
const INSERTED_FOR = 300_000

/**
 * The connection tracking table of a simulated namespace. Flows come with packets and go when they expire, and the tool that reads it can be
 * broken.
 */
export class SimConntrack {
  readonly now: () => number
  /** By the keys of both directions. */
  readonly #flows = new Map<string, SimFlow>()
  /** By original source, the newest last. */
  readonly #bySource = new Map<string, ReadonlyArray<SimFlow>>()
  #sweepAt = SWEEP_AFTER
  #flushes = 0
  /** Set: the tool fails with this message, whatever it is asked. */
  failure: string | undefined

  /** `now` answers in milliseconds; without it no time passes. */
  constructor(now: () => number = () => 0) {
    this.now = now
  }

  /** The flow that has this tuple in one of its directions, unless it has expired. */
  find(key: string): SimFlow | undefined {
    const found = this.#flows.get(key)
    if (found === undefined || found.expires > this.now()) return found
    this.remove(found)
    return undefined
  }

  /** The flow of a packet; one that is not known yet is in the table only once it is confirmed. */
  track(packet: SimPacket): SimFlow {
    const key = tupleKey(packet.protocol, packet)
    const { family, protocol, source, sourcePort, destination, destinationPort } = packet
    const tuple = { source, sourcePort, destination, destinationPort }
    const flow = this.find(key) ?? new SimFlow(family, protocol, tuple, key)
    flow.refresh(flow.originalKey !== key, this.now())
    return flow
  }

  /** Whether another flow has this tuple in one of its directions. Another with the same original tuple does not count: they are one. */
  isTaken(key: string, by: SimFlow): boolean {
    const found = this.find(key)
    return found !== undefined && found !== by && found.originalKey !== by.originalKey
  }

  /** Where flows of this source were translated to before, the newest first. */
  *fromSource(flow: SimFlow): Iterable<SimFlow> {
    const all = this.#bySource.get(this.#sourceKey(flow)) ?? []
    for (let index = all.length - 1; index >= 0; index -= 1) {
      const one = all[index]
      if (one !== undefined && this.find(one.originalKey) === one) yield one
    }
  }

  #sourceKey({ protocol, original }: SimFlow): string {
    return `${protocol} ${original.source} ${original.sourcePort}`
  }

  /** A flow's first packet has got through. The answer is false where another has one of its tuples by now: then the packet is dropped. */
  confirm(flow: SimFlow): boolean {
    if (flow.confirmed) return true
    if (this.find(flow.originalKey) !== undefined || this.find(flow.replyKey) !== undefined) return false
    flow.confirmed = true
    this.#flows.set(flow.originalKey, flow)
    this.#flows.set(flow.replyKey, flow)
    const source = this.#sourceKey(flow)
    this.#bySource.set(source, [...(this.#bySource.get(source) ?? []), flow])
    if (this.#flows.size > this.#sweepAt) {
      this.#sweep()
      this.#sweepAt = this.#flows.size * 2 + SWEEP_AFTER
    }
    return true
  }

  remove(flow: SimFlow): void {
    this.#flows.delete(flow.originalKey)
    this.#flows.delete(flow.replyKey)
    const source = this.#sourceKey(flow)
    const rest = (this.#bySource.get(source) ?? []).filter((one) => one !== flow)
    if (rest.length === 0) this.#bySource.delete(source)
    else this.#bySource.set(source, rest)
  }

  #sweep(): void {
    const now = this.now()
    for (const flow of this.#flows.values()) if (flow.expires <= now) this.remove(flow)
  }

  #entries(): ReadonlyArray<SimFlow> {
    this.#sweep()
    return [...new Set(this.#flows.values())]
  }

  /** A flow that somebody inserts; like the kernel, it refuses one whose packets could not be told from another's. */
  add(flow: Flow): void {
    const { family, protocol, source, sourcePort, destination, destinationPort } = flow
    const original: Tuple = { source, sourcePort, destination, destinationPort }
    const entry = new SimFlow(family, protocol, original, tupleKey(protocol, original))
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
