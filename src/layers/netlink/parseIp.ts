import { parseAddress, type Address, type Family } from "../../domain/Address.ts"
import type { DefaultRoute, Link, LinkAddress, Neighbour, NeighbourState } from "../../domain/Routing.ts"

type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

const objects = (value: unknown): ReadonlyArray<Json> => (Array.isArray(value) ? value.filter(isObject) : [])

/** `ip -j` prints nothing at all for an empty list. */
const parsed = (output: string): ReadonlyArray<Json> => (output.trim() === "" ? [] : objects(JSON.parse(output)))

/** The kernel's for neighbour states, in lower case. */
const neighbourStates: ReadonlyArray<NeighbourState> = [
  "incomplete",
  "reachable",
  "stale",
  "delay",
  "probe",
  "failed",
  "noarp",
  "permanent"
]

const canonical = (value: unknown): string | undefined =>
  typeof value === "string" ? parseAddress(value)?.address : undefined

const textOf = (value: unknown): string => (typeof value === "string" ? value : "")

/** `ip -j link`. */
export const parseLinks = (output: string): ReadonlyArray<Link> =>
  parsed(output).map((link) => ({
    index: Number(link["ifindex"]),
    name: textOf(link["ifname"]),
    mac: textOf(link["address"]).toLowerCase(),
    up: Array.isArray(link["flags"]) && link["flags"].includes("UP"),
    mtu: typeof link["mtu"] === "number" ? link["mtu"] : undefined
  }))

const scopes = ["global", "link", "host", "site"] as const

/** `ip -j address`. */
export const parseAddresses = (output: string): ReadonlyArray<LinkAddress> =>
  parsed(output).flatMap((link) =>
    objects(link["addr_info"]).flatMap((info) => {
      const address = canonical(info["local"])
      if (address === undefined) return []
      return [
        {
          family: info["family"] === "inet6" ? ("v6" as const) : ("v4" as const),
          link: textOf(link["ifname"]),
          address,
          prefixLength: Number(info["prefixlen"]),
          scope: scopes.find((scope) => scope === info["scope"]) ?? ("global" as const),
          tentative: info["tentative"] === true
        }
      ]
    })
  )

/** IPv4 next hops that are IPv6 addresses stand apart. */
const gatewayOf = (hop: Json): Address | undefined =>
  canonical(hop["gateway"]) ?? (isObject(hop["via"]) ? canonical(hop["via"]["host"]) : undefined)

const oneDefault = (route: Json, hop: Json, family: Family, table: number | undefined): DefaultRoute => {
  const gateway = gatewayOf(hop)
  const { dev, flags } = hop
  const { metric, protocol } = route
  const source = canonical(route["prefsrc"])
  const mtu = objects(route["metrics"])[0]?.["mtu"]
  return {
    family,
    ...(gateway === undefined ? {} : { gateway }),
    ...(typeof dev === "string" ? { link: dev } : {}),
    ...(Array.isArray(flags) && flags.includes("onlink") ? { onLink: true } : {}),
    ...(source === undefined ? {} : { source }),
    ...(typeof mtu === "number" ? { mtu } : {}),
    ...(typeof metric === "number" ? { metric } : {}),
    ...(typeof protocol === "string" || typeof protocol === "number" ? { protocol: `${protocol}` } : {}),
    ...(table === undefined ? {} : { table })
  }
}

/**
 * `ip -j route show default`; a route with several next hops is one default for each of them, and one that only refuses
 * (`unreachable`, as old kernels put into every IPv6 table) is none.
 */
export const parseDefaultRoutes = (output: string, family: Family, table?: number): ReadonlyArray<DefaultRoute> =>
  parsed(output)
    .filter((route) => route["dst"] === "default" && (route["type"] ?? "unicast") === "unicast")
    .flatMap((route) => {
      const hops = objects(route["nexthops"])
      return (hops.length > 0 ? hops : [route]).map((hop) => oneDefault(route, hop, family, table))
    })

/** `ip -j neigh`. */
export const parseNeighbours = (output: string, family: Family): ReadonlyArray<Neighbour> =>
  parsed(output).flatMap((entry) => {
    const address = canonical(entry["dst"])
    const states: ReadonlyArray<unknown> = Array.isArray(entry["state"]) ? entry["state"] : []
    const named = textOf(states[0]).toLowerCase()
    if (address === undefined) return []
    return [
      {
        family,
        address,
        link: textOf(entry["dev"]),
        state: neighbourStates.find((state) => state === named) ?? "none"
      }
    ]
  })
