import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import type { AddressPair } from "./Address.ts"
import type { Scope } from "./DockerState.ts"
import {
  both,
  given,
  readAll,
  required,
  strangers,
  type Checked,
  type Environment,
  type Values,
  type Violation
} from "./EnvironmentReading.ts"
import {
  dockerDefinitions,
  externalRebinderDefinitions,
  networkAnchorDefinitions,
  serviceAnchorDefinitions,
  wrapRebinderDefinitions,
  type commonDefinitions,
  type Mode
} from "./SettingDefinitions.ts"
import type { MetricsAddress } from "./SettingValues.ts"
import { sentence, type Sentence } from "./Sentence.ts"

export type { Environment, Parsed, Violation } from "./EnvironmentReading.ts"

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

/** The service-anchor that anchord makes for one container (SPEC §11.2). */
export interface ManagedAnchorSettings {
  /** Name or ID. */
  readonly target: string
  readonly name: string
  /** Left out: anchord's own. */
  readonly image: string | undefined
  /** Left out: anchord's own address on the shared network. */
  readonly gateway: AddressPair | undefined
  readonly environment: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
}

/** What anchord does for containers that live in the namespace of another one (SPEC §11.1 to §11.5). */
export interface LifecycleSettings {
  readonly autostart: boolean
  /** `off` means that stale dependents are found, and left. */
  readonly autofix: "off" | "own" | "project"
  readonly managed: ManagedAnchorSettings | undefined
}

