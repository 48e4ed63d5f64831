import type { NftCommand } from "../../../domain/NftJson.ts"
import {
  addElements,
  deleteElements,
  listElements,
  NftRefusal,
  type ElementRules,
  type Elements
} from "./SimElements.ts"

type Fields = Readonly<Record<string, unknown>>

export interface SimMap {
  readonly declaration: Fields
  readonly elements: Elements
}

export interface SimTable {
  readonly declaration: Fields
  readonly maps: ReadonlyMap<string, SimMap>
  readonly chains: ReadonlyMap<string, Fields>
  readonly rules: ReadonlyArray<Fields>
}

/** All tables, by family and name. Nothing in it is ever changed in place, so that giving up a transaction is forgetting its result. */
type Tables = ReadonlyMap<string, SimTable>

type Operation = (tables: Tables, object: Fields) => Tables

const MISSING = "Error: No such file or directory"
const UNPROCESSED = "Error: Could not process rule: No such file or directory"
const EXISTS = "Error: Could not process rule: File exists"

const refuse = (message: string): never => {
  throw new NftRefusal(message)
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

const tableKey = (family: unknown, name: unknown): string => `${String(family)} ${String(name)}`

const withTable = (tables: Tables, { family, table }: Fields, change: (table: SimTable) => SimTable): Tables => {
  const key = tableKey(family, table)
  const found = tables.get(key) ?? refuse(MISSING)
  return new Map(tables).set(key, change(found))
}

const withMap = (tables: Tables, object: Fields, change: (map: SimMap) => SimMap): Tables =>
  withTable(tables, object, (table) => {
    const name = String(object["name"])
    const found = table.maps.get(name) ?? refuse(MISSING)
    return { ...table, maps: new Map(table.maps).set(name, change(found)) }
  })

const elementRules = new WeakMap<SimMap["declaration"], ElementRules>()

/** Where a map's elements are kept. */
export const rulesOf = ({ declaration }: SimMap): ElementRules => {
  const known = elementRules.get(declaration)
  if (known !== undefined) return known
  const { flags, map } = declaration
  const rules = {
    interval: Array.isArray(flags) && flags.includes("interval"),
    valueTypes: Array.isArray(map) ? map.map(String) : String(map)
  }
  elementRules.set(declaration, rules)
  return rules
}

/** The names behind every `@` in a rule's expressions. */
const referredTo = (expression: unknown): ReadonlyArray<string> => {
  if (typeof expression === "string") return expression.startsWith("@") ? [expression.slice(1)] : []
  return typeof expression === "object" && expression !== null ? Object.values(expression).flatMap(referredTo) : []
}

const addTable: Operation = (tables, object) => {
  const key = tableKey(object["family"], object["name"])
  if (tables.has(key)) return tables
  return new Map(tables).set(key, { declaration: object, maps: new Map(), chains: new Map(), rules: [] })
}

const deleteTable: Operation = (tables, { family, name }) => {
  const next = new Map(tables)
  return next.delete(tableKey(family, name)) ? next : refuse(MISSING)
}

const addMap: Operation = (tables, { elem, ...declaration }) =>
  withTable(tables, declaration, (table) => {
    const name = String(declaration["name"])
    const present = table.maps.get(name)
    if (present !== undefined && !same(present.declaration, declaration)) refuse(EXISTS)
    const map: SimMap = present ?? { declaration, elements: new Map() }
    const elements = elem === undefined ? map.elements : addElements(map.elements, elem, rulesOf(map))
    return { ...table, maps: new Map(table.maps).set(name, { ...map, elements }) }
  })

const deleteMap: Operation = (tables, object) =>
  withTable(tables, object, (table) => {
    const name = String(object["name"])
    if (table.rules.some((rule) => referredTo(rule["expr"]).includes(name))) {
      refuse("Error: Could not process rule: Device or resource busy")
    }
    const maps = new Map(table.maps)
    return maps.delete(name) ? { ...table, maps } : refuse(MISSING)
  })

const addChain: Operation = (tables, object) =>
  withTable(tables, object, (table) => {
    const name = String(object["name"])
    const present = table.chains.get(name)
    if (present !== undefined && !same(present, object)) refuse(`Error: Chain "${name}" already exists`)
    return { ...table, chains: new Map(table.chains).set(name, object) }
  })

const addRule: Operation = (tables, object) =>
  withTable(tables, object, (table) => {
    if (!table.chains.has(String(object["chain"]))) refuse(UNPROCESSED)
    if (referredTo(object["expr"]).some((name) => !table.maps.has(name))) refuse(MISSING)
    return { ...table, rules: [...table.rules, object] }
  })

/** The chain goes with its rules, unless others jump to it. */
const deleteChain: Operation = (tables, object) =>
  withTable(tables, object, (table) => {
    const name = String(object["name"])
    const jumpsThere = ({ chain, expr }: Fields) =>
      chain !== name &&
      (expr as ReadonlyArray<Record<string, Fields>>).some((one) => {
        const [verb = ""] = Object.keys(one)
        return (verb === "jump" || verb === "goto") && one[verb]?.["target"] === name
      })
    if (table.rules.some(jumpsThere)) refuse("Error: Could not process rule: Device or resource busy")
    const chains = new Map(table.chains)
    if (!chains.delete(name)) refuse(UNPROCESSED)
    return { ...table, chains, rules: table.rules.filter(({ chain }) => chain !== name) }
  })

const flushTable: Operation = (tables, { family, name }) =>
  withTable(tables, { family, table: name }, (table) => ({ ...table, rules: [] }))

const flushChain: Operation = (tables, object) =>
  withTable(tables, object, (table) => {
    const name = String(object["name"])
    if (!table.chains.has(name)) refuse(UNPROCESSED)
    return { ...table, rules: table.rules.filter(({ chain }) => chain !== name) }
  })

const addElement: Operation = (tables, object) =>
  withMap(tables, object, (map) => ({ ...map, elements: addElements(map.elements, object["elem"], rulesOf(map)) }))

const deleteElement: Operation = (tables, object) =>
  withMap(tables, object, (map) => ({ ...map, elements: deleteElements(map.elements, object["elem"], rulesOf(map)) }))

const createElement: Operation = (tables, object) =>
  withMap(tables, object, (map) => ({
    ...map,
    elements: addElements(map.elements, object["elem"], { ...rulesOf(map), refusesPresent: true })
  }))

/** `create` is `add` of what is not there yet. */
const unlessThere = (isThere: (tables: Tables, object: Fields) => boolean, add: Operation): Operation => {
  return (tables, object) => (isThere(tables, object) ? refuse(EXISTS) : add(tables, object))
}

const hasTable = (tables: Tables, { family, name }: Fields) => tables.has(tableKey(family, name))
const hasIn =
  (kind: "maps" | "chains") =>
  (tables: Tables, { family, table, name }: Fields) =>
    tables.get(tableKey(family, table))?.[kind].has(String(name)) === true

/** The part of libnftables-json(5) that is understood: a verb, and what it is done to. */
const operations: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  add: { table: addTable, map: addMap, chain: addChain, rule: addRule, element: addElement },
  create: {
    table: unlessThere(hasTable, addTable),
    map: unlessThere(hasIn("maps"), addMap),
    chain: unlessThere(hasIn("chains"), addChain),
    element: createElement
  },
  delete: { table: deleteTable, map: deleteMap, chain: deleteChain, element: deleteElement },
  flush: {
    ruleset: () => new Map(),
    table: flushTable,
    chain: flushChain,
    map: (tables, object) => withMap(tables, object, (map) => ({ ...map, elements: new Map() }))
  }
}

