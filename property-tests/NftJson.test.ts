import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { families, type Family } from "../src/domain/Address.ts"
import { tableOf, type DnatEntry, type DnatTable } from "../src/domain/Dnat.ts"
import { planDnat } from "../src/domain/DnatPlan.ts"
import {
  baseRuleset,
  fillCommands,
  parseTable,
  planCommands,
  removeTables,
  type NftCommand
} from "../src/domain/NftJson.ts"
import { tablePairs, tables } from "./arbitraries/tables.ts"

type Fields = Readonly<Record<string, unknown>>

type Elements = ReadonlyMap<string, unknown>

interface Kernel {
  /** Tables, maps, chains and rules in the order in which they were made; maps without their elements. */
  readonly objects: ReadonlyArray<readonly [kind: string, object: Fields]>
  /** By family, table and map: the elements by their keys. */
  readonly elements: ReadonlyMap<string, Elements>
}

const nothing: Kernel = { objects: [], elements: new Map() }

const placeOf = (object: Fields): string => [object["family"], object["table"], object["name"]].join(" ")

const isIn = (table: Fields, kind: string, object: Fields): boolean =>
  object["family"] === table["family"] && (kind === "table" ? object["name"] : object["table"]) === table["name"]

const changed = (kernel: Kernel, place: string, elements: Elements): Kernel => ({
  ...kernel,
  elements: new Map(kernel.elements).set(place, elements)
})

const withElements = (kernel: Kernel, verb: string, object: Fields): Kernel => {
  const place = placeOf(object)
  if (!kernel.objects.some(([kind, one]) => kind === "map" && placeOf(one) === place))
    throw new Error(`no map ${place}`)
  const elements = new Map(kernel.elements.get(place))
  for (const element of object["elem"] as ReadonlyArray<readonly [unknown, unknown]>) {
    const key = JSON.stringify(element[0])
    if (elements.has(key) === (verb === "add"))
      throw new Error(`${verb} ${key}: it is ${verb === "add" ? "" : "not "}there`)
    if (verb === "add") elements.set(key, element)
    else if (JSON.stringify(elements.get(key)) !== JSON.stringify(element)) throw new Error(`${key} has another value`)
    else elements.delete(key)
  }
  return changed(kernel, place, elements)
}

/** One command as the kernel carries it out, refusals included. */
const execute = (kernel: Kernel, command: NftCommand): Kernel => {
  const [verb = "", body = {}] = Object.entries(command)[0] ?? []
  const [kind = "", object = {}] = Object.entries(body as Readonly<Record<string, Fields>>)[0] ?? []
  if (kind === "element") return withElements(kernel, verb, object)
  if (verb === "delete") {
    if (!kernel.objects.some(([at, one]) => at === kind && isIn(object, at, one))) throw new Error("no such table")
    const gone = kernel.objects.filter(([at, one]) => isIn(object, at, one)).map(([, one]) => placeOf(one))
    return {
      objects: kernel.objects.filter(([at, one]) => !isIn(object, at, one)),
      elements: new Map([...kernel.elements].filter(([place]) => !gone.includes(place)))
    }
  }
  const known = kind === "table" && kernel.objects.some(([at, one]) => at === kind && isIn(object, at, one))
  return known ? kernel : { ...kernel, objects: [...kernel.objects, [kind, object]] }
}

const carryOut = (kernel: Kernel, commands: ReadonlyArray<NftCommand>): Kernel => commands.reduce(execute, kernel)

const familyName: Readonly<Record<Family, string>> = { v4: "ip", v6: "ip6" }

/** What `nft -j list table` prints: handles on everything, elements within their map and sorted by their keys. */
const listing = (kernel: Kernel, family: Family, firstHandle = 1): unknown => ({
  nftables: [
    { metainfo: { version: "1.1.3", json_schema_version: 1 } },
    ...kernel.objects
      .filter(([, object]) => object["family"] === familyName[family])
      .map(([kind, object], index) => {
        const elements = [...(kernel.elements.get(placeOf(object)) ?? [])].toSorted().map(([, element]) => element)
        return {
          [kind]: {
            ...object,
            handle: firstHandle + index,
            ...(kind === "map" && elements.length > 0 ? { elem: elements } : {})
          }
        }
      })
  ]
})

const base = carryOut(nothing, baseRuleset({ extIface: "eth1" }))

const readBack = (kernel: Kernel): DnatTable =>
  tableOf(families.flatMap((family) => parseTable(listing(kernel, family), family).entries))

const entriesOf = (table: DnatTable): ReadonlyArray<DnatEntry> => [...table.values()]

