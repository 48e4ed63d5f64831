import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import type { AddressPair } from "./Address.ts"
import type { Scope } from "./DockerState.ts"
import { nearest } from "./Nearest.ts"
import {
  definitionsOf,
  knownVariables,
  laterVariables,
  networkAnchorDefinitions,
  serviceAnchorDefinitions,
  type Definition,
  type Mode
} from "./SettingDefinitions.ts"
import type { MetricsAddress } from "./SettingValues.ts"

export type Environment = Readonly<Record<string, string | undefined>>

/** A variable whose value breaks a rule. */
export interface Violation {
  readonly variable: string
  readonly value: string
  readonly rule: string
}

export interface CommonSettings {
  readonly logLevel: "debug" | "info" | "warn" | "error"
  readonly logFormat: "json" | "pretty" | undefined
  readonly metrics: MetricsAddress
}

export interface DockerSettings {
  readonly host: string
  readonly tlsVerify: boolean
  readonly certPath: string | undefined
}

/** How the external interface is found: by the Docker network that it belongs to, or by its own name (SPEC §8.1). */
export type ExternalChoice =
  | { readonly _tag: "Network"; readonly network: string }
  | { readonly _tag: "Interface"; readonly name: string }

export interface DhcpSettings {
  readonly hostname: string
  readonly backoffMax: Duration.Duration
}

export interface NetworkAnchorSettings extends CommonSettings {
  readonly mode: "network-anchor"
  readonly docker: DockerSettings
  readonly scope: Scope
  readonly external: ExternalChoice
  readonly gateway: AddressPair
  readonly sharedNetwork: string | undefined
  readonly addressMode: "bootstrap" | "dhcp-refresh" | "slaac-ra-only"
  readonly dhcp: DhcpSettings
  readonly pollInterval: Duration.Duration
}

export interface ServiceAnchorSettings extends CommonSettings {
  readonly mode: "service-anchor"
  readonly gatewayHostname: string
  /** Set: no name is ever resolved. */
  readonly gateway: AddressPair | undefined
  readonly resolveInterval: Duration.Duration
}

export type Settings = NetworkAnchorSettings | ServiceAnchorSettings

export interface Parsed<S> {
  readonly settings: S
  /** What is legal but hardly meant: one line each. */
  readonly warnings: ReadonlyArray<string>
}

type Values<D extends Readonly<Record<string, Definition<unknown>>>> = {
  readonly [K in keyof D]: (D[K] extends Definition<infer A> ? A : never) | undefined
}

const given = (env: Environment, variable: string): string | undefined => {
  const value = env[variable]?.trim()
  return value === "" ? undefined : value
}

/** Reads every variable of a mode, with its default where there is none, and collects all violations. */
const readAll = <D extends Readonly<Record<string, Definition<unknown>>>>(definitions: D, env: Environment) => {
  const violations: Array<Violation> = []
  const values: Record<string, unknown> = {}
  for (const [variable, definition] of Object.entries(definitions)) {
    const value = definition.emptyCounts ? env[variable]?.trim() : given(env, variable)
    const effective = value ?? definition.fallback
    if (effective === undefined) continue
    const read = definition.read(effective)
    if (Result.isSuccess(read)) values[variable] = read.success
    else violations.push({ variable, value: effective, rule: read.failure })
  }
  return { values: values as Values<D>, violations }
}

/** Warnings for `ANCHORD_…` variables that the mode does not know (SPEC §2). */
const strangers = (mode: Mode, env: Environment): ReadonlyArray<string> => {
  const known = Object.keys(definitionsOf(mode))
  return Object.keys(env)
    .filter((variable) => variable.startsWith("ANCHORD_") && given(env, variable) !== undefined)
    .filter((variable) => !known.includes(variable))
    .toSorted()
    .map((variable) =>
      knownVariables.includes(variable)
        ? `${variable} has no meaning in mode ${mode}`
        : `${variable} is not a variable of anchord; the nearest is ${nearest(variable, known) ?? "none"}`
    )
}

/** Warnings for variables whose value is checked, and which do nothing in this version. */
const withoutEffect = (env: Environment): ReadonlyArray<string> =>
  laterVariables
    .filter((variable) => given(env, variable) !== undefined)
    .map((variable) => `${variable} has no effect in this version`)

const both = (env: Environment, winner: string, loser: string): ReadonlyArray<string> =>
  given(env, winner) !== undefined && given(env, loser) !== undefined
    ? [`${winner} and ${loser} are both set; ${winner} wins`]
    : []

