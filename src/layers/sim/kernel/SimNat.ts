import type { Address } from "../../../domain/Address.ts"
import type { SimConntrack } from "./SimConntrack.ts"
import { inverse, type SimFlow, type Tuple } from "./SimFlow.ts"

/** Which end of a flow is translated. */
export type Manipulation = "destination" | "source"

/** What a rule asks for: an address, and a port where it names one. */
export interface NatTarget {
  readonly address: Address
  readonly port?: number | undefined
}

/** Chance in [0, 1). */
export interface SimRandom {
  readonly next: () => number
}

/** A source port is replaced by one of its own kind (nf_nat_core.c: the privileged ones stay among themselves). */
const portsLike = (port: number): { readonly first: number; readonly count: number } => {
  if (port < 512) return { first: 1, count: 511 }
  if (port < 1_024) return { first: 600, count: 424 }
  return { first: 1_024, count: 64_512 }
}

/** How many ports are tried from one beginning, at first and at last. */
const ATTEMPTS = { first: 128, last: 16 } as const

const freePort = (wanted: Tuple, isTaken: (tuple: Tuple) => boolean, random: SimRandom): Tuple => {
  const { first, count } = portsLike(wanted.sourcePort)
  let candidate = wanted
  for (let attempts = Math.min(ATTEMPTS.first, count); attempts >= ATTEMPTS.last; attempts = attempts >>> 1) {
    const offset = Math.floor(random.next() * 65_536)
    for (let tried = 0; tried < attempts; tried += 1) {
      candidate = { ...wanted, sourcePort: first + ((offset + tried) % count) }
      if (!isTaken(candidate)) return candidate
    }
  }
  return candidate
}

/**
 * The tuple of the original direction behind the translation (get_unique_tuple). A source keeps its port where it can, else has the
 * one that this source was given before, else a free one; a destination's port is what was asked for.
 */
const translated = (
  conntrack: SimConntrack,
  flow: SimFlow,
  manipulation: Manipulation,
  { address, port }: NatTarget,
  random: SimRandom
): Tuple => {
  const current = inverse(flow.reply)
  if (manipulation === "destination") {
    return { ...current, destination: address, destinationPort: port ?? current.destinationPort }
  }
  const isTaken = (tuple: Tuple) => conntrack.isTaken(inverse(tuple), flow)
  if (port !== undefined) return { ...current, source: address, sourcePort: port }
  if (current.source !== address) {
    for (const other of conntrack.fromSource(flow)) {
      if (other.reply.destination !== address) continue
      const same = { ...current, source: address, sourcePort: other.reply.destinationPort }
      if (!isTaken(same)) return same
      break
    }
  }
  const wanted = { ...current, source: address }
  return isTaken(wanted) ? freePort(wanted, isTaken, random) : wanted
}

/** Settles how one end of a new flow is translated, as rules say, or with no target: not at all, if nothing clashes. */
export const setUpNat = (
  conntrack: SimConntrack,
  flow: SimFlow,
  manipulation: Manipulation,
  target: NatTarget | undefined,
  random: SimRandom
): void => {
  if (flow.confirmed) return
  // Nothing is asked for, and nothing clashes: so it is with most.
  if (target === undefined && (manipulation === "destination" || !conntrack.isTaken(flow.reply, flow))) {
    if (manipulation === "destination") flow.destinationSettled = true
    else flow.sourceSettled = true
    return
  }
  const before = inverse(flow.reply)
  const whole = target ?? { address: manipulation === "source" ? before.source : before.destination }
  const after = translated(conntrack, flow, manipulation, whole, random)
  if (manipulation === "destination") {
    flow.destinationSettled = true
    if (after.destination === before.destination && after.destinationPort === before.destinationPort) return
    flow.destinationNat = true
  } else {
    flow.sourceSettled = true
    if (after.source === before.source && after.sourcePort === before.sourcePort) return
    flow.sourceNat = true
  }
  flow.setReply(inverse(after))
}
