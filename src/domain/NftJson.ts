import { parseAddress, type Family } from "./Address.ts"
import { protocols, type DnatEntry, type DnatPlan, type Protocol } from "./Dnat.ts"

/** One command of libnftables-json(5). */
export type NftCommand = Readonly<Record<string, unknown>>

/** What one of anchord's tables holds in the kernel. `rules` is a fingerprint of the chains (interface, hooks, expressions). */
export interface TableContent {
  readonly entries: ReadonlyArray<DnatEntry>
  readonly rules: string
}

/** nft's name of a family, and of its tables and types (SPEC §6). */
export const nftFamily: Readonly<Record<Family, "ip" | "ip6">> = { v4: "ip", v6: "ip6" }
export const tableName: Readonly<Record<Family, string>> = { v4: "anchord_v4", v6: "anchord_v6" }
const addressType: Readonly<Record<Family, string>> = { v4: "ipv4_addr", v6: "ipv6_addr" }

/** The mark of connections that came from inside to the project's own address: those, and no others, are masqueraded. */
const HAIRPIN_MARK = 0xa2c0

const singles = (protocol: Protocol): string => `dnat_${protocol}`
const ranges = (protocol: Protocol): string => `dnat_range_${protocol}`

const at = (family: Family) => ({ family: nftFamily[family], table: tableName[family] })

const match = (left: unknown, right: unknown, op = "=="): NftCommand => ({ match: { op, left, right } })
const meta = (key: string) => ({ meta: { key } })

/** The packet is for an address of this namespace, whichever that is at the moment. */
const toUs = match({ fib: { result: "type", flags: ["daddr"] } }, "local")

const dnat = (family: Family, map: string, protocol: Protocol): NftCommand => ({
  dnat: {
    family: nftFamily[family],
    addr: { map: { key: { payload: { protocol, field: "dport" } }, data: `@${map}` } }
  }
})

/** Single ports are looked up before ranges; the first that hits ends the chain. */
const lookups = (family: Family): ReadonlyArray<NftCommand> =>
  [singles, ranges].flatMap((map) => protocols.map((protocol) => dnat(family, map(protocol), protocol)))

const tableOfFamily = (family: Family, extIface: string): ReadonlyArray<NftCommand> => {
  const here = at(family)
  const table = { family: here.family, name: here.table }
  const map = (name: string, value: unknown, flags: Record<string, unknown> = {}) => ({
    add: { map: { ...here, name, type: "inet_service", map: value, ...flags } }
  })
  const chain = (name: string, hook: string, prio: number) => ({
    add: { chain: { ...here, name, type: "nat", hook, prio, policy: "accept" } }
  })
  const rule = (name: string, ...expr: ReadonlyArray<NftCommand>) => ({ add: { rule: { ...here, chain: name, expr } } })
  const fromInside = match(meta("iifname"), { set: [extIface, "lo"] }, "!=")
  return [
    { add: { table } },
    { delete: { table } },
    { add: { table } },
    ...protocols.map((protocol) => map(singles(protocol), [addressType[family], "inet_service"])),
    ...protocols.map((protocol) => map(ranges(protocol), addressType[family], { flags: ["interval"] })),
    chain("prerouting", "prerouting", -100),
    chain("postrouting", "postrouting", 100),
    rule("prerouting", fromInside, toUs, { mangle: { key: { ct: { key: "mark" } }, value: HAIRPIN_MARK } }),
    ...lookups(family).map((lookup) => rule("prerouting", toUs, lookup)),
    rule("postrouting", match(meta("oifname"), extIface), { masquerade: null }),
    rule("postrouting", match({ ct: { key: "mark" } }, HAIRPIN_MARK), match({ ct: { key: "status" } }, "dnat", "in"), {
      masquerade: null
    })
  ]
}

/** Both tables without entries, replacing whatever was there: to be carried out as one transaction (SPEC §6). */
export const baseRuleset = ({ extIface }: { readonly extIface: string }): ReadonlyArray<NftCommand> => [
  ...tableOfFamily("v4", extIface),
  ...tableOfFamily("v6", extIface)
]

