import { families, familyName, type Address, type AddressPair, type Family } from "./Address.ts"
import { fail, notLookedAt, ok, warn, type Finding } from "./Findings.ts"
import { linkTowards } from "./ServiceAnchorRoutes.ts"
import type { DefaultRoute, LinkAddress, Neighbour, NeighbourState } from "./Routing.ts"
import type { ServiceAnchorSettings } from "./Settings.ts"
import { sentence } from "./Sentence.ts"

/** A gateway that is to be asked whether it is there; `why` says where it was learnt. */
export interface GatewayToAsk {
  readonly family: Family
  readonly address: Address
  readonly link: string | undefined
  readonly why: string
}

/** What the kernel's neighbour table says of a gateway after it was asked. */
export type GatewayAnswer = "answers" | "silent" | "unclear"

type Place = Pick<GatewayToAsk, "address" | "link">

const stateOf = ({ address, link }: Place, neighbours: ReadonlyArray<Neighbour>): NeighbourState | undefined =>
  neighbours.find((one) => one.address === address && one.link === link)?.state

const fixed: ReadonlySet<NeighbourState> = new Set(["permanent", "noarp"])

/** Whether somebody has told the kernel for ever where a neighbour is. To ask for it would undo that, and cut off one that answers nobody. */
export const isFixed = (place: Place, neighbours: ReadonlyArray<Neighbour>): boolean => {
  const state = stateOf(place, neighbours)
  return state !== undefined && fixed.has(state)
}

/** Whether a neighbour is there, as far as the kernel knows; `unclear` while it still asks. */
export const answerOf = (place: Place, neighbours: ReadonlyArray<Neighbour>): GatewayAnswer => {
  const state = stateOf(place, neighbours)
  if (state === "reachable" || isFixed(place, neighbours)) return "answers"
  return state === "failed" ? "silent" : "unclear"
}

/** The link on which a gateway is a direct neighbour: that of the default route that leads there, or one with its network on it. */
export const linkOf = (
  gateway: Address,
  routes: ReadonlyArray<DefaultRoute>,
  addresses: ReadonlyArray<LinkAddress>
): string | undefined => routes.find((route) => route.gateway === gateway)?.link ?? linkTowards(gateway, addresses)

export interface AskedGateway extends GatewayToAsk {
  /** Absent where it could not be asked. */
  readonly answer: GatewayAnswer | undefined
}

/** Whether a gateway answers for its address (ARP, neighbour discovery). */
const gatewayFinding = ({ family, address, link, why, answer }: AskedGateway, fix: string): Finding => {
  const what = `${familyName[family]} ${address}`
  if (link === undefined) return fail("gateway", sentence`${what} is in no network of this container (${why})`, fix)
  switch (answer) {
    case "answers":
      return ok("gateway", `${what} answers on ${link} (${why})`)
    case "silent":
      return fail("gateway", sentence`${what} does not answer on ${link} (${why}): nothing can be sent by it`, fix)
    default:
      return notLookedAt("gateway", `${what} could not be asked on ${link}`)
  }
}

const EXTERNAL_FIX =
  "check cable, VLAN and the parent of the macvlan network; if the router has another address: ANCHORD_EXT_GATEWAY_IP, or --gateway of docker network create"

export interface ExternalGateways {
  readonly asked: ReadonlyArray<AskedGateway>
  /** The addresses of the external interface: a family that has none needs no gateway. */
  readonly addresses: AddressPair
  /** Families whose gateway is yet to come: by a lease, or a router advertisement. */
  readonly awaited: Readonly<Partial<Record<Family, string>>>
}

/** Whether the network-anchor's gateways answer, and whether each family has one (SPEC §13). */
export const externalGatewayFindings = ({ asked, addresses, awaited }: ExternalGateways): ReadonlyArray<Finding> =>
  families.flatMap((family): ReadonlyArray<Finding> => {
    const own = asked.filter((one) => one.family === family)
    if (own.length > 0) return own.map((one) => gatewayFinding(one, EXTERNAL_FIX))
    const later = awaited[family]
    if (later !== undefined) return [warn("gateway", sentence`${familyName[family]}: none yet; ${later}`)]
    if (addresses[family] === undefined) return []
    return [
      warn(
        "gateway",
        sentence`${familyName[family]}: nobody knows one, so only the LAN itself can be reached`,
        "set ANCHORD_EXT_GATEWAY_IP, or make the external network with --gateway"
      )
    ]
  })

const serviceFix = ({ gatewayHostname, gateway }: ServiceAnchorSettings): string =>
  gateway === undefined
    ? `see that the network-anchor runs, and is on a network of this container by the name ${gatewayHostname}`
    : "see that the network-anchor runs and has that address (ANCHORD_GATEWAY_IP)"

/** Whether the network-anchor answers that a service-anchor leads its namespace to. */
export const serviceGatewayFindings = (
  settings: ServiceAnchorSettings,
  asked: ReadonlyArray<AskedGateway>
): ReadonlyArray<Finding> =>
  asked.length === 0
    ? [notLookedAt("gateway", "no address of the network-anchor is known")]
    : asked.map((one) => gatewayFinding(one, serviceFix(settings)))

/** What the look-up of the network-anchor's name gave for each family: an address, or why there is none. */
export type NameAnswers = Readonly<
  Record<
    Family,
    { readonly address: Address } | { readonly reason: "no-record" | "unavailable"; readonly message: string }
  >
>

/** Whether the network-anchor's name resolves (SPEC §10). That it has addresses of one family only is how many projects are. */
export const nameFindings = (
  { gatewayHostname: name, gateway }: ServiceAnchorSettings,
  answers: NameAnswers | undefined
): ReadonlyArray<Finding> => {
  if (gateway !== undefined || answers === undefined) return []
  const fix = `give the network-anchor's service that name, or set ANCHORD_GATEWAY_HOSTNAME to the one that it has; both have to be on one network`
  const found = families.flatMap((family) => ("address" in answers[family] ? [answers[family].address] : []))
  if (found.length === 0) {
    const why = "message" in answers.v4 ? answers.v4.message : "no address"
    return [fail("gateway-name", sentence`${name} does not resolve: ${why}`, fix)]
  }
  const unavailable = families.filter(
    (family) => "reason" in answers[family] && answers[family].reason === "unavailable"
  )
  return [
    ok("gateway-name", `${name} is ${found.join(", ")}`),
    ...unavailable.map((family) =>
      warn("gateway-name", sentence`the ${familyName[family]} address of ${name} cannot be looked up`)
    )
  ]
}

/** Whether the namespace's default routes lead to the network-anchor; asked of a service-anchor that runs. */
export const defaultRouteFindings = (
  gateways: AddressPair,
  routes: ReadonlyArray<DefaultRoute>
): ReadonlyArray<Finding> => {
  const known = families.filter((family) => gateways[family] !== undefined)
  const lost = known.filter(
    (family) => !routes.some((route) => route.family === family && route.gateway === gateways[family])
  )
  if (known.length === 0) return [notLookedAt("default-route", "no address of the network-anchor is known")]
  if (lost.length === 0)
    return [ok("default-route", `leads to the network-anchor for ${known.map((one) => familyName[one]).join(" and ")}`)]
  return lost.map((family) =>
    fail(
      "default-route",
      sentence`${familyName[family]}: no default route leads to ${gateways[family] ?? "it"}, so answers go elsewhere than they came from`,
      "docker logs of this container says why"
    )
  )
}
