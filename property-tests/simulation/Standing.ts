import { families, type Family } from "../../src/domain/Address.ts"
import { isOurs, metricOf } from "../../src/domain/DefaultRoute.ts"
import type { DefaultRoute } from "../../src/domain/Routing.ts"
import type { SimNamespace } from "../../src/layers/sim/lan/SimHost.ts"
import type { SimKernel } from "../../src/layers/sim/kernel/SimKernel.ts"
import { DMZ, EXTERNAL, NETWORK_ANCHOR, TRANSIT } from "./cast.ts"
import { routesOf } from "./excuses.ts"
import { isNewlyLeased, routerOf } from "./leases.ts"
import type { Process } from "./processes.ts"
import type { Simulation } from "./Simulation.ts"
import { Violation } from "./Violation.ts"

/** How long it may take until an address is there. */
const ADDRESS_MILLIS = 6_000

/** How long an address may stay whose lease is over or was refused. */
const LEFT_MILLIS = 1_500

const told = (routes: ReadonlyArray<DefaultRoute>): string =>
  routes.map(({ gateway, link, metric = 0 }) => `${gateway} dev ${link} metric ${metric}`).join(", ") || "nothing"

/** A default that could keep the traffic from that of a service-anchor, which leaves others alone: one as good as Docker's, or better. */
export const isRival = (route: DefaultRoute): boolean => metricOf(route) <= (route.family === "v4" ? 0 : 1_024)

/** A default route that anchord is to set, and then to keep. */
interface Wanted {
  readonly key: string
  readonly name: string
  readonly family: Family
  readonly kernel: SimKernel
  readonly gateway: string
  readonly isNetworkAnchor: boolean
}

/**
 * What works is not taken away: a default route that was right stays so, a lease's address is there for as long as the lease holds and the project never
 * without one, and a service-anchor that ends leaves the namespace as it was (SPEC §8, §9, §10).
 */
export class Standing {
  readonly #sim: Simulation
  #good: ReadonlySet<string> = new Set()
  /** Namespaces that a service-anchor has left in good order, and nobody has changed since. */
  readonly #left = new Map<SimKernel, SimNamespace>()
  /** Namespaces whose routes somebody else has changed. */
  readonly #spoilt = new WeakSet<SimKernel>()
  readonly #watched = new WeakSet<SimKernel>()
  readonly #oddSince = new Map<Family, number>()
  /** The addresses that the network-anchor has had where the service-anchors look for it. */
  readonly #gateways = new Set<string>()
  #gap: string | undefined

  constructor(sim: Simulation) {
    this.#sim = sim
  }

  /** Somebody changes the routes of a namespace: what was there at first is nobody's to put back any more. */
  spoil(kernel: SimKernel): void {
    this.#spoilt.add(kernel)
  }

  began(id: string, mode: Process["mode"]): void {
    const kernel = this.#sim.host.namespaceOf(id)?.kernel
    if (kernel === undefined) return
    if (mode === "service-anchor") this.#left.delete(kernel)
    // Two in one namespace go by the same routes: neither knows what was there before the other.
    if (mode === "service-anchor" && this.#isShared(id, kernel)) this.spoil(kernel)
    if (mode === "network-anchor") this.#watch(kernel)
  }

  #isShared(id: string, kernel: SimKernel): boolean {
    const { processes, host } = this.#sim
    return [...processes].some(
      ([other, { mode }]) => other !== id && mode === "service-anchor" && host.namespaceOf(other)?.kernel === kernel
    )
  }

  ended(id: string, mode: Process["mode"], status: number): void {
    const namespace = this.#sim.host.namespaceOf(id)
    if (mode === "service-anchor" && status === 0 && namespace !== undefined)
      this.#left.set(namespace.kernel, namespace)
  }

