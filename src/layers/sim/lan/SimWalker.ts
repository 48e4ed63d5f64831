import type { Address } from "../../../domain/Address.ts"
import { runChain, type BaseChain, type Hook } from "../kernel/SimChains.ts"
import { inverse, type SimFlow, type SimPacket } from "../kernel/SimFlow.ts"
import type { SimKernel } from "../kernel/SimKernel.ts"
import { masqueradeAddress } from "../kernel/SimMasquerade.ts"
import { setUpNat, type Manipulation, type NatTarget } from "../kernel/SimNat.ts"
import type { SimRoute } from "../kernel/SimRouting.ts"
import type { RuleContext } from "../kernel/SimRules.ts"
import { isOpen, type SimWire } from "./SimWire.ts"

export type { SimPacket } from "../kernel/SimFlow.ts"

/** What became of a packet. `hops` are the links that it came in by, and where it left. */
export type Walk =
  | {
      readonly _tag: "Delivered"
      readonly kernel: SimKernel
      readonly link: string
      /** As it arrives there. */
      readonly packet: SimPacket
      readonly hops: ReadonlyArray<string>
    }
  | { readonly _tag: "Lost"; readonly kernel: SimKernel; readonly why: string; readonly hops: ReadonlyArray<string> }

const TIME_TO_LIVE = 64
const LOOPBACK = "lo"
/** Where the kernel's NAT stands among the chains of a hook. */
const NAT_PRIORITY: Readonly<Record<Manipulation, number>> = { destination: -100, source: 100 }

class Lost {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}

/** A packet under way in one namespace. */
interface Passage extends RuleContext {
  readonly kernel: SimKernel
  packet: SimPacket
  flow: SimFlow | undefined
  isReply: boolean
  input: string
  output: string
}

const enter = (kernel: SimKernel, packet: SimPacket, input: string): Passage => {
  const { family } = packet
  const isLocal = (address: Address) => kernel.routing.isLocal(family, address)
  const passage: Passage = { kernel, family, packet, flow: undefined, isReply: false, input, output: "", isLocal }
  if (kernel.alwaysTracks || kernel.chains.translates(family)) {
    const flow = kernel.conntrack.track(packet)
    passage.flow = flow
    passage.isReply = isReplyOf(flow, packet)
  }
  return passage
}

const isReplyOf = ({ original }: SimFlow, { source, sourcePort, destination, destinationPort }: SimPacket): boolean =>
  original.source !== source ||
  original.sourcePort !== sourcePort ||
  original.destination !== destination ||
  original.destinationPort !== destinationPort

const filter = (passage: Passage, chains: ReadonlyArray<BaseChain>): Lost | undefined => {
  for (const chain of chains) {
    const verdict = runChain(chain, passage)
    if (verdict._tag === "Drop") return new Lost(`dropped by chain ${chain.name}`)
    if (verdict._tag !== "Accept") throw new Error(`chain ${chain.name} is no NAT chain, but translates`)
  }
  return undefined
}

/** What the NAT chains of a hook want of a flow's first packet. */
const askRules = (passage: Passage, hook: Hook, route: SimRoute | undefined): NatTarget | Lost | undefined => {
  const { kernel, family } = passage
  for (const chain of kernel.chains.at(family, hook).nat) {
    const verdict = runChain(chain, passage)
    switch (verdict._tag) {
      case "Drop":
        return new Lost(`dropped by chain ${chain.name}`)
      case "Dnat":
      case "Snat": {
        if ((verdict._tag === "Dnat") !== (hook === "prerouting" || hook === "output")) {
          throw new Error(`${verdict._tag} is not possible at ${hook}`)
        }
        return verdict.target
      }
      case "Masquerade": {
        if (hook !== "postrouting" || passage.flow === undefined) throw new Error("only postrouting masquerades")
        const gateway = route?._tag === "Out" ? route.gateway : undefined
        const address = masqueradeAddress(kernel.netns, passage.output, passage.packet, gateway)
        if (address === undefined) return new Lost(`${passage.output} has no address to masquerade with`)
        passage.flow.masqueradedBy = kernel.netns.link(passage.output)?.index
        return { address }
      }
      case "Accept":
        break
      default:
        throw new Error(`chain ${chain.name} ends with ${verdict._tag}`)
    }
  }
  return undefined
}

