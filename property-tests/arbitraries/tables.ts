import * as fc from "fast-check"
import { families, type Family } from "../../src/domain/Address.ts"
import { desiredDnat } from "../../src/domain/DesiredDnat.ts"
import { protocols, tableOf, type DnatEntry, type DnatTable, type Protocol } from "../../src/domain/Dnat.ts"
import { backendAddress, hosts } from "./addresses.ts"
import { backends } from "./backends.ts"
import { busyPorts } from "./mappings.ts"

interface Space {
  readonly family: Family
  readonly protocol: Protocol
}

const spaces: ReadonlyArray<Space> = families.flatMap((family) => protocols.map((protocol) => ({ family, protocol })))

const entryIn = ({ family, protocol }: Space): fc.Arbitrary<DnatEntry> =>
  fc
    .record({
      from: busyPorts,
      width: fc.constantFrom(1, 1, 1, 2, 3, 5, 12),
      host: hosts,
      shift: fc.constantFrom(0, 0, 100, 101)
    })
    .map(({ from, width, host, shift }): DnatEntry => {
      const to = Math.min(65_535, from + width - 1)
      const address = backendAddress(family, host)
      return to === from
        ? { _tag: "Port", family, protocol, port: from, address, backendPort: Math.min(65_535, from + shift) }
        : { _tag: "Range", family, protocol, from, to, address }
    })

/** The kernel refuses an element whose key is there already, and an interval that overlaps another. */
const excludes = (a: DnatEntry, b: DnatEntry): boolean => {
  if (a.family !== b.family || a.protocol !== b.protocol) return false
  if (a._tag === "Port") return b._tag === "Port" && a.port === b.port
  return b._tag === "Range" && a.from <= b.to && b.from <= a.to
}

const admissible = (all: ReadonlyArray<DnatEntry>): DnatTable =>
  tableOf(all.filter((one, index) => !all.slice(0, index).some((earlier) => excludes(earlier, one))))

/** Elements that are close together, so that single ports often lie within a range and at its ends. */
const pools: fc.Arbitrary<ReadonlyArray<DnatEntry>> = fc
  .constantFrom(spaces, ...spaces.map((space) => [space]))
  .chain((some) => fc.array(fc.constantFrom(...some).chain(entryIn), { maxLength: 12 }))

/** Whatever the kernel's maps may hold, single ports within a range included: what was there before a drift is repaired. */
const foundTable: fc.Arbitrary<DnatTable> = pools.map(admissible)

/** Two that have much in common. */
const foundTables: fc.Arbitrary<readonly [DnatTable, DnatTable]> = pools.chain((pool) => {
  const part = fc.shuffledSubarray([...pool]).map(admissible)
  return fc.tuple(part, part)
})

export const spanOf = (one: DnatEntry): { readonly from: number; readonly to: number } =>
  one._tag === "Port" ? { from: one.port, to: one.port } : one

type Edit = "keep" | "drop" | "move" | "translate" | "first" | "last"

const overlaid = (entry: DnatEntry, port: number): ReadonlyArray<DnatEntry> => {
  const { family, protocol } = entry
  const single = {
    _tag: "Port",
    family,
    protocol,
    port,
    address: backendAddress(family, 30),
    backendPort: port
  } as const
  return entry._tag === "Range" ? [entry, single] : [single]
}

const edited = (entry: DnatEntry, edit: Edit): ReadonlyArray<DnatEntry> => {
  const { from, to } = spanOf(entry)
  switch (edit) {
    case "keep":
      return [entry]
    case "drop":
      return []
    case "move":
      return [{ ...entry, address: backendAddress(entry.family, 30) }]
    case "translate":
      return [entry._tag === "Port" ? { ...entry, backendPort: 7_777 } : entry]
    case "first":
      return overlaid(entry, from)
    case "last":
      return overlaid(entry, to)
  }
}

/** Before and after each element was left, removed, sent elsewhere, or hidden by a single port at one of its ends. */
const edits: fc.Arbitrary<readonly [DnatTable, DnatTable]> = pools.chain((pool) => {
  const table = admissible(pool)
  return fc
    .array(fc.constantFrom<Edit>("keep", "keep", "drop", "move", "translate", "first", "last"), {
      minLength: table.size,
      maxLength: table.size
    })
    .map((list) => {
      const next = [...table.values()].flatMap((entry, index) => edited(entry, list[index] ?? "keep"))
      return [table, admissible(next)] as const
    })
})

export const tables: fc.Arbitrary<DnatTable> = fc.oneof(
  backends.map((all) => desiredDnat(all).table),
  foundTable
)

/** Two tables that are mostly alike: before and after some backends come, go, or move to other addresses. */
const successors: fc.Arbitrary<readonly [DnatTable, DnatTable]> = backends.chain((all) =>
  fc
    .tuple(fc.subarray([...all]), fc.subarray([...all]), fc.array(hosts, { minLength: 6, maxLength: 6 }), fc.boolean())
    .map(([before, after, moved, moving]) => {
      const at = (index: number) => moved[index % moved.length] ?? 10
      const next = after.map((one, index) => ({
        ...one,
        address: moving ? { v4: backendAddress("v4", at(index)), v6: backendAddress("v6", at(index)) } : one.address
      }))
      return [desiredDnat(before).table, desiredDnat(next).table] as const
    })
)

export const tablePairs: fc.Arbitrary<readonly [DnatTable, DnatTable]> = fc.oneof(
  successors,
  foundTables,
  edits,
  edits.map(([before, after]) => [after, before] as const),
  fc.tuple(tables, tables)
)
