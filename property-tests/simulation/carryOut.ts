import { families } from "../../src/domain/Address.ts"
import type { Action, ContainerAction } from "./actions.ts"
import { createContainer, createNetwork } from "./building.ts"
import { DMZ, ELSEWHERE, NEIGHBOUR, NETWORK_ANCHOR, roleOf, rolesOf, TRANSIT } from "./cast.ts"
import { SimRefusal } from "../../src/layers/sim/docker/SimRefusal.ts"
import { carryOutFault } from "./carryOutFault.ts"
import { routesOf } from "./excuses.ts"
import type { Simulation } from "./Simulation.ts"

const statusOf = ({ docker }: Simulation, name: string) => docker.find(name)?.status

const isUp = (sim: Simulation, name: string): boolean => ["running", "paused"].includes(statusOf(sim, name) ?? "")

const canStart = (sim: Simulation, name: string): boolean => {
  const status = statusOf(sim, name)
  if (status !== "created" && status !== "exited") return false
  const joins = roleOf(name)?.joins
  return joins === undefined || isUp(sim, joins)
}

const applicableTo: Readonly<Record<ContainerAction, (sim: Simulation, name: string) => boolean>> = {
  Start: canStart,
  Stop: isUp,
  Kill: isUp,
  Crash: (sim, name) => statusOf(sim, name) === "running",
  Restart: (sim, name) =>
    isUp(sim, name) && (roleOf(name)?.joins === undefined || isUp(sim, roleOf(name)?.joins ?? "")),
  Remove: (sim, name) => sim.docker.find(name) !== undefined,
  /** Compose makes it anew with the container that its service joins, which has to be there. */
  Recreate: (sim, name) => {
    const role = roleOf(name)
    return (
      role !== undefined &&
      rolesOf(sim.casting).includes(role) &&
      (role.joins === undefined || sim.docker.find(role.joins) !== undefined)
    )
  },
  Pause: (sim, name) => statusOf(sim, name) === "running",
  Unpause: (sim, name) => statusOf(sim, name) === "paused",
  Noise: (sim, name) => isUp(sim, name),
  Disconnect: (sim, name) => isUp(sim, name) && sim.docker.network(TRANSIT)?.members.has(sim.idOf(name) ?? "") === true,
  Reconnect: (sim, name) => isUp(sim, name) && sim.docker.network(TRANSIT)?.members.has(sim.idOf(name) ?? "") === false
}

type AboutContainer = Extract<Action, { readonly _tag: ContainerAction }>

const isAboutContainer = (action: Action): action is AboutContainer => action._tag in applicableTo

/** Whether there is anything to do for an action: an operator does not stop what does not run. */
export const isApplicable = (sim: Simulation, action: Action): boolean => {
  // Without an engine nobody does anything to a container; anchord may still end by itself.
  if (sim.docker.isAway && /^(?:Compose|Engine)/.test(action._tag)) return false
  if (sim.docker.isAway && isAboutContainer(action)) {
    return action._tag === "Crash" && sim.process(action.name) !== undefined
  }
  if (sim.composing.isAtWork && (action._tag.startsWith("Compose") || action._tag === "Recreate")) return false
  if (isAboutContainer(action)) return applicableTo[action._tag](sim, action.name)
  if (action._tag === "NetworkReborn") return sim.docker.network(ELSEWHERE) !== undefined
  if (action._tag === "SpoilDefaultRoute") return sim.namespace(action.name) !== undefined
  if (action._tag === "DiesAtCall") return sim.process(action.name) !== undefined
  if (action._tag === "GoneAfter" || action._tag === "StartFails") return sim.docker.find(action.name) !== undefined
  // Docker's own address, without a lease of it, is nobody's to put back.
  if (action._tag === "DeleteAddress") return sim.dhcp.held().includes(sim.external()[action.family] ?? "")
  if (action._tag === "Replug") return !sim.docker.isAway && sim.linkOn(NETWORK_ANCHOR, DMZ) !== undefined
  if (action._tag === "RouterAdvertises") return sim.casting.addressMode === "slaac-ra-only"
  if (action._tag.startsWith("Dhcp")) return sim.casting.addressMode === "dhcp-refresh"
  return true
}

/** What an operator's command goes on with; when Docker refuses that, he sees it, and that is all. */
const orRefused = (sim: Simulation, command: () => void) => (): void => {
  try {
    command()
  } catch (error) {
    if (!(error instanceof SimRefusal)) throw error
    sim.history.note("operator", `refused: ${error.message}`)
  }
}