  check(): void {
    if (this.#gap !== undefined) throw new Violation(this.#gap)
    this.#checkDefaults()
    this.#checkLeft()
    this.#checkExternal()
  }

  /** No moment without an address of a family that had one, unless somebody else has taken it away. */
  #watch(kernel: SimKernel): void {
    if (this.#watched.has(kernel)) return
    this.#watched.add(kernel)
    kernel.netns.watch((event) => {
      if (event._tag !== "AddressGone" || event.link !== this.#sim.linkOn(NETWORK_ANCHOR, DMZ)) return
      const family: Family = event.address.includes(":") ? "v6" : "v4"
      if (this.#sim.excuses.covers("addresses") || this.#externals(kernel, event.link, family).length > 0) return
      this.#gap ??= `${event.address} is taken away while the project has no other ${family} address`
    })
  }

  #externals({ netns }: SimKernel, link: string | undefined, family: Family): ReadonlyArray<string> {
    return netns
      .addresses()
      .filter((one) => one.link === link && one.family === family && one.scope === "global")
      .map(({ address }) => address)
  }

  #wanted(): ReadonlyArray<Wanted> {
    const { processes, docker, host } = this.#sim
    const anchorId = this.#sim.idOf(NETWORK_ANCHOR) ?? ""
    const members = docker.network(TRANSIT)?.members.get(anchorId)
    for (const family of families) this.#gateways.add(members?.[family] ?? "")
    return [...processes].flatMap(([id, { mode, startedAt, program, isEnding }]) => {
      if (isEnding()) return []
      const namespace = host.namespaceOf(id)
      const isNetworkAnchor = mode === "network-anchor"
      if (namespace === undefined || (!isNetworkAnchor && mode !== "service-anchor")) return []
      // What is right there may be the other one's doing, and go with that one.
      if (!isNetworkAnchor && this.#isShared(id, namespace.kernel)) return []
      const network = isNetworkAnchor ? DMZ : TRANSIT
      const link = [...namespace.links].find(([, { name }]) => name === network)?.[0]
      return families.flatMap((family) => {
        const gateway = isNetworkAnchor ? routerOf(this.#sim, family) : members?.[family]
        if (gateway === undefined || link === undefined) return []
        if (isNetworkAnchor && isNewlyLeased(this.#sim, family)) return []
        const { kernel } = namespace
        const index = kernel.netns.link(link)?.index ?? 0
        return [
          {
            key: `${id} ${startedAt} ${index} ${gateway}`,
            name: program.name,
            family,
            kernel,
            gateway,
            isNetworkAnchor
          }
        ]
      })
    })
  }

  #checkDefaults(): void {
    const good = new Set<string>()
    for (const { key, name, family, kernel, gateway, isNetworkAnchor } of this.#wanted()) {
      const all = kernel.netns.defaultRoutes(family)
      const routes = isNetworkAnchor ? all : all.filter(isRival)
      const isRight = routes.length === 1 && routes[0]?.gateway === gateway
      if ((isRight && routes.every(isOurs)) || this.#good.has(key)) good.add(key)
      if (isRight || !good.has(key) || this.#sim.excuses.covers(routesOf(kernel))) continue
      if (!isNetworkAnchor && this.#isOutdated(routes)) continue
      throw new Violation(`the ${family} default route of ${name} was ${gateway} alone, and now it is ${told(routes)}`)
    }
    this.#good = good
  }

  /** While names do not resolve, a route goes on leading to an address that the network-anchor had, and be it between two looks. */
  #isOutdated([route, ...others]: ReadonlyArray<DefaultRoute>): boolean {
    if (route === undefined || others.length > 0 || !isOurs(route)) return false
    return this.#sim.excuses.covers("names") && this.#gateways.has(route.gateway ?? "")
  }

  #checkLeft(): void {
    for (const [kernel, namespace] of this.#left) {
      if (!kernel.alive || this.#spoilt.has(kernel)) {
        this.#left.delete(kernel)
        continue
      }
      const transit = [...namespace.links.values()].find(({ name }) => name === TRANSIT)
      for (const family of families) {
        const router = transit?.pools[family]?.router
        const routes = kernel.netns.defaultRoutes(family)
        const [first, ...others] = routes
        if (router === undefined) continue
        if (first?.gateway === router && !isOurs(first) && others.length === 0) continue
        throw new Violation(
          `a service-anchor has ended in the namespace of ${this.#sim.nameOf(kernel)}, whose ${family} default was ${router}, and now it is ${told(routes)}`
        )
      }
    }
  }

  /** One address of each family: what the DHCP server has given for as long as it did, or else Docker's own. */
  #checkExternal(): void {
    const { excuses, time, dhcp } = this.#sim
    const process = this.#sim.process(NETWORK_ANCHOR)
    const kernel = this.#sim.namespace(NETWORK_ANCHOR)?.kernel
    if (process === undefined || process.isEnding() || kernel === undefined) return this.#oddSince.clear()
    const now = time.now()
    for (const family of families) {
      const found = this.#externals(kernel, this.#sim.linkOn(NETWORK_ANCHOR, DMZ), family)
      const leased = dhcp.leases().find((lease) => lease.family === family && lease.until >= now)?.address
      const isRight = found.length === 1 && (found[0] === EXTERNAL[family] || found[0] === leased)
      if (isRight || excuses.covers("addresses")) {
        this.#oddSince.delete(family)
        continue
      }
      const since = this.#oddSince.get(family) ?? now
      this.#oddSince.set(family, since)
      const isLeft = found.some((address) => address !== EXTERNAL[family] && address !== leased)
      if (now - since <= (isLeft ? LEFT_MILLIS : ADDRESS_MILLIS)) continue
      throw new Violation(
        `the ${family} addresses of the project are ${found.join(", ") || "none"}, and the lease is ${leased ?? "none"}`
      )
    }
  }
}
