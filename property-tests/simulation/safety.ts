import { families } from "../../src/domain/Address.ts"
import { isOurs } from "../../src/domain/DefaultRoute.ts"
import { send, type SimPacket, type Walk } from "../../src/layers/sim/lan/SimWalker.ts"
import { LAN } from "../../src/layers/sim/lan/SimLan.ts"
import { checkWhileAway } from "./away.ts"
import { lastingName } from "./Conduct.ts"
import { NETWORK_ANCHOR } from "./cast.ts"
import { ROUTED_MILLIS, sendOut, sourceIn } from "./egress.ts"
import { routesOf } from "./excuses.ts"
import type { Simulation } from "./Simulation.ts"
import { Violation } from "./Violation.ts"
import { candidatesOf, ownerAmong, outsidePorts, type Claimant, type OutsidePort } from "./truth.ts"

/** A network-anchor that was started has to be right from then on: its first look at everything, with an engine that answers at once. */
const START_MILLIS = 1_000

const where = (sim: Simulation, walk: Walk): string => {
  if (walk._tag === "Lost") return `was lost at ${sim.nameOf(walk.kernel)}: ${walk.why} (${walk.hops.join(", ")})`
  const { packet, kernel, hops } = walk
  return `came out at ${sim.nameOf(kernel)} as ${packet.source} → ${packet.destination}:${packet.destinationPort} (${hops.join(", ")})`
}

/** Whether everything that could be wrong with a port is excused at this moment; it is also for whom it is to lead to. */
export const isExcused = (sim: Simulation, outside: OutsidePort, owner: Claimant | undefined): boolean => {
  const { excuses } = sim
  if (excuses.covers("nat") || excuses.covers(`port:${outside.protocol}/${outside.port}`)) return true
  if (owner === undefined || owner.container === owner.owner) return false
  return excuses.covers(owner.container.id) || excuses.covers(owner.owner.id)
}

/** Whether the network-anchor runs, has run long enough, and was not told to end. */
export const isServing = (sim: Simulation): boolean => {
  const process = sim.process(NETWORK_ANCHOR)
  return process?.isEnding() === false && sim.time.now() - process.startedAt >= START_MILLIS
}

/** What is wrong with where a packet comes out while its port is excused: it may get lost, but not to somebody who has not asked for that port. */
const wrongAnyway = (sim: Simulation, outside: OutsidePort, packet: SimPacket, walk: Walk): string | undefined => {
  if (walk._tag === "Lost" || walk.kernel === sim.namespace(NETWORK_ANCHOR)?.kernel) return undefined
  // By rules of another interface what comes in is taken for what goes out.
  const isMasqueraded = walk.packet.source !== packet.source && !sim.excuses.covers("interface")
  if (isMasqueraded) return `${where(sim, walk)}: the client's address is lost`
  return sim.claims.allows(outside, walk) ? undefined : `${where(sim, walk)}, which has not asked for that port`
}

/** Sends a packet to one port of the project, and says what is wrong with where it comes out. */
const probe = (
  sim: Simulation,
  outside: OutsidePort,
  destination: string,
  owner: Claimant | undefined
): string | undefined => {
  const [client] = sim.lan.clients
  if (client === undefined) return undefined
  const { family, protocol, port } = outside
  const [source, sourcePort] = [LAN.clients[0][family], sim.nextSourcePort()]
  const packet: SimPacket = { family, protocol, source, sourcePort, destination, destinationPort: port }
  const namespace = owner && sim.host.namespaceOf(owner.owner.id)
  const walk = send(client, packet)
  sim.connections.forget(packet, walk)
  if (isExcused(sim, outside, owner)) return wrongAnyway(sim, outside, packet, walk)
  sim.claims.isRight(outside)
  const anchor = sim.namespace(NETWORK_ANCHOR)?.kernel
  if (owner !== undefined && namespace === undefined) {
    return walk._tag === "Delivered" ? `${where(sim, walk)}, although ${owner.owner.name} has not started` : undefined
  }
  if (owner === undefined || namespace === undefined) {
    return walk._tag === "Delivered" && walk.kernel !== anchor
      ? `${where(sim, walk)}, although nobody has that port`
      : undefined
  }
  if (walk._tag === "Lost" || walk.kernel !== namespace.kernel) return `${where(sim, walk)}, not at ${owner.owner.name}`
  if (walk.packet.source !== packet.source) return `${where(sim, walk)}: the client's address is lost`
  if (walk.packet.destinationPort !== owner.backendPort) return `${where(sim, walk)}, not at port ${owner.backendPort}`
  return undefined
}

const everyPort = families.flatMap((family) => outsidePorts.map((port) => ({ family, ...port })))

/** Each port leads to the container that is to have it, with the client's own address, and to no other (SPEC §0, §5). */
const checkPorts = (sim: Simulation): void => {
  const [external, candidates] = [sim.external(), candidatesOf(sim.docker, sim.casting)]
  for (const outside of everyPort) {
    const destination = external[outside.family]
    if (destination === undefined) continue
    const wrong = probe(sim, outside, destination, ownerAmong(candidates, outside))
    if (wrong !== undefined) throw new Violation(`${outside.family} ${outside.protocol}/${outside.port} ${wrong}`)
  }
}

/** What leaves the site from behind a service-anchor has the project's address, or does not leave (SPEC §0). */
const checkEgress = (sim: Simulation): void => {
  const anchor = sim.namespace(NETWORK_ANCHOR)?.kernel
  if (sim.excuses.covers("nat") || (anchor !== undefined && sim.excuses.covers(routesOf(anchor)))) return
  const external = sim.external()
  for (const { program, mode, startedAt, readiness } of sim.processes.values()) {
    if (mode !== "service-anchor" || readiness.missing().length > 0) continue
    if (sim.time.now() - startedAt < ROUTED_MILLIS) continue
    const kernel = sim.host.namespaceOf(program.id)?.kernel
    if (kernel === undefined || sim.excuses.covers(routesOf(kernel))) continue
    for (const family of families) {
      const source = sourceIn(kernel, family)
      if (source === undefined) continue
      // The gateway of a family that has not resolved yet is not known.
      if (sim.excuses.covers("names") && !kernel.netns.defaultRoutes(family).some(isOurs)) continue
      const walk = sendOut(sim, kernel, family, source)
      if (walk._tag === "Lost" || walk.packet.source === external[family]) continue
      throw new Violation(
        `what ${program.name} sends by ${family} leaves the site as ${walk.packet.source}, not as ${external[family]}`
      )
    }
  }
}

/** Whatever was created and not removed is still there, under its name or on its way back to it. */
const checkNobodyIsLost = (sim: Simulation): void => {
  const names = new Set(sim.docker.containers().map(({ name }) => lastingName(name)))
  for (const name of sim.expected) if (!names.has(name)) throw new Violation(`${name} is lost`)
}

/** What must hold after every step, whatever happened in it, as far as no fault excuses it. */
export const checkSafety = (sim: Simulation): void => {
  checkNobodyIsLost(sim)
  sim.strangers.check()
  sim.standing.check()
  sim.deserted.check()
  if (!isServing(sim)) return checkWhileAway(sim)
  if (sim.excuses.covers("external")) return
  checkPorts(sim)
  sim.connections.check()
  checkEgress(sim)
}
