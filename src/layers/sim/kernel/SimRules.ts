import type { Address, Family } from "../../../domain/Address.ts"
import { isWithin, wordsOf } from "./SimAddressWords.ts"
import { lookUp } from "./SimElements.ts"
import type { SimFlow, SimPacket } from "./SimFlow.ts"
import type { NatTarget } from "./SimNat.ts"
import { rulesOf, type SimTable } from "./SimRuleset.ts"

type Json = unknown
type Fields = Readonly<Record<string, unknown>>

/** What a rule can look at. */
export interface RuleContext {
  readonly family: Family
  readonly packet: SimPacket
  /** Absent where nothing is tracked, or not yet. */
  readonly flow: SimFlow | undefined
  readonly isReply: boolean
  /** Names of links, empty where there is none. */
  readonly input: string
  readonly output: string
  readonly isLocal: (address: Address) => boolean
}

/** How a rule, a chain or a hook ends. */
export type Verdict =
  | { readonly _tag: "Accept" }
  | { readonly _tag: "Drop" }
  | { readonly _tag: "Return" }
  | { readonly _tag: "Jump"; readonly chain: string; readonly returns: boolean }
  | { readonly _tag: "Dnat" | "Snat"; readonly target: NatTarget }
  | { readonly _tag: "Masquerade" }

/** A value that a packet has in it, or nothing where it has no such thing. */
type Value = string | number | undefined

type Reader = (context: RuleContext, table: SimTable) => Value
type Step = "go on" | "next rule" | Verdict
type Statement = (context: RuleContext, table: SimTable) => Step
export type Rule = ReadonlyArray<Statement>

const unknown = (what: string, json: Json): never => {
  throw new Error(`the simulated nftables cannot evaluate ${what} ${JSON.stringify(json)}`)
}

const isFields = (json: Json): json is Fields => typeof json === "object" && json !== null && !Array.isArray(json)

/** The one key of an object like `{"meta": …}`, and what is under it. */
const only = (json: Json): readonly [key: string, value: Json] => {
  const [entry, ...more] = isFields(json) ? Object.entries(json) : []
  return entry === undefined || more.length > 0 ? unknown("expression", json) : entry
}

const field = (json: Json, key: string): Json => (isFields(json) ? json[key] : undefined)

const FAMILY_OF: Readonly<Record<string, Family>> = { ip: "v4", ip6: "v6" }

/** `enum ip_conntrack_status` and the bits of the connection's state. */
const STATUS_BITS: Readonly<Record<string, number>> = {
  "seen-reply": 1 << 1,
  assured: 1 << 2,
  confirmed: 1 << 3,
  snat: 1 << 4,
  dnat: 1 << 5
}
const STATE_BITS: Readonly<Record<string, number>> = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 }

const statusOf = (flow: SimFlow): number =>
  (flow.replied ? 1 << 1 : 0) |
  (flow.assured ? 1 << 2 : 0) |
  (flow.confirmed ? 1 << 3 : 0) |
  (flow.sourceNat ? 1 << 4 : 0) |
  (flow.destinationNat ? 1 << 5 : 0)

const tracked: Readonly<Record<string, (flow: SimFlow, context: RuleContext) => Value>> = {
  mark: ({ mark }) => mark,
  status: statusOf,
  state: (flow) => (flow.replied ? STATE_BITS["established"] : STATE_BITS["new"]),
  direction: (_, { isReply }) => (isReply ? "reply" : "original")
}

const meta: Readonly<Record<string, (context: RuleContext) => Value>> = {
  iifname: ({ input }) => input,
  oifname: ({ output }) => output,
  l4proto: ({ packet }) => packet.protocol,
  nfproto: ({ family }) => (family === "v4" ? "ipv4" : "ipv6")
}

const ports: Readonly<Record<string, (packet: SimPacket) => Value>> = {
  sport: ({ sourcePort }) => sourcePort,
  dport: ({ destinationPort }) => destinationPort
}

