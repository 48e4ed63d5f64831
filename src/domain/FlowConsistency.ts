import type { Address } from "./Address.ts"
import type { DnatEntry, DnatTable, Flow, FlowSelector } from "./Dnat.ts"
import { indexByPort, type PortSpan } from "./PortIndex.ts"

/** Whether a destination NAT has been applied to the flow: replies come from somewhere else than where it was sent to. */
export const isDnated = (flow: Flow): boolean =>
  flow.replySource !== flow.destination || flow.replySourcePort !== flow.destinationPort

/** Whether the selector means this flow (SPEC §7). */
export const selectorMatches = (selector: FlowSelector, flow: Flow): boolean => {
  if (flow.family !== selector.family || flow.protocol !== selector.protocol) return false
  if (flow.destinationPort < selector.from || flow.destinationPort > selector.to) return false
  if (selector._tag === "NotDnated") {
    return !isDnated(flow) && (selector.destinations === undefined || selector.destinations.includes(flow.destination))
  }
  return (
    isDnated(flow) &&
    flow.replySource === selector.address &&
    (selector.backendPort === undefined || flow.replySourcePort === selector.backendPort)
  )
}

/** The flows that one of the selectors means. */
export const flowsMeant = (flows: ReadonlyArray<Flow>, selectors: ReadonlyArray<FlowSelector>): ReadonlyArray<Flow> => {
  const selectorsAt = indexByPort(selectors, (selector) => selector)
  return flows.filter((flow) =>
    selectorsAt(flow.family, flow.protocol, flow.destinationPort).some((selector) => selectorMatches(selector, flow))
  )
}

const spanOf = (entry: DnatEntry): PortSpan =>
  entry._tag === "Port" ? { family: entry.family, protocol: entry.protocol, from: entry.port, to: entry.port } : entry

/** Where a flow's port leads to. */
export interface PortOwner {
  readonly address: Address
  readonly port: number
}

/** Where the maps send a new flow like this one, if anywhere: single ports are looked up before ranges (SPEC §6). */
export const ownersIn = (table: DnatTable): ((flow: Flow) => PortOwner | undefined) => {
  const entriesAt = indexByPort(table.values(), spanOf)
  return ({ family, protocol, destinationPort: port }) => {
    const entries = entriesAt(family, protocol, port)
    const entry = entries.find(({ _tag }) => _tag === "Port") ?? entries[0]
    return entry && { address: entry.address, port: entry._tag === "Port" ? entry.backendPort : port }
  }
}

/**
 * The flows to anchord's own addresses that do not go where the maps would send them now, as selectors (SPEC §7,
 * level-triggered): DNATed flows whose port has no owner or another one, and UDP flows that were never DNATed although
 * their port is mapped. Flows to any other destination are nobody's business here.
 */
export const staleFlows = (
  flows: ReadonlyArray<Flow>,
  table: DnatTable,
  localAddresses: ReadonlyArray<Address>
): ReadonlyArray<FlowSelector> => {
  const local = new Set(localAddresses)
  const ownerOf = ownersIn(table)
  const selectors = new Map<string, FlowSelector>()
  for (const flow of flows) {
    if (!local.has(flow.destination)) continue
    const selector = staleSelector(flow, ownerOf(flow))
    if (selector) selectors.set(JSON.stringify(selector), selector)
  }
  return [...selectors.values()]
}

const staleSelector = (flow: Flow, owner: PortOwner | undefined): FlowSelector | undefined => {
  const { family, destinationPort: port } = flow
  if (!isDnated(flow)) {
    if (owner === undefined || flow.protocol !== "udp") return undefined
    return { _tag: "NotDnated", family, protocol: "udp", from: port, to: port, destinations: [flow.destination] }
  }
  if (owner?.address === flow.replySource && owner.port === flow.replySourcePort) return undefined
  return {
    _tag: "DnatedTo",
    family,
    protocol: flow.protocol,
    from: port,
    to: port,
    address: flow.replySource,
    backendPort: flow.replySourcePort
  }
}
