import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { families, type AddressPair, type Family } from "./Address.ts"
import { backendsOf } from "./Backends.ts"
import { chooseGateways, describeSource } from "./DefaultRoute.ts"
import { desiredDnat } from "./DesiredDnat.ts"
import type { DockerState, OwnAttachment, Scope } from "./DockerState.ts"
import { explain, ExplainedContainer } from "./Explanation.ts"
import { findExternal } from "./ExternalInterface.ts"
import { count, familyField, flag, text } from "./JsonFields.ts"
import { baseRuleset, fillCommands, type NftCommand } from "./NftJson.ts"
import type { Link } from "./Routing.ts"
import type { NetworkAnchorSettings } from "./Settings.ts"
import { chooseShared } from "./SharedNetwork.ts"

/** What one network-anchor would do with what Docker says at this moment (SPEC §13): the answer to `anchord plan --json`. */
export const ProjectPlan = Schema.Struct({
  anchor: text("the name of the network-anchor's container"),
  scope: text("what it serves, in words"),
  external: Schema.Struct({
    network: Schema.optionalKey(text("Docker's name of the external network")),
    interface: Schema.optionalKey(
      text(
        "the external interface; from outside of the network-anchor's container it is known only where it is set by name"
      )
    ),
    v4: Schema.optionalKey(text("the IPv4 address that Docker gave it")),
    v6: Schema.optionalKey(text("the IPv6 address that Docker gave it")),
    problem: Schema.optionalKey(text("why there is no external interface"))
  }).annotate({ description: "where the project is on the LAN" }),
  gateways: Schema.Array(
    Schema.Struct({
      family: familyField,
      address: Schema.optionalKey(text("the gateway; absent when there is none")),
      why: text("where it was learnt, or why there is none")
    })
  ).annotate({ description: "the external gateway of each family" }),
  shared: Schema.Struct({
    network: Schema.optionalKey(text("its name; absent when none can be chosen")),
    settled: flag(
      "true: this choice stays; false: none can be chosen, or another may be when the first backend is attached"
    ),
    why: text("why it is this one, or why there is none")
  }).annotate({ description: "the network on which backends are reached" }),
  containers: Schema.Array(ExplainedContainer).annotate({ description: "every container in scope, by name" }),
  entries: count("how many elements the DNAT maps would hold")
})
export type ProjectPlan = typeof ProjectPlan.Type

export interface PlanInput {
  readonly anchor: string
  readonly state: DockerState
  readonly settings: NetworkAnchorSettings
  /** The links of the network-anchor's namespace, from inside of it. */
  readonly links: ReadonlyArray<Link> | undefined
}

const describeScope = (scope: Scope): string =>
  scope._tag === "Project"
    ? `project ${scope.project}`
    : `containers with ${Object.entries(scope.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(", ")}`

const addressesOf = ({ v4, v6 }: AddressPair): AddressPair => ({
  ...(v4 === undefined ? {} : { v4 }),
  ...(v6 === undefined ? {} : { v6 })
})

interface External {
  readonly shown: ProjectPlan["external"]
  readonly attachment: OwnAttachment | undefined
}

/** Without the links only Docker's side of it can be told. */
const externalOf = ({ state, settings: { external: choice }, links }: PlanInput): External => {
  const named = state.own.find(
    ({ networkName, networkId }) =>
      choice._tag === "Network" && (networkName === choice.network || networkId === choice.network)
  )
  if (links !== undefined || (choice._tag === "Network" && named === undefined)) {
    const found = findExternal(choice, state.own, links ?? [])
    if (found._tag === "Missing") return { shown: { problem: found.message }, attachment: undefined }
    const attachment = state.own.find(({ networkId }) => networkId === found.networkId)
    const network = attachment === undefined ? {} : { network: attachment.networkName }
    return { shown: { ...network, interface: found.link, ...found.addresses }, attachment }
  }
  if (choice._tag === "Interface") return { shown: { interface: choice.name }, attachment: undefined }
  return {
    shown: named === undefined ? {} : { network: named.networkName, ...addressesOf(named) },
    attachment: named
  }
}

const gatewaysOf = ({ state, settings }: PlanInput, attachment: OwnAttachment | undefined): ProjectPlan["gateways"] => {
  const v6ByAdvertisement = settings.addressMode === "slaac-ra-only"
  const ipam = state.networks.get(attachment?.networkId ?? "")?.gateway ?? {}
  const chosen = chooseGateways({ pin: settings.gateway, ipam, v6ByAdvertisement })
  const leased = (family: Family) => settings.addressMode === "dhcp-refresh" && family === "v4"
  return families.map((family) => {
    const gateway = chosen.find((one) => one.family === family)
    const before = leased(family) ? "while a DHCP lease holds, its router; otherwise " : ""
    if (gateway !== undefined)
      return { family, address: gateway.address, why: `${before}${describeSource[gateway.source]}` }
    return {
      family,
      why:
        family === "v6" && v6ByAdvertisement
          ? "router advertisements choose it"
          : `${before}nobody knows one, so the default route stays as it is`
    }
  })
}

/** Everything that the network-anchor decides of its own accord, in its order. */
const decide = (input: PlanInput) => {
  const { state, settings } = input
  const { scope, sharedNetwork: pin } = settings
  const external = externalOf(input)
  const shared = chooseShared({ state, scope, pin, externalNetworkId: external.attachment?.networkId })
  const networkId = Result.isSuccess(shared) ? shared.success.networkId : ""
  return { external, shared, networkId, table: desiredDnat(backendsOf(state, scope, networkId).backends).table }
}

/** What the network-anchor would do, by the functions that it decides with itself. It changes nothing: it is a value. */
export const projectPlan = (input: PlanInput): ProjectPlan => {
  const { anchor, state, settings } = input
  const { external, shared, networkId, table } = decide(input)
  return {
    anchor,
    scope: describeScope(settings.scope),
    external: external.shown,
    gateways: gatewaysOf(input, external.attachment),
    shared: Result.isSuccess(shared)
      ? { network: shared.success.name, settled: shared.success.settled, why: shared.success.reason }
      : { settled: false, why: shared.failure },
    containers: explain(state, settings.scope, networkId),
    entries: table.size
  }
}

/** Stands for the external interface where its name is not known. */
export const UNKNOWN_INTERFACE = "external"

/** Both tables as the network-anchor would load them: libnftables-json(5), for `nft -j -f`. */
export const projectRuleset = (input: PlanInput): { readonly nftables: ReadonlyArray<NftCommand> } => {
  const { external, table } = decide(input)
  const extIface = external.shown.interface ?? UNKNOWN_INTERFACE
  return { nftables: [...baseRuleset({ extIface }), ...fillCommands([...table.values()])] }
}