export interface NetworkAnchorSettings extends CommonSettings {
  readonly mode: "network-anchor"
  readonly docker: DockerSettings
  readonly scope: Scope
  /** The Compose project, also where a selector replaces it as the scope. */
  readonly project: string | undefined
  readonly lifecycle: LifecycleSettings
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

export interface ExternalRebinderSettings extends CommonSettings {
  readonly mode: "external-rebinder"
  readonly docker: DockerSettings
  readonly network: string
  /** A Compose service of the own project, else the name of a container. */
  readonly target: string
  readonly restart: boolean
  /** Between the first and the second attempt to connect; doubles with each. */
  readonly backoff: Duration.Duration
}

export interface WrapRebinderSettings extends CommonSettings {
  readonly mode: "wrap-rebinder"
  readonly docker: DockerSettings
  readonly pollInterval: Duration.Duration
  /** How long a container has to stop before it is killed. */
  readonly stopTimeout: Duration.Duration
}

export interface SettingsByMode {
  readonly "network-anchor": NetworkAnchorSettings
  readonly "service-anchor": ServiceAnchorSettings
  readonly "external-rebinder": ExternalRebinderSettings
  readonly "wrap-rebinder": WrapRebinderSettings
}

/** Those of the modes that this version runs. */
export type Settings = SettingsByMode[Mode]

const common = (values: Values<typeof commonDefinitions>): CommonSettings => ({
  logLevel: values.ANCHORD_LOG_LEVEL ?? "info",
  logFormat: values.ANCHORD_LOG_FORMAT,
  metrics: values.ANCHORD_METRICS_ADDR ?? { _tag: "Off" }
})

const docker = (values: Values<typeof dockerDefinitions>): DockerSettings => ({
  host: values.DOCKER_HOST ?? "",
  tlsVerify: values.DOCKER_TLS_VERIFY !== undefined,
  certPath: values.DOCKER_CERT_PATH
})

type NetworkAnchorValues = Values<typeof networkAnchorDefinitions>

const managedAnchor = (values: NetworkAnchorValues): ManagedAnchorSettings | undefined => {
  const target = values.ANCHORD_MANAGED_SA_TARGET
  if (target === undefined) return undefined
  return {
    target,
    name: values.ANCHORD_MANAGED_SA_NAME ?? `${target}-service-anchor`,
    image: values.ANCHORD_MANAGED_SA_IMAGE,
    gateway: values.ANCHORD_MANAGED_SA_GATEWAY_IP,
    environment: values.ANCHORD_MANAGED_SA_EXTRA_ENV ?? {},
    labels: values.ANCHORD_MANAGED_SA_LABELS ?? {}
  }
}

const lifecycle = (values: NetworkAnchorValues): LifecycleSettings => ({
  autostart: values.ANCHORD_AUTOSTART_SIBLINGS ?? true,
  autofix: values.ANCHORD_AUTOFIX_DEAD_NETNS === false ? "off" : (values.ANCHORD_AUTOFIX_SCOPE ?? "own"),
  managed: managedAnchor(values)
})

/** Two containers cannot have one name; taken for the managed one, the target itself would be re-created. */
const namedLikeTarget = (values: NetworkAnchorValues): ReadonlyArray<Violation> =>
  values.ANCHORD_MANAGED_SA_NAME !== undefined && values.ANCHORD_MANAGED_SA_NAME === values.ANCHORD_MANAGED_SA_TARGET
    ? [
        {
          variable: "ANCHORD_MANAGED_SA_NAME",
          value: values.ANCHORD_MANAGED_SA_NAME,
          rule: "must not be that of ANCHORD_MANAGED_SA_TARGET"
        }
      ]
    : []

/** Warnings for what says how to make a managed service-anchor when there is none to make. */
const withoutTarget = (env: Environment): ReadonlyArray<Sentence> =>
  given(env, "ANCHORD_MANAGED_SA_TARGET") === undefined
    ? Object.keys(networkAnchorDefinitions)
        .filter((variable) => variable.startsWith("ANCHORD_MANAGED_SA_") && given(env, variable) !== undefined)
        .map((variable) => sentence`${variable} has no effect without ANCHORD_MANAGED_SA_TARGET`)
    : []

/** A managed service-anchor belongs to no Compose project (SPEC §11.2), so its ports are out of the scope of one. */
const managedOutOfScope = (env: Environment, { ANCHORD_MANAGED_SA_LABELS: labels = {} }: NetworkAnchorValues) =>
  labels["anchord.expose"] !== undefined && given(env, "ANCHORD_LABEL_SELECTOR") === undefined
    ? [
        sentence`ANCHORD_MANAGED_SA_LABELS has anchord.expose, which has no effect without ANCHORD_LABEL_SELECTOR: the managed service-anchor belongs to no Compose project; put the label on the target, or serve both by a selector`
      ]
    : []

/** The value of the alphabetically first key, as a host name. */
const firstValue = (labels: Readonly<Record<string, string>>): string => {
  const [first = ""] = Object.keys(labels).toSorted()
  return (labels[first] ?? "").replaceAll(/[^A-Za-z0-9-]+/g, "-").replaceAll(/^-+|-+$/g, "") || "anchord"
}

const parseNetworkAnchor = (env: Environment): Checked<NetworkAnchorSettings> => {
  const { values, violations } = readAll(networkAnchorDefinitions, env)
  const project = values.ANCHORD_PROJECT ?? values.COMPOSE_PROJECT_NAME
  if (project === undefined && given(env, "ANCHORD_LABEL_SELECTOR") === undefined) {
    violations.push({
      variable: "ANCHORD_PROJECT",
      value: "",
      rule: "is required, unless COMPOSE_PROJECT_NAME or ANCHORD_LABEL_SELECTOR is set"
    })
  }
  violations.push(...namedLikeTarget(values))
  if (violations.length > 0) return Result.fail(violations)
  const labels = values.ANCHORD_LABEL_SELECTOR
  const network = values.ANCHORD_EXT_NETWORK
  return Result.succeed({
    settings: {
      mode: "network-anchor",
      ...common(values),
      docker: docker(values),
      scope: labels ? { _tag: "Selector", labels } : { _tag: "Project", project: project ?? "" },
      project,
      lifecycle: lifecycle(values),
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
      ...withoutTarget(env),
      ...managedOutOfScope(env, values),
      ...strangers("network-anchor", env)
    ]
  })
}

const parseServiceAnchor = (env: Environment): Checked<ServiceAnchorSettings> => {
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

const parseExternalRebinder = (env: Environment): Checked<ExternalRebinderSettings> => {
  const { values, violations } = readAll(externalRebinderDefinitions, env)
  violations.push(...required(env, "ANCHORD_FOLLOW_NETWORK"), ...required(env, "ANCHORD_FOLLOW_TARGET"))
  if (violations.length > 0) return Result.fail(violations)
  return Result.succeed({
    settings: {
      mode: "external-rebinder",
      ...common(values),
      docker: docker(values),
      network: values.ANCHORD_FOLLOW_NETWORK ?? "",
      target: values.ANCHORD_FOLLOW_TARGET ?? "",
      restart: values.ANCHORD_FOLLOW_RESTART ?? false,
      backoff: values.ANCHORD_FOLLOW_EVENT_BACKOFF ?? Duration.seconds(2)
    },
    warnings: strangers("external-rebinder", env)
  })
}

const parseWrapRebinder = (env: Environment): Checked<WrapRebinderSettings> => {
  const { values, violations } = readAll(wrapRebinderDefinitions, env)
  if (violations.length > 0) return Result.fail(violations)
  return Result.succeed({
    settings: {
      mode: "wrap-rebinder",
      ...common(values),
      docker: docker(values),
      pollInterval: values.ANCHORD_WRAP_POLL_INTERVAL ?? Duration.seconds(30),
      stopTimeout: values.ANCHORD_WRAP_RESTART_TIMEOUT ?? Duration.seconds(10)
    },
    warnings: strangers("wrap-rebinder", env)
  })
}

const parsers: { readonly [M in Mode]: (env: Environment) => Checked<SettingsByMode[M]> } = {
  "network-anchor": parseNetworkAnchor,
  "service-anchor": parseServiceAnchor,
  "external-rebinder": parseExternalRebinder,
  "wrap-rebinder": parseWrapRebinder
}

/**
 * The settings of a mode, or everything that is wrong with them (SPEC §2). Surrounding blanks do not count; an empty value means
 * unset, except that an empty `ANCHORD_METRICS_ADDR` switches the listener off.
 */
export const parseSettings = <M extends Mode>(mode: M, env: Environment): Checked<SettingsByMode[M]> =>
  parsers[mode](env)

/** Where the Docker API is, for what asks it and needs to know nothing else. */
export const parseDockerSettings = (env: Environment): Checked<DockerSettings> => {
  const { values, violations } = readAll(dockerDefinitions, env)
  return violations.length > 0 ? Result.fail(violations) : Result.succeed({ settings: docker(values), warnings: [] })
}
