import * as fc from "fast-check"
import { families, type Family } from "../../src/domain/Address.ts"
import { protocols, type DnatTable, type Flow } from "../../src/domain/Dnat.ts"
import { ownersIn } from "../../src/domain/FlowConsistency.ts"
import { backendAddress, foreignAddresses, hosts, localAddresses } from "./addresses.ts"
import { busyPorts, telling } from "./mappings.ts"
import { spanOf } from "./tables.ts"

type Ports = fc.Arbitrary<number>

const plainFlow = (destinations: Readonly<Record<Family, ReadonlyArray<string>>>, ports: Ports): fc.Arbitrary<Flow> =>
  fc
    .record({
      family: fc.constantFrom(...families),
      protocol: fc.constantFrom(...protocols),
      sourcePort: fc.integer({ min: 32_768, max: 60_999 }),
      destinationPort: ports,
      pick: fc.nat()
    })
    .map(({ family, protocol, sourcePort, destinationPort, pick }) => {
      const destination = destinations[family][pick % destinations[family].length] ?? ""
      const source = family === "v4" ? "10.99.0.77" : "fd99::77"
      const [replySource, replySourcePort] = [destination, destinationPort]
      return { family, protocol, source, sourcePort, destination, destinationPort, replySource, replySourcePort }
    })

/** The flow as it is when replies come from there. */
export const sentTo = (flow: Flow, address: string, port: number): Flow => ({
  ...flow,
  replySource: address,
  replySourcePort: port
})

/** A port at which something begins or ends in one of the tables, or any other. */
const portsOf = (of: ReadonlyArray<DnatTable>): Ports => {
  const ports = telling(of.flatMap((table) => [...table.values()].map(spanOf)))
  return ports.length === 0 ? busyPorts : fc.oneof(fc.constantFrom(...ports), busyPorts)
}

/**
 * A flow to anchord's own addresses: as one of the tables sends it, to that backend's address but another port, to any other backend, to another
 * port of the same address, or not DNATed at all.
 */
const sentBy = (flow: Flow, of: ReadonlyArray<DnatTable>): fc.Arbitrary<Flow> => {
  const other = fc
    .record({ host: hosts, shift: fc.constantFrom(0, 0, 100, 101) })
    .map(({ host, shift }) =>
      sentTo(flow, backendAddress(flow.family, host), Math.min(65_535, flow.destinationPort + shift))
    )
  const owners = of.flatMap((table) => ownersIn(table)(flow) ?? [])
  return fc.oneof(
    fc.constantFrom(
      flow,
      sentTo(flow, flow.destination, 8_080),
      ...owners.flatMap(({ address, port }) => [sentTo(flow, address, port), sentTo(flow, address, 8_080)])
    ),
    other
  )
}

/** Flows to anchord's own addresses that these tables, earlier ones or none may have made; several of them on one port. */
export const flowsOf = (...of: ReadonlyArray<DnatTable>): fc.Arbitrary<ReadonlyArray<Flow>> =>
  fc
    .array(
      plainFlow(localAddresses, portsOf(of)).chain((flow) =>
        fc.array(sentBy(flow, of), { minLength: 1, maxLength: 4 })
      ),
      { maxLength: 12 }
    )
    .map((groups) => groups.flat())

/** Flows that only pass through, on their way out of the project. */
export const passingFlows = (...of: ReadonlyArray<DnatTable>): fc.Arbitrary<ReadonlyArray<Flow>> =>
  fc.array(plainFlow(foreignAddresses, portsOf(of)), { maxLength: 12 })

export const ourAddresses: ReadonlyArray<string> = families.flatMap((family) => localAddresses[family])
