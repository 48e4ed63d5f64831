import type { Address, Family } from "./Address.ts"
import {
  entryKey,
  sameEntry,
  type DnatEntry,
  type DnatPlan,
  type DnatTable,
  type FlowSelector,
  type Protocol
} from "./Dnat.ts"

/** Consecutive ports with one target; the target's port is the port plus `shift`. */
interface Segment {
  readonly from: number
  readonly to: number
  readonly address: Address
  readonly shift: number
}

/** The port spaces that exist side by side: one per family and protocol. */
const spaceOf = (entry: DnatEntry): string => `${entry.family}/${entry.protocol}`

const segmentOf = (entry: DnatEntry): Segment =>
  entry._tag === "Port"
    ? { from: entry.port, to: entry.port, address: entry.address, shift: entry.backendPort - entry.port }
    : { from: entry.from, to: entry.to, address: entry.address, shift: 0 }

/** What the maps do with each port of one space: a single port hides the range it lies in, as the rules look it up first. */
const coverage = (entries: ReadonlyArray<DnatEntry>): ReadonlyArray<Segment> => {
  const singles = entries.filter((entry) => entry._tag === "Port").map(segmentOf)
  const taken = new Set(singles.map((single) => single.from))
  const pieces = entries
    .filter((entry) => entry._tag === "Range")
    .map(segmentOf)
    .flatMap((range) => {
      const holes = [...taken].filter((port) => range.from <= port && port <= range.to).toSorted((a, b) => a - b)
      const starts = [range.from, ...holes.map((port) => port + 1)]
      const ends = [...holes.map((port) => port - 1), range.to]
      const { address, shift } = range
      return starts.map((from, index) => ({ from, to: ends[index] ?? range.to, address, shift }))
    })
  return [...singles, ...pieces.filter((piece) => piece.from <= piece.to)].toSorted((a, b) => a.from - b.from)
}

interface Change {
  readonly from: number
  readonly to: number
  readonly before: Segment | undefined
  readonly after: Segment | undefined
}

/** Walks two coverages side by side, and answers with the stretches of ports whose target is not the same in both. */
const changes = (before: ReadonlyArray<Segment>, after: ReadonlyArray<Segment>): ReadonlyArray<Change> => {
  const bounds = [...new Set([...before, ...after].flatMap(({ from, to }) => [from, to + 1]))].toSorted((a, b) => a - b)
  const found: Array<Change> = []
  let b = 0
  let a = 0
  for (const [index, from] of bounds.entries()) {
    const next = bounds[index + 1]
    if (next === undefined) break
    while ((before[b]?.to ?? Infinity) < from) b += 1
    while ((after[a]?.to ?? Infinity) < from) a += 1
    const old = (before[b]?.from ?? Infinity) <= from ? before[b] : undefined
    const now = (after[a]?.from ?? Infinity) <= from ? after[a] : undefined
    if (old?.address !== now?.address || old?.shift !== now?.shift) {
      found.push({ from, to: next - 1, before: old, after: now })
    }
  }
  return found
}

const selectorsOf = (family: Family, protocol: Protocol, change: Change): ReadonlyArray<FlowSelector> => {
  const { from, to, before, after } = change
  if (before === undefined) return protocol === "udp" ? [{ _tag: "NotDnated", family, protocol, from, to }] : []
  // Within one address only the port moved: segments of unequal shift meet at single ports, so one backend port says it.
  const moved = before.address === after?.address ? { backendPort: from + before.shift } : {}
  return [{ _tag: "DnatedTo", family, protocol, from, to, address: before.address, ...moved }]
}

/** Joins neighbours that say the same of adjoining ports, so that a range is one selector whatever it was made of. */
const joined = (selectors: ReadonlyArray<FlowSelector>): ReadonlyArray<FlowSelector> => {
  const result: Array<FlowSelector> = []
  for (const selector of selectors) {
    const last = result.at(-1)
    const same =
      last !== undefined &&
      last.to + 1 === selector.from &&
      last._tag === selector._tag &&
      (last._tag === "NotDnated" ||
        (selector._tag === "DnatedTo" &&
          last.address === selector.address &&
          last.backendPort === undefined &&
          selector.backendPort === undefined))
    if (same) result[result.length - 1] = { ...last, to: selector.to }
    else result.push(selector)
  }
  return result
}

const coverageIn = (table: DnatTable, space: string): ReadonlyArray<Segment> =>
  coverage([...table.values()].filter((entry) => spaceOf(entry) === space))

/**
 * The smallest set of element changes that turns `applied` into `desired`, and the conntrack flows which the change makes
 * wrong (SPEC §5, §7). An element whose target changes is removed and added. Flows are told by what happens to a port, not to an
 * element: a range that is cut in two around a new owner costs the flows of the other ports nothing.
 */
export const planDnat = (applied: DnatTable, desired: DnatTable): DnatPlan => {
  const unchanged = (entry: DnatEntry, other: DnatTable): boolean => {
    const counterpart = other.get(entryKey(entry))
    return counterpart !== undefined && sameEntry(entry, counterpart)
  }
  const remove = [...applied.values()].filter((entry) => !unchanged(entry, desired))
  const add = [...desired.values()].filter((entry) => !unchanged(entry, applied))
  const touched = new Map([...remove, ...add].map((entry) => [spaceOf(entry), entry]))
  const flush = [...touched].flatMap(([space, { family, protocol }]) =>
    joined(
      changes(coverageIn(applied, space), coverageIn(desired, space)).flatMap((change) =>
        selectorsOf(family, protocol, change)
      )
    )
  )
  return { remove, add, flush }
}

export const isEmptyPlan = (plan: DnatPlan): boolean => plan.add.length === 0 && plan.remove.length === 0
