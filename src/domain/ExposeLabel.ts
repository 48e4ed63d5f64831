import * as Result from "effect/Result"
import { protocols, type PortMapping, type Protocol } from "./Dnat.ts"

/** Why a label is refused as a whole: the entry at fault, and the rule that it breaks (SPEC §3). */
export interface LabelRefusal {
  readonly entry: string
  readonly rule: string
}

/** A translated range becomes one map element a port, so its width is limited; a range that keeps its ports is one element. */
export const MAX_TRANSLATED_RANGE = 1024

const FORM = "an entry is tcp|udp/PORT[-PORT][:BACKENDPORT[-BACKENDPORT]]"

interface PortSpan {
  readonly from: number
  readonly to: number
}

const parsePort = (text: string): Result.Result<number, string> => {
  if (!/^\d+$/.test(text))
    return Result.fail(text === "" ? `a port is missing: ${FORM}` : `"${text}" is not a port: ${FORM}`)
  const port = Number(text)
  return port >= 1 && port <= 65_535
    ? Result.succeed(port)
    : Result.fail(`port ${text} is out of range: ports are 1 to 65535`)
}

const parseSpan = (text: string): Result.Result<PortSpan, string> => {
  const parts = text.split("-").map((part) => part.trim())
  if (parts.length > 2) return Result.fail(`"${text}" is not a port or a range: ${FORM}`)
  return Result.gen(function* () {
    const from = yield* parsePort(parts[0] ?? "")
    const to = parts[1] === undefined ? from : yield* parsePort(parts[1])
    if (from > to) return yield* Result.fail(`the range ${from}-${to} is reversed: the lower port comes first`)
    return { from, to }
  })
}

const isProtocol = (text: string): text is Protocol => protocols.some((protocol) => protocol === text)

const width = ({ from, to }: PortSpan): number => to - from + 1

const parseEntry = (entry: string): Result.Result<PortMapping, string> => {
  const [head = "", ...rest] = entry.split("/")
  const protocol = head.trim().toLowerCase()
  if (rest.length === 0) return Result.fail(`there is no protocol: ${FORM}`)
  if (!isProtocol(protocol))
    return Result.fail(`"${head.trim()}" is not a protocol that can be exposed: use tcp or udp`)
  const [external = "", backend, ...more] = rest.join("/").split(":")
  if (more.length > 0) return Result.fail(`there is more than one colon: ${FORM}`)
  return Result.gen(function* () {
    const outside = yield* parseSpan(external)
    if (backend === undefined) return { protocol, ...outside, backendFrom: outside.from }
    if (backend === "")
      return yield* Result.fail("there is nothing after the colon: name the backend's port, or leave the colon out")
    const inside = yield* parseSpan(backend)
    if (width(inside) !== width(outside)) {
      return yield* Result.fail(
        `${width(outside)} external ports cannot go to ${width(inside)}: both ranges must be of one width`
      )
    }
    if (inside.from !== outside.from && width(outside) > MAX_TRANSLATED_RANGE) {
      return yield* Result.fail(
        `a translated range is at most ${MAX_TRANSLATED_RANGE} ports wide, this one is ${width(outside)}; keep the ports, or split it`
      )
    }
    return { protocol, ...outside, backendFrom: inside.from }
  })
}

const printSpan = ({ from, to }: PortSpan): string => (from === to ? `${from}` : `${from}-${to}`)

/** The label entry that {@link parseExpose} reads back as this mapping. */
export const printMapping = (mapping: PortMapping): string => {
  const { protocol, from, to, backendFrom } = mapping
  const outside = `${protocol}/${printSpan(mapping)}`
  return backendFrom === from ? outside : `${outside}:${printSpan({ from: backendFrom, to: backendFrom + to - from })}`
}

const byPort = (a: PortMapping, b: PortMapping): number =>
  a.protocol === b.protocol ? a.from - b.from || a.to - b.to : a.protocol < b.protocol ? -1 : 1

/**
 * Reads `anchord.expose` (SPEC §3): comma-separated entries, in any case and with blanks anywhere; empty entries are ignored. One bad
 * entry refuses the whole label, and so does a port that is named twice with different targets. The answer is sorted, and a port
 * that is named twice with one target is in it once.
 */
export const parseExpose = (label: string): Result.Result<ReadonlyArray<PortMapping>, LabelRefusal> => {
  const mappings: Array<PortMapping> = []
  const entries = label
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "")
  for (const entry of entries) {
    const parsed = parseEntry(entry)
    if (Result.isFailure(parsed)) return Result.fail({ entry, rule: parsed.failure })
    mappings.push(parsed.success)
  }
  const canonical: Array<PortMapping> = []
  for (const mapping of mappings.toSorted(byPort)) {
    const last = canonical.findLast((earlier) => earlier.protocol === mapping.protocol)
    if (last === undefined || last.to < mapping.from) {
      canonical.push(mapping)
      continue
    }
    if (last.backendFrom - last.from !== mapping.backendFrom - mapping.from) {
      const rule = `port ${mapping.from} has another target in "${printMapping(last)}": within one container a port has one target`
      return Result.fail({ entry: printMapping(mapping), rule })
    }
    if (mapping.to > last.to) {
      canonical[canonical.indexOf(last)] = { ...last, to: mapping.to }
    }
  }
  const wide = canonical.find((one) => one.backendFrom !== one.from && width(one) > MAX_TRANSLATED_RANGE)
  if (wide !== undefined) {
    const rule = `a translated range is at most ${MAX_TRANSLATED_RANGE} ports wide, together these are ${width(wide)}`
    return Result.fail({ entry: printMapping(wide), rule })
  }
  return Result.succeed(canonical)
}

/** Reads `anchord.expose.v6`: `auto` (also when absent or blank) or `off`, in any case. */
export const parseExposeV6 = (label: string | undefined): Result.Result<"auto" | "off", LabelRefusal> => {
  const value = (label ?? "").trim().toLowerCase()
  if (value === "" || value === "auto") return Result.succeed("auto")
  if (value === "off") return Result.succeed("off")
  return Result.fail({ entry: (label ?? "").trim(), rule: "it is auto or off" })
}
