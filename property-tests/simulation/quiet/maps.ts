import { families, type Family } from "../../../src/domain/Address.ts"
import type { DnatEntry } from "../../../src/domain/Dnat.ts"
import { nftFamily, parseTable, tableName } from "../../../src/domain/NftJson.ts"
import { NETWORK_ANCHOR, TRANSIT } from "../cast.ts"
import type { Simulation } from "../Simulation.ts"
import { Violation } from "../Violation.ts"
import { ownerOf } from "../truth.ts"

export const entriesOf = (sim: Simulation, family: Family): ReadonlyArray<DnatEntry> => {
  const answer = sim.namespace(NETWORK_ANCHOR)?.kernel.ruleset.list(nftFamily[family], tableName[family])
  if (answer === undefined) throw new Violation(`there is no table ${tableName[family]}`)
  return parseTable(answer, family).entries
}

/** The elements in the kernel are those that somebody has a right to, and nothing else is there. */
export const checkMaps = (sim: Simulation): void => {
  for (const family of families) {
    for (const entry of entriesOf(sim, family)) {
      const [from, to] = entry._tag === "Port" ? [entry.port, entry.port] : [entry.from, entry.to]
      for (let port = from; port <= to; port++) {
        const owner = ownerOf(sim.docker, sim.casting, { family, protocol: entry.protocol, port })
        const address = owner && sim.docker.network(TRANSIT)?.members.get(owner.owner.id)?.[family]
        if (address === entry.address) continue
        throw new Violation(
          `${family} ${entry.protocol}/${port} is mapped to ${entry.address}, and belongs to ${owner?.owner.name ?? "nobody"}`
        )
      }
    }
  }
}

/** No tracked connection goes to an address that its port does not belong to. */
export const checkFlows = (sim: Simulation): void => {
  const conntrack = sim.namespace(NETWORK_ANCHOR)?.kernel.conntrack
  const external = sim.external()
  for (const flow of conntrack?.flows() ?? []) {
    const { family, protocol, destination, destinationPort: port, replySource } = flow
    // A TCP connection that was not translated was refused, and is over; one by UDP may go on for ever.
    if (destination !== external[family] || (protocol === "tcp" && replySource === destination)) continue
    const owner = ownerOf(sim.docker, sim.casting, { family, protocol, port })
    const address = owner && sim.docker.network(TRANSIT)?.members.get(owner.owner.id)?.[family]
    const expected = address ?? destination
    if (replySource !== expected) {
      throw new Violation(
        `a flow to ${protocol}/${port} still goes to ${replySource}; the port is ${owner?.owner.name ?? "nobody"}'s`
      )
    }
  }
}
