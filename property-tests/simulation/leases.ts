import type { Family } from "../../src/domain/Address.ts"
import { LAN } from "../../src/layers/sim/SimLan.ts"
import type { Simulation } from "./Simulation.ts"

const LEASES: Readonly<Record<Family, ReadonlyArray<string>>> = {
  v4: ["10.99.0.50", "10.99.0.51", "10.99.0.52", "10.99.0.7"],
  v6: ["fd99::50", "fd99::51", "fd99::52", "fd99::7"]
}

/** Lets the LAN's DHCP server give out the addresses of that number, instead of those that it gave before. */
export const serveLeases = ({ dhcp }: Simulation, index: number): void => {
  dhcp.isExhausted = false
  dhcp.offers.set("v4", { address: LEASES.v4[index] ?? "", leaseSeconds: 20, router: LAN.router.v4 })
  dhcp.offers.set("v6", { address: LEASES.v6[index] ?? "", leaseSeconds: 30 })
}