const common = (
  values: Values<typeof serviceAnchorDefinitions> | Values<typeof networkAnchorDefinitions>
): CommonSettings => ({
  logLevel: values.ANCHORD_LOG_LEVEL ?? "info",
  logFormat: values.ANCHORD_LOG_FORMAT,
  metrics: values.ANCHORD_METRICS_ADDR ?? { _tag: "Off" }
})

/** The value of the alphabetically first key, as a host name. */
const firstValue = (labels: Readonly<Record<string, string>>): string => {
  const [first = ""] = Object.keys(labels).toSorted()
  return (labels[first] ?? "").replaceAll(/[^A-Za-z0-9-]+/g, "-").replaceAll(/^-+|-+$/g, "") || "anchord"
}

const parseNetworkAnchor = (
  env: Environment
): Result.Result<Parsed<NetworkAnchorSettings>, ReadonlyArray<Violation>> => {
  const { values, violations } = readAll(networkAnchorDefinitions, env)
  const project = values.ANCHORD_PROJECT ?? values.COMPOSE_PROJECT_NAME
  if (project === undefined && given(env, "ANCHORD_LABEL_SELECTOR") === undefined) {
    violations.push({
      variable: "ANCHORD_PROJECT",
      value: "",
      rule: "is required, unless COMPOSE_PROJECT_NAME or ANCHORD_LABEL_SELECTOR is set"
    })
  }
  if (violations.length > 0) return Result.fail(violations)
  const labels = values.ANCHORD_LABEL_SELECTOR
  const network = values.ANCHORD_EXT_NETWORK
  return Result.succeed({
    settings: {
      mode: "network-anchor",
      ...common(values),
      docker: {
        host: values.DOCKER_HOST ?? "",
        tlsVerify: values.DOCKER_TLS_VERIFY !== undefined,
        certPath: values.DOCKER_CERT_PATH
      },
      scope: labels ? { _tag: "Selector", labels } : { _tag: "Project", project: project ?? "" },
      external: network ? { _tag: "Network", network } : { _tag: "Interface", name: values.ANCHORD_EXT_IFACE ?? "" },
      gateway: values.ANCHORD_EXT_GATEWAY_IP ?? {},
      sharedNetwork: values.ANCHORD_SHARED_NETWORK,
      addressMode: values.ANCHORD_ADDRESS_MODE ?? "bootstrap",
      dhcp: {
        hostname: values.ANCHORD_DHCP_HOSTNAME ?? project ?? firstValue(labels ?? {}),
        backoffMax: values.ANCHORD_DHCP_BACKOFF_MAX ?? Duration.minutes(5)
      },
      pollInterval: values.ANCHORD_POLL_INTERVAL ?? Duration.seconds(30)
    },
    warnings: [
      ...both(env, "ANCHORD_LABEL_SELECTOR", "ANCHORD_PROJECT"),
      ...both(env, "ANCHORD_EXT_NETWORK", "ANCHORD_EXT_IFACE"),
      ...strangers("network-anchor", env),
      ...withoutEffect(env)
    ]
  })
}

const parseServiceAnchor = (
  env: Environment
): Result.Result<Parsed<ServiceAnchorSettings>, ReadonlyArray<Violation>> => {
  const { values, violations } = readAll(serviceAnchorDefinitions, env)
  if (violations.length > 0) return Result.fail(violations)
  return Result.succeed({
    settings: {
      mode: "service-anchor",
      ...common(values),
      gatewayHostname: values.ANCHORD_GATEWAY_HOSTNAME ?? "",
      gateway: values.ANCHORD_GATEWAY_IP,
      resolveInterval: values.ANCHORD_GATEWAY_RESOLVE_INTERVAL ?? Duration.seconds(5)
    },
    warnings: [...both(env, "ANCHORD_GATEWAY_IP", "ANCHORD_GATEWAY_HOSTNAME"), ...strangers("service-anchor", env)]
  })
}

/**
 * The settings of a mode, or everything that is wrong with them (SPEC §2). Surrounding blanks do not count; an empty value means
 * unset, except that an empty `ANCHORD_METRICS_ADDR` switches the listener off.
 */
export const parseSettings = (
  mode: Mode,
  env: Environment
): Result.Result<Parsed<Settings>, ReadonlyArray<Violation>> =>
  mode === "network-anchor" ? parseNetworkAnchor(env) : parseServiceAnchor(env)
