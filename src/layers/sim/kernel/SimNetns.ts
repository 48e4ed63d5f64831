import { familyOf, type Address, type Family } from "../../../domain/Address.ts"
import type { AddressStep } from "../../../domain/AddressPlan.ts"
import type { StaticRoute } from "../../../domain/DhcpLease.ts"
import { holds, isSameNetwork, networkOf, type Network, type Prefixed } from "../../../domain/Network.ts"
import {
  ANCHORD_ROUTE_PROTOCOL,
  type DefaultRoute,
  type Link,
  type LinkAddress,
  type Neighbour,
  type NeighbourState,
  type NetlinkChange,
  type RouteStep
} from "../../../domain/Routing.ts"
import { REFUSED, SimDefaults } from "./SimDefaults.ts"
import { SimNeighbours } from "./SimNeighbours.ts"

const macOf = (index: number): string => `02:00:00:00:00:${index.toString(16).padStart(2, "0")}`

/** A network on a link. The kernel makes one with an address; routers can only be reached on one of these. */
export interface OnLink extends Network {
  readonly family: Family
  readonly link: string
  readonly source: Address
  /** Absent when the kernel made it. */
  readonly protocol?: string
}

/** What happens to a namespace, for what depends on more than that something did. */
export type NetnsEvent =
  | { readonly _tag: "LinkDown"; readonly link: Link }
  | { readonly _tag: "AddressGone"; readonly link: string; readonly address: Address }
  | { readonly _tag: "Announced"; readonly link: string; readonly address: Address }

/**
 * A network namespace as the kernel keeps it: links, addresses, neighbours and default routes, with the rules of rtnetlink(7) that
 * route plans depend on. Answers are the kernel's error texts, or nothing when it agreed.
 */
