import type { Address, Family } from "../../../domain/Address.ts"
import type { NeighbourEntry } from "./SimNeighbours.ts"
import type { SimTimers } from "../SimTime.ts"
import type { SimWire } from "../lan/SimWire.ts"

/** Milliseconds and counts as the kernel sets them (neighbour(7), base_reachable_time, delay_first_probe_time, retrans_time). */
const REACHABLE = 30_000
const DELAY = 5_000
const RETRANSMISSION = 1_000
const GIVE_UP = 3_000
/** How long a mapping stands against what is merely overheard (locktime). */
const LOCK = 1_000

/** Resolution of next hops to MAC addresses, by the states of RFC 4861 §7.3 as the kernel goes through them for both families. */
export class SimNeighbourDiscovery {
  readonly #timers: SimTimers

  constructor(timers: SimTimers) {
    this.#timers = timers
  }

  /**
   * The MAC address that a frame to a next hop goes to, or nothing while it is not known: then the packet is lost. What is known is not
   * asked for again, whoever has the address by now. `source` is the packet's.
   */
  resolve(wire: SimWire, hop: Address, source: Address): string | undefined {
    const table = wire.station.netns.neighbourTable
    const entry = table.find(wire.link, hop)
    if (entry === undefined) return this.#begin(wire, table.put(wire.link, hop, "incomplete"), source)
    if (entry.mac === undefined) {
      if (entry.state === "permanent" || entry.state === "noarp") return this.#ask(wire, entry.family, hop)?.mac
      return this.#begin(wire, entry, source)
    }
    if (entry.state === "stale") this.#delay(wire, entry)
    return entry.mac
  }

  /** Asks everybody, and goes on asking. */
  #begin(wire: SimWire, entry: NeighbourEntry, source: Address): string | undefined {
    if (entry.state !== "incomplete") {
      entry.probes = 0
      wire.station.netns.neighbourTable.change(entry, "incomplete", undefined)
    }
    if (this.#askAll(wire, entry, source)) return entry.mac
    if (entry.stop === undefined) this.#wait(wire, entry, () => this.#askAll(wire, entry, source))
    return undefined
  }

  #ask(wire: SimWire, family: Family, address: Address): SimWire | undefined {
    return wire.segment.whoHas(wire, family, address)
  }

  #askAll(wire: SimWire, entry: NeighbourEntry, source: Address): boolean {
    const answer = this.#ask(wire, entry.family, entry.address)
    this.#heard(wire, entry.family, source, answer)
    if (answer === undefined) return false
    this.#reached(wire, entry, answer.mac)
    return true
  }

  /** One request every while until an answer comes; without one the neighbour has failed. */
  #wait(wire: SimWire, entry: NeighbourEntry, ask: () => boolean): void {
    const { netns } = wire.station
    const between = netns.retransmissions.get(wire.link) ?? RETRANSMISSION
    entry.probes += 1
    entry.stop = this.#timers.after(between, () => {
      entry.stop = undefined
      if (!netns.neighbourTable.has(entry)) return
      if (entry.probes >= Math.ceil(GIVE_UP / between)) {
        netns.neighbourTable.change(entry, "failed", undefined)
      } else if (!ask()) this.#wait(wire, entry, ask)
    })
  }

  #reached(wire: SimWire, entry: NeighbourEntry, mac: string): void {
    const table = wire.station.netns.neighbourTable
    entry.updated = this.#timers.now()
    table.change(entry, "reachable", mac)
    entry.stop = this.#timers.after(REACHABLE, () => {
      entry.stop = undefined
      if (table.has(entry)) table.change(entry, "stale", entry.mac)
    })
  }

  #delay(wire: SimWire, entry: NeighbourEntry): void {
    const table = wire.station.netns.neighbourTable
    table.change(entry, "delay", entry.mac)
    entry.stop = this.#timers.after(DELAY, () => {
      entry.stop = undefined
      if (!table.has(entry)) return
      table.change(entry, "probe", entry.mac)
      entry.probes = 0
      const ask = (): boolean => {
        if (entry.mac === undefined || !wire.segment.isAt(entry.mac, entry.family, entry.address)) return false
        this.#reached(wire, entry, entry.mac)
        return true
      }
      if (!ask()) this.#wait(wire, entry, ask)
    })
  }

  /**
   * What others learn from a request: who is asked learns who asks. ARP is heard by all, and those who know that address already
   * correct themselves; a neighbour solicitation reaches only who is asked.
   */
  #heard(wire: SimWire, family: Family, source: Address, asked: SimWire | undefined): void {
    const sender = wire.station.netns.addresses().find((one) => one.link === wire.link && one.family === family)
    const own = wire.station.routing.isLocal(family, source) ? source : sender?.address
    if (own === undefined) return
    if (asked !== undefined) this.#learn(asked, own, wire.mac, true)
    if (family === "v6") return
    for (const other of wire.segment.others(wire)) if (other !== asked) this.#overhear(other, own, wire.mac, LOCK)
  }

  /** An address is announced to all on a segment (gratuitous ARP, unsolicited advertisement): who knows it corrects itself. */
  announce(wire: SimWire, address: Address): void {
    for (const other of wire.segment.others(wire)) this.#overhear(other, address, wire.mac, 0)
  }

  #overhear(wire: SimWire, address: Address, mac: string, lock: number): void {
    const entry = wire.station.netns.neighbourTable.find(wire.link, address)
    if (entry === undefined || (entry.mac !== undefined && this.#timers.now() - entry.updated <= lock && lock > 0))
      return
    this.#learn(wire, address, mac, false)
  }

  #learn(wire: SimWire, address: Address, mac: string, creates: boolean): void {
    const table = wire.station.netns.neighbourTable
    const entry = table.find(wire.link, address)
    if (entry === undefined) {
      if (creates) table.put(wire.link, address, "stale", mac, this.#timers.now())
      return
    }
    if (entry.state === "permanent" || entry.state === "noarp" || entry.mac === mac) return
    entry.updated = this.#timers.now()
    table.change(entry, "stale", mac)
  }
}
