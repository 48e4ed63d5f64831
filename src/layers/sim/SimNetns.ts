import { familyOf, type Address, type Family } from "../../domain/Address.ts"
import type { AddressStep } from "../../domain/AddressPlan.ts"
import { isSameRoute, metricOf } from "../../domain/DefaultRoute.ts"
import type { StaticRoute } from "../../domain/DhcpLease.ts"
import { holds, isSameNetwork, networkOf, type Network, type Prefixed } from "../../domain/Network.ts"
import {
  ANCHORD_ROUTE_PROTOCOL,
  type DefaultRoute,
  type Link,
  type LinkAddress,
  type Neighbour,
  type NeighbourState,
  type NetlinkChange,
  type RouteStep
} from "../../domain/Routing.ts"
import { linkTowards } from "../../domain/ServiceAnchorRoutes.ts"

const macOf = (index: number): string => `02:00:00:00:00:${index.toString(16).padStart(2, "0")}`

const REFUSED = "Error: Nexthop has invalid gateway."
const NO_SUCH_SOURCE = "Error: Invalid source address."
const EXISTS = "RTNETLINK answers: File exists"
const GONE = "RTNETLINK answers: No such process"

/** What a deletion names must hold; the metric 0 of IPv4 names none, an absent protocol is `boot`, and IPv6 looks at no attributes. */
const deletes = (wanted: DefaultRoute, route: DefaultRoute): boolean =>
  (wanted.gateway === undefined || wanted.gateway === route.gateway) &&
  (wanted.link === undefined || wanted.link === route.link) &&
  (wanted.family === "v6" || wanted.source === undefined || wanted.source === route.source) &&
  (wanted.family === "v6" || wanted.mtu === undefined || wanted.mtu === route.mtu) &&
  (wanted.metric === undefined || wanted.metric === 0 || wanted.metric === metricOf(route)) &&
  (wanted.protocol ?? "boot") === (route.protocol ?? "boot")

/** Whether two routes of one metric cannot both be there: the very same one, for IPv6 any to the same next hop. */
const isDuplicate = (a: DefaultRoute, b: DefaultRoute): boolean =>
  a.family === "v4" ? isSameRoute(a, b) : a.gateway === b.gateway && a.link === b.link

/**
 * A network on a link. For IPv6 the kernel makes one with an address, if there is none, and only routers on such a network can be reached;
 * for IPv4 an address is enough, and these are beside it.
 */
interface OnLink extends Network {
  readonly family: Family
  readonly link: string
  readonly source: Address
  /** Absent when the kernel made it. */
  readonly protocol?: string
}

/**
 * A network namespace as the kernel keeps it: links, addresses, neighbours and default routes, with the rules of rtnetlink(7) that
 * route plans depend on. Answers are the kernel's error texts, or nothing when it agreed.
 */
