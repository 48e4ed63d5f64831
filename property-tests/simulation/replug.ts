import type { SimKernel } from "../../src/layers/sim/kernel/SimKernel.ts"
import { SimRefusal } from "../../src/layers/sim/docker/SimRefusal.ts"
import { ADMINISTRATION, DMZ, EXTERNAL, NETWORK_ANCHOR } from "./cast.ts"
import { routesOf } from "./excuses.ts"
import type { Simulation } from "./Simulation.ts"

/** How long it may take until the rules and routes are those of the new link, with an engine that answers at once. */
const FOUND_MILLIS = 500

/** How long until an address of another family is there again that a DHCP server gives. */
const LEASED_MILLIS = 8_000

/** How long the rules may be those of the interface before, when a change of them that failed is only tried again a second later. */
const RULED_MILLIS = 2_000

/** What cannot be right without an external interface. */
export const withoutInterface = (kernel: SimKernel | undefined): ReadonlyArray<string> => [
  ...["nat", "external", "addresses", "flows"],
  ...(kernel === undefined ? [] : [routesOf(kernel)])
]

const excuse = ({ excuses }: Simulation, kernel: SimKernel | undefined, gapMillis: number): void => {
  for (const subject of withoutInterface(kernel)) {
    excuses.for(subject, gapMillis + (subject === "addresses" ? LEASED_MILLIS : FOUND_MILLIS))
    excuses.touched(subject)
  }
  excuses.for("interface", gapMillis + RULED_MILLIS)
}

/** `docker network connect`, when the container is not in the middle of its start, and unless it is gone by then. */
const plug = ({ docker, history }: Simulation, id: string, network: string, wanted = {}): void => {
  docker.whenSettled(id, () => {
    if (docker.find(id) === undefined) return
    try {
      docker.connect(network, id, wanted)
    } catch (error) {
      if (!(error instanceof SimRefusal)) throw error
      history.note("operator", `refused: ${error.message}`)
    }
  })
}

/**
 * The network-anchor leaves the external network and comes back to it, as by `docker network disconnect` and `connect`. `renamed`: it changes places
 * with another network, so that the new link has another name.
 */
export const replug = (sim: Simulation, gapMillis: number, renamed: boolean): void => {
  const { docker, dhcp, connections, time } = sim
  const id = sim.idOf(NETWORK_ANCHOR)
  if (id === undefined) return
  const swaps = renamed && docker.network(ADMINISTRATION)?.members.has(id) === true
  // A new link has the first name that is free.
  const isFirst = (sim.linkOn(NETWORK_ANCHOR, DMZ) ?? "") > (sim.linkOn(NETWORK_ANCHOR, ADMINISTRATION) ?? "")
  excuse(sim, sim.namespace(NETWORK_ANCHOR)?.kernel, gapMillis)
  connections.cut()
  docker.disconnect(DMZ, id)
  dhcp.linked = false
  dhcp.killAll()
  if (swaps) docker.disconnect(ADMINISTRATION, id)
  const back = (): void => {
    if (docker.isAway) return void time.after(1_000, back)
    dhcp.linked = true
    excuse(sim, sim.namespace(NETWORK_ANCHOR)?.kernel, 0)
    if (swaps && !isFirst) plug(sim, id, ADMINISTRATION)
    plug(sim, id, DMZ, { IPAMConfig: { IPv4Address: EXTERNAL.v4, IPv6Address: EXTERNAL.v6 } })
    if (swaps && isFirst) plug(sim, id, ADMINISTRATION)
  }
  if (gapMillis === 0) back()
  else time.after(gapMillis, back)
}
