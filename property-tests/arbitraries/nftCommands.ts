import * as fc from "fast-check"
import { families, type Family } from "../../src/domain/Address.ts"
import { protocols, type DnatEntry } from "../../src/domain/Dnat.ts"
import {
  baseRuleset,
  fillCommands,
  nftFamily,
  planCommands,
  removeTables,
  tableName,
  type NftCommand
} from "../../src/domain/NftJson.ts"

/** Few ports and addresses, so that commands meet. */
const port = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 20, max: 32 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 65_534, 65_535) }
)

const addresses: Readonly<Record<Family, ReadonlyArray<string>>> = {
  v4: ["172.20.0.5", "172.20.0.6"],
  v6: ["fd20::5", "fd20::6"]
}

const address = (family: Family) => fc.constantFrom(...addresses[family])
const family = fc.constantFrom(...families)
const protocol = fc.constantFrom(...protocols)

const entry: fc.Arbitrary<DnatEntry> = fc
  .tuple(family, protocol, fc.boolean(), port, port)
  .chain(([of, by, wide, a, b]) =>
    address(of).map((to): DnatEntry => {
      const [from, until] = a <= b ? [a, b] : [b, a]
      return wide
        ? { _tag: "Range", family: of, protocol: by, from, to: until, address: to }
        : { _tag: "Port", family: of, protocol: by, port: a, address: to, backendPort: b }
    })
  )

const entries = fc.array(entry, { minLength: 1, maxLength: 4 })

/** What somebody wants to do, given what there is in the maps. */
export type NftIntent = (present: ReadonlyArray<DnatEntry>) => ReadonlyArray<NftCommand>

/** Commands as anchord makes them: some of what is there goes, and what comes is something else. */
const plan: fc.Arbitrary<NftIntent> = fc
  .record({ going: fc.array(fc.nat(), { maxLength: 4 }), coming: fc.array(entry, { maxLength: 4 }) })
  .map(({ going, coming }) => (present) => {
    const remove = new Set(going.flatMap((index) => present[index % present.length] ?? []))
    const commands = planCommands({ remove: [...remove], add: coming })
    return commands.length === 0 ? removeTables() : commands
  })

/** The same without knowing what is there. */
const blind: fc.Arbitrary<ReadonlyArray<NftCommand>> = fc.oneof(
  { weight: 6, arbitrary: entries.map(fillCommands) },
  { weight: 4, arbitrary: entries.map((remove) => planCommands({ remove, add: [] })) },
  { weight: 2, arbitrary: fc.tuple(entries, entries).map(([remove, add]) => planCommands({ remove, add })) }
)

/** What stands where a port, an address or both should. */
const oddPort = fc.constantFrom<unknown>(65_536, -1, 2.5, "25", "70000", "nonsense", null, [25])
const oddValue = fc.constantFrom<unknown>(
  "172.20.0.5",
  "fd20::5",
  "not an address",
  5,
  { concat: ["172.20.0.5"] },
  { concat: ["172.20.0.5", 25, 26] },
  { concat: ["fd20::5", 25] },
  { concat: [25, "172.20.0.5"] },
  { concat: ["172.20.0.5", 70_000] },
  { concat: ["172.20.0.5", "26"] },
  null
)

const maps = protocols.flatMap((one) => [`dnat_${one}`, `dnat_range_${one}`])
const mapName = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...maps) },
  { weight: 1, arbitrary: fc.constantFrom("nowhere", "other", "used") }
)
const table = fc.oneof(
  { weight: 10, arbitrary: family.map((one) => ({ family: nftFamily[one], table: tableName[one] })) },
  { weight: 2, arbitrary: fc.constant({ family: "ip", table: "foreign" }) },
  { weight: 1, arbitrary: fc.constantFrom({ family: "ip", table: "nowhere" }, { family: "ip6", table: "anchord_v4" }) }
)

const key = fc.oneof(
  { weight: 5, arbitrary: port as fc.Arbitrary<unknown> },
  { weight: 4, arbitrary: fc.tuple(port, port).map((range) => ({ range })) },
  { weight: 1, arbitrary: oddPort },
  { weight: 1, arbitrary: fc.tuple(port, oddPort).map((range) => ({ range })) }
)

const value = fc.oneof(
  { weight: 5, arbitrary: family.chain((one) => fc.tuple(address(one), port).map((concat) => ({ concat }))) },
  { weight: 4, arbitrary: family.chain(address) },
  { weight: 1, arbitrary: oddValue }
) as fc.Arbitrary<unknown>

const element: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(key, value) as fc.Arbitrary<unknown> },
  { weight: 1, arbitrary: key }
)