/** What nft understands and this does not: that must not look like a refusal. */
const NOT_SIMULATED = {
  verbs: ["replace", "insert", "list", "reset", "rename", "destroy"],
  kinds: ["set", "rule", "counter", "quota", "limit", "flowtable", "ct helper", "ct timeout", "ct expectation"]
}

const carryOut = (tables: Tables, command: NftCommand): Tables => {
  const [[verb, what] = ["", undefined]] = Object.entries(command)
  const [[kind, object] = ["", undefined]] = Object.entries(what ?? {})
  const operation = operations[verb]?.[kind]
  if (operation !== undefined) return operation(tables, (object ?? {}) as Fields)
  if (NOT_SIMULATED.verbs.includes(verb) || (verb in operations && NOT_SIMULATED.kinds.includes(kind))) {
    throw new Error(`the simulated nftables does not ${verb} a ${kind}`)
  }
  return refuse(`Error: Unknown object passed to ${verb} command.`)
}

const isFlush = (command: NftCommand): boolean => "ruleset" in Object(command["flush"])

/** What nft itself looks up before it asks the kernel. */
const isLookedUp = (command: NftCommand): boolean => {
  const [[verb = "", what] = []] = Object.entries(command)
  const [[kind = "", object] = []] = Object.entries((what ?? {}) as Fields)
  if (kind === "rule") return referredTo(object).length > 0
  return (
    kind === "element" ||
    (["map", "chain"].includes(kind) && verb !== "delete" && !(kind === "chain" && verb === "flush"))
  )
}

