import type { Address, Family } from "../../src/domain/Address.ts"
import type { SimKernel } from "../../src/layers/sim/kernel/SimKernel.ts"
import { LAN } from "../../src/layers/sim/lan/SimLan.ts"
import { send, type SimPacket, type Walk } from "../../src/layers/sim/lan/SimWalker.ts"
import type { Simulation } from "./Simulation.ts"

/** How long a service-anchor may take to find its gateway and set its route again. */
export const ROUTED_MILLIS = 3_000

/** The address that a namespace sends from. */
export const sourceIn = ({ netns }: SimKernel, family: Family): Address | undefined =>
  netns.addresses().find((one) => one.family === family && one.scope === "global")?.address

/** A packet to somebody out in the world, which leaves no trace in the tables of connections. */
export const sendOut = (sim: Simulation, kernel: SimKernel, family: Family, source: Address): Walk => {
  const to = { destination: LAN.internet[family], destinationPort: 123 }
  const packet: SimPacket = { family, protocol: "udp", source, sourcePort: sim.nextSourcePort(), ...to }
  const walk = send(kernel, packet)
  sim.connections.forget(packet, walk)
  return walk
}
