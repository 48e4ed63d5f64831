import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { families, type AddressPair, type Family } from "../../domain/Address.ts"
import { portFindings, sharedFindings } from "../../domain/BackendFindings.ts"
import { chooseGateways, describeSource } from "../../domain/DefaultRoute.ts"
import { explain } from "../../domain/Explanation.ts"
import { externalFindings, forwardingFindings } from "../../domain/ExternalFindings.ts"
import { notLookedAt, type Finding } from "../../domain/Findings.ts"
import { foreignFindings } from "../../domain/ForeignSource.ts"
import { externalGatewayFindings, linkOf, type GatewayToAsk } from "../../domain/GatewayFindings.ts"
import { macFindings } from "../../domain/PinnedMac.ts"
import type { DefaultRoute, LinkAddress } from "../../domain/Routing.ts"
import type { NetworkAnchorSettings } from "../../domain/Settings.ts"
import type { Status } from "../../domain/Status.ts"
import { Netlink } from "../../services/Netlink.ts"
import { lookAtDocker } from "./DockerLook.ts"
import { tryForeignSources } from "./ForeignSourceTrial.ts"
import { askGateways } from "./GatewayLook.ts"
import { lookAtProject, type ProjectFacts } from "./ProjectLook.ts"

interface Namespace {
  readonly addresses: ReadonlyArray<LinkAddress>
  readonly routes: ReadonlyArray<DefaultRoute>
}

interface Anchor {
  readonly settings: NetworkAnchorSettings
  readonly status: Status | undefined
}

/** Of each family: what a running network-anchor says, else what it would choose, else what the router has advertised. */
const gatewaysToAsk = (
  { settings, status }: Anchor,
  { state, external }: ProjectFacts,
  { addresses, routes }: Namespace
): ReadonlyArray<GatewayToAsk> => {
  const ipam = state.networks.get((external._tag === "Found" && external.networkId) || "")?.gateway ?? {}
  const v6ByAdvertisement = settings.addressMode === "slaac-ra-only"
  const chosen = chooseGateways({ pin: settings.gateway, ipam, v6ByAdvertisement })
  const outward = routes.filter(({ link }) => external._tag === "Found" && link === external.link)
  return families.flatMap((family) => {
    const told = status?.networkAnchor?.gateways.find((one) => one.family === family && one.address !== undefined)
    const would = chosen.find((one) => one.family === family)
    const advertised = outward.find((route) => route.family === family && route.protocol === "ra")
    const [address, why] =
      told !== undefined
        ? [told.address, told.why]
        : would !== undefined
          ? [would.address, describeSource[would.source]]
          : [advertised?.gateway, "a router advertises itself"]
    return address === undefined ? [] : [{ family, address, link: linkOf(address, outward, addresses), why }]
  })
}

const awaitedIn = ({ addressMode }: NetworkAnchorSettings): Readonly<Partial<Record<Family, string>>> =>
  addressMode === "dhcp-refresh"
    ? { v4: "a DHCP lease would bring one" }
    : addressMode === "slaac-ra-only"
      ? { v6: "no router advertisement has been heard" }
      : {}

const lookAtGateways = Effect.fnUntraced(function* (anchor: Anchor, project: ProjectFacts, namespace: Namespace) {
  const { external } = project
  if (external._tag === "Missing") return [notLookedAt("gateway", "the external network is not there")]
  const { link } = external
  const asked = yield* askGateways(gatewaysToAsk(anchor, project, namespace))
  const present: AddressPair = Object.fromEntries(
    namespace.addresses
      .filter((one) => one.link === link && one.scope === "global")
      .map(({ family, address }) => [family, address])
  )
  return externalGatewayFindings({ asked, addresses: present, awaited: awaitedIn(anchor.settings) })
})