/**
 * nft takes a rule set that a transaction flushes to be empty from the start, so that what comes before the flush is refused where it names
 * things that only the kernel knows.
 */
const refuseBeforeFlush = (commands: ReadonlyArray<NftCommand>): void => {
  let known: Tables = new Map()
  for (const command of commands.slice(0, commands.findLastIndex(isFlush))) {
    try {
      known = carryOut(known, command)
    } catch (error) {
      if (isLookedUp(command) || !(error instanceof NftRefusal)) throw error
    }
  }
}

const listingOf = (table: SimTable): object => {
  const maps = [...table.maps.values()].map((map) => {
    const elem = listElements(map.elements, rulesOf(map))
    return { map: { ...map.declaration, ...(elem.length === 0 ? {} : { elem }) } }
  })
  const chains = [...table.chains.values()].map((chain) => ({ chain }))
  const rules = table.rules.map((rule) => ({ rule }))
  return { nftables: [{ table: table.declaration }, ...chains, ...maps, ...rules] }
}

/** Made once, because no table changes. */
const listings = new WeakMap<SimTable, object>()

/**
 * The nftables rule set of a network namespace as the kernel and nft 1.1 keep it together: tables with maps, chains and rules, and
 * transactions that hold whole or not at all. What is in it is listed in nft's own JSON.
 */
export class SimRuleset {
  #tables: Tables = new Map()
  /** Another number after each transaction that held. */
  generation = 0

  /** Carries all commands out as one transaction. The answer is why it was refused, or nothing when it holds. */
  execute(commands: ReadonlyArray<NftCommand>): string | undefined {
    try {
      if (commands.some(isFlush)) refuseBeforeFlush(commands)
      this.#tables = commands.reduce(carryOut, this.#tables)
      this.generation += 1
      return undefined
    } catch (error) {
      if (error instanceof NftRefusal) return error.message
      throw error
    }
  }

  /** Family and name of each table. */
  tables(): ReadonlyArray<string> {
    return [...this.#tables.keys()]
  }

  /** The tables themselves. None of them changes: after a transaction there are others. */
  content(): Iterable<SimTable> {
    return this.#tables.values()
  }

  /** What `nft -j list table` prints, or nothing when there is no such table. */
  list(family: string, name: string): object | undefined {
    const table = this.#tables.get(tableKey(family, name))
    if (table === undefined) return undefined
    const known = listings.get(table) ?? listingOf(table)
    listings.set(table, known)
    return known
  }
}
