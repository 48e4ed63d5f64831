import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import { parseAddress, type AddressPair } from "./Address.ts"

/** How one variable's text becomes a value, or the rule that it breaks. The text is trimmed and not empty. */
export type Reader<A> = (text: string) => Result.Result<A, string>

export const text: Reader<string> = Result.succeed

const booleans: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["yes", true],
  ["false", false],
  ["0", false],
  ["no", false]
])

export const boolean: Reader<boolean> = (value) => {
  const found = booleans.get(value.toLowerCase())
  return found === undefined ? Result.fail("must be one of true, false, 1, 0, yes, no") : Result.succeed(found)
}

export const oneOf =
  <const A extends string>(...values: ReadonlyArray<A>): Reader<A> =>
  (value) => {
    const found = values.find((candidate) => candidate === value.toLowerCase())
    return found === undefined ? Result.fail(`must be one of ${values.join(", ")}`) : Result.succeed(found)
  }

const unitMillis: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000
}

const DURATION_RULE = "must be a positive duration such as 500ms, 30s or 1m30s, or a whole number of seconds"

/** Go's notation, or a bare whole number of seconds; from 1 ms to about 24 days (what a timer can wait). */
export const duration: Reader<Duration.Duration> = (value) => {
  const parts = [...value.matchAll(/(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|ms|s|m|h)/gy)]
  const matched = parts.map(([whole]) => whole).join("")
  const millis = /^\d+$/.test(value)
    ? Number(value) * 1_000
    : matched === value
      ? parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (unitMillis[unit ?? ""] ?? Number.NaN), 0)
      : Number.NaN
  if (!(millis > 0)) return Result.fail(DURATION_RULE)
  if (millis < 1) return Result.fail("must be at least 1ms")
  return millis < 2 ** 31 ? Result.succeed(Duration.millis(millis)) : Result.fail("must be at most 24 days")
}

/** One IPv4 and/or one IPv6 address, separated by a comma. */
export const addressPair: Reader<AddressPair> = (value) => {
  const pair: { v4?: string; v6?: string } = {}
  const parts = value
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
  for (const part of parts) {
    const parsed = parseAddress(part)
    if (parsed === undefined) return Result.fail(`"${part}" is not an IP address`)
    if (pair[parsed.family] !== undefined)
      return Result.fail(`there are two IP${parsed.family} addresses; at most one of each family`)
    pair[parsed.family] = parsed.address
  }
  return parts.length === 0 ? Result.fail("must hold an IP address") : Result.succeed(pair)
}

/** `key=value` pairs that must all match (SPEC §2). */
export const selector: Reader<Readonly<Record<string, string>>> = (value) => {
  const labels = new Map<string, string>()
  const entries = value
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "")
  for (const entry of entries) {
    const at = entry.indexOf("=")
    if (at < 0) return Result.fail(`the entry "${entry}" has no "=": entries are key=value`)
    const key = entry.slice(0, at).trim()
    const wanted = entry.slice(at + 1).trim()
    if (key === "") return Result.fail(`the entry "${entry}" has an empty key`)
    const before = labels.get(key)
    if (before !== undefined && before !== wanted) {
      return Result.fail(
        `the key "${key}" has two values, "${before}" and "${wanted}"; all entries must match, so nothing could`
      )
    }
    labels.set(key, wanted)
  }
  return labels.size === 0
    ? Result.fail("must hold at least one key=value")
    : Result.succeed(Object.fromEntries(labels))
}

/** Where the listener for metrics and health checks is; `Off` for none. */
export type MetricsAddress =
  | { readonly _tag: "Off" }
  | { readonly _tag: "Tcp"; readonly host: string | undefined; readonly port: number }

export const metricsAddress: Reader<MetricsAddress> = (value) => {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(value)
  const port = Number(match?.[3])
  const host = match?.[1] ?? match?.[2] ?? ""
  if (match === null || port < 1 || port > 65_535) {
    return Result.fail('must be host:port, :port or [v6]:port with a port from 1 to 65535, or "" for off')
  }
  if (match[1] !== undefined && parseAddress(match[1])?.family !== "v6")
    return Result.fail(`"${match[1]}" is not an IPv6 address`)
  return Result.succeed({ _tag: "Tcp", host: host === "" ? undefined : host, port })
}

const DOCKER_HOST = /^(?:unix:\/\/\/.+|(?:tcp|https?):\/\/(?:[^/:@\s[\]]+|\[[0-9a-fA-F:]+\])(?::(\d{1,5}))?\/?)$/

export const dockerHost: Reader<string> = (value) => {
  const match = DOCKER_HOST.exec(value)
  const port = match?.[1] === undefined ? 1 : Number(match[1])
  return match === null || port < 1 || port > 65_535
    ? Result.fail("must be unix:///path, tcp://host:port, http://host:port or https://host:port")
    : Result.succeed(value)
}

export const hostname: Reader<string> = (value) =>
  value.length <= 253 && /^(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?$/.test(value)
    ? Result.succeed(value)
    : Result.fail("must be a host name")

const parseJson = (value: string): unknown =>
  Result.getOrElse(
    Result.try(() => JSON.parse(value) as unknown),
    () => undefined
  )

/** The name of a container or its ID, as Docker permits them; with a leading slash, as Docker writes names, or without. */
export const container: Reader<string> = (value) => {
  const name = value.replace(/^\//, "")
  return /^[A-Za-z0-9][A-Za-z0-9_.-]+$/.test(name)
    ? Result.succeed(name)
    : Result.fail("must be the name of a container: letters, digits, _ . and -, at least two, not starting with a sign")
}

/** A JSON object whose values are strings; `refusal` may say what is wrong with a key. */
export const stringRecord =
  (refusal: (key: string) => string | undefined): Reader<Readonly<Record<string, string>>> =>
  (value) => {
    const parsed = parseJson(value)
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
      return Result.fail("must be a JSON object of strings")
    const entries = Object.entries(parsed)
    const wrong = entries.find((entry): entry is [string, Exclude<unknown, string>] => typeof entry[1] !== "string")
    if (wrong) return Result.fail(`the value of "${wrong[0]}" is not a string`)
    const forbidden = entries.map(([key]) => refusal(key)).filter((why) => why !== undefined)
    if (forbidden.length > 0) return Result.fail(forbidden.join("; "))
    return Result.succeed(Object.fromEntries(entries.map(([key, one]) => [key, String(one)])))
  }
