import { familyOf, type Address, type Family } from "../../../domain/Address.ts"
import type { Neighbour, NeighbourState } from "../../../domain/Routing.ts"

/** What the kernel keeps of a neighbour. */
export interface NeighbourEntry extends Neighbour {
  state: NeighbourState
  /** Where frames to it go. Absent while it is not known, and when somebody only said what state it is in. */
  mac: string | undefined
  /** Milliseconds: when the MAC address was last learnt. */
  updated: number
  /** Requests that were sent in this state. */
  probes: number
  /** Ends the wait that the state is in. */
  stop: (() => void) | undefined
}

/** The kernel tells of neither: that it asks, and that it waits whether a stale neighbour is confirmed. */
const isTold = (state: NeighbourState): boolean => state !== "incomplete" && state !== "delay"

/** The neighbours of a namespace (neighbour(7)): a table only, which does nothing by itself. */
export class SimNeighbours {
  readonly #entries = new Map<string, NeighbourEntry>()
  readonly #changed: () => void

  /** `changed` is called when the kernel would tell of a change. */
  constructor(changed: () => void) {
    this.#changed = changed
  }

  #key(link: string, address: Address): string {
    return `${link} ${address}`
  }

  of(family: Family): ReadonlyArray<Neighbour> {
    return [...this.#entries.values()]
      .filter((one) => one.family === family)
      .map(({ address, link, state }) => ({ family, address, link, state }))
  }

  find(link: string, address: Address): NeighbourEntry | undefined {
    return this.#entries.get(this.#key(link, address))
  }

  has(entry: NeighbourEntry): boolean {
    return this.find(entry.link, entry.address) === entry
  }

  /** A new entry, in the place of one that was there. */
  put(link: string, address: Address, state: NeighbourState, mac?: string, now = 0): NeighbourEntry {
    this.find(link, address)?.stop?.()
    const entry = { family: familyOf(address), address, link, state, mac, updated: now, probes: 0, stop: undefined }
    const key = this.#key(link, address)
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    if (isTold(state)) this.#changed()
    return entry
  }

  change(entry: NeighbourEntry, state: NeighbourState, mac: string | undefined): void {
    entry.stop?.()
    entry.stop = undefined
    if (entry.state === state && entry.mac === mac) return
    entry.state = state
    entry.mac = mac
    if (isTold(state)) this.#changed()
  }

  #remove(goes: (entry: NeighbourEntry) => boolean): void {
    for (const [key, entry] of this.#entries) {
      if (!goes(entry)) continue
      entry.stop?.()
      this.#entries.delete(key)
    }
  }

  /** `ip neigh flush to …`: all but those that were told for ever. */
  forget(addresses: ReadonlyArray<Address>): void {
    this.#remove(({ address, state }) => state !== "permanent" && state !== "noarp" && addresses.includes(address))
    this.#changed()
  }

  /** The link went down, or away. */
  leave(link: string): void {
    this.#remove((entry) => entry.link === link)
  }
}
