import { shortId, type Endpoint, type Inspection, type Json } from "./Inspection.ts"

/** A network by its name, and what the container asks for on it (`EndpointSettings` of the Docker API). */
export interface NetworkToJoin {
  readonly name: string
  readonly endpoint: Json
}

/** What the engine tells of an endpoint that is there; none of it can be asked for. */
const operational =
  /^(?:NetworkID|EndpointID|Gateway|IPAddress|IPPrefixLen|IPv6Gateway|GlobalIPv6Address|GlobalIPv6PrefixLen|DNSNames|MacAddress|Aliases)$/

/** What engines before Docker 28 generate: `02:42` and the IPv4 address. */
export const generatedFrom = (address: string): string =>
  ["02", "42", ...address.split(".").map((byte) => Number(byte).toString(16).padStart(2, "0"))].join(":")

/**
 * The MAC address to ask for. `Config.MacAddress` is one that was pinned, on the network of the container's mode. Elsewhere, and since API 1.52
 * everywhere, a pinned one looks like a generated one; Docker 28 and later generate at random. When in doubt it is kept: that loses nothing.
 */
const macOf = (endpoint: Endpoint, pinned: string | null | undefined): Json => {
  const mac = pinned || endpoint.MacAddress
  if (!mac || (!pinned && endpoint.IPAddress && mac.toLowerCase() === generatedFrom(endpoint.IPAddress))) return {}
  return { MacAddress: mac }
}

/** Before API 1.45 an engine lists the container's short ID among the aliases, and then its host name; it adds both by itself. */
const aliasesOf = ({ Aliases }: Endpoint, { Id, Config }: Inspection): Json => {
  if (!Aliases?.includes(shortId(Id))) return Aliases === undefined ? {} : { Aliases }
  return { Aliases: Aliases.filter((alias) => alias !== shortId(Id) && alias !== Config.Hostname) }
}

const toJoin = (inspection: Inspection, endpoint: Endpoint, pinned: string | null | undefined): Json => ({
  ...Object.fromEntries(Object.entries(endpoint).filter(([key]) => !operational.test(key))),
  ...aliasesOf(endpoint, inspection),
  ...macOf(endpoint, pinned)
})

/** Whether `mode` means that network: by name, by ID, or as Docker calls its own bridge. */
const means = (mode: string, name: string, endpoint: Endpoint): boolean =>
  name === (mode === "default" ? "bridge" : mode) ||
  (mode.length >= 12 && endpoint.NetworkID?.startsWith(mode) === true)

/**
 * The networks that a container's successor has to be on, with fixed addresses, aliases and pinned MAC addresses, the one of its
 * `NetworkMode` first; and the network of its mode when it was disconnected from that (SPEC §11).
 */
export const containerNetworks = (
  inspection: Inspection,
  mode: string
): { readonly networks: ReadonlyArray<NetworkToJoin>; readonly leave?: string } => {
  const { Config, NetworkSettings } = inspection
  const attached = Object.entries(NetworkSettings.Networks ?? {}).map(([name, endpoint]) => {
    const known = endpoint ?? {}
    const own = means(mode, name, known)
    return { own, name, endpoint: toJoin(inspection, known, own ? Config.MacAddress : undefined) }
  })
  const networks = attached
    .toSorted((a, b) => Number(b.own) - Number(a.own))
    .map(({ name, endpoint }) => ({ name, endpoint }))
  return attached.some(({ own }) => own) ? { networks } : { networks, leave: mode }
}