const elementCommand: fc.Arbitrary<NftCommand> = fc
  .record({
    verb: fc.constantFrom("add", "add", "delete", "create"),
    at: table,
    name: mapName,
    elem: fc.array(element, { maxLength: 3 })
  })
  .map(({ verb, at, name, elem }) => ({ [verb]: { element: { ...at, name, elem } } }))

/** A foreign table's maps and chains, which rules use or not. */
const foreign = { family: "ip", table: "foreign" }
const foreignMap = { ...foreign, name: "other", type: "inet_service", map: "ipv4_addr" }
const foreignChain = { ...foreign, name: "chained" }

const structural: fc.Arbitrary<NftCommand> = fc.oneof(
  fc.constantFrom<NftCommand>(
    { add: { table: { family: "ip", name: "foreign" } } },
    { create: { table: { family: "ip", name: "foreign" } } },
    { delete: { table: { family: "ip", name: "foreign" } } },
    { add: { map: foreignMap } },
    { add: { map: { ...foreignMap, elem: [[20, "172.20.0.5"]] } } },
    { add: { map: { ...foreignMap, flags: ["interval"] } } },
    { add: { map: { ...foreignMap, map: "inet_service" } } },
    { create: { map: foreignMap } },
    { delete: { map: { ...foreign, name: "other" } } },
    { flush: { map: { ...foreign, name: "other" } } },
    { add: { chain: foreignChain } },
    { add: { chain: { ...foreignChain, type: "nat", hook: "prerouting", prio: -90, policy: "accept" } } },
    { create: { chain: foreignChain } },
    { delete: { chain: foreignChain } },
    { flush: { chain: foreignChain } },
    { add: { rule: { ...foreign, chain: "chained", expr: [{ accept: null }] } } },
    {
      add: {
        rule: {
          ...foreign,
          chain: "chained",
          expr: [
            {
              dnat: {
                family: "ip",
                addr: { map: { key: { payload: { protocol: "tcp", field: "dport" } }, data: "@other" } }
              }
            }
          ]
        }
      }
    },
    { flush: { table: { family: "ip", name: "foreign" } } },
    { flush: { ruleset: null } },
    { frobnicate: { table: { family: "ip", name: "foreign" } } },
    { add: { gadget: { family: "ip", table: "foreign", name: "g" } } }
  ),
  fc.record({ at: table, name: mapName }).map(({ at, name }) => ({ flush: { map: { ...at, name } } })),
  fc.record({ at: table, name: mapName }).map(({ at, name }) => ({ delete: { map: { ...at, name } } })),
  fc
    .record({ at: table, name: fc.constantFrom("prerouting", "postrouting", "nowhere") })
    .chain(({ at, name }) =>
      fc.constantFrom<NftCommand>({ flush: { chain: { ...at, name } } }, { delete: { chain: { ...at, name } } })
    ),
  table.map(({ family: of, table: name }) => ({ delete: { table: { family: of, name } } })),
  table.map((at) => ({ add: { rule: { ...at, chain: "postrouting", expr: [{ masquerade: null }] } } })),
  fc.record({ at: table, name: mapName }).map(({ at, name }) => ({
    add: { map: { ...at, name, type: "inet_service", map: "ipv4_addr", flags: ["interval"] } }
  }))
)

const whole: fc.Arbitrary<ReadonlyArray<NftCommand>> = fc
  .tuple(fc.constantFrom("eth0", "eth1"), fc.array(entry, { maxLength: 6 }))
  .map(([extIface, all]) => [...baseRuleset({ extIface }), ...fillCommands(all)])

const hostile = fc.oneof({ weight: 3, arbitrary: elementCommand }, { weight: 1, arbitrary: structural })

const regardless = (commands: fc.Arbitrary<ReadonlyArray<NftCommand>>): fc.Arbitrary<NftIntent> =>
  commands.map((all) => () => all)

/** One transaction: what anchord would do, what somebody else might, or several things at once, of which some are refused. */
export const nftIntent: fc.Arbitrary<NftIntent> = fc.oneof(
  { weight: 8, arbitrary: plan },
  { weight: 3, arbitrary: regardless(blind) },
  { weight: 3, arbitrary: regardless(fc.array(elementCommand, { minLength: 1, maxLength: 3 })) },
  { weight: 2, arbitrary: regardless(fc.array(structural, { minLength: 1, maxLength: 2 })) },
  { weight: 4, arbitrary: regardless(whole) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.option(whole, { nil: [] }), plan, fc.array(hostile, { maxLength: 2 }))
      .map(([base, planned, last]): NftIntent => (present) => [
        ...base,
        ...planned(base.length > 0 ? [] : present),
        ...last
      ])
  }
)
