import * as Result from "effect/Result"
import { parseAddress, type Address, type Family } from "./Address.ts"
import { networkOf } from "./Network.ts"

/** What a DHCP client's hook reports: the event's name and every parameter, as text. */
export interface DhcpReport {
  readonly family: Family
  /** `deconfig`, `bound`, `renew`, `nak`, `leasefail`. */
  readonly action: string
  readonly parameters: Readonly<Record<string, string>>
}

/** A route of option 121 (RFC 3442): `gateway` is absent for what is on the link itself. */
export interface StaticRoute {
  readonly destination: Address
  readonly prefixLength: number
  readonly gateway?: Address
}

/** A lease as the server gave it. Times are seconds from when it was given (RFC 2131 §4.4.5, RFC 8415 §14.2). */
export interface Lease {
  readonly family: Family
  readonly address: Address
  readonly prefixLength: number
  readonly leaseSeconds: number
  /** T1: when to renew. */
  readonly renewSeconds: number
  /** T2: when to ask any server. */
  readonly rebindSeconds: number
  readonly server?: Address
  /** Of option 121 when that has a default, else of option 3 (RFC 3442). */
  readonly router?: Address
  readonly routes: ReadonlyArray<StaticRoute>
  /** Option 26, bytes. */
  readonly mtu?: number
}

export type DhcpEvent =
  | { readonly _tag: "Leased"; readonly lease: Lease; readonly renewed: boolean }
  /** The client has no address: it has just begun, or its lease has run out. */
  | { readonly _tag: "Deconfigured"; readonly family: Family }
  /** The server refused what the client had. */
  | { readonly _tag: "Refused"; readonly family: Family }
  /** No server answered. */
  | { readonly _tag: "Unanswered"; readonly family: Family }

/** Below 1280 bytes the kernel would take IPv6 off the link (RFC 8200 §5); more than Ethernet's jumbo frames is nobody's. */
const MTU = { least: 1_280, most: 9_216 }

const wholeNumber = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,10}$/.test(text.trim()) ? Number(text) : undefined

/** Four bytes as busybox prints an option that it does not know. */
const hexSeconds = (text: string | undefined): number | undefined =>
  text !== undefined && /^[0-9a-fA-F]{8}$/.test(text.trim()) ? Number.parseInt(text, 16) : undefined

const addressOf = (text: string | undefined, family: Family): Address | undefined => {
  const parsed = parseAddress((text ?? "").trim())
  return parsed?.family === family ? parsed.address : undefined
}

const isHostAddress = (address: Address): boolean =>
  !/^(0|127|22[4-9]|2[3-5]\d)\./.test(address) && !/^(::1?$|ff|fe[89ab])/i.test(address)

const words = (text: string | undefined): ReadonlyArray<string> =>
  (text ?? "").split(/\s+/).filter((word) => word !== "")

const ones = (mask: string): number | undefined => {
  const parts = mask.split(".").map(Number)
  const bits = parts.map((part) => part.toString(2).padStart(8, "0")).join("")
  return parts.length === 4 && /^1*0*$/.test(bits) && bits.length === 32 ? bits.replace(/0+$/, "").length : undefined
}

/** No LAN is larger than 10.0.0.0/8; a shorter mask would take other networks' place. */
const LARGEST_NETWORK = 8

const prefixOf = ({ mask, subnet }: Readonly<Record<string, string>>): number | undefined => {
  const length = wholeNumber(mask) ?? (subnet === undefined ? undefined : ones(subnet))
  return length !== undefined && length >= LARGEST_NETWORK && length <= 32 ? length : undefined
}

interface Routes {
  readonly routes: ReadonlyArray<StaticRoute>
  readonly router: Address | undefined
}

/** busybox's `staticroutes`: `destination/length gateway` again and again. */
const staticRoutes = (text: string | undefined): Routes => {
  const parts = words(text)
  const routes: Array<StaticRoute> = []
  let router: Address | undefined
  for (let index = 0; index + 1 < parts.length; index += 2) {
    const [first = "", length = ""] = (parts[index] ?? "").split("/")
    const destination = addressOf(first, "v4")
    const prefixLength = wholeNumber(length)
    const gateway = addressOf(parts[index + 1], "v4")
    if (destination === undefined || prefixLength === undefined || prefixLength > 32 || gateway === undefined) continue
    const network = networkOf({ address: destination, prefixLength })
    if (network === undefined) continue
    if (prefixLength === 0) router ??= isHostAddress(gateway) ? gateway : undefined
    else routes.push({ destination: network.address, prefixLength, ...(gateway === "0.0.0.0" ? {} : { gateway }) })
  }
  return { routes, router }
}

