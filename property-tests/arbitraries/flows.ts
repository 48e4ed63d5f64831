import fc from "fast-check"
import { families, type Family } from "../../src/domain/Address.ts"
import { protocols, type DnatTable, type Flow } from "../../src/domain/Dnat.ts"
import { ownerOf } from "../../src/domain/FlowConsistency.ts"
import { backendAddress, foreignAddresses, hosts, localAddresses } from "./addresses.ts"
import { busyPorts } from "./mappings.ts"

const plainFlow = (destinations: Readonly<Record<Family, ReadonlyArray<string>>>): fc.Arbitrary<Flow> =>
  fc
    .record({
      family: fc.constantFrom(...families),
      protocol: fc.constantFrom(...protocols),
      sourcePort: fc.integer({ min: 32_768, max: 60_999 }),
      destinationPort: busyPorts,
      pick: fc.nat()
    })
    .map(({ family, pick, destinationPort, ...rest }) => {
      const destination = destinations[family][pick % destinations[family].length] ?? ""
      const source = family === "v4" ? "10.99.0.77" : "fd99::77"
      return { ...rest, family, source, destination, destinationPort, replySource: destination, replySourcePort: destinationPort }
    })

/** A flow to anchord's own addresses as one of the tables sends it, as none does, or not DNATed at all. */
export const flowsOf = (...of: ReadonlyArray<DnatTable>): fc.Arbitrary<Flow> =>
  fc
    .record({
      flow: plainFlow(localAddresses),
      way: fc.integer({ min: -2, max: of.length - 1 }),
      host: hosts,
      shift: fc.constantFrom(0, 0, 100, 101)
    })
    .map(({ flow, way, host, shift }) => {
      if (way === -2) return flow
      const table = of[way]
      const owner = table && ownerOf(table, flow)
      if (way >= 0 && owner === undefined) return flow
      return {
        ...flow,
        replySource: owner?.address ?? backendAddress(flow.family, host),
        replySourcePort: owner?.port ?? Math.min(65_535, flow.destinationPort + shift)
      }
    })

/** A flow that only passes through, on its way out of the project. */
export const passingFlows: fc.Arbitrary<Flow> = plainFlow(foreignAddresses)

export const ourAddresses: ReadonlyArray<string> = families.flatMap((family) => localAddresses[family])
