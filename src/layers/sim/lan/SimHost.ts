import { families, type Family } from "../../../domain/Address.ts"
import type { NftCommand } from "../../../domain/NftJson.ts"
import type { SimEndpoint } from "../docker/SimContainer.ts"
import { SimKernel } from "../kernel/SimKernel.ts"
import { LAN, letForward, type SimLan } from "./SimLan.ts"
import type { SimNetwork } from "../docker/SimNetworks.ts"
import type { SimPlumbing } from "../docker/SimPlumbing.ts"
import type { SimTimers } from "../SimTime.ts"
import { SimSegment } from "./SimWire.ts"

/** A network namespace that containers live in. */
export interface SimNamespace {
  readonly kernel: SimKernel
  /** Whose endpoints are plugged into it. */
  readonly owner: string
  readonly inhabitants: Set<string>
  /** Which network each of its links leads to. */
  readonly links: Map<string, SimNetwork>
}

const subnetOf = (network: SimNetwork, family: Family): { readonly base: string; readonly length: string } => {
  const [base = "", length = ""] = (network.pools[family]?.subnet ?? "").split("/")
  return { base, length }
}

/** The gateway that Docker makes the default: that of a bridge is always there, any other only when it was asked for. */
const gatewayOf = (network: SimNetwork, family: Family): string | undefined => {
  const pool = network.pools[family]
  if (pool === undefined || network.internal) return undefined
  return network.driver === "bridge" ? pool.router : pool.gateway
}

const bridgeOf = (networkId: string): string => `br-${networkId.slice(0, 12)}`

/** Docker's masquerade of one bridge network, as its iptables rules have it. */
const masquerade = (network: SimNetwork, bridge: string): ReadonlyArray<NftCommand> =>
  families.flatMap((family) => {
    if (network.pools[family] === undefined) return []
    const nft = family === "v4" ? "ip" : "ip6"
    const { base, length } = subnetOf(network, family)
    const here = { family: nft, table: "docker-nat", chain: "postrouting" }
    const from = { prefix: { addr: base, len: Number(length) } }
    return [
      {
        add: {
          rule: {
            ...here,
            expr: [
              { match: { op: "==", left: { payload: { protocol: nft, field: "saddr" } }, right: from } },
              { match: { op: "!=", left: { meta: { key: "oifname" } }, right: bridge } },
              { masquerade: null }
            ]
          }
        }
      }
    ]
  })

/** The sysctls that a container was created with, by its ID. */
export type SysctlsOf = (containerId: string) => Readonly<Record<string, string>>

/**
 * A Docker host on a LAN: the network namespaces that its containers live in, plugged into its bridges and the LAN as the engine does it.
 */
export class SimHost implements SimPlumbing {
  /** The host's own namespace, with its end of every bridge. */
  readonly kernel: SimKernel
  readonly #lan: SimLan
  readonly #timers: SimTimers
  readonly #sysctlsOf: SysctlsOf
  readonly #namespaces = new Map<string, SimNamespace>()
  readonly #segments = new Map<string, SimSegment>()
  /** The networks whose traffic gets the host's address. */
  readonly #masqueraded = new Map<string, SimNetwork>()
  /** How often something was plugged in or out. */
  plugs = 0
  #made = 0

  constructor(lan: SimLan, timers: SimTimers, sysctlsOf: SysctlsOf) {
    this.#lan = lan
    this.#timers = timers
    this.#sysctlsOf = sysctlsOf
    this.kernel = new SimKernel({ name: "host", timers })
    this.kernel.netns.addLink("lo", "127.0.0.1/8", "::1/128")
    lan.plugHost(this.kernel, LAN.dockerHost)
    letForward(this.kernel)
    for (const family of ["ip", "ip6"]) {
      const at = { family, table: "docker-nat" }
      const hook = { type: "nat", hook: "postrouting", prio: 100, policy: "accept" }
      this.kernel.ruleset.execute([
        { add: { table: { family, name: at.table } } },
        { add: { chain: { ...at, name: "postrouting", ...hook } } }
      ])
    }
  }

  /** The namespace that a container lives in; nothing when it does not run. */
  namespaceOf(containerId: string): SimNamespace | undefined {
    return this.#namespaces.get(containerId)
  }

  /** Every namespace that somebody lives in, once for each who does. */
  namespaces(): Iterable<SimNamespace> {
    return this.#namespaces.values()
  }

