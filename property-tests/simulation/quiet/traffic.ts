import { families, type Family } from "../../../src/domain/Address.ts"
import { LAN } from "../../../src/layers/sim/lan/SimLan.ts"
import { exchange, type SimPacket } from "../../../src/layers/sim/lan/SimWalker.ts"
import { sourceIn } from "../egress.ts"
import type { Simulation } from "../Simulation.ts"
import { Violation } from "../Violation.ts"
import { ownerOf, outsidePorts } from "../truth.ts"
import { serviceAnchors } from "./responsibility.ts"

const sourceOf = (sim: Simulation, name: string, family: Family): string | undefined => {
  const kernel = sim.namespace(name)?.kernel
  return kernel === undefined ? undefined : sourceIn(kernel, family)
}

/** A service that asks for the project's own address gets an answer from whoever has the port, itself included (hairpin). */
export const checkHairpin = (sim: Simulation): void => {
  const external = sim.external()
  for (const { id, name } of serviceAnchors(sim)) {
    const kernel = sim.host.namespaceOf(id)?.kernel
    for (const family of families) {
      const [source, destination] = [sourceOf(sim, name, family), external[family]]
      if (kernel === undefined || source === undefined || destination === undefined) continue
      for (const { protocol, port } of outsidePorts) {
        const owner = ownerOf(sim.docker, sim.casting, { family, protocol, port })
        if (owner === undefined || sim.host.namespaceOf(owner.owner.id) === undefined) continue
        const sourcePort = sim.nextSourcePort()
        const packet: SimPacket = { family, protocol, source, sourcePort, destination, destinationPort: port }
        const { there, answered } = exchange(kernel, packet)
        sim.connections.forget(packet, there)
        if (!answered) {
          throw new Violation(
            `${name} gets no answer from ${owner.owner.name} at the project's own address, ${family} ${protocol}/${port}`
          )
        }
      }
    }
  }
}

/** What a service sends to the world leaves with the project's address, and the answer comes back to it (SPEC §0). */
export const checkEgress = (sim: Simulation): void => {
  const external = sim.external()
  for (const { name } of serviceAnchors(sim)) {
    for (const family of families) {
      const source = sourceOf(sim, name, family)
      const kernel = sim.namespace(name)?.kernel
      if (source === undefined || kernel === undefined || external[family] === undefined) continue
      // Of what goes out to the world nothing is meant by a mapping, whatever its port.
      const [protocol, destinationPort] = family === "v4" ? (["tcp", 80] as const) : (["udp", 53] as const)
      const sourcePort = sim.nextSourcePort()
      const packet: SimPacket = {
        family,
        protocol,
        source,
        sourcePort,
        destination: LAN.internet[family],
        destinationPort
      }
      const { there, answered } = exchange(kernel, packet)
      const seen = there._tag === "Delivered" ? there.packet.source : there.why
      if (seen !== external[family])
        throw new Violation(`what ${name} sends by ${family} leaves as ${seen}, not as ${external[family]}`)
      if (!answered) throw new Violation(`no answer gets back to ${name} by ${family}`)
    }
  }
}

/** Clients get answers, from the address and port that they have asked. */
export const checkAnswers = (sim: Simulation): void => {
  const [client] = sim.lan.clients
  if (client === undefined) return
  for (const family of families) {
    const destination = sim.external()[family]
    for (const { protocol, port } of outsidePorts) {
      const owner = ownerOf(sim.docker, sim.casting, { family, protocol, port })
      if (owner === undefined || destination === undefined) continue
      if (!serviceAnchors(sim).some(({ id }) => sim.host.namespaceOf(id) === sim.host.namespaceOf(owner.owner.id)))
        continue
      const packet: SimPacket = {
        family,
        protocol,
        source: LAN.clients[0][family],
        sourcePort: sim.nextSourcePort(),
        destination,
        destinationPort: port
      }
      const { there, answered, back } = exchange(client, packet)
      sim.connections.forget(packet, there)
      if (!answered)
        throw new Violation(
          `no answer comes back from ${owner.owner.name} by ${family} ${protocol}/${port}: ${back?._tag === "Lost" ? back.why : "another address"}`
        )
    }
  }
}
