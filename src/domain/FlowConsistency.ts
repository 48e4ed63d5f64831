import type { Address } from "./Address.ts"
import type { DnatEntry, DnatTable, Flow, FlowSelector } from "./Dnat.ts"

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

/** Where the maps send a new flow like this one, if anywhere: single ports are looked up before ranges (SPEC §6). */
export const ownerOf = (
  table: DnatTable,
  flow: Flow
): { readonly address: Address; readonly port: number } | undefined => {
  const single = table.get(`${flow.family}/${flow.protocol}/${flow.destinationPort}`)
  if (single?._tag === "Port") return { address: single.address, port: single.backendPort }
  const covers = (entry: DnatEntry): boolean =>
    entry._tag === "Range" &&
    entry.family === flow.family &&
    entry.protocol === flow.protocol &&
    entry.from <= flow.destinationPort &&
    flow.destinationPort <= entry.to
  const range = [...table.values()].find(covers)
  return range && { address: range.address, port: flow.destinationPort }
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
  const selectors = new Map<string, FlowSelector>()
  for (const flow of flows) {
    if (!local.has(flow.destination)) continue
    const selector = staleSelector(flow, table)
    if (selector) selectors.set(JSON.stringify(selector), selector)
  }
  return [...selectors.values()]
}

const staleSelector = (flow: Flow, table: DnatTable): FlowSelector | undefined => {
  const { family, destinationPort: port } = flow
  const owner = ownerOf(table, flow)
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
