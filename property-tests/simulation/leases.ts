import type { Family } from "../../src/domain/Address.ts"
import { LAN } from "../../src/layers/sim/lan/SimLan.ts"
import { NETWORK_ANCHOR } from "./cast.ts"
import type { Simulation } from "./Simulation.ts"

const LEASES: Readonly<Record<Family, ReadonlyArray<string>>> = {
  v4: ["10.99.0.50", "10.99.0.51", "10.99.0.52", "10.99.0.7"],
  v6: ["fd99::50", "fd99::51", "fd99::52", "fd99::7"]
}

/** Lets the LAN's DHCP server give out the addresses of that number, instead of those that it gave before. */
export const serveLeases = ({ dhcp }: Simulation, index: number): void => {
  dhcp.isExhausted = false
  dhcp.offers.set("v4", {
    address: LEASES.v4[index] ?? "",
    leaseSeconds: 20,
    router: LAN.router.v4,
    server: LAN.router.v4
  })
  dhcp.offers.set("v6", { address: LEASES.v6[index] ?? "", leaseSeconds: 30 })
}

/** Lets another server give out other addresses and another gateway, or go. */
export const serveRivalLeases = ({ dhcp: { rivals } }: Simulation, serves: boolean): void => {
  rivals.clear()
  if (!serves) return
  rivals.set("v4", { address: "10.99.0.60", leaseSeconds: 20, router: LAN.otherRouter.v4, server: "10.99.0.3" })
  rivals.set("v6", { address: "fd99::60", leaseSeconds: 30 })
}

/** The lease that the network-anchor has of a family. */
const leaseOf = (sim: Simulation, family: Family) => {
  const [now, began] = [sim.time.now(), sim.process(NETWORK_ANCHOR)?.startedAt ?? 0]
  return sim.dhcp.leases().find((one) => one.family === family && one.until >= now && one.since >= began)
}

/** Where the network-anchor's default route is to lead: where its lease says while it has one, and else where Docker does (SPEC §8.3). */
export const routerOf = (sim: Simulation, family: Family): string => leaseOf(sim, family)?.router ?? LAN.router[family]

/** How long after a lease its default route may come. */
const ROUTED_MILLIS = 100

/** Whether a lease has only just come, after another one that was lost. */
export const isNewlyLeased = (sim: Simulation, family: Family): boolean => {
  const lease = leaseOf(sim, family)
  return lease !== undefined && sim.time.now() - lease.since < ROUTED_MILLIS
}