/** Removes both tables; harmless where there are none. */
export const removeTables = (): ReadonlyArray<NftCommand> =>
  (["v4", "v6"] as const).flatMap((family) => {
    const table = { family: nftFamily[family], name: tableName[family] }
    return [{ add: { table } }, { delete: { table } }]
  })

const elementOf = (entry: DnatEntry): readonly [key: unknown, value: unknown] =>
  entry._tag === "Port"
    ? [entry.port, { concat: [entry.address, entry.backendPort] }]
    : [{ range: [entry.from, entry.to] }, entry.address]

const mapOf = (entry: DnatEntry): string => (entry._tag === "Port" ? singles : ranges)(entry.protocol)

/** One command for each map that is touched. */
const elementCommands = (verb: "add" | "delete", entries: ReadonlyArray<DnatEntry>): ReadonlyArray<NftCommand> =>
  [...Map.groupBy(entries, (entry) => `${entry.family}/${mapOf(entry)}`).values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    return [{ [verb]: { element: { ...at(first.family), name: mapOf(first), elem: group.map(elementOf) } } }]
  })

export const fillCommands = (entries: ReadonlyArray<DnatEntry>): ReadonlyArray<NftCommand> =>
  elementCommands("add", entries)

/** The elements of a plan; what goes is deleted before what comes is added, so that a key can change its value. */
export const planCommands = (plan: Pick<DnatPlan, "remove" | "add">): ReadonlyArray<NftCommand> => [
  ...elementCommands("delete", plan.remove),
  ...elementCommands("add", plan.add)
]

/** Asks for one table: its answer goes to {@link parseTable}. */
export const listTable = (family: Family): NftCommand => ({
  list: { table: { family: nftFamily[family], name: tableName[family] } }
})

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

const field = (value: unknown, key: string): unknown => (isRecord(value) ? value[key] : undefined)

const addressOf = (value: unknown): string | undefined =>
  typeof value === "string" ? parseAddress(value)?.address : undefined

const entryOf = (family: Family, protocol: Protocol, element: unknown): DnatEntry | undefined => {
  if (!Array.isArray(element)) return undefined
  const [key, value] = element as ReadonlyArray<unknown>
  const concat = field(value, "concat")
  const range = field(key, "range")
  if (typeof key === "number" && Array.isArray(concat)) {
    const address = addressOf(concat[0])
    return address === undefined
      ? undefined
      : { _tag: "Port", family, protocol, port: key, address, backendPort: Number(concat[1]) }
  }
  const address = addressOf(value)
  const [from, to] = Array.isArray(range) ? range : [key, key]
  return address === undefined
    ? undefined
    : { _tag: "Range", family, protocol, from: Number(from), to: Number(to), address }
}

/** Everything of an object but what the kernel numbers or counts. */
const shapeOf = (object: Record<string, unknown>): unknown => {
  const { handle: _handle, elem: _elem, ...shape } = object
  return shape
}

/** nft lists some flags either as a text or as a list of one; both are the same thing. */
const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (key, inner: unknown) => (key === "flags" && !Array.isArray(inner) ? [inner] : inner))

/** What `nft -j list table` says of one of anchord's tables: its entries, and everything else as a fingerprint. */
export const parseTable = (answer: unknown, family: Family): TableContent => {
  const objects = field(answer, "nftables")
  const entries: Array<DnatEntry> = []
  const rules: Array<string> = []
  for (const object of Array.isArray(objects) ? objects : []) {
    const map = field(object, "map")
    const protocol = protocols.find((one) => [singles(one), ranges(one)].includes(String(field(map, "name"))))
    const elements = field(map, "elem")
    for (const element of Array.isArray(elements) ? elements : []) {
      const entry = protocol && entryOf(family, protocol, element)
      if (entry) entries.push(entry)
      else rules.push(`unreadable element ${JSON.stringify(element)}`)
    }
    for (const kind of ["map", "set", "chain", "rule"]) {
      const inner = field(object, kind)
      if (isRecord(inner)) rules.push(`${kind} ${canonicalJson(shapeOf(inner))}`)
    }
  }
  return { entries, rules: rules.join("\n") }
}
