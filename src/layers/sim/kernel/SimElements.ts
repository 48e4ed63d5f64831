import { parseAddress, type Family } from "../../../domain/Address.ts"
import { remembered } from "../../../domain/Remembered.ts"

/** Why nft or the kernel refuses a transaction, in their words. */
export class NftRefusal extends Error {}

/** Where a map's elements are kept; without `interval` every key is a single port. */
export interface ElementRules {
  readonly interval: boolean
  /** nft's types of what a key leads to, joined when there are several. */
  readonly valueTypes: string | ReadonlyArray<string>
  /** Set for `create`: what is there already, even as it is, is refused. */
  readonly refusesPresent?: boolean
}

interface Element {
  readonly from: number
  readonly to: number
  readonly value: unknown
}

/** The elements of one map by their first port: no two have one in common. */
export type Elements = ReadonlyMap<number, Element>

const LAST_PORT = 65_535
const addressFamily: Readonly<Record<string, Family>> = { ipv4_addr: "v4", ipv6_addr: "v6" }

const field = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined

/** nft takes digits in quotes as well. The names of services, which it looks up on the machine that it runs on, nobody has here. */
const portOf = (value: unknown): number => {
  const port = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value
  if (typeof port !== "number" || !Number.isInteger(port) || port < 0 || port > LAST_PORT) {
    throw new NftRefusal("Error: Service out of range")
  }
  return port
}

const parsedAddress = remembered((text: string) => text, parseAddress)

const addressOf = (value: unknown, family: Family): string => {
  const parsed = typeof value === "string" ? parsedAddress(value) : undefined
  if (parsed?.family !== family) throw new NftRefusal("Error: Could not resolve hostname")
  return parsed.address
}

const singleValue = (value: unknown, type: string): unknown => {
  const family = addressFamily[type]
  return family === undefined ? portOf(value) : addressOf(value, family)
}

/** The value as the kernel keeps it, or a refusal when it is not of the map's type. */
const valueOf = (value: unknown, types: ElementRules["valueTypes"]): unknown => {
  if (typeof types === "string") return singleValue(value, types)
  const parts = field(value, "concat")
  if (!Array.isArray(parts) || parts.length !== types.length) {
    throw new NftRefusal("Error: invalid data type, expected concatenation")
  }
  return { concat: types.map((type, index) => singleValue(parts[index], type)) }
}

const keyOf = (key: unknown, { interval }: ElementRules): Pick<Element, "from" | "to"> => {
  const range = field(key, "range")
  if (!Array.isArray(range)) {
    const port = portOf(key)
    return { from: port, to: port }
  }
  const [from, to] = [portOf(range[0]), portOf(range[1])]
  if (!interval && from !== to) throw new NftRefusal("Error: You must add 'flags interval' to your map declaration")
  if (to < from) throw new NftRefusal("Error: Range negative size")
  return { from, to }
}

const sorted = new WeakMap<Elements, ReadonlyArray<Element>>()

const inOrder = (elements: Elements): ReadonlyArray<Element> => {
  const known = sorted.get(elements)
  if (known !== undefined) return known
  const all = [...elements.values()].toSorted((a, b) => a.from - b.from)
  sorted.set(elements, all)
  return all
}

/** What a port leads to, if anything. */
export const lookUp = (elements: Elements, port: number, { interval }: ElementRules): unknown => {
  if (!interval) return elements.get(port)?.value
  const all = inOrder(elements)
  let low = 0
  let high = all.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((all[middle]?.from ?? Infinity) <= port) low = middle + 1
    else high = middle
  }
  const last = all[low - 1]
  return last !== undefined && port <= last.to ? last.value : undefined
}

const listed = (elements: unknown): ReadonlyArray<unknown> => {
  if (!Array.isArray(elements) || elements.length === 0) throw new NftRefusal("Error: Invalid set.")
  return elements
}

const OVERLAP = "Error: interval overlaps with an existing one"

const refuseOverlaps = (elements: Elements): void => {
  let end = -1
  for (const { from, to } of inOrder(elements)) {
    if (from <= end) throw new NftRefusal(OVERLAP)
    end = to
  }
}

/**
 * The elements after an addition. One that is there with the same value may be added once more; with another value it is refused, and so
 * is an interval that overlaps another. Adjoining intervals stay two.
 */
export const addElements = (elements: Elements, added: unknown, rules: ElementRules): Elements => {
  const next = new Map(elements)
  for (const one of listed(added)) {
    const [key, value] = Array.isArray(one) ? one : [one, undefined]
    if (value === undefined) throw new NftRefusal("Error: Could not process rule: Invalid argument")
    const element = { ...keyOf(key, rules), value: valueOf(value, rules.valueTypes) }
    const present = next.get(element.from)
    if (present !== undefined) {
      if (present.to !== element.to) throw new NftRefusal(OVERLAP)
      if (rules.refusesPresent || JSON.stringify(present.value) !== JSON.stringify(element.value)) {
        throw new NftRefusal("Error: Could not process rule: File exists")
      }
    }
    next.set(element.from, element)
  }
  if (rules.interval) refuseOverlaps(next)
  return next
}

/**
 * The elements after a deletion. Only the key counts, whatever value is given with it; what is not there, exactly so, is refused. An
 * interval that is the last port alone stays, although nft 1.1 says nothing: it has no end that could be named.
 */
export const deleteElements = (elements: Elements, deleted: unknown, rules: ElementRules): Elements => {
  const next = new Map(elements)
  for (const one of listed(deleted)) {
    const [key, value] = Array.isArray(one) ? one : [one, undefined]
    if (value !== undefined) valueOf(value, rules.valueTypes)
    const { from, to } = keyOf(key, rules)
    if (next.get(from)?.to === to) {
      if (!(rules.interval && from === LAST_PORT)) next.delete(from)
      continue
    }
    throw new NftRefusal(
      rules.interval ? "Error: element does not exist" : "Error: Could not process rule: No such file or directory"
    )
  }
  return next
}

/** As `nft -j list` shows them: in ascending order. */
export const listElements = (elements: Elements, { interval }: ElementRules): ReadonlyArray<unknown> =>
  inOrder(elements).map(({ from, to, value }) => [interval && from < to ? { range: [from, to] } : from, value])
