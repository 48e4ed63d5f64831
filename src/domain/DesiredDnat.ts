import { families, type AddressPair } from "./Address.ts"
import { tableOf, type DnatEntry, type DnatTable, type PortMapping, type Protocol } from "./Dnat.ts"

/** A container that carries a valid `anchord.expose`, and where it is reached. */
export interface Backend {
  readonly id: string
  readonly name: string
  /** Unix seconds. */
  readonly createdAt: number
  readonly mappings: ReadonlyArray<PortMapping>
  /** Its addresses on the shared network, without the families that it opted out of. */
  readonly address: AddressPair
}

/** Two backends want these ports: `owner` has them, `standby` takes over in the transaction in which the owner goes. */
export interface Conflict {
  readonly protocol: Protocol
  readonly from: number
  readonly to: number
  readonly owner: { readonly id: string; readonly name: string }
  readonly standby: { readonly id: string; readonly name: string }
}

export interface DesiredDnat {
  readonly table: DnatTable
  readonly conflicts: ReadonlyArray<Conflict>
}

export interface Interval {
  readonly from: number
  readonly to: number
}

interface Owned extends Interval {
  readonly backend: Backend
}

/** Created first goes first; containers of one second are told apart by their IDs (SPEC §5). */
const bySeniority = (a: Backend, b: Backend): number =>
  a.createdAt - b.createdAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

/** Where in `sorted` (disjoint, ascending) the first interval is that does not lie wholly below `port`. */
const firstNotBelow = (sorted: ReadonlyArray<Interval>, port: number): number => {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle]?.to ?? Infinity) < port) low = middle + 1
    else high = middle
  }
  return low
}

/** The parts of `wanted` that others have already, in ascending order. */
const overlaps = (wanted: Interval, taken: ReadonlyArray<Owned>): ReadonlyArray<Owned> => {
  const found: Array<Owned> = []
  for (let index = firstNotBelow(taken, wanted.from); index < taken.length; index += 1) {
    const owned = taken[index]
    if (owned === undefined || owned.from > wanted.to) break
    found.push({ ...owned, from: Math.max(owned.from, wanted.from), to: Math.min(owned.to, wanted.to) })
  }
  return found
}

/** What is left of `wanted` without the `lost` parts of it, which are in ascending order. */
export const remainder = (wanted: Interval, lost: ReadonlyArray<Interval>): ReadonlyArray<Interval> => {
  const starts = [wanted.from, ...lost.map(({ to }) => to + 1)]
  const ends = [...lost.map(({ from }) => from - 1), wanted.to]
  return starts.map((from, index) => ({ from, to: ends[index] ?? wanted.to })).filter(({ from, to }) => from <= to)
}

const ports = ({ from, to }: Interval): ReadonlyArray<number> =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** One piece of a mapping as elements of the maps: an interval element where the port is kept, single ports otherwise. */
const entriesOf = (backend: Backend, mapping: PortMapping, piece: Interval): ReadonlyArray<DnatEntry> =>
  families.flatMap((family): ReadonlyArray<DnatEntry> => {
    const address = backend.address[family]
    if (address === undefined) return []
    const { protocol } = mapping
    const shift = mapping.backendFrom - mapping.from
    if (shift === 0 && piece.from < piece.to) {
      return [{ _tag: "Range", family, protocol, from: piece.from, to: piece.to, address }]
    }
    return ports(piece).map((port) => ({ _tag: "Port", family, protocol, port, address, backendPort: port + shift }))
  })

/** Conflicts of one pair over adjoining ports are one conflict. */
const joined = (conflicts: ReadonlyArray<Conflict>): ReadonlyArray<Conflict> => {
  const result: Array<Conflict> = []
  for (const conflict of conflicts) {
    const last = result.at(-1)
    const adjoins =
      last?.protocol === conflict.protocol &&
      last.owner.id === conflict.owner.id &&
      last.standby.id === conflict.standby.id &&
      last.to + 1 === conflict.from
    if (adjoins) result[result.length - 1] = { ...last, to: conflict.to }
    else result.push(conflict)
  }
  return result
}

const nameOf = ({ id, name }: Backend) => ({ id, name })

/**
 * The whole content of the DNAT maps for a set of backends (SPEC §5). A port of a protocol belongs to one backend in both address
 * families: of several that want it, to the one that was created first (ties: by ID). The others are standby for exactly the
 * ports they lose and keep the rest. The order in which backends are given does not matter.
 */
export const desiredDnat = (backends: ReadonlyArray<Backend>): DesiredDnat => {
  const entries: Array<DnatEntry> = []
  const conflicts: Array<Conflict> = []
  const owned: Record<Protocol, Array<Owned>> = { tcp: [], udp: [] }
  for (const backend of backends.toSorted(bySeniority)) {
    const mappings = backend.mappings.toSorted((a, b) =>
      a.protocol < b.protocol ? -1 : a.protocol > b.protocol ? 1 : a.from - b.from
    )
    for (const mapping of mappings) {
      const taken = owned[mapping.protocol]
      const lost = overlaps(mapping, taken)
      for (const { from, to, backend: owner } of lost) {
        if (owner.id === backend.id) continue
        conflicts.push({ protocol: mapping.protocol, from, to, owner: nameOf(owner), standby: nameOf(backend) })
      }
      for (const piece of remainder(mapping, lost)) {
        entries.push(...entriesOf(backend, mapping, piece))
        taken.splice(firstNotBelow(taken, piece.from), 0, { ...piece, backend })
      }
    }
  }
  return { table: tableOf(entries), conflicts: joined(conflicts) }
}