  /** The container whose namespace a kernel is, while that is there. */
  ownerOf(kernel: SimKernel): string | undefined {
    for (const namespace of this.#namespaces.values()) if (namespace.kernel === kernel) return namespace.owner
    return undefined
  }

  readonly enter = (containerId: string, ownerId: string | undefined): void => {
    const joined = ownerId === undefined ? undefined : this.#namespaces.get(ownerId)
    const namespace = joined ?? this.#makeNamespace(containerId)
    namespace.inhabitants.add(containerId)
    this.#namespaces.set(containerId, namespace)
  }

  readonly leave = (containerId: string): void => {
    const namespace = this.#namespaces.get(containerId)
    this.#namespaces.delete(containerId)
    namespace?.inhabitants.delete(containerId)
    if (namespace?.inhabitants.size === 0) namespace.kernel.alive = false
  }

  readonly attach = (containerId: string, network: SimNetwork, endpoint: SimEndpoint): void => {
    const namespace = this.#namespaces.get(containerId)
    if (namespace === undefined) throw new Error(`${containerId} is in no namespace`)
    const { kernel, links } = namespace
    const link = this.#freeLink(namespace)
    this.plugs += 1
    links.set(link, network)
    const addresses = families.flatMap((family) =>
      endpoint[family] === undefined ? [] : [`${endpoint[family]}/${subnetOf(network, family).length}`]
    )
    kernel.netns.addLink(link, ...addresses)
    this.#segmentOf(network).plug(kernel, link, endpoint.mac ?? "")
    this.#chooseGateway(namespace)
  }

  readonly detach = (containerId: string, networkId: string): void => {
    const namespace = this.#namespaces.get(containerId)
    const link = [...(namespace?.links ?? [])].find(([, { id }]) => id === networkId)?.[0]
    if (namespace === undefined || link === undefined) return
    this.plugs += 1
    namespace.links.delete(link)
    this.#segments.get(networkId)?.unplug(namespace.kernel, link)
    namespace.kernel.netns.removeLink(link)
    this.#chooseGateway(namespace)
  }

  /** A network is removed, and with it the host's end of its bridge and its masquerade. */
  forgetNetwork(networkId: string): void {
    const segment = this.#segments.get(networkId)
    this.#segments.delete(networkId)
    const bridge = bridgeOf(networkId)
    if (segment === undefined || segment === this.#lan.segment) return
    this.plugs += 1
    segment.unplug(this.kernel, bridge)
    this.kernel.netns.removeLink(bridge)
    if (!this.#masqueraded.delete(networkId)) return
    this.kernel.ruleset.execute([
      ...["ip", "ip6"].map((family) => ({ flush: { chain: { family, table: "docker-nat", name: "postrouting" } } })),
      ...[...this.#masqueraded.values()].flatMap((network) => masquerade(network, bridgeOf(network.id)))
    ])
  }

  #makeNamespace(owner: string): SimNamespace {
    this.#made += 1
    const kernel = new SimKernel({ name: `netns-${this.#made}`, timers: this.#timers })
    kernel.alwaysTracks = true
    kernel.netns.addLink("lo", "127.0.0.1/8", "::1/128")
    for (const [name, value] of Object.entries(this.#sysctlsOf(owner))) kernel.netns.setSysctl(name, value)
    return { kernel, owner, inhabitants: new Set(), links: new Map() }
  }

  #freeLink({ links }: SimNamespace): string {
    for (let index = 0; ; index++) if (!links.has(`eth${index}`)) return `eth${index}`
  }

  /** The default route of a namespace leads to the gateway of the network whose name sorts first; one that somebody has replaced is left alone. */
  #chooseGateway({ kernel: { netns }, links }: SimNamespace): void {
    for (const family of families) {
      if (netns.defaultRoutes(family).length > 0) continue
      const gateways = [...links.values()]
        .toSorted((a, b) => (a.name < b.name ? -1 : 1))
        .flatMap((network) => gatewayOf(network, family) ?? [])
      const [gateway] = gateways
      if (gateway !== undefined) netns.add({ family, gateway })
    }
  }

  #segmentOf(network: SimNetwork): SimSegment {
    if (network.driver === "macvlan") {
      this.#segments.set(network.id, this.#lan.segment)
      return this.#lan.segment
    }
    const known = this.#segments.get(network.id)
    if (known !== undefined) return known
    const segment = new SimSegment(network.name)
    this.#segments.set(network.id, segment)
    const bridge = bridgeOf(network.id)
    const addresses = families.flatMap((family) => {
      const router = network.pools[family]?.router
      return router === undefined ? [] : [`${router}/${subnetOf(network, family).length}`]
    })
    this.kernel.netns.addLink(bridge, ...addresses)
    segment.plug(this.kernel, bridge, `02:42:${network.id.slice(0, 2)}:00:00:01`)
    if (network.masquerade) {
      this.#masqueraded.set(network.id, network)
      this.kernel.ruleset.execute(masquerade(network, bridge))
    }
    return segment
  }
}