export class SimNetns {
  readonly #links = new Map<string, Link>()
  #linksMade = 0
  #addresses: ReadonlyArray<LinkAddress> = []
  readonly neighbourTable = new SimNeighbours(() => this.#say("neighbour"))
  readonly #defaults = new SimDefaults({
    nextHop: (route) => this.#nextHop(route),
    hasSource: ({ source }) => source === undefined || this.#addresses.some(({ address }) => address === source),
    changed: () => this.#say("route")
  })
  #onLink: ReadonlyArray<OnLink> = []
  #staticRoutes: ReadonlyArray<StaticRoute & { readonly link: string }> = []
  readonly #listeners = new Set<(change: NetlinkChange) => void>()
  readonly #watchers = new Set<(event: NetnsEvent) => void>()
  /** Another number whenever links, addresses or routes have changed. */
  generation = 0
  readonly #sysctls = new Map<string, string>()
  /** Whether the process has CAP_NET_ADMIN here. */
  capable = true
  /** The neighbours that answer when they are asked for. */
  readonly answering = new Set<Address>()

  /** Adds a link that is up, with the given addresses (`10.1.0.2/24`). */
  addLink(name: string, ...addresses: ReadonlyArray<string>): this {
    this.#linksMade += 1
    const index = this.#linksMade
    this.#links.set(name, { index, name, mac: macOf(index), up: true })
    this.#say("link")
    for (const address of addresses) this.addAddress(name, address)
    return this
  }

  /** An address whose duplicate address detection is under way becomes usable. */
  endDetection(link: string, address: Address): void {
    this.#addresses = this.#addresses.map((one) =>
      one.link === link && one.address === address ? Object.assign({}, one, { tentative: false }) : one
    )
    this.#say("address")
  }

  /** How long an unanswered neighbour solicitation waits, of each link where somebody set it. */
  readonly retransmissions = new Map<string, number>()

  setRetransmission(link: string, millis: number): string | undefined {
    if (!this.#links.has(link)) return `Cannot find device "${link}"`
    this.retransmissions.set(link, millis)
    return undefined
  }

  /** A link that goes down takes its routes and IPv6 addresses with it. For those of IPv4 no route change is announced. */
  setUp(name: string, up: boolean): void {
    const link = this.#links.get(name)
    if (link === undefined || link.up === up) return
    this.#links.set(name, { ...link, up })
    if (!up) {
      this.#addresses = this.#addresses.filter((one) => one.link !== name || one.family === "v4")
      this.#defaults.leave(name)
      this.#onLink = this.#onLink.filter((one) => one.link !== name)
      this.#staticRoutes = this.#staticRoutes.filter((one) => one.link !== name)
      this.neighbourTable.leave(name)
      this.#tell({ _tag: "LinkDown", link })
    } else {
      for (const one of this.#addresses) if (one.link === name) this.#connect(one)
    }
    this.#say("link")
  }

  removeLink(name: string): void {
    this.setUp(name, false)
    this.#addresses = this.#addresses.filter(({ link }) => link !== name)
    this.#links.delete(name)
    this.#say("link")
  }

  addAddress(link: string, text: string): void {
    const [address = "", prefix] = text.split("/")
    const family = familyOf(address)
    const prefixLength = Number(prefix ?? (family === "v4" ? 32 : 128))
    const scope = address.startsWith("fe80:")
      ? "link"
      : address.startsWith("127.") || address === "::1"
        ? "host"
        : "global"
    this.#addresses = [...this.#addresses, { family, link, address, prefixLength, scope, tentative: false }]
    this.#connect({ family, link, address, prefixLength })
    this.#say("address")
  }

  /**
   * With an IPv4 address go the routes that have it as source, and with the last of a link all of its IPv4 routes. For IPv6 it is the network on
   * the link that goes, whoever has made its route, and a source is only taken out. Whether a gateway is still on a network does not matter.
   */
  removeAddress(link: string, address: Address): void {
    const gone = this.#addresses.find((one) => one.link === link && one.address === address)
    if (gone === undefined) return
    for (const further of this.#further(gone)) this.removeAddress(link, further.address)
    const { family } = gone
    this.#addresses = this.#addresses.filter((one) => one !== gone)
    const rest = this.#addresses.filter((one) => one.link === link && one.family === family)
    if (family === "v4" && rest.length === 0) this.#disable(link)
    const network = networkOf(gone)
    const isShared = rest.some((one) => {
      const other = networkOf(one)
      return network !== undefined && other !== undefined && isSameNetwork(other, network)
    })
    const goesAlong = (one: OnLink) =>
      one.link === link &&
      (family === "v4" ? one.source === address : network !== undefined && !isShared && isSameNetwork(one, network))
    this.#onLink = this.#onLink.filter((one) => !goesAlong(one))
    this.#defaults.loseSources()
    this.#tell({ _tag: "AddressGone", link, address })
    this.#say("address")
  }

  /** The IPv4 addresses that go with the first of their network, because the kernel's promote_secondaries is off. */
  #further(address: LinkAddress): ReadonlyArray<LinkAddress> {
    const network = networkOf(address)
    if (address.family === "v6" || network === undefined) return []
    const [first, ...others] = this.#addresses.filter((one) => {
      const other = networkOf(one)
      return one.link === address.link && other !== undefined && isSameNetwork(other, network)
    })
    return first === address ? others : []
  }

  /** A link without an IPv4 address does no IPv4. */
  #disable(link: string): void {
    this.#defaults.leave(link, "v4")
    this.#onLink = this.#onLink.filter((one) => one.link !== link || one.family !== "v4")
    this.#staticRoutes = this.#staticRoutes.filter((one) => one.link !== link || familyOf(one.destination) !== "v4")
  }

  /** Addresses that were announced, in order. */
  readonly announced: Array<Address> = []
  readonly mtus = new Map<string, number>()
  /** For how many seconds an address was last set to be valid; absent when it was set for ever. */
  readonly lifetimes = new Map<Address, number>()
  /** Set: what the kernel says to a step that it does not want. */
  refusal: ((step: AddressStep) => string | undefined) | undefined

  /** One step as `ip` carries it out. */
  applyAddress(step: AddressStep): string | undefined {
    if (!this.#links.has(step.link)) return `Cannot find device "${step.link}"`
    const refusal = this.refusal?.(step)
    if (refusal !== undefined) return refusal
    switch (step._tag) {
      case "SetAddress":
        if (step.lifetime !== undefined) this.lifetimes.set(step.address, step.lifetime.validSeconds)
        if (!this.#addresses.some((one) => one.link === step.link && one.address === step.address)) {
          this.addAddress(step.link, `${step.address}/${step.prefixLength}`)
        } else if (step.family === "v6") this.#connect(step)
        return undefined
      case "DeleteAddress":
        return void this.removeAddress(step.link, step.address)
      case "SetOnLink": {
        const { family, link, network, source } = step
        if (!this.#addresses.some((one) => one.address === source)) return "Error: Invalid prefsrc address."
        if (this.#links.get(link)?.up !== true) return "Error: Nexthop device is not up."
        const others = this.#onLink.filter((one) => one.link !== link || !isSameNetwork(one, network))
        this.#onLink = [...others, { family, link, source, protocol: ANCHORD_ROUTE_PROTOCOL, ...network }]
        this.#say("route")
        return undefined
      }
      case "DeleteOnLink":
        this.#onLink = this.#onLink.filter(
          (one) => one.link !== step.link || one.protocol === undefined || !isSameNetwork(one, step.network)
        )
        this.#say("route")
        return undefined
      case "SetRoute":
      case "DeleteRoute":
        return this.#setStatic(step)
      case "SetMtu":
        return void this.mtus.set(step.link, step.mtu)
      case "Announce":
        this.announced.push(step.address)
        this.#tell(Object.assign({}, step, { _tag: "Announced" as const }))
        return undefined
    }
  }

  /** What the kernel does of itself for an address that is new on a link, unless it is but a further one of its network; for IPv6 also when it is set again. */
  #connect({ family, link, address, prefixLength }: Prefixed & { readonly family: Family; readonly link: string }) {
    const network = networkOf({ address, prefixLength })
    const isUp = this.#links.get(link)?.up === true
    if (!isUp || (family === "v4" && prefixLength === 32) || network === undefined || link === "lo") return
    const isThere = this.#onLink.some(
      (one) => one.link === link && (family === "v6" || one.protocol === undefined) && isSameNetwork(one, network)
    )
    if (!isThere) this.#onLink = [...this.#onLink, { family, link, source: address, ...network }]
  }

  /** The routes that are neither a default nor on a link, as `destination/length via gateway`. */
  staticRoutes(): ReadonlyArray<string> {
    return this.#staticRoutes
      .map(({ destination, prefixLength, gateway }) => `${destination}/${prefixLength} via ${gateway ?? "link"}`)
      .toSorted()
  }

  /** Those routes as they were set, and the networks on a link that have a route of their own. */
  otherRoutes(): {
    readonly onLink: ReadonlyArray<OnLink>
    readonly static: ReadonlyArray<StaticRoute & { readonly link: string }>
  } {
    return { onLink: this.#onLink, static: this.#staticRoutes }
  }

  link(name: string): Link | undefined {
    return this.#links.get(name)
  }

  /** The MAC address that a link has from what it is plugged into. */
  setMac(name: string, mac: string): void {
    const link = this.#links.get(name)
    if (link === undefined || link.mac === mac) return
    this.#links.set(name, { ...link, mac })
    this.#say("link")
  }

  #setStatic({ _tag, family, link, route }: Extract<AddressStep, { readonly _tag: "SetRoute" | "DeleteRoute" }>) {
    const { gateway } = route
    if (_tag === "SetRoute" && gateway !== undefined && this.#nextHop({ family, gateway, link }) === undefined) {
      return REFUSED
    }
    const isMeant = (one: StaticRoute & { readonly link: string }) =>
      one.destination === route.destination &&
      one.prefixLength === route.prefixLength &&
      (_tag === "SetRoute" || (one.link === link && (gateway === undefined || one.gateway === gateway)))
    const others = this.#staticRoutes.filter((one) => !isMeant(one))
    this.#staticRoutes = _tag === "SetRoute" ? [...others, { ...route, link }] : others
    this.#say("route")
    return undefined
  }

  /** Somebody says of a neighbour what state it is in; without a MAC address the kernel finds it out when it sends to it. */
  setNeighbour(link: string, address: Address, state: NeighbourState, mac?: string): void {
    this.neighbourTable.put(link, address, state, mac)
  }

  /** `ip neigh flush to …`. */
  forgetNeighbours(addresses: ReadonlyArray<Address>): void {
    this.neighbourTable.forget(addresses)
  }

  setSysctl(name: string, value: string): void {
    this.#sysctls.set(name, value)
  }

  sysctl(name: string): string | undefined {
    return this.#sysctls.get(name)
  }

  links(): ReadonlyArray<Link> {
    return [...this.#links.values()].map((link) => Object.assign({}, link, { mtu: this.mtus.get(link.name) ?? 1_500 }))
  }

  addresses(): ReadonlyArray<LinkAddress> {
    return this.#addresses
  }

  neighbours(family: Family): ReadonlyArray<Neighbour> {
    return this.neighbourTable.of(family)
  }

  defaultRoutes(family: Family, table?: number): ReadonlyArray<DefaultRoute> {
    return this.#defaults.of(family, table)
  }

  /** `ip route add`: refuses an IPv4 route of a metric that there is already, and an IPv6 one that is a duplicate. */
  add(route: DefaultRoute): string | undefined {
    return this.#defaults.add(route)
  }

  /** `ip route append`: goes behind those of its metric. */
  append(route: DefaultRoute): string | undefined {
    return this.#defaults.append(route)
  }

  /** `ip route replace` and `ip route del`. */
  apply(step: RouteStep): string | undefined {
    if (!this.capable) return "RTNETLINK answers: Operation not permitted"
    return this.#defaults.apply(step)
  }

  /** Calls `listener` at each change until the answer is called. */
  listen(listener: (change: NetlinkChange) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Calls `watcher` at each event until the answer is called. */
  watch(watcher: (event: NetnsEvent) => void): () => void {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  #tell(event: NetnsEvent): void {
    for (const watcher of this.#watchers) watcher(event)
  }

  #say(change: NetlinkChange): void {
    if (change !== "neighbour") this.generation += 1
    for (const listener of this.#listeners) listener(change)
  }

  /** The link by which the kernel reaches a route's next hop, or nothing when it refuses the route. */
  #nextHop({ gateway, link, onLink }: DefaultRoute): string | undefined {
    const isUp = (name: string) => this.#links.get(name)?.up === true
    const named = link !== undefined && isUp(link) ? link : undefined
    if (gateway === undefined || onLink || (gateway.startsWith("fe80:") && named !== undefined)) return named
    const family = familyOf(gateway)
    const usable = <A extends { readonly family: Family; readonly link: string }>(all: ReadonlyArray<A>) =>
      all.filter((one) => one.family === family && isUp(one.link) && (link === undefined || one.link === link))
    if (usable(this.#addresses).some(({ address }) => address === gateway)) return undefined
    const [connected] = usable(this.#onLink)
      .filter((one) => holds(one, gateway))
      .toSorted((one, other) => other.prefixLength - one.prefixLength)
    return connected?.link
  }

  /** Whether a router is within reach: the kernel would take a default route to it. */
  reaches(gateway: Address): boolean {
    return this.#nextHop({ family: familyOf(gateway), gateway }) !== undefined
  }
}