const lookAtSources = Effect.fnUntraced(function* (
  { settings, status }: Anchor,
  project: ProjectFacts,
  namespace: Namespace
) {
  const { shared, internal, state } = project
  if (Result.isFailure(shared)) return foreignFindings({ why: "there is no shared network" })
  const network = { name: shared.success.name, internal }
  if (status?.networkAnchor === undefined) {
    const fix = "where the network-anchor runs: docker exec CONTAINER anchord doctor"
    return foreignFindings({ why: "the answers of backends come back to a running network-anchor only", fix, network })
  }
  const explained = explain(state, settings.scope, shared.success.networkId)
  return yield* tryForeignSources({ network, explained, addresses: namespace.addresses }).pipe(
    Effect.map((facts) => foreignFindings(facts)),
    Effect.catch(({ message }) => Effect.succeed(foreignFindings({ why: message, network })))
  )
})

const lookAtForwarding = Effect.fnUntraced(function* (
  { addressMode }: NetworkAnchorSettings,
  link: string | undefined
) {
  const { sysctl } = yield* Netlink
  const [ipForward, ipv6Forwarding, acceptRa] = yield* Effect.all([
    sysctl("net.ipv4.ip_forward"),
    sysctl("net.ipv6.conf.all.forwarding"),
    link === undefined ? Effect.succeed(undefined) : sysctl(`net.ipv6.conf.${link}.accept_ra`)
  ])
  return forwardingFindings({ ipForward, ipv6Forwarding, acceptRa }, link, addressMode)
})

/** Links, addresses and default routes; empty where `ip` does not tell, which the look at the programs says. */
const lookAtNamespace = Effect.gen(function* () {
  const netlink = yield* Netlink
  const [links, addresses, routes] = yield* Effect.all(
    [
      Effect.orElseSucceed(netlink.links, () => []),
      Effect.orElseSucceed(netlink.addresses, () => []),
      Effect.forEach(families, (family) => Effect.orElseSucceed(netlink.defaultRoutes(family), () => []))
    ],
    { concurrency: "unbounded" }
  )
  return { links, addresses, routes: routes.flat() }
})

/** What follows from Docker's state, which there is none of. */
const withoutProject = (settings: NetworkAnchorSettings, why: string): ReadonlyArray<Finding> => [
  ...externalFindings(settings, undefined, []),
  ...macFindings(settings, { inspection: undefined, network: undefined, apiVersion: undefined }),
  notLookedAt("gateway", why),
  ...sharedFindings(undefined),
  notLookedAt("ports", why),
  ...foreignFindings({ why })
]

const withProject = Effect.fnUntraced(function* (
  anchor: Anchor,
  project: ProjectFacts,
  namespace: Namespace,
  apiVersion: string | undefined
) {
  const { settings } = anchor
  const { state, external, inspection, shared, ports } = project
  const networkId = external._tag === "Found" ? external.networkId : undefined
  const network = state.own.find((one) => one.networkId === networkId)?.networkName
  const [gateways, sources] = yield* Effect.all(
    [lookAtGateways(anchor, project, namespace), lookAtSources(anchor, project, namespace)],
    { concurrency: "unbounded" }
  )
  return [
    ...externalFindings(settings, external, state.own),
    ...macFindings(settings, { inspection, network, apiVersion }),
    ...gateways,
    ...sharedFindings(shared),
    ...portFindings(ports),
    ...sources
  ]
})

/** What a network-anchor needs of Docker, of its namespace and of its networks (SPEC §13). */
export const lookAtNetworkAnchor = Effect.fnUntraced(function* (anchor: Anchor, ownRef: string) {
  const { settings } = anchor
  const docker = yield* lookAtDocker(settings)
  const { links, ...namespace } = yield* lookAtNamespace
  const project = yield* Effect.result(
    lookAtProject({ settings, ownRef, links, running: anchor.status?.networkAnchor })
  )
  const external = Result.isSuccess(project) ? project.success.external : undefined
  const rest = Result.isSuccess(project)
    ? yield* withProject(anchor, project.success, namespace, docker.apiVersion)
    : withoutProject(settings, project.failure.message)
  const forwarding = yield* lookAtForwarding(settings, external?._tag === "Found" ? external.link : undefined)
  return [...docker.findings, ...forwarding, ...rest]
})
