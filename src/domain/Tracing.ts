import { given, type Environment } from "./EnvironmentReading.ts"
import { sentence, type Sentence } from "./Sentence.ts"

/** What of the OTLP protocols is spoken here. */
export const protocols = ["http/protobuf", "http/json"] as const
export type Protocol = (typeof protocols)[number]

/** Whether spans are exported, and what is to be said of the variables that decide it. */
export type Tracing =
  | { readonly _tag: "Off"; readonly warnings: ReadonlyArray<Sentence> }
  | {
      readonly _tag: "On"
      readonly protocol: Protocol
      /** Where the spans go, for the log: without what may be a secret. */
      readonly endpoint: string
      readonly warnings: ReadonlyArray<Sentence>
    }

const TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
const ANY_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"

const off = (...warnings: ReadonlyArray<Sentence>): Tracing => ({ _tag: "Off", warnings })

const firstGiven = (env: Environment, ...variables: ReadonlyArray<string>) =>
  variables.map((variable) => ({ variable, value: given(env, variable) })).find(({ value }) => value !== undefined)

const isProtocol = (value: string): value is Protocol => protocols.some((protocol) => protocol === value)

const isDisabled = (env: Environment): boolean => given(env, "OTEL_SDK_DISABLED")?.toLowerCase() === "true"

/** The exporters that are asked for; the specification allows a list. */
const exportersOf = (env: Environment): ReadonlyArray<string> =>
  (given(env, "OTEL_TRACES_EXPORTER") ?? "otlp")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")

/** Host and path of a URL of HTTP; nothing of what may be a password or a token in it. */
const destinationOf = (variable: string, value: string): string | undefined => {
  if (!URL.canParse(value)) return undefined
  const { protocol, host, pathname } = new URL(value)
  if (protocol !== "http:" && protocol !== "https:") return undefined
  return `${protocol}//${host}${variable === ANY_ENDPOINT ? `${pathname.replace(/\/$/, "")}/v1/traces` : pathname}`
}

/** With nothing in a batch the SDK would never come to the end of what it has to export. */
const sizes = ["OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"]

const withEndpoint = (
  env: Environment,
  variable: string,
  value: string,
  warnings: ReadonlyArray<Sentence>
): Tracing => {
  const endpoint = destinationOf(variable, value)
  if (endpoint === undefined)
    return off(...warnings, sentence`${variable} is no http:// or https:// address; nothing is exported`)
  const tooSmall = sizes.find((size) => Number(given(env, size) ?? 1) < 1)
  if (tooSmall !== undefined) return off(...warnings, sentence`${tooSmall} must be at least 1; nothing is exported`)
  const protocol = firstGiven(env, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
  const wanted = protocol?.value ?? "http/protobuf"
  if (isProtocol(wanted)) return { _tag: "On", protocol: wanted, endpoint, warnings }
  return off(
    ...warnings,
    sentence`${protocol?.variable ?? ""} is ${wanted}, which anchord does not speak; nothing is exported. Collectors take ${protocols.join(" and ")} as well, by default on port 4318`
  )
}

/**
 * Decides by the standard `OTEL_…` variables whether spans are exported, and how (SPEC §12): only with an endpoint, and neither when the SDK is
 * disabled nor when another exporter than OTLP is asked for. What the SDK would replace by a default of its own, an endpoint or protocol that
 * cannot be used, is refused with a warning instead, and so is an empty batch.
 */
export const tracingOf = (env: Environment): Tracing => {
  const endpoint = firstGiven(env, TRACES_ENDPOINT, ANY_ENDPOINT)
  if (endpoint?.value === undefined || isDisabled(env)) return off()
  const exporters = exportersOf(env)
  if (exporters.includes("none")) return off()
  const others = exporters.filter((name) => name !== "otlp")
  const warnings =
    others.length === 0
      ? []
      : [sentence`OTEL_TRACES_EXPORTER asks for ${others.join(", ")}, but anchord exports by otlp only`]
  if (!exporters.includes("otlp")) return off(...warnings)
  return withEndpoint(env, endpoint.variable, endpoint.value, warnings)
}