export class SimNetns {
  readonly #links = new Map<string, Link>()
  #linksMade = 0
  #addresses: ReadonlyArray<LinkAddress> = []
  #neighbours: ReadonlyArray<Neighbour> = []
  /** In the order of the tables: by metric, then as they came. */
  #routes: ReadonlyArray<DefaultRoute> = []
  #onLink: ReadonlyArray<OnLink> = []
  #staticRoutes: ReadonlyArray<StaticRoute & { readonly link: string }> = []
  readonly #listeners = new Set<(change: NetlinkChange) => void>()
  readonly #sysctls = new Map<string, string>()
  /** Whether the process has CAP_NET_ADMIN here. */
  capable = true

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
      this.#routes = this.#routes.filter((route) => route.link !== name)
      this.#onLink = this.#onLink.filter((one) => one.link !== name)
      this.#staticRoutes = this.#staticRoutes.filter((one) => one.link !== name)
      this.#neighbours = this.#neighbours.filter((one) => one.link !== name)
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
   * Routes whose gateway was on that prefix alone go with the address, IPv4 ones of that source as well; those of IPv6 only lose it. So do
   * on-link routes: for IPv4 those that have it as source, for IPv6 the one of its prefix, whoever has made it.
   */
  removeAddress(link: string, address: Address): void {
    const gone = this.#addresses.find((one) => one.link === link && one.address === address)
    if (gone === undefined) return
    this.#addresses = this.#addresses.filter((one) => one !== gone)
    const network = networkOf(gone)
    const isShared = this.#addresses.some((one) => {
      const other = networkOf(one)
      return one.link === link && network !== undefined && other !== undefined && isSameNetwork(other, network)
    })
    const goesAlong = (one: OnLink) =>
      one.link === link &&
      (gone.family === "v4"
        ? one.source === address
        : network !== undefined && !isShared && isSameNetwork(one, network))
    this.#onLink = this.#onLink.filter((one) => !goesAlong(one))
    this.#routes = this.#routes.flatMap((route) => {
      if (route.link === link && this.#nextHop(route) === undefined) return []
      if (this.#hasSource(route)) return [route]
      const { source: _source, ...without } = route
      return route.family === "v4" ? [] : [without]
    })
    this.#say("address")
  }

  /** Addresses that were announced, in order. */
  readonly announced: Array<Address> = []
  readonly mtus = new Map<string, number>()
  /** For how many seconds an address was last set to be valid; absent when it was set for ever. */
  readonly lifetimes = new Map<Address, number>()
  /** Set: what the kernel says to a step that it does not want. */
  refusal: ((step: AddressStep) => string | undefined) | undefined

  /**
   * One step as `ip` carries it out. Deleting the first IPv4 address of a prefix takes the others of it along, because the kernel's
   * promote_secondaries is off.
   */
  applyAddress(step: AddressStep): string | undefined {
    if (!this.#links.has(step.link)) return `Cannot find device "${step.link}"`
    const refusal = this.refusal?.(step)
    if (refusal !== undefined) return refusal
    switch (step._tag) {
      case "SetAddress":
        if (step.lifetime !== undefined) this.lifetimes.set(step.address, step.lifetime.validSeconds)
        if (!this.#addresses.some((one) => one.link === step.link && one.address === step.address)) {
          this.addAddress(step.link, `${step.address}/${step.prefixLength}`)
        }
        return undefined
      case "DeleteAddress":
        return this.#deleteAddress(step)
      case "SetOnLink": {
        const { family, link, network, source } = step
        if (!this.#addresses.some((one) => one.address === source)) return "Error: Invalid prefsrc address."
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
        return void this.announced.push(step.address)
    }
  }

  /** What the kernel does of itself for an IPv6 address that is new on a link. */
  #connect({ family, link, address, prefixLength }: Prefixed & { readonly family: Family; readonly link: string }) {
    const network = networkOf({ address, prefixLength })
    if (family === "v4" || prefixLength === 128 || network === undefined) return
    if (this.#onLink.some((one) => one.link === link && isSameNetwork(one, network))) return
    this.#onLink = [...this.#onLink, { family, link, source: address, ...network }]
  }

  /** The routes that are neither a default nor on a link, as `destination/length via gateway`. */
  staticRoutes(): ReadonlyArray<string> {
    return this.#staticRoutes
      .map(({ destination, prefixLength, gateway }) => `${destination}/${prefixLength} via ${gateway ?? "link"}`)
      .toSorted()
  }

  #deleteAddress({ link, address, prefixLength }: Extract<AddressStep, { readonly _tag: "DeleteAddress" }>) {
    const ofPrefix = (one: LinkAddress) =>
      one.link === link && one.family === "v4" && one.prefixLength === prefixLength && prefixLength < 32
    const victims = this.#addresses.find(ofPrefix)?.address === address ? this.#addresses.filter(ofPrefix) : []
    for (const victim of victims) this.removeAddress(link, victim.address)
    this.removeAddress(link, address)
    return undefined
  }

  #setStatic({ _tag, family, link, route }: Extract<AddressStep, { readonly _tag: "SetRoute" | "DeleteRoute" }>) {
    const { gateway } = route
    if (_tag === "SetRoute" && gateway !== undefined && this.#nextHop({ family, gateway, link }) === undefined) {
      return REFUSED
    }
    const others = this.#staticRoutes.filter(
      (one) => one.link !== link || one.destination !== route.destination || one.prefixLength !== route.prefixLength
    )
    this.#staticRoutes = _tag === "SetRoute" ? [...others, { ...route, link }] : others
    this.#say("route")
    return undefined
  }

  setNeighbour(link: string, address: Address, state: NeighbourState): void {
    const others = this.#neighbours.filter((one) => one.link !== link || one.address !== address)
    this.#neighbours = [...others, { family: familyOf(address), address, link, state }]
    this.#say("neighbour")
  }

  /** `ip neigh flush to …`. */
  forgetNeighbours(addresses: ReadonlyArray<Address>): void {
    this.#neighbours = this.#neighbours.filter(
      ({ address, state }) => state === "permanent" || state === "noarp" || !addresses.includes(address)
    )
    this.#say("neighbour")
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
    return this.#neighbours.filter((one) => one.family === family)
  }

  defaultRoutes(family: Family, table?: number): ReadonlyArray<DefaultRoute> {
    return this.#routes.filter((route) => route.family === family && route.table === table)
  }

  /** `ip route add`: refuses an IPv4 route of a metric that there is already, and an IPv6 one that is a duplicate. */
  add(route: DefaultRoute): string | undefined {
    return this.#insert(route, (other, whole) => route.family === "v4" || isDuplicate(other, whole))
  }

  /** `ip route append`: goes behind those of its metric. */
  append(route: DefaultRoute): string | undefined {
    return this.#insert(route, isDuplicate)
  }

  /** `ip route replace` and `ip route del`. */
  apply(step: RouteStep): string | undefined {
    if (!this.capable) return "RTNETLINK answers: Operation not permitted"
    if (step._tag === "Append") return this.append(step.route)
    return step._tag === "Replace" ? this.#replace(step.route) : this.#delete(step.route)
  }

  /** Calls `listener` at each change until the answer is called. */
  listen(listener: (change: NetlinkChange) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #say(change: NetlinkChange): void {
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
    const own = usable(this.#addresses)
    if (own.some(({ address }) => address === gateway)) return undefined
    const [connected] = usable(this.#onLink)
      .filter((one) => holds(one, gateway))
      .toSorted((one, other) => other.prefixLength - one.prefixLength)
    return connected?.link ?? (family === "v4" ? linkTowards(gateway, own) : undefined)
  }

  #hasSource({ source }: DefaultRoute): boolean {
    return source === undefined || this.#addresses.some(({ address }) => address === source)
  }

  #insert(route: DefaultRoute, collides: (other: DefaultRoute, whole: DefaultRoute) => boolean): string | undefined {
    const link = this.#nextHop(route)
    if (link === undefined) return REFUSED
    if (!this.#hasSource(route)) return NO_SUCH_SOURCE
    const whole = this.#whole(route, link)
    if (this.#alike(whole).some((other) => collides(other, whole))) return EXISTS
    this.#put(whole, [])
    return undefined
  }

  #replace(route: DefaultRoute): string | undefined {
    const link = this.#nextHop(route)
    if (link === undefined) return REFUSED
    if (!this.#hasSource(route)) return NO_SUCH_SOURCE
    const whole = this.#whole(route, link)
    const alike = this.#alike(whole)
    const [first] = alike
    if (whole.family === "v4" && first !== undefined && alike.some((other) => isSameRoute(other, whole))) {
      return isSameRoute(first, whole) ? undefined : EXISTS
    }
    const manual = alike.filter(({ protocol }) => protocol !== "ra")
    const displaced = whole.family === "v4" ? alike.slice(0, 1) : manual.length > 0 ? manual : alike.slice(0, 1)
    this.#put(whole, displaced)
    return undefined
  }

  #delete(route: DefaultRoute): string | undefined {
    const found = this.defaultRoutes(route.family, route.table).find((one) => deletes(route, one))
    if (found === undefined) return GONE
    this.#routes = this.#routes.filter((one) => one !== found)
    this.#say("route")
    return undefined
  }

  #alike(route: DefaultRoute): ReadonlyArray<DefaultRoute> {
    return this.defaultRoutes(route.family, route.table).filter((other) => metricOf(other) === metricOf(route))
  }

  /** Whether a router is within reach: the kernel would take a default route to it. */
  reaches(gateway: Address): boolean {
    return this.#nextHop({ family: familyOf(gateway), gateway }) !== undefined
  }

  /** As `ip -j route` would show it: with its link, the metric where it is not 0, and no protocol for `boot`. */
  #whole(route: DefaultRoute, link: string): DefaultRoute {
    const { metric: _metric, protocol, ...rest } = route
    const metric = metricOf(route)
    return {
      ...rest,
      link,
      ...(metric === 0 ? {} : { metric }),
      ...(protocol === undefined || protocol === "boot" ? {} : { protocol })
    }
  }

  /** Puts a route in the place of the first that it displaces, else behind those of its metric. */
  #put(route: DefaultRoute, displaced: ReadonlyArray<DefaultRoute>): void {
    const [first] = displaced
    const routes = this.#routes.flatMap((one) => (one === first ? [route] : displaced.includes(one) ? [] : [one]))
    this.#routes = (first === undefined ? [...routes, route] : routes).toSorted((a, b) => metricOf(a) - metricOf(b))
    this.#say("route")
  }
}
