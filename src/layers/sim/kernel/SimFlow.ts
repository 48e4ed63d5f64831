import type { Address, Family } from "../../../domain/Address.ts"
import type { Flow, Protocol } from "../../../domain/Dnat.ts"

/** A UDP or TCP packet, as far as routing and address translation look at it. */
export interface SimPacket {
  readonly family: Family
  readonly protocol: Protocol
  readonly source: Address
  readonly sourcePort: number
  readonly destination: Address
  readonly destinationPort: number
}

/** What the packets of one direction of a flow have in common. */
export interface Tuple {
  readonly source: Address
  readonly sourcePort: number
  readonly destination: Address
  readonly destinationPort: number
}

export const inverse = ({ source, sourcePort, destination, destinationPort }: Tuple): Tuple => ({
  source: destination,
  sourcePort: destinationPort,
  destination: source,
  destinationPort: sourcePort
})

export const isSameTuple = (a: Tuple, b: Tuple): boolean =>
  a.sourcePort === b.sourcePort &&
  a.destinationPort === b.destinationPort &&
  a.source === b.source &&
  a.destination === b.destination

/** Seconds in milliseconds, as the kernel sets them (nf_conntrack_udp_timeout…, nf_conntrack_tcp_timeout_…). */
const LIFE = { udp: 30_000, udpStream: 120_000, tcpUnreplied: 120_000, tcpEstablished: 432_000_000 } as const

/** For how long a UDP flow is young: only after that do answers make it a stream. */
const UDP_YOUTH = 2_000

/**
 * One tracked connection. It is found by the tuples of both of its directions; how packets are translated is the difference between them.
 * A packet here has no flags, so a TCP connection counts as established once it was answered.
 */
export class SimFlow {
  readonly family: Family
  readonly protocol: Protocol
  readonly original: Tuple
  reply: Tuple
  mark = 0
  /** Whether the destination, or the source, was translated (`ct status dnat`, `snat`). */
  destinationNat = false
  sourceNat = false
  /** Whether it is settled how destination and source are translated: then no rule is asked any more. */
  destinationSettled = false
  sourceSettled = false
  confirmed = false
  replied = false
  assured = false
  expires = 0
  /** The index of the link by which it was masqueraded. */
  masqueradedBy: number | undefined
  #streamFrom = 0
  #flow: Flow | undefined

  constructor(family: Family, protocol: Protocol, original: Tuple) {
    this.family = family
    this.protocol = protocol
    this.original = original
    this.reply = inverse(original)
  }

  setReply(reply: Tuple): void {
    this.reply = reply
    this.#flow = undefined
  }

  /** Whether packets with these ends are its own, in one of its directions. */
  has(protocol: Protocol, tuple: Tuple): boolean {
    return protocol === this.protocol && (isSameTuple(this.original, tuple) || isSameTuple(this.reply, tuple))
  }

  /** A packet of it passes: its life is prolonged as the kernel does. */
  refresh(isReply: boolean, now: number): void {
    if (!this.confirmed) this.#streamFrom = now + UDP_YOUTH
    if (this.protocol === "tcp") {
      if (isReply) this.replied = true
      this.assured = this.replied
      this.expires = now + (this.replied ? LIFE.tcpEstablished : LIFE.tcpUnreplied)
      return
    }
    const isStream = this.replied && now > this.#streamFrom
    if (isStream) this.assured = true
    this.expires = now + (isStream ? LIFE.udpStream : LIFE.udp)
    if (isReply) this.replied = true
  }

  /** In the terms of its original direction, as `conntrack -L` shows it. */
  get flow(): Flow {
    this.#flow ??= {
      family: this.family,
      protocol: this.protocol,
      source: this.original.source,
      sourcePort: this.original.sourcePort,
      destination: this.original.destination,
      destinationPort: this.original.destinationPort,
      replySource: this.reply.source,
      replySourcePort: this.reply.sourcePort
    }
    return this.#flow
  }
}
