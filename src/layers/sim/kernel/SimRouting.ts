import { families, type Address, type Family } from "../../../domain/Address.ts"
import type { LinkAddress } from "../../../domain/Routing.ts"
import { isWithin, wordsOf, type AddressWords } from "./SimAddressWords.ts"
import type { SimNetns } from "./SimNetns.ts"

/** Where a packet goes next: to this namespace itself, or out of a link to the next hop. */
export type SimRoute =
  | { readonly _tag: "Local" }
  | { readonly _tag: "Out"; readonly link: string; readonly gateway: Address | undefined }

interface FibEntry {
  readonly network: AddressWords
  readonly prefixLength: number
  readonly route: SimRoute
}

const LOCAL: SimRoute = { _tag: "Local" }
const LOOPBACK = "lo"
const hostLength: Readonly<Record<Family, number>> = { v4: 32, v6: 128 }

/** The kernel gives lo's whole IPv4 network to itself; of any other link only the addresses, whether it is up or not. */
const localEntry = (one: LinkAddress): FibEntry => ({
  network: wordsOf(one.address),
  prefixLength: one.family === "v4" && one.link === LOOPBACK ? one.prefixLength : hostLength[one.family],
  route: LOCAL
})

/** What is looked at in a namespace's main table, longest prefix first, and by metric where prefixes are of one length. */
const entriesOf = (netns: SimNetns, family: Family): ReadonlyArray<FibEntry> => {
  const isUp = (link: string | undefined): link is string => link !== undefined && netns.link(link)?.up === true
  const entry = (address: Address, prefixLength: number, link: string, gateway?: Address): FibEntry => ({
    network: wordsOf(address),
    prefixLength,
    route: { _tag: "Out", link, gateway }
  })
  const others = netns.otherRoutes()
  const onLink = others.onLink.filter((one) => one.family === family && isUp(one.link))
  const statics = others.static.filter((one) => one.destination.includes(":") === (family === "v6") && isUp(one.link))
  const defaults = netns.defaultRoutes(family)
  return [
    ...onLink.map((one) => entry(one.address, one.prefixLength, one.link)),
    ...statics.map((one) => entry(one.destination, one.prefixLength, one.link, one.gateway)),
    ...defaults.flatMap(({ link, gateway }) =>
      isUp(link) ? [entry(family === "v4" ? "0.0.0.0" : "::", 0, link, gateway)] : []
    )
  ].toSorted((a, b) => b.prefixLength - a.prefixLength)
}

/** Which way a namespace's packets go (ip-rule's local and main table). What was found is kept until something in the namespace changes. */
export class SimRouting {
  readonly #netns: SimNetns
  #generation = -1
  readonly #entries: Record<Family, ReadonlyArray<FibEntry>> = { v4: [], v6: [] }
  readonly #local: Record<Family, ReadonlyArray<FibEntry>> = { v4: [], v6: [] }
  readonly #found = new Map<Address, SimRoute | undefined>()

  constructor(netns: SimNetns) {
    this.#netns = netns
  }

  #refresh(): void {
    if (this.#generation === this.#netns.generation) return
    this.#generation = this.#netns.generation
    this.#found.clear()
    for (const family of families) {
      this.#entries[family] = entriesOf(this.#netns, family)
      this.#local[family] = this.#netns
        .addresses()
        .filter((one) => one.family === family && !one.tentative)
        .map(localEntry)
    }
  }

  /** The route to an address, or nothing where the network is unreachable. */
  find(family: Family, address: Address): SimRoute | undefined {
    this.#refresh()
    const known = this.#found.get(address)
    if (known !== undefined || this.#found.has(address)) return known
    const words = wordsOf(address)
    const holds = ({ network, prefixLength }: FibEntry) => isWithin(network, prefixLength, words)
    const found = this.#local[family].find(holds) ?? this.#entries[family].find(holds)
    this.#found.set(address, found?.route)
    return found?.route
  }

  /** Whether the address is one of this namespace (`fib daddr type local`). */
  isLocal(family: Family, address: Address): boolean {
    return this.find(family, address)?._tag === "Local"
  }
}
