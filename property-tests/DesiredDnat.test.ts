import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { families, type Family } from "../src/domain/Address.ts"
import { desiredDnat, type Backend, type Conflict } from "../src/domain/DesiredDnat.ts"
import { protocols, type DnatTable, type Flow, type Protocol } from "../src/domain/Dnat.ts"
import { ownersIn } from "../src/domain/FlowConsistency.ts"
import { backends, shuffled } from "./arbitraries/backends.ts"
import { telling } from "./arbitraries/mappings.ts"

const numRuns = 300

const probe = (family: Family, protocol: Protocol, port: number): Flow => ({
  family,
  protocol,
  source: "any",
  sourcePort: 1,
  destination: "any",
  destinationPort: port,
  replySource: "any",
  replySourcePort: port
})

const wants = (backend: Backend, protocol: Protocol, port: number) =>
  backend.mappings.find((one) => one.protocol === protocol && one.from <= port && port <= one.to)

const isSenior = (a: Backend, b: Backend): boolean =>
  a.createdAt < b.createdAt || (a.createdAt === b.createdAt && a.id < b.id)

const seniorOf = (all: ReadonlyArray<Backend>): Backend | undefined =>
  all.find((one) => all.every((other) => other === one || isSenior(one, other)))

/** What the contract says of one port, worked out port by port. */
const shouldBe = (all: ReadonlyArray<Backend>, family: Family, protocol: Protocol, port: number) => {
  const owner = seniorOf(all.filter((backend) => wants(backend, protocol, port) !== undefined))
  const mapping = owner && wants(owner, protocol, port)
  const address = owner?.address[family]
  return mapping && address !== undefined ? { address, port: mapping.backendFrom + port - mapping.from } : undefined
}

const isOf = ({ protocol, from, to }: Conflict, wanted: Protocol, port: number): boolean =>
  protocol === wanted && from <= port && port <= to

const portsOf = (all: ReadonlyArray<Backend>) => telling(all.flatMap((backend) => backend.mappings))

const eachPort = (all: ReadonlyArray<Backend>, check: (family: Family, protocol: Protocol, port: number) => void) => {
  for (const family of families)
    for (const protocol of protocols) for (const port of portsOf(all)) check(family, protocol, port)
}

const ownersOf = (table: DnatTable) => {
  const ownerOf = ownersIn(table)
  return (family: Family, protocol: Protocol, port: number) => ownerOf(probe(family, protocol, port))
}

const withOneGone = backends
  .filter((all) => all.length > 0)
  .chain((all) => fc.constantFrom(...all).map((gone) => [all, gone, all.filter((one) => one !== gone)] as const))

describe("the desired maps", () => {
  it("are the same in whatever order the backends are seen", () => {
    const orders = backends.chain((all) => shuffled(all).map((other) => [all, other] as const))
    fc.assert(
      fc.property(orders, ([all, other]) => {
        const [one, two] = [desiredDnat(all), desiredDnat(other)]
        expect([...one.table]).toEqual([...two.table])
        expect(one.conflicts).toEqual(two.conflicts)
      }),
      { numRuns }
    )
  })

  it("send every port to the senior of those that want it, and no other port anywhere: none is lost", () => {
    fc.assert(
      fc.property(backends, (all) => {
        const owned = ownersOf(desiredDnat(all).table)
        eachPort(all, (family, protocol, port) => {
          expect(owned(family, protocol, port)).toEqual(shouldBe(all, family, protocol, port))
        })
      }),
      { numRuns }
    )
  })

  it("name each port of a family and protocol at most once", () => {
    fc.assert(
      fc.property(backends, (all) => {
        const entries = [...desiredDnat(all).table.values()]
        for (const [, group] of Map.groupBy(entries, (one) => `${one.family}/${one.protocol}`)) {
          const spans = group
            .map((one) => (one._tag === "Port" ? { from: one.port, to: one.port } : one))
            .toSorted((a, b) => a.from - b.from)
          for (const [index, span] of spans.entries()) expect(span.from).toBeGreaterThan(spans[index - 1]?.to ?? 0)
        }
      }),
      { numRuns }
    )
  })

  it("have an interval only for at least two ports", () => {
    fc.assert(
      fc.property(backends, (all) => {
        const entries = [...desiredDnat(all).table.values()]
        expect(entries.filter((entry) => entry._tag === "Range" && entry.from >= entry.to)).toEqual([])
      })
    )
  })
})

describe("conflicts", () => {
  it("name for each port that several want its owner with each of the others, and nothing else", () => {
    fc.assert(
      fc.property(backends, (all) => {
        const { conflicts } = desiredDnat(all)
        for (const protocol of protocols) {
          for (const port of portsOf(all)) {
            const wanting = all.filter((backend) => wants(backend, protocol, port) !== undefined)
            const owner = seniorOf(wanting)
            const named = conflicts.filter((conflict) => isOf(conflict, protocol, port))
            expect(named.map(({ standby }) => standby.id).toSorted()).toEqual(
              wanting
                .filter((backend) => backend !== owner)
                .map(({ id }) => id)
                .toSorted()
            )
            expect(named.every((conflict) => conflict.owner.id === owner?.id)).toBe(true)
          }
        }
      }),
      { numRuns }
    )
  })

  it("are joined where the ports adjoin", () => {
    fc.assert(
      fc.property(backends, (all) => {
        const { conflicts } = desiredDnat(all)
        for (const one of conflicts)
          for (const other of conflicts) {
            const samePair = one.owner.id === other.owner.id && one.standby.id === other.standby.id
            expect(samePair && one.protocol === other.protocol && one.to + 1 === other.from).toBe(false)
          }
      }),
      { numRuns }
    )
  })
})

describe("a backend that goes", () => {
  it("hands each port that it had to the senior of its standbys, and to nobody without one", () => {
    fc.assert(
      fc.property(withOneGone, ([all, gone, rest]) => {
        const before = desiredDnat(all)
        const owned = ownersOf(desiredDnat(rest).table)
        eachPort(all, (family, protocol, port) => {
          const had =
            wants(gone, protocol, port) !== undefined &&
            seniorOf(all.filter((one) => wants(one, protocol, port))) === gone
          if (!had) return
          const standbys = before.conflicts
            .filter((conflict) => isOf(conflict, protocol, port) && conflict.owner.id === gone.id)
            .flatMap(({ standby }) => rest.filter(({ id }) => id === standby.id))
          const heir = seniorOf(standbys)
          expect(owned(family, protocol, port)?.address).toBe(heir?.address[family])
        })
      }),
      { numRuns }
    )
  })

  it("changes nothing for ports that it did not have", () => {
    fc.assert(
      fc.property(withOneGone, ([all, gone, rest]) => {
        const [before, after] = [ownersOf(desiredDnat(all).table), ownersOf(desiredDnat(rest).table)]
        eachPort(all, (family, protocol, port) => {
          const wanting = all.filter((one) => wants(one, protocol, port) !== undefined)
          if (seniorOf(wanting) === gone) return
          expect(after(family, protocol, port)).toEqual(before(family, protocol, port))
        })
      }),
      { numRuns }
    )
  })
})
