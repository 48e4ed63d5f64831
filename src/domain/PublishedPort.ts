import type { Json } from "./Inspection.ts"

/** A port of a container that is published on the host, on one of the host's addresses or on all. */
export interface PublishedPort {
  /** As Docker calls it: `tcp`, `udp`, `sctp`. */
  readonly protocol: string
  /** The container's port. */
  readonly inside: number
  /** The host's: one port, or what Docker takes one from at each start: a range such as `8000-8010`, or `""` for any that is free. */
  readonly outside: number | string
  /** `""` is every address of the host. */
  readonly hostAddress: string
}

const numberIn = (text: string): number | undefined => (/^\d{1,5}$/.test(text) ? Number(text) : undefined)

/** What the host's side of a publication says; a range of one port is that port, and 0 is any. */
export const outsideOf = (text: string): number | string => {
  const [low = "", high = low, ...more] = text.split("-").map((part) => part.trim())
  const port = low === high && more.length === 0 ? numberIn(low) : undefined
  return port === undefined ? text.trim() : port === 0 ? "" : port
}

interface Binding {
  readonly HostIp?: string | null
  readonly HostPort?: string | null
}

/** `443/tcp` of Docker's maps of ports. */
const portKey = (key: string): { readonly inside: number; readonly protocol: string } => {
  const [port = "", protocol = "tcp"] = key.split("/")
  return { inside: Number(port), protocol }
}

/**
 * What a container publishes, from `HostConfig.PortBindings`, and what `docker run -P` publishes beside that: every exposed port that is not bound,
 * on a port of the host that Docker chooses.
 */
export const publishedPorts = (
  bindings: Readonly<Record<string, ReadonlyArray<Binding> | null>>,
  exposed: Json,
  publishAll: boolean
): ReadonlyArray<PublishedPort> => {
  const bound = Object.entries(bindings).flatMap(([key, list]) =>
    (list ?? []).map(({ HostIp, HostPort }): PublishedPort => {
      const { inside, protocol } = portKey(key)
      return { protocol, inside, outside: outsideOf(HostPort ?? ""), hostAddress: HostIp ?? "" }
    })
  )
  if (!publishAll) return bound
  const rest = Object.keys(exposed).filter((key) => (bindings[key] ?? []).length === 0)
  const anywhere = rest
    .map(portKey)
    .map(({ inside, protocol }): PublishedPort => ({ protocol, inside, outside: "", hostAddress: "" }))
  return [...bound, ...anywhere]
}

/** As `ports:` of a compose file has it; `tcp` goes without saying. */
export const printPublished = ({ protocol, inside, outside, hostAddress }: PublishedPort): string => {
  const host = hostAddress === "" ? "" : hostAddress.includes(":") ? `[${hostAddress}]:` : `${hostAddress}:`
  const left = host === "" && outside === "" ? "" : `${host}${outside}:`
  return `${left}${inside}${protocol === "tcp" ? "" : `/${protocol}`}`
}

/** Only reachable from the host itself. */
export const isLoopback = ({ hostAddress }: PublishedPort): boolean =>
  hostAddress.startsWith("127.") || hostAddress === "::1"

const rank = ({ protocol, inside, outside, hostAddress }: PublishedPort): string =>
  [protocol, String(outside).padStart(11, "0"), String(inside).padStart(5, "0"), hostAddress].join(" ")

/** Without repetitions, in an order that does not depend on theirs. */
export const canonicalPorts = (ports: ReadonlyArray<PublishedPort>): ReadonlyArray<PublishedPort> => {
  const byRank = new Map(ports.map((port) => [rank(port), port]))
  return [...byRank].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, port]) => port)
}