const addresses: Readonly<Record<string, (packet: SimPacket) => Value>> = {
  saddr: ({ source }) => source,
  daddr: ({ destination }) => destination
}

const readPayload = (json: Json): Reader => {
  const protocol = String(field(json, "protocol"))
  const name = String(field(json, "field"))
  const port = ports[name]
  const address = addresses[name]
  const family = FAMILY_OF[protocol]
  if (port !== undefined && (protocol === "tcp" || protocol === "udp" || protocol === "th")) {
    return ({ packet }) => (protocol === "th" || packet.protocol === protocol ? port(packet) : undefined)
  }
  if (address !== undefined && family !== undefined) {
    return (context) => (context.family === family ? address(context.packet) : undefined)
  }
  return unknown("payload", json)
}

/** Only the addresses' type is known here, and of that whether it is local. */
const readFib = (json: Json): Reader => {
  const flags = field(json, "flags")
  const [flag, ...more] = Array.isArray(flags) ? flags : [flags]
  if (field(json, "result") !== "type" || more.length > 0 || (flag !== "daddr" && flag !== "saddr")) {
    return unknown("fib", json)
  }
  return ({ packet, isLocal }) => (isLocal(flag === "daddr" ? packet.destination : packet.source) ? "local" : "unicast")
}

const reader = (json: Json): Reader => {
  const [key, value] = only(json)
  switch (key) {
    case "meta": {
      const read = meta[String(field(value, "key"))]
      return read ?? unknown("meta", json)
    }
    case "ct": {
      const read = tracked[String(field(value, "key"))]
      if (read === undefined || field(value, "dir") !== undefined) return unknown("ct", json)
      return (context) => (context.flow === undefined ? undefined : read(context.flow, context))
    }
    case "payload":
      return readPayload(value)
    case "fib":
      return readFib(value)
    default:
      return unknown("expression", json)
  }
}

const isAddress = (text: string): boolean => /^[\d.]+$|:/.test(text)

type Test = (value: string | number, table: SimTable) => boolean

/** Whether a value is what the right side says: one, one of several, in a network or between two. */
const testOf = (right: Json): Test => {
  if (typeof right === "number") return (value) => value === right
  if (typeof right === "string") {
    if (right.startsWith("@")) return unknown("named set", right)
    if (!isAddress(right)) return (value) => value === right
    const words = wordsOf(right)
    return (value) => typeof value === "string" && isWithin(words, words.length * 32, wordsOf(value))
  }
  const [key, inner] = only(right)
  if (key === "set" && Array.isArray(inner)) {
    const tests = inner.map(testOf)
    return (value, table) => tests.some((test) => test(value, table))
  }
  if (key === "prefix") {
    const words = wordsOf(String(field(inner, "addr")))
    const length = Number(field(inner, "len"))
    return (value) => typeof value === "string" && isWithin(words, length, wordsOf(value))
  }
  if (key === "range" && Array.isArray(inner) && inner.every((end) => typeof end === "number")) {
    const [from = 0, to = 0] = inner
    return (value) => typeof value === "number" && from <= value && value <= to
  }
  return unknown("value", right)
}

/** The bits that a flag, or a list of them, stands for. */
const bitsOf = (left: Json, right: Json): number => {
  const key = field(field(left, "ct"), "key")
  const names = key === "status" ? STATUS_BITS : key === "state" ? STATE_BITS : unknown("bits of", left)
  const flags = Array.isArray(right) ? right : [right]
  return flags.reduce<number>((bits, flag) => bits | (names[String(flag)] ?? unknown("flag", flag)), 0)
}

const compare: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  "<": (left, right) => left < right,
  ">": (left, right) => left > right,
  "<=": (left, right) => left <= right,
  ">=": (left, right) => left >= right
}