const sentTo = (packet: SimPacket, destination: Address, destinationPort: number): SimPacket =>
  packet.destination === destination && packet.destinationPort === destinationPort
    ? packet
    : { ...packet, destination, destinationPort }

const sentFrom = (packet: SimPacket, source: Address, sourcePort: number): SimPacket =>
  packet.source === source && packet.sourcePort === sourcePort ? packet : { ...packet, source, sourcePort }

/** Settles the translation of one end at a flow's first packet, and translates. */
const translate = (
  passage: Passage,
  hook: Hook,
  manipulation: Manipulation,
  route: SimRoute | undefined
): Lost | undefined => {
  const { kernel, flow, isReply, packet } = passage
  if (flow === undefined) return undefined
  const isSettled = manipulation === "destination" ? flow.destinationSettled : flow.sourceSettled
  if (!isSettled && !flow.confirmed) {
    const target = askRules(passage, hook, route)
    if (target instanceof Lost) return target
    setUpNat(kernel.conntrack, flow, manipulation, target, kernel.random)
  } else if (hook === "postrouting" && !isReply && flow.masqueradedBy !== undefined) {
    if (flow.masqueradedBy !== kernel.netns.link(passage.output)?.index) {
      kernel.conntrack.remove(flow)
      return new Lost(`masqueraded by another link than ${passage.output}`)
    }
  }
  // What the other end sees is what comes back to it.
  const answer = isReply ? flow.original : flow.reply
  passage.packet =
    manipulation === "destination"
      ? sentTo(packet, answer.source, answer.sourcePort)
      : sentFrom(packet, answer.destination, answer.destinationPort)
  return undefined
}

/** A hook: its filter chains by priority, and the kernel's NAT where it stands among them. */
const passHook = (
  passage: Passage,
  hook: Hook,
  manipulation: Manipulation | undefined,
  route?: SimRoute
): Lost | undefined => {
  const { kernel, family } = passage
  const chains = kernel.chains.at(family, hook).filter
  if (manipulation === undefined) return filter(passage, chains)
  if (chains.length === 0) return translate(passage, hook, manipulation, route)
  const here = NAT_PRIORITY[manipulation]
  return (
    filter(
      passage,
      chains.filter(({ priority }) => priority <= here)
    ) ??
    translate(passage, hook, manipulation, route) ??
    filter(
      passage,
      chains.filter(({ priority }) => priority > here)
    )
  )
}

/** A packet leaves a namespace: by which wire, as what, to which MAC address. */
interface Departure {
  readonly wire: SimWire
  readonly mac: string
  readonly packet: SimPacket
}

const confirm = ({ kernel, flow }: Passage): Lost | undefined =>
  flow === undefined || flow.confirmed || kernel.conntrack.confirm(flow)
    ? undefined
    : new Lost("its tuple belongs to another connection")

const forwardingSysctl = { v4: "net.ipv4.ip_forward", v6: "net.ipv6.conf.all.forwarding" } as const

/** postrouting, then the next hop. */
const leave = (passage: Passage, route: Extract<SimRoute, { readonly _tag: "Out" }>): Departure | Lost => {
  const { kernel } = passage
  const lost = passHook(passage, "postrouting", "source", route) ?? confirm(passage)
  if (lost !== undefined) return lost
  const { packet } = passage
  const wire = kernel.wires.get(route.link)
  if (wire === undefined || !isOpen(wire)) return new Lost(`${route.link} is plugged into nothing`)
  const hop = route.gateway ?? packet.destination
  const mac = kernel.neighbours.resolve(wire, hop, packet.source)
  return mac === undefined ? new Lost(`nobody answers for ${hop} on ${wire.segment.name}`) : { wire, mac, packet }
}

const deliver = (passage: Passage, link: string, hops: ReadonlyArray<string>): Walk => {
  const { kernel } = passage
  passage.output = ""
  const lost = passHook(passage, "input", "source") ?? confirm(passage)
  if (lost !== undefined) return { _tag: "Lost", kernel, why: lost.why, hops }
  return { _tag: "Delivered", kernel, link, packet: passage.packet, hops }
}