const timers = (leaseSeconds: number, t1: number | undefined, t2: number | undefined) => {
  const rebindSeconds = t2 !== undefined && t2 > 0 && t2 < leaseSeconds ? t2 : Math.floor(leaseSeconds * 0.875)
  const renewSeconds = t1 !== undefined && t1 > 0 && t1 < rebindSeconds ? t1 : Math.floor(leaseSeconds / 2)
  return { renewSeconds: Math.min(renewSeconds, rebindSeconds), rebindSeconds }
}

/** Whether an address is one of its network's hosts: neither its first nor its last, where it has those (RFC 3021). */
const isHostOf = (address: Address, prefixLength: number): boolean => {
  if (prefixLength > 30) return true
  const host = address.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0) % 2 ** (32 - prefixLength)
  return host !== 0 && host !== 2 ** (32 - prefixLength) - 1
}

const lease4 = (given: Readonly<Record<string, string>>): Result.Result<Lease, string> => {
  const address = addressOf(given["ip"], "v4")
  const prefixLength = prefixOf(given)
  if (prefixLength === undefined) return Result.fail(`"${given["mask"] ?? given["subnet"] ?? ""}" is no subnet mask`)
  if (address === undefined || !isHostAddress(address) || !isHostOf(address, prefixLength))
    return Result.fail(`"${given["ip"] ?? ""}" is no host's address`)
  const leaseSeconds = wholeNumber(given["lease"])
  if (leaseSeconds === undefined || leaseSeconds < 1) return Result.fail(`"${given["lease"] ?? ""}" is no lease time`)
  const static121 = staticRoutes(given["staticroutes"])
  const named =
    static121.router ?? (given["staticroutes"] === undefined ? addressOf(words(given["router"])[0], "v4") : undefined)
  const router = named !== undefined && named !== address && isHostAddress(named) ? named : undefined
  const server = addressOf(given["serverid"], "v4")
  const mtu = wholeNumber(given["mtu"])
  return Result.succeed({
    family: "v4",
    address,
    prefixLength,
    leaseSeconds,
    ...timers(leaseSeconds, hexSeconds(given["opt58"]), hexSeconds(given["opt59"])),
    ...(server === undefined ? {} : { server }),
    ...(router === undefined ? {} : { router }),
    routes: static121.routes,
    ...(mtu === undefined || mtu < MTU.least || mtu > MTU.most ? {} : { mtu })
  })
}

const lease6 = (given: Readonly<Record<string, string>>): Result.Result<Lease, string> => {
  const address = addressOf(given["ipv6"], "v6")
  if (address === undefined || !isHostAddress(address))
    return Result.fail(`"${given["ipv6"] ?? ""}" is no host's address`)
  const leaseSeconds = wholeNumber(given["lease"])
  if (leaseSeconds === undefined || leaseSeconds < 1) return Result.fail(`"${given["lease"] ?? ""}" is no lease time`)
  // A DHCPv6 address comes without a prefix: which addresses are on the link is the router's to say (RFC 8415 §18.2.10.1).
  return Result.succeed({
    family: "v6",
    address,
    prefixLength: 128,
    leaseSeconds,
    ...timers(leaseSeconds, undefined, undefined),
    routes: []
  })
}

/**
 * What a report of the hook means (SPEC §9). Every parameter is checked: a lease without a usable address, mask or time is refused with
 * the reason; an optional parameter that makes no sense is left out, and the rest holds. A default in option 121 wins over option 3, which
 * is ignored as soon as there is an option 121 (RFC 3442). Events that this version does not know are refused.
 */
export const decodeReport = ({ family, action, parameters }: DhcpReport): Result.Result<DhcpEvent, string> => {
  switch (action) {
    case "bound":
    case "renew":
      return Result.map((family === "v4" ? lease4 : lease6)(parameters), (lease) => ({
        _tag: "Leased",
        lease,
        renewed: action === "renew"
      }))
    case "deconfig":
      return Result.succeed({ _tag: "Deconfigured", family })
    case "nak":
      return Result.succeed({ _tag: "Refused", family })
    case "leasefail":
      return Result.succeed({ _tag: "Unanswered", family })
    default:
      return Result.fail(`the DHCP client reports "${action}", which means nothing here`)
  }
}
