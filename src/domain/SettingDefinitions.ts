import * as Result from "effect/Result"
import * as Read from "./SettingValues.ts"

/** The modes that this version runs (SPEC §1). */
export const modes = ["network-anchor", "service-anchor", "external-rebinder", "wrap-rebinder"] as const
export type Mode = (typeof modes)[number]

/**
 * A variable: its default as the operator would write it, one line for help and README (with what is typed in backticks), and how its text is
 * read.
 */
export interface Definition<A> {
  readonly fallback: string | undefined
  readonly help: string
  readonly read: Read.Reader<A>
  /** An empty value is a value of its own, not "unset". */
  readonly emptyCounts?: true
  /** What is wrong with it is told without the value. */
  readonly mayHoldSecrets?: true
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
  ANCHORD_MODE: define(
    "network-anchor",
    "what to run, unless the command line says it (`command: [service-anchor]`)",
    Read.text
  ),
  ANCHORD_LOG_LEVEL: define("info", "`debug`, `info`, `warn` or `error`", Read.oneOf("debug", "info", "warn", "error")),
  ANCHORD_LOG_FORMAT: define(
    undefined,
    "`json` or `pretty`; by default pretty on a terminal, and JSON elsewhere",
    Read.oneOf("json", "pretty")
  ),
  ANCHORD_METRICS_ADDR: {
    ...define<Read.MetricsAddress>(
      "127.0.0.1:9090",
      'listener: `host:port`, `:port` for all addresses, `[v6]:port`; `""` switches it off',
      (value) => (value === "" ? Result.succeed({ _tag: "Off" }) : Read.metricsAddress(value))
    ),
    emptyCounts: true
  }
} as const

/** Variables of every mode that speaks to Docker. */
export const dockerDefinitions = {
  DOCKER_HOST: define(
    "unix:///var/run/docker.sock",
    "the Docker API: `unix://`, `tcp://`, `http://` or `https://`",
    Read.dockerHost
  ),
  DOCKER_TLS_VERIFY: define(undefined, "not empty: `tcp://` means TLS, and the certificate is verified", Read.text),
  DOCKER_CERT_PATH: define(undefined, "folder of `ca.pem`, `cert.pem` and `key.pem` for the Docker API", Read.text)
} as const

export const networkAnchorDefinitions = {
  ...commonDefinitions,
  ...dockerDefinitions,
  COMPOSE_PROJECT_NAME: define(undefined, "what `ANCHORD_PROJECT` is by default", Read.text),
  ANCHORD_PROJECT: define(
    undefined,
    "the Compose project to serve; required, unless `COMPOSE_PROJECT_NAME` or a selector is set",
    Read.text
  ),
  ANCHORD_LABEL_SELECTOR: define(
    undefined,
    "`key=value[,key=value…]`: serve the containers with all of these labels instead, whatever their project",
    Read.selector
  ),
  ANCHORD_EXT_NETWORK: define(
    undefined,
    "Docker name (or ID) of the external network; the interface is found by its MAC address (recommended)",
    Read.text
  ),
  ANCHORD_EXT_IFACE: define(
    "eth0",
    "the external interface by name; used only without `ANCHORD_EXT_NETWORK`",
    Read.text
  ),
  ANCHORD_EXT_GATEWAY_IP: define(
    undefined,
    "default gateway: one IPv4 and/or one IPv6 address, with a comma between; default: the one that Docker knows",
    Read.addressPair
  ),
  ANCHORD_SHARED_NETWORK: define(
    undefined,
    "the network on which backends are reached; default: the one with the most backends on it",
    Read.text
  ),
  ANCHORD_ADDRESS_MODE: define(
    "bootstrap",
    "`bootstrap`, `dhcp-refresh` or `slaac-ra-only`",
    Read.oneOf(...addressModes)
  ),
  ANCHORD_DHCP_HOSTNAME: define(
    undefined,
    "announced to DHCP, and in the client-id; default: the project, else the value of the first selector key",
    Read.hostname
  ),
  ANCHORD_DHCP_BACKOFF_MAX: define(
    "5m",
    "the longest wait before a DHCP client that ended is started again",
    Read.duration
  ),
  ANCHORD_POLL_INTERVAL: define(
    "30s",
    "how often everything is read and compared again, as a safety net",
    Read.duration
  ),
  ANCHORD_AUTOSTART_SIBLINGS: define(
    "true",
    "start what was created and never started, once the container whose namespace it joins runs",
    Read.boolean
  ),
  ANCHORD_AUTOFIX_DEAD_NETNS: define(
    "true",
    "repair what hangs on a service-anchor that anchord re-creates or restarts; `false`: only tell of it",
    Read.boolean
  ),
  ANCHORD_AUTOFIX_SCOPE: define(
    "own",
    "`own`: that and no more; `project`: all of the project in dead namespaces, whoever caused it",
    Read.oneOf("own", "project")
  ),
  ANCHORD_MANAGED_SA_TARGET: define(
    undefined,
    "name or ID of a container that gets a managed service-anchor while it runs",
    Read.container
  ),
  ANCHORD_MANAGED_SA_NAME: define(undefined, "its name; default: `<target>-service-anchor`", Read.container),
  ANCHORD_MANAGED_SA_IMAGE: define(undefined, "its image; default: anchord's own", Read.text),
  ANCHORD_MANAGED_SA_GATEWAY_IP: define(
    undefined,
    "its gateway; default: anchord's own addresses on the shared network",
    Read.addressPair
  ),
  ANCHORD_MANAGED_SA_EXTRA_ENV: {
    ...define("{}", "its further environment, a JSON object of strings", Read.stringRecord(noVariable)),
    mayHoldSecrets: true
  },
  ANCHORD_MANAGED_SA_LABELS: {
    ...define("{}", "its further labels, a JSON object of strings", Read.stringRecord(ownLabel)),
    mayHoldSecrets: true
  }
} as const

export const serviceAnchorDefinitions = {
  ...commonDefinitions,
  ANCHORD_GATEWAY_HOSTNAME: define(
    "anchord",
    "the network-anchor's service name, resolved through Docker's DNS",
    Read.hostname
  ),
  ANCHORD_GATEWAY_IP: define(
    undefined,
    "one IPv4 and/or one IPv6 address instead of a name, with a comma between; then nothing is resolved",
    Read.addressPair
  ),
  ANCHORD_GATEWAY_RESOLVE_INTERVAL: define(
    "5s",
    "how often the name is looked up again; a change of address is noticed sooner",
    Read.duration
  )
} as const

export const externalRebinderDefinitions = {
  ...commonDefinitions,
  ...dockerDefinitions,
  ANCHORD_FOLLOW_NETWORK: define(undefined, "name of the Docker network; required", Read.text),
  ANCHORD_FOLLOW_TARGET: define(
    undefined,
    "the Compose service of the rebinder's own project, else the container, that is kept on it; required",
    Read.container
  ),
  ANCHORD_FOLLOW_RESTART: define("false", "restart it when it is back on the network", Read.boolean),
  ANCHORD_FOLLOW_EVENT_BACKOFF: define("2s", "the wait before the second attempt to connect; it doubles", Read.duration)
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
