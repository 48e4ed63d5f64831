import { families, type Family } from "../../../src/domain/Address.ts"
import { LAN } from "../../../src/layers/sim/lan/SimLan.ts"
import { ADVERTISED_EACH, NETWORK_ANCHOR, TRANSIT } from "../cast.ts"
import { routerOf } from "../leases.ts"
import type { Simulation } from "../Simulation.ts"
import { Violation } from "../Violation.ts"
import { serviceAnchors } from "./responsibility.ts"

/** Where a namespace's default routes lead, the one that counts first. */
const gatewaysOf = (sim: Simulation, name: string, family: Family): ReadonlyArray<string> =>
  (sim.namespace(name)?.kernel.netns.defaultRoutes(family) ?? []).map(({ gateway }) => gateway ?? "no gateway")

const refuseRoutes = (name: string, family: Family, gateway: string, found: ReadonlyArray<string>): never => {
  const told = found.length === 0 ? "nothing" : found.join(", then to ")
  throw new Violation(`the ${family} default route of ${name} leads to ${told}, and ought to lead to ${gateway}`)
}

/** The network-anchor's only default leads to the LAN's router, and the first of a service-anchor to the network-anchor. */
export const checkRoutes = (sim: Simulation): void => {
  const anchorOnTransit = sim.docker.network(TRANSIT)?.members.get(sim.idOf(NETWORK_ANCHOR) ?? "")
  for (const family of families) {
    const found = gatewaysOf(sim, NETWORK_ANCHOR, family)
    const advertised = family === "v6" && sim.casting.addressMode === "slaac-ra-only"
    // A namespace that is new has none before the next advertisement.
    if (advertised && sim.time.now() - (sim.process(NETWORK_ANCHOR)?.startedAt ?? 0) < ADVERTISED_EACH) continue
    const router = advertised ? LAN.advertiser : routerOf(sim, family)
    if (found.length !== 1 || found[0] !== router) refuseRoutes(NETWORK_ANCHOR, family, router, found)
    for (const { name, id } of serviceAnchors(sim)) {
      const gateway = anchorOnTransit?.[family]
      const isThere = [...(sim.host.namespaceOf(id)?.links.values() ?? [])].some((network) => network.name === TRANSIT)
      const [first, ...others] = gatewaysOf(sim, name, family)
      if (gateway === undefined || !isThere || first === gateway) continue
      refuseRoutes(name, family, gateway, first === undefined ? [] : [first, ...others])
    }
  }
}