describe("nft's JSON", () => {
  it("reads back the entries that were put in", () => {
    fc.assert(
      fc.property(tables, (table) => {
        expect(readBack(carryOut(base, fillCommands(entriesOf(table))))).toEqual(table)
      }),
      { numRuns: 300 }
    )
  })

  it("leads from what is applied to what is desired with the commands of a plan, without one that the kernel refuses", () => {
    fc.assert(
      fc.property(tablePairs, ([before, after]) => {
        const filled = carryOut(base, fillCommands(entriesOf(before)))
        expect(readBack(carryOut(filled, planCommands(planDnat(before, after))))).toEqual(after)
      }),
      { numRuns: 300 }
    )
  })

  it("touches no map in which nothing changes, and each of the others at most once a way", () => {
    fc.assert(
      fc.property(tablePairs, ([before, after]) => {
        const plan = planDnat(before, after)
        const touched = planCommands(plan).map((command) => {
          const [verb = "", body] = Object.entries(command)[0] ?? []
          return `${verb} ${placeOf((body as Readonly<Record<"element", Fields>>).element)}`
        })
        const wanted = [
          ...plan.remove.map((one) => ["delete", one] as const),
          ...plan.add.map((one) => ["add", one] as const)
        ].map(
          ([verb, one]) =>
            `${verb} ${familyName[one.family]} anchord_${one.family} dnat_${one._tag === "Range" ? "range_" : ""}${one.protocol}`
        )
        expect(touched.toSorted()).toEqual([...new Set(wanted)].toSorted())
      })
    )
  })

  it("has one fingerprint of the rules, whatever the maps hold and however the kernel numbers things", () => {
    fc.assert(
      fc.property(tables, fc.integer({ min: 1, max: 9_999 }), fc.constantFrom(...families), (table, handle, family) => {
        const filled = carryOut(base, fillCommands(entriesOf(table)))
        expect(parseTable(listing(filled, family, handle), family).rules).toBe(
          parseTable(listing(base, family), family).rules
        )
      })
    )
  })

  it("has another fingerprint for another interface, and when any object of the table is gone", () => {
    const names = fc.stringMatching(/^[a-z]{1,8}[0-9]$/)
    fc.assert(
      fc.property(names, names, fc.constantFrom(...families), fc.nat(), (one, other, family, pick) => {
        fc.pre(one !== other)
        const made = carryOut(nothing, baseRuleset({ extIface: one }))
        const rulesOf = (kernel: Kernel) => parseTable(listing(kernel, family), family).rules
        expect(rulesOf(carryOut(nothing, baseRuleset({ extIface: other })))).not.toBe(rulesOf(made))
        const removable = made.objects.filter(
          ([kind, object]) => kind !== "table" && object["family"] === familyName[family]
        )
        const gone = removable[pick % removable.length]
        expect(rulesOf({ ...made, objects: made.objects.filter((object) => object !== gone) })).not.toBe(rulesOf(made))
      })
    )
  })

  it("replaces whatever an earlier run left, and removes everything", () => {
    fc.assert(
      fc.property(tables, tables, (left, table) => {
        const earlier = carryOut(carryOut(nothing, baseRuleset({ extIface: "eth9" })), fillCommands(entriesOf(left)))
        const anew = carryOut(earlier, [...baseRuleset({ extIface: "eth1" }), ...fillCommands(entriesOf(table))])
        expect(readBack(anew)).toEqual(table)
        expect(anew.objects).toEqual(base.objects)
        for (const kernel of [anew, nothing]) expect(carryOut(kernel, removeTables())).toEqual(nothing)
      })
    )
  })

  it("never throws at an answer, whatever it is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.constantFrom(...families), (answer, element, family) => {
        parseTable(answer, family)
        parseTable({ nftables: answer }, family)
        parseTable({ nftables: [{ map: answer }, { rule: answer }] }, family)
        parseTable({ nftables: [{ map: { name: "dnat_tcp", elem: element } }] }, family)
        parseTable({ nftables: [{ map: { name: "dnat_tcp", elem: [element, [element, answer]] } }] }, family)
      }),
      { numRuns: 300 }
    )
  })

  it("takes no element for an entry that anchord could not have made", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (key, value) => {
        const { entries } = parseTable({ nftables: [{ map: { name: "dnat_range_tcp", elem: [[key, value]] } }] }, "v4")
        for (const entry of entries) {
          const { from, to } = entry._tag === "Port" ? { from: entry.port, to: entry.port } : entry
          expect(Number.isInteger(from) && Number.isInteger(to)).toBe(true)
        }
      })
    )
  })
})
