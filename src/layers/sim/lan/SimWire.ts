import type { Address, Family } from "../../../domain/Address.ts"
import type { SimNetns } from "../kernel/SimNetns.ts"
import type { SimRouting } from "../kernel/SimRouting.ts"

/** What can be plugged into a segment. */
export interface SimStation {
  readonly name: string
  readonly netns: SimNetns
  readonly routing: SimRouting
  readonly alive: boolean
  readonly wires: Map<string, SimWire>
}

/** One end of a segment: a link of a station. */
export interface SimWire {
  readonly segment: SimSegment
  readonly station: SimStation
  readonly link: string
  readonly mac: string
}

/** Whether frames get in and out there. */
export const isOpen = ({ station, link }: SimWire): boolean => station.alive && station.netns.link(link)?.up === true

/** Whether a station answers for an address: for IPv4 for any of its own (arp_ignore is 0), for IPv6 for those of the link that was asked. */
const answersFor = ({ station, link }: SimWire, family: Family, address: Address): boolean => {
  if (!station.routing.isLocal(family, address)) return false
  if (family === "v4") return !address.startsWith("127.")
  return station.netns.addresses().some((one) => one.link === link && one.address === address && !one.tentative)
}

/** An Ethernet segment: a Docker bridge, or the LAN with its macvlan children. Every station hears every other. */
export class SimSegment {
  readonly name: string
  readonly #wires = new Map<string, SimWire>()

  constructor(name: string) {
    this.name = name
  }

  /**
   * The link gets that MAC address, in its namespace as well, and leaves whatever it was plugged into. Two of one MAC address on a segment are
   * refused, unless the other is in a dead namespace.
   */
  plug(station: SimStation, link: string, mac: string): void {
    station.wires.get(link)?.segment.unplug(station, link)
    const present = this.#wires.get(mac)
    if (present?.station.alive) throw new Error(`${mac} is on ${this.name} already, at ${present.station.name}`)
    present?.segment.unplug(present.station, present.link)
    const wire = { segment: this, station, link, mac }
    this.#wires.set(mac, wire)
    station.wires.set(link, wire)
    station.netns.setMac(link, mac)
  }

  unplug(station: SimStation, link: string): void {
    const wire = station.wires.get(link)
    if (wire?.segment !== this) return
    this.#wires.delete(wire.mac)
    station.wires.delete(link)
  }

  /** Where frames to a MAC address come out, if anywhere. */
  at(mac: string): SimWire | undefined {
    const wire = this.#wires.get(mac)
    return wire !== undefined && isOpen(wire) ? wire : undefined
  }

  /** Everybody else who hears what is sent to all. */
  *others(wire: SimWire): Iterable<SimWire> {
    for (const other of this.#wires.values()) if (other !== wire && isOpen(other)) yield other
  }

  /** Who has this address: the first that answers, by ARP or neighbour discovery, of those that are not the one who asks. */
  whoHas(wire: SimWire, family: Family, address: Address): SimWire | undefined {
    for (const other of this.others(wire)) if (answersFor(other, family, address)) return other
    return undefined
  }

  /** Whether that station still answers for the address, when it is asked alone. */
  isAt(mac: string, family: Family, address: Address): boolean {
    const wire = this.at(mac)
    return wire !== undefined && answersFor(wire, family, address)
  }
}
