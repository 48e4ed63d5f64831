import * as Result from "effect/Result"
import * as Read from "./SettingValues.ts"

/** The modes that this version runs (SPEC §1). */
export const modes = ["network-anchor", "service-anchor", "external-rebinder", "wrap-rebinder"] as const
export type Mode = (typeof modes)[number]

/** A variable: its default as the operator would write it, one line for the help, and how its text is read. */
export interface Definition<A> {
  readonly fallback: string | undefined
  readonly help: string
  readonly read: Read.Reader<A>
  /** An empty value is a value of its own, not "unset". */
  readonly emptyCounts?: true
}

const define = <A>(fallback: string | undefined, help: string, read: Read.Reader<A>): Definition<A> => ({
  fallback,
  help,
  read
})

const addressModes = ["bootstrap", "dhcp-refresh", "slaac-ra-only"] as const

const ownLabel = (key: string): string | undefined =>
  key === "anchord.managed-by" || key.startsWith("com.docker.compose.")
    ? `the key "${key}" is set by anchord or Compose, and may not be given`
    : undefined

const noVariable = (key: string): string | undefined =>
  key === "" || key.includes("=") ? `"${key}" cannot be the name of a variable` : undefined

/** Variables that every mode knows. */
export const commonDefinitions = {
  ANCHORD_MODE: define("network-anchor", "what to run, unless the command line says it", Read.text),
  ANCHORD_LOG_LEVEL: define("info", "debug, info, warn or error", Read.oneOf("debug", "info", "warn", "error")),
  ANCHORD_LOG_FORMAT: define(
    undefined,
    "json or pretty; by default pretty on a terminal",
    Read.oneOf("json", "pretty")
  ),
  ANCHORD_METRICS_ADDR: {
    ...define<Read.MetricsAddress>(
      "127.0.0.1:9090",
      'listener for /metrics, /healthz, /readyz; "" switches it off',
      (value) => (value === "" ? Result.succeed({ _tag: "Off" }) : Read.metricsAddress(value))
    ),
    emptyCounts: true
  }
} as const

/** Variables of every mode that speaks to Docker. */
export const dockerDefinitions = {
  DOCKER_HOST: define(
    "unix:///var/run/docker.sock",
    "the Docker API: unix://, tcp://, http:// or https://",
    Read.dockerHost
  ),
  DOCKER_TLS_VERIFY: define(undefined, "non-empty: verify the Docker API's certificate", Read.text),
  DOCKER_CERT_PATH: define(undefined, "folder with ca.pem, cert.pem and key.pem for the Docker API", Read.text)
} as const

export const networkAnchorDefinitions = {
  ...commonDefinitions,
  ...dockerDefinitions,
  COMPOSE_PROJECT_NAME: define(undefined, "fallback for ANCHORD_PROJECT", Read.text),
  ANCHORD_PROJECT: define(undefined, "the Compose project to serve; default: COMPOSE_PROJECT_NAME", Read.text),
  ANCHORD_LABEL_SELECTOR: define(
    undefined,
    "key=value[,key=value]: serve containers with all of these labels instead",
    Read.selector
  ),
  ANCHORD_EXT_NETWORK: define(undefined, "Docker name of the external network (recommended)", Read.text),
  ANCHORD_EXT_IFACE: define("eth0", "external interface, used without ANCHORD_EXT_NETWORK", Read.text),
  ANCHORD_EXT_GATEWAY_IP: define(undefined, "default gateway: one IPv4 and/or one IPv6 address", Read.addressPair),
  ANCHORD_SHARED_NETWORK: define(undefined, "pins the network on which backends are reached", Read.text),
  ANCHORD_ADDRESS_MODE: define("bootstrap", addressModes.join(", "), Read.oneOf(...addressModes)),
  ANCHORD_DHCP_HOSTNAME: define(
    undefined,
    "host name announced to DHCP; default: the project, else the value of the first selector key",
    Read.hostname
  ),
  ANCHORD_DHCP_BACKOFF_MAX: define("5m", "longest wait between two DHCP attempts", Read.duration),
  ANCHORD_POLL_INTERVAL: define("30s", "full resync, as a safety net", Read.duration),
  ANCHORD_AUTOSTART_SIBLINGS: define("true", "start created containers whose namespace owner runs", Read.boolean),
  ANCHORD_AUTOFIX_DEAD_NETNS: define(
    "true",
    "repair dependents of service-anchors that anchord re-creates",
    Read.boolean
  ),
  ANCHORD_AUTOFIX_SCOPE: define("own", "own or project", Read.oneOf("own", "project")),
  ANCHORD_MANAGED_SA_TARGET: define(undefined, "container that gets a managed service-anchor", Read.container),
  ANCHORD_MANAGED_SA_NAME: define(undefined, "its name; default: <target>-service-anchor", Read.container),
  ANCHORD_MANAGED_SA_IMAGE: define(undefined, "its image; default: anchord's own", Read.text),
  ANCHORD_MANAGED_SA_GATEWAY_IP: define(undefined, "its gateway; default: anchord's own addresses", Read.addressPair),
  ANCHORD_MANAGED_SA_EXTRA_ENV: define(
    "{}",
    "JSON object of strings: further environment",
    Read.stringRecord(noVariable)
  ),
  ANCHORD_MANAGED_SA_LABELS: define("{}", "JSON object of strings: further labels", Read.stringRecord(ownLabel))
} as const

export const serviceAnchorDefinitions = {
  ...commonDefinitions,
  ANCHORD_GATEWAY_HOSTNAME: define("anchord", "name of the network-anchor, resolved through Docker DNS", Read.hostname),
  ANCHORD_GATEWAY_IP: define(undefined, "one IPv4 and/or one IPv6 address instead of a name", Read.addressPair),
  ANCHORD_GATEWAY_RESOLVE_INTERVAL: define("5s", "how often the name is resolved again", Read.duration)
} as const

export const externalRebinderDefinitions = {
  ...commonDefinitions,
  ...dockerDefinitions,
  ANCHORD_FOLLOW_NETWORK: define(
    undefined,
    "name of the Docker network to keep the container on (required)",
    Read.text
  ),
  ANCHORD_FOLLOW_TARGET: define(
    undefined,
    "Compose service of the own project, else container, that is kept there (required)",
    Read.container
  ),
  ANCHORD_FOLLOW_RESTART: define("false", "restart the container when it is back on the network", Read.boolean),
  ANCHORD_FOLLOW_EVENT_BACKOFF: define("2s", "wait before the second attempt to connect; doubles", Read.duration)
} as const

export const wrapRebinderDefinitions = {
  ...commonDefinitions,
  ...dockerDefinitions,
  ANCHORD_WRAP_POLL_INTERVAL: define("30s", "how often everything is looked at again, as a safety net", Read.duration),
  ANCHORD_WRAP_RESTART_TIMEOUT: define("10s", "how long a container has to stop before it is killed", Read.duration)
} as const

const definitions = {
  "network-anchor": networkAnchorDefinitions,
  "service-anchor": serviceAnchorDefinitions,
  "external-rebinder": externalRebinderDefinitions,
  "wrap-rebinder": wrapRebinderDefinitions
} as const

export const definitionsOf = (mode: Mode): Readonly<Record<string, Definition<unknown>>> => definitions[mode]

/** Every variable of every mode: a compose file may hold those of another one. */
export const knownVariables: ReadonlyArray<string> = [
  ...new Set(modes.flatMap((mode) => Object.keys(definitionsOf(mode))))
]
