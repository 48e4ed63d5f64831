import { LAN } from "../../src/layers/sim/lan/SimLan.ts"
import { ADVERTISED_EACH, containerOf, DMZ, NETWORK_ANCHOR, networks, roles, rolesOf, type Role } from "./cast.ts"
import { serveLeases } from "./leases.ts"
import type { Simulation } from "./Simulation.ts"

export const createNetwork = ({ docker }: Simulation, name: string): void => {
  const spec = networks.find((one) => one.name === name)
  if (spec !== undefined) docker.createNetwork(spec)
}

export const createContainer = ({ docker, casting }: Simulation, name: string): void => {
  const role = roles.find((one) => one.name === name)
  if (role === undefined) throw new Error(`nobody is called ${name}`)
  docker.create(containerOf(role, casting))
}

/**
 * The router advertises itself, and the kernel of the network-anchor's namespace sets its default route, or with a lifetime of 0 takes it away.
 * For the time without one there is no way out by IPv6.
 */
export const advertise = (sim: Simulation, lives: boolean): void => {
  const [netns, link] = [sim.namespace(NETWORK_ANCHOR)?.kernel.netns, sim.linkOn(NETWORK_ANCHOR, DMZ)]
  if (netns === undefined || link === undefined) return
  const present = netns.defaultRoutes("v6").find(({ protocol }) => protocol === "ra")
  const route = { family: "v6", gateway: LAN.advertiser, link, protocol: "ra", metric: 1024 } as const
  if (lives && present === undefined) netns.add(route)
  if (!lives && present !== undefined) netns.apply({ _tag: "Delete", route: present })
}

/** Routers advertise themselves again and again (RFC 4861 §6.2.4). */
const advertiseAgain = (sim: Simulation): void => {
  advertise(sim, true)
  sim.time.after(ADVERTISED_EACH, () => advertiseAgain(sim))
}

/** The networks, and everybody of the cast: first the network-anchor, then what Compose starts, then the others. */
export const build = (sim: Simulation, anchordImage: string): void => {
  const { docker, casting, composing } = sim
  docker.addImage(anchordImage, { Entrypoint: ["tini", "--", "anchord"] }, anchordImage)
  docker.addImage("application", {}, "application")
  for (const network of networks) docker.createNetwork(network)
  const [anchor, ...others] = rolesOf(casting).filter(({ name }) => !composing.isInFile(name))
  const start = ({ name }: Role) => {
    createContainer(sim, name)
    docker.start(name)
    sim.pass(400)
  }
  if (anchor !== undefined) start(anchor)
  composing.run((compose) => compose.up())
  sim.pass(1_500)
  for (const other of others) start(other)
  if (casting.addressMode === "dhcp-refresh") serveLeases(sim, 0)
  if (casting.addressMode === "slaac-ra-only") advertiseAgain(sim)
  sim.pass(4_000)
}