const matcher = (json: Json): Statement => {
  const { op, left, right } = isFields(json) ? json : {}
  const read = reader(left)
  const when = (holds: (value: string | number, table: SimTable) => boolean): Statement => {
    return (context, table) => {
      const value = read(context, table)
      return value !== undefined && holds(value, table) ? "go on" : "next rule"
    }
  }
  const order = compare[String(op)]
  if (order !== undefined && typeof right === "number") {
    return when((value) => typeof value === "number" && order(value, right))
  }
  if (op === "in") {
    const bits = bitsOf(left, right)
    return when((value) => (Number(value) & bits) !== 0)
  }
  if (op !== "==" && op !== "!=") return unknown("operator", op)
  if (["status", "state"].includes(String(field(field(left, "ct"), "key"))) && !isFields(right)) {
    const bits = bitsOf(left, right)
    return when((value) => (value === bits) === (op === "=="))
  }
  const test = testOf(right)
  return op === "==" ? when(test) : when((value, table) => !test(value, table))
}

const targetOf = (value: unknown): NatTarget | undefined => {
  if (value === undefined) return undefined
  if (typeof value === "string") return { address: value }
  const concat = field(value, "concat")
  if (!Array.isArray(concat) || concat.length !== 2) return unknown("target", value)
  return { address: String(concat[0]), port: Number(concat[1]) }
}

/** Where a map of the table sends what an expression reads. */
const mapLookup = (json: Json): ((context: RuleContext, table: SimTable) => unknown) => {
  const read = reader(field(json, "key"))
  const data = field(json, "data")
  if (typeof data !== "string" || !data.startsWith("@")) return unknown("map", json)
  const name = data.slice(1)
  return (context, table) => {
    const key = read(context, table)
    const map = table.maps.get(name)
    if (typeof key !== "number" || map === undefined) return undefined
    return lookUp(map.elements, key, rulesOf(map))
  }
}

/** The packets of another protocol than the one that is asked for do not match, and those that a map does not know. */
const translation = (_tag: "Dnat" | "Snat", json: Json): Statement => {
  const { addr, port, family: _family, ...more } = isFields(json) ? json : {}
  if (Object.keys(more).length > 0 || addr === undefined) return unknown(_tag, json)
  const known = port === undefined || typeof port === "number" ? port : unknown("port", port)
  const map = field(addr, "map")
  if (typeof addr === "string") {
    const verdict: Verdict = { _tag, target: { address: addr, port: known } }
    return () => verdict
  }
  const find = map === undefined ? unknown("address", addr) : mapLookup(map)
  return (context, table) => {
    const target = targetOf(find(context, table))
    if (target === undefined) return "next rule"
    return { _tag, target: known === undefined ? target : { address: target.address, port: known } }
  }
}

const mangle = (json: Json): Statement => {
  const key = field(field(field(json, "key"), "ct"), "key")
  const value = field(json, "value")
  if (key !== "mark" || typeof value !== "number") return unknown("mangle", json)
  return ({ flow }) => {
    if (flow === undefined) return "next rule"
    flow.mark = value
    return "go on"
  }
}

const always = (step: Step): Statement => {
  return () => step
}

const statement = (json: Json): Statement => {
  const [key, value] = only(json)
  switch (key) {
    case "match":
      return matcher(value)
    case "mangle":
      return mangle(value)
    case "dnat":
      return translation("Dnat", value)
    case "snat":
      return translation("Snat", value)
    case "masquerade":
      return value === null ? always({ _tag: "Masquerade" }) : unknown("masquerade", json)
    case "accept":
      return always({ _tag: "Accept" })
    case "drop":
      return always({ _tag: "Drop" })
    case "return":
      return always({ _tag: "Return" })
    case "jump":
    case "goto":
      return always({ _tag: "Jump", chain: String(field(value, "target")), returns: key === "jump" })
    case "counter":
      return always("go on")
    default:
      return unknown("statement", json)
  }
}

/** A rule as it is evaluated. What is not understood throws: a rule must never pass in silence. */
export const compileRule = (rule: Fields): Rule => {
  const expressions = rule["expr"]
  return Array.isArray(expressions) ? expressions.map(statement) : unknown("rule", rule)
}
