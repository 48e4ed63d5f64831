import type { Family } from "./Address.ts"
import type { Protocol } from "./Dnat.ts"

/** Ports `from` to `to` (both included) of one family and protocol. */
export interface PortSpan {
  readonly family: Family
  readonly protocol: Protocol
  readonly from: number
  readonly to: number
}

interface Wide<A> {
  readonly span: PortSpan
  readonly item: A
  /** The highest port of this one and of all before it. */
  readonly reach: number
}

interface Space<A> {
  readonly singles: ReadonlyMap<number, ReadonlyArray<A>>
  /** By first port, ascending. */
  readonly wide: ReadonlyArray<Wide<A>>
}

const spaceOf = <A>(items: ReadonlyArray<readonly [PortSpan, A]>): Space<A> => {
  const singles = new Map<number, Array<A>>()
  for (const [{ from, to }, item] of items) {
    if (from !== to) continue
    const there = singles.get(from)
    if (there === undefined) singles.set(from, [item])
    else there.push(item)
  }
  let reach = 0
  const wide = items
    .filter(([{ from, to }]) => from < to)
    .toSorted(([a], [b]) => a.from - b.from)
    .map(([span, item]): Wide<A> => {
      reach = Math.max(reach, span.to)
      return { span, item, reach }
    })
  return { singles, wide }
}

/** How many of `wide` begin at `port` or below. */
const begunAt = <A>(wide: ReadonlyArray<Wide<A>>, port: number): number => {
  let low = 0
  let high = wide.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((wide[middle]?.span.from ?? Infinity) <= port) low = middle + 1
    else high = middle
  }
  return low
}

const at = <A>({ singles, wide }: Space<A>, port: number): ReadonlyArray<A> => {
  const found = [...(singles.get(port) ?? [])]
  for (let index = begunAt(wide, port) - 1; index >= 0; index -= 1) {
    const one = wide[index]
    if (one === undefined || one.reach < port) break
    if (one.span.to >= port) found.push(one.item)
  }
  return found
}

/**
 * Answers which of many items lie at a port. A question costs no more with many items than with few, as long as few spans of several
 * ports overlap.
 */
export const indexByPort = <A>(
  items: Iterable<A>,
  spanOf: (item: A) => PortSpan
): ((family: Family, protocol: Protocol, port: number) => ReadonlyArray<A>) => {
  const key = (family: Family, protocol: Protocol) => `${family}/${protocol}`
  const spans = [...items].map((item) => [spanOf(item), item] as const)
  const bySpace = Map.groupBy(spans, ([{ family, protocol }]) => key(family, protocol))
  const spaces = new Map([...bySpace].map(([name, all]) => [name, spaceOf(all)]))
  return (family, protocol, port) => {
    const space = spaces.get(key(family, protocol))
    return space === undefined ? [] : at(space, port)
  }
}