/** The same where the refusal comes later, as the command's outcome. */
const orToldLater =
  (sim: Simulation) =>
  (error?: unknown): void =>
    orRefused(sim, () => {
      if (error !== undefined) throw error
    })()

/** Made anew: by Compose what is in its file, without what depends on it; anything else by removing and creating it. */
const recreate = (sim: Simulation, name: string): void => {
  if (sim.composing.isInFile(name)) {
    return sim.composing.run((compose) => compose.up({ services: [name], forceRecreate: true, noDeps: true }))
  }
  const make = orRefused(sim, () => {
    createContainer(sim, name)
    if (canStart(sim, name)) sim.docker.start(name)
  })
  if (sim.docker.find(name) === undefined) make()
  else sim.remove(name, make)
}

/** How often an operator tries to remove a network that somebody is on. */
const TRIES = 20

const reborn = (sim: Simulation): void => {
  const again = (tries: number): void => {
    const network = sim.docker.network(ELSEWHERE)
    if (sim.docker.isAway || network === undefined || sim.docker.find(NEIGHBOUR) !== undefined) return
    if (network.members.size > 0) {
      if (tries > 1) sim.time.after(1_000, () => again(tries - 1))
      return
    }
    sim.docker.removeNetwork(ELSEWHERE)
    createNetwork(sim, ELSEWHERE)
    createContainer(sim, NEIGHBOUR)
    sim.docker.start(NEIGHBOUR)
  }
  if (sim.docker.find(NEIGHBOUR) === undefined) again(TRIES)
  else sim.remove(NEIGHBOUR, () => again(TRIES))
}

/** Docker sets its own default route with the endpoint; a service-anchor sees that, and has 100 ms to set its own again (SPEC §10). */
const REROUTED_MILLIS = 150

/** A gateway that it has not found, or that has become another one meanwhile, it looks up again that late (ANCHORD_GATEWAY_RESOLVE_INTERVAL). */
const RESOLVED_MILLIS = 6_000

const reconnect = (sim: Simulation, name: string): void => {
  sim.docker.connect(TRANSIT, name)
  const kernel = sim.namespace(name)?.kernel
  if (kernel === undefined) return
  const { gateways = [] } = sim.process(name)?.board.status().serviceAnchor ?? {}
  const present = sim.docker.network(TRANSIT)?.members.get(sim.idOf(NETWORK_ANCHOR) ?? "")
  const isKnown = families.every((family) => gateways.some(({ address }) => address === present?.[family]))
  sim.excuses.for(routesOf(kernel), isKnown ? REROUTED_MILLIS : RESOLVED_MILLIS)
}

const withContainer: Readonly<Record<ContainerAction, (sim: Simulation, name: string) => void>> = {
  Start: ({ docker }, name) => docker.start(name),
  Stop: ({ docker }, name) => docker.stop(name),
  Kill: ({ docker }, name) => docker.kill(name),
  Crash: (sim, name) => sim.crash(name),
  Restart: (sim, name) => sim.docker.restart(name, undefined, orToldLater(sim)),
  Remove: (sim, name) => sim.remove(name),
  Recreate: recreate,
  Pause: ({ docker }, name) => docker.pause(name),
  Unpause: ({ docker }, name) => docker.unpause(name),
  Noise: ({ docker }, name) => {
    for (const action of ["exec_create: sh", "exec_start: sh", "health_status: healthy"]) docker.noise(name, action)
  },
  Disconnect: ({ docker }, name) => docker.disconnect(TRANSIT, name),
  Reconnect: reconnect
}

const carry = (sim: Simulation, action: Action): void => {
  if (isAboutContainer(action)) return withContainer[action._tag](sim, action.name)
  switch (action._tag) {
    case "ComposeUp":
      return sim.composing.run((compose) => compose.up())
    case "ComposeDown":
      return sim.composing.run((compose) => compose.down, true)
    case "ComposeRecreate":
      return sim.composing.run((compose) => compose.up({ forceRecreate: true }))
    case "NetworkReborn":
      return reborn(sim)
    case "Open":
      return sim.connections.open(action.client, action.port, action.family)
    case "Quiet":
      return
    default:
      return carryOutFault(sim, action)
  }
}

/** Carries an action out. */
export const carryOut = (sim: Simulation, action: Action): void => orRefused(sim, () => carry(sim, action))()