/** From a process of the namespace to the wire, or to the namespace itself by its loopback. */
const depart = (kernel: SimKernel, packet: SimPacket, hops: ReadonlyArray<string>): Departure | Lost | Walk => {
  const first = kernel.routing.find(packet.family, packet.destination)
  if (first === undefined) return new Lost(`no route to ${packet.destination}`)
  const passage = enter(kernel, packet, "")
  passage.output = first._tag === "Local" ? LOOPBACK : first.link
  const lost = passHook(passage, "output", "destination")
  if (lost !== undefined) return lost
  const route = kernel.routing.find(packet.family, passage.packet.destination)
  if (route === undefined) return new Lost(`no route to ${passage.packet.destination}`)
  passage.output = route._tag === "Local" ? LOOPBACK : route.link
  if (route._tag === "Out") return leave(passage, route)
  const turned = passHook(passage, "postrouting", "source", route) ?? confirm(passage)
  if (turned !== undefined) return turned
  passage.input = LOOPBACK
  return (
    passHook(passage, "prerouting", "destination") ??
    deliver(passage, LOOPBACK, [...hops, `${kernel.name}:${LOOPBACK}`])
  )
}

/** From the wire into the namespace, and through it. */
const arrive = (
  kernel: SimKernel,
  link: string,
  packet: SimPacket,
  hops: ReadonlyArray<string>
): Departure | Lost | Walk => {
  if (packet.family === "v4" && kernel.routing.isLocal("v4", packet.source)) {
    return new Lost(`${packet.source} is an address of its own`)
  }
  const passage = enter(kernel, packet, link)
  const lost = passHook(passage, "prerouting", "destination")
  if (lost !== undefined) return lost
  const { destination } = passage.packet
  const route = kernel.routing.find(packet.family, destination)
  if (route?._tag === "Local") return deliver(passage, link, hops)
  if (kernel.netns.sysctl(forwardingSysctl[packet.family]) !== "1") return new Lost("does not forward")
  if (route === undefined) return new Lost(`no route to ${destination}`)
  passage.output = route.link
  return passHook(passage, "forward", undefined) ?? leave(passage, route)
}

/**
 * Sends a packet out of a namespace and follows it: route look-up, segment, prerouting, conntrack, forward or deliver, postrouting, next hop
 * and so on. That it is delivered does not mean that anybody listens there.
 */
export const send = (from: SimKernel, packet: SimPacket): Walk => {
  const hops: Array<string> = []
  if (!from.alive) return { _tag: "Lost", kernel: from, why: "its namespace is dead", hops }
  let kernel = from
  let outcome = depart(from, packet, hops)
  for (let left = TIME_TO_LIVE; left > 0; left -= 1) {
    if (outcome instanceof Lost) return { _tag: "Lost", kernel, why: outcome.why, hops }
    if ("_tag" in outcome) return outcome
    hops.push(`${kernel.name}:${outcome.wire.link}`)
    const next = outcome.wire.segment.at(outcome.mac)
    if (next === undefined) {
      return { _tag: "Lost", kernel, why: `nobody on ${outcome.wire.segment.name} has ${outcome.mac}`, hops }
    }
    kernel = next.station as SimKernel
    outcome = arrive(kernel, next.link, outcome.packet, hops)
  }
  return { _tag: "Lost", kernel, why: "its time to live ran out", hops }
}

export interface Exchange {
  readonly there: Walk
  /** The answer of whoever it was delivered to, if it was. */
  readonly back: Walk | undefined
  /** Whether the answer arrived at the sender, from the address and port that it had asked. */
  readonly answered: boolean
}

/** Sends a packet, and walks the answer back. */
export const exchange = (from: SimKernel, packet: SimPacket): Exchange => {
  const there = send(from, packet)
  if (there._tag === "Lost") return { there, back: undefined, answered: false }
  const back = send(there.kernel, { ...there.packet, ...inverse(there.packet) })
  const answered =
    back._tag === "Delivered" &&
    back.kernel === from &&
    back.packet.source === packet.destination &&
    back.packet.sourcePort === packet.destinationPort &&
    back.packet.destination === packet.source &&
    back.packet.destinationPort === packet.sourcePort
  return { there, back, answered }
}
