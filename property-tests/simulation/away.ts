import { families, type Family } from "../../src/domain/Address.ts"
import { isOurs } from "../../src/domain/DefaultRoute.ts"
import { nftFamily, tableName } from "../../src/domain/NftJson.ts"
import type { SimKernel } from "../../src/layers/sim/kernel/SimKernel.ts"
import { DMZ, NETWORK_ANCHOR } from "./cast.ts"
import { ROUTED_MILLIS, sendOut, sourceIn } from "./egress.ts"
import { routesOf } from "./excuses.ts"
import type { Process } from "./processes.ts"
import type { Simulation } from "./Simulation.ts"
import { Violation } from "./Violation.ts"

/**
 * Whether the network-anchor forwards and does not translate. Its masquerade is in its tables, which come with its first reconcile and go with its
 * shutdown (SPEC §6, §14), and holds for what leaves on the external interface, to which the default route leads a moment later. But the kernel
 * forwards for as long as the namespace is there, at first by Docker's default route. What leaves in these moments has the service's own
 * address, to which nobody answers.
 */
const isOpen = (sim: Simulation, family: Family): boolean => {
  const [kernel, link] = [sim.namespace(NETWORK_ANCHOR)?.kernel, sim.linkOn(NETWORK_ANCHOR, DMZ)]
  return (
    kernel?.ruleset.list(nftFamily[family], tableName[family]) === undefined ||
    kernel.netns.defaultRoutes(family).some((route) => route.link !== link)
  )
}

interface Routed {
  readonly at: number
  readonly links: string
}

/** When each service-anchor was last seen to have its route, or to be plugged in anew since, by family. */
const routed = new WeakMap<Process, Map<Family, Routed>>()

const gatewaysOf = ({ board }: Process) => board.status().serviceAnchor?.gateways ?? []

/** Whether a service-anchor is to have its route: it has had it, and if it has lost it, there was time to set it again. */
const isToRoute = (sim: Simulation, process: Process, { netns }: SimKernel, family: Family): boolean => {
  const known = routed.get(process) ?? new Map<Family, Routed>()
  routed.set(process, known)
  const now = {
    at: sim.time.now(),
    links: netns
      .links()
      .map(({ index }) => index)
      .join()
  }
  const isRouted = netns.defaultRoutes(family).some(isOurs)
  const last = known.get(family)
  if (isRouted || (last !== undefined && last.links !== now.links)) known.set(family, now)
  // One that has never heard of a gateway cannot set the route that it has found, and that somebody has taken away.
  const knows = gatewaysOf(process).some((gateway) => gateway.family === family && gateway.address !== undefined)
  return isRouted || (knows && last?.links === now.links && now.at - last.at > ROUTED_MILLIS)
}

/**
 * While the network-anchor is away, what a service sends to the world has the project's address or does not leave the site: its service-anchor
 * keeps the route that leads nowhere, and does not give it back for Docker's (SPEC §0, §10).
 */
export const checkWhileAway = (sim: Simulation): void => {
  const [external, anchor] = [sim.external(), sim.namespace(NETWORK_ANCHOR)?.kernel]
  if (anchor !== undefined && sim.excuses.covers(routesOf(anchor))) return
  for (const process of sim.processes.values()) {
    const { program, mode, isEnding } = process
    const kernel = sim.host.namespaceOf(program.id)?.kernel
    if (mode !== "service-anchor" || kernel === undefined || isEnding()) continue
    if (sim.excuses.covers(routesOf(kernel))) continue
    for (const family of families) {
      const source = sourceIn(kernel, family)
      if (source === undefined || !isToRoute(sim, process, kernel, family)) continue
      const walk = sendOut(sim, kernel, family, source)
      if (walk._tag === "Lost" || walk.packet.source === external[family]) continue
      const isForwarded = anchor !== undefined && walk.hops.some((hop) => hop.startsWith(`${anchor.name}:`))
      if (isForwarded && walk.packet.source === source && isOpen(sim, family)) continue
      // Docker has given it the address that the network-anchor had: no route can lead there.
      if (gatewaysOf(process).some(({ address }) => address === source)) continue
      throw new Violation(
        `what ${program.name} sends by ${family} leaves the site as ${walk.packet.source} while the network-anchor is away (${walk.hops.join(", ")})`
      )
    }
  }
}
