import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { modes, type Mode } from "../../src/domain/SettingDefinitions.ts"
import { parseDockerSettings, parseSettings, type Environment } from "../../src/domain/Settings.ts"

const inProject: Environment = { ANCHORD_PROJECT: "mail" }

/** What no mode can do without. */
const needed: Environment = { ...inProject, ANCHORD_FOLLOW_NETWORK: "shop_back", ANCHORD_FOLLOW_TARGET: "web" }

const networkAnchor = (env: Environment) => Result.getOrThrow(parseSettings("network-anchor", env))

const serviceAnchor = (env: Environment) => Result.getOrThrow(parseSettings("service-anchor", env))

const externalRebinder = (env: Environment) => Result.getOrThrow(parseSettings("external-rebinder", env))

const wrapRebinder = (env: Environment) => Result.getOrThrow(parseSettings("wrap-rebinder", env))

const violations = (mode: Mode, env: Environment) => Result.getOrThrow(Result.flip(parseSettings(mode, env)))

const rulesOf = (mode: Mode, variable: string, value: string) => {
  const parsed = parseSettings(mode, { ...needed, [variable]: value })
  return Result.isSuccess(parsed) ? [] : parsed.failure
}

const DURATION = "must be a positive duration such as 500ms, 30s or 1m30s, or a whole number of seconds"
const BOOLEAN = "must be one of true, false, 1, 0, yes, no"
const HOST = "must be a host name"
const OBJECT = "must be a JSON object of strings"
const DOCKER = "must be unix:///path, tcp://host:port, http://host:port or https://host:port"
const CONTAINER = "must be the name of a container: letters, digits, _ . and -, at least two, not starting with a sign"
const LISTEN = 'must be host:port, :port or [v6]:port with a port from 1 to 65535, or "" for off'

const asDuration: ReadonlyArray<readonly [value: string, rule: string]> = [
  ["0", DURATION],
  ["0s", DURATION],
  ["-5s", DURATION],
  ["-5", DURATION],
  ["soon", DURATION],
  ["5 s", DURATION],
  ["5x", DURATION],
  ["1.5", DURATION],
  ["1m30", DURATION],
  ["s", DURATION],
  ["1e3s", DURATION],
  ["25d", DURATION],
  ["0.1ns", "must be at least 1ms"],
  ["999us", "must be at least 1ms"],
  ["999µs", "must be at least 1ms"],
  ["600h", "must be at most 24 days"],
  ["99999999", "must be at most 24 days"]
]

const asBoolean: ReadonlyArray<readonly [value: string, rule: string]> = [
  ["maybe", BOOLEAN],
  ["on", BOOLEAN],
  ["2", BOOLEAN],
  ["truee", BOOLEAN],
  ["constructor", BOOLEAN],
  ["__proto__", BOOLEAN]
]

const asAddressPair: ReadonlyArray<readonly [value: string, rule: string]> = [
  ["router", '"router" is not an IP address'],
  ["10.0.0.256", '"10.0.0.256" is not an IP address'],
  ["10.0.0.1/24", '"10.0.0.1/24" is not an IP address'],
  ["fe80::1%eth0", '"fe80::1%eth0" is not an IP address'],
  ["10.0.0.1,fd00::zz", '"fd00::zz" is not an IP address'],
  ["10.0.0.1,10.0.0.2", "there are two IPv4 addresses; at most one of each family"],
  ["fd00::1,fd00::2", "there are two IPv6 addresses; at most one of each family"],
  ["10.0.0.1,10.0.0.1", "there are two IPv4 addresses; at most one of each family"],
  [",", "must hold an IP address"]
]

const asHostname: ReadonlyArray<readonly [value: string, rule: string]> = [
  ["-mail", HOST],
  ["mail server", HOST],
  ["mail_server!", HOST],
  ["a..b", HOST],
  ["x".repeat(64), HOST],
  [`${"a".repeat(63)}.`.repeat(3) + "a".repeat(62), HOST]
]

const asStrings: ReadonlyArray<readonly [value: string, rule: string]> = [
  ["TZ=UTC", OBJECT],
  ["[]", OBJECT],
  ["null", OBJECT],
  ['"text"', OBJECT],
  ["{", OBJECT],
  ['{"A":"1","B":2}', 'the value of "B" is not a string'],
  ['{"A":null}', 'the value of "A" is not a string']
]

const asDockerHost: ReadonlyArray<readonly [value: string, rule: string]> = [
  ["/var/run/docker.sock", DOCKER],
  ["unix://", DOCKER],
  ["unix://var/run/docker.sock", DOCKER],
  ["ssh://host", DOCKER],
  ["tcp://", DOCKER],
  ["tcp://host:port", DOCKER],
  ["tcp://host:65536", DOCKER],
  ["tcp://host:0", DOCKER],
  ["http://host/path", DOCKER]
]

const asContainer: ReadonlyArray<readonly [value: string, rule: string]> = [
  ["-app", CONTAINER],
  ["a b", CONTAINER],
  ["a", CONTAINER],
  ["//app", CONTAINER],
  ["app/1", CONTAINER]
]

const common: Readonly<Record<string, ReadonlyArray<readonly [value: string, rule: string]>>> = {
  ANCHORD_LOG_LEVEL: [["loud", "must be one of debug, info, warn, error"]],
  ANCHORD_LOG_FORMAT: [["xml", "must be one of json, pretty"]],
  ANCHORD_METRICS_ADDR: [
    ["9090", LISTEN],
    ["localhost", LISTEN],
    ["localhost:", LISTEN],
    ["localhost:http", LISTEN],
    ["localhost:0", LISTEN],
    ["localhost:65536", LISTEN],
    ["::1:9090", LISTEN],
    ["[::1]", LISTEN],
    ["http://localhost:9090", LISTEN],
    ["localhost:9090/metrics", LISTEN],
    ["[127.0.0.1]:9090", '"127.0.0.1" is not an IPv6 address'],
    ["[::zz]:9090", '"::zz" is not an IPv6 address'],
    ["[]:9090", '"" is not an IPv6 address']
  ]
}

/** The environment and the labels of another container may hold passwords, and what is wrong is logged. */
const hidden = ["ANCHORD_MANAGED_SA_EXTRA_ENV", "ANCHORD_MANAGED_SA_LABELS"]

const told = (variable: string, value: string): string => (hidden.includes(variable) ? "(not shown)" : value)

const wrong: Readonly<Record<Mode, Readonly<Record<string, ReadonlyArray<readonly [value: string, rule: string]>>>>> = {
  "network-anchor": {
    ...common,
    DOCKER_HOST: asDockerHost,
    ANCHORD_LABEL_SELECTOR: [
      ["role", 'the entry "role" has no "=": entries are key=value'],
      ["role=mail,zone", 'the entry "zone" has no "=": entries are key=value'],
      ["=mail", 'the entry "=mail" has an empty key'],
      [" = mail", 'the entry "= mail" has an empty key'],
      [
        "role=mail,role=web",
        'the key "role" has two values, "mail" and "web"; all entries must match, so nothing could'
      ],
      ["role=,role=web", 'the key "role" has two values, "" and "web"; all entries must match, so nothing could'],
      [",", "must hold at least one key=value"]
    ],
    ANCHORD_EXT_GATEWAY_IP: asAddressPair,
    ANCHORD_ADDRESS_MODE: [["static", "must be one of bootstrap, dhcp-refresh, slaac-ra-only"]],
    ANCHORD_DHCP_HOSTNAME: asHostname,
    ANCHORD_DHCP_BACKOFF_MAX: asDuration,
    ANCHORD_POLL_INTERVAL: asDuration,
    ANCHORD_AUTOSTART_SIBLINGS: asBoolean,
    ANCHORD_AUTOFIX_DEAD_NETNS: asBoolean,
    ANCHORD_AUTOFIX_SCOPE: [["all", "must be one of own, project"]],
    ANCHORD_MANAGED_SA_TARGET: asContainer,
    ANCHORD_MANAGED_SA_NAME: asContainer,
    ANCHORD_MANAGED_SA_GATEWAY_IP: asAddressPair,
    ANCHORD_MANAGED_SA_EXTRA_ENV: [
      ...asStrings,
      ['{"":"x"}', '"" cannot be the name of a variable'],
      ['{"TZ":"UTC","A=B":"x"}', '"A=B" cannot be the name of a variable']
    ],
    ANCHORD_MANAGED_SA_LABELS: [
      ...asStrings,
      [
        '{"com.docker.compose.project":"x"}',
        'the key "com.docker.compose.project" is set by anchord or Compose, and may not be given'
      ],
      [
        '{"a":"b","anchord.managed-by":"me"}',
        'the key "anchord.managed-by" is set by anchord or Compose, and may not be given'
      ],
      [
        '{"com.docker.compose.service":"x","a":"b","anchord.managed-by":"me"}',
        'the key "com.docker.compose.service" is set by anchord or Compose, and may not be given; the key "anchord.managed-by" is set by anchord or Compose, and may not be given'
      ]
    ]
  },
  "service-anchor": {
    ...common,
    ANCHORD_GATEWAY_HOSTNAME: asHostname,
    ANCHORD_GATEWAY_IP: asAddressPair,
    ANCHORD_GATEWAY_RESOLVE_INTERVAL: asDuration
  },
  "external-rebinder": {
    ...common,
    DOCKER_HOST: asDockerHost,
    ANCHORD_FOLLOW_TARGET: asContainer,
    ANCHORD_FOLLOW_RESTART: asBoolean,
    ANCHORD_FOLLOW_EVENT_BACKOFF: asDuration
  },
  "wrap-rebinder": {
    ...common,
    DOCKER_HOST: asDockerHost,
    ANCHORD_WRAP_POLL_INTERVAL: asDuration,
    ANCHORD_WRAP_RESTART_TIMEOUT: asDuration
  }
}

for (const mode of modes) {
  describe(`a wrong value in ${mode} mode`, () => {
    for (const [variable, cases] of Object.entries(wrong[mode])) {
      it.each(cases)(`${variable}="%s": %s`, (value, rule) => {
        expect(rulesOf(mode, variable, value)).toEqual([{ variable, value: told(variable, value.trim()), rule }])
      })
    }

    it("is reported with all the others in one run, without the blanks around it", () => {
      const all = Object.entries(wrong[mode]).flatMap(([variable, cases]) =>
        cases.slice(0, 1).map(([value, rule]) => ({ variable, value, rule }))
      )
      const env = Object.fromEntries(all.map(({ variable, value }) => [variable, ` ${value}\t`]))
      const expected = all.map(({ variable, value, rule }) => ({ variable, value: told(variable, value), rule }))
      expect(new Set(violations(mode, { ...needed, ...env }))).toEqual(new Set(expected))
    })
  })
}

describe("every mode", () => {
  const metricsOf = (value: string | undefined) =>
    modes.map((mode) => {
      const env = { ...needed, ANCHORD_METRICS_ADDR: value }
      return Result.getOrThrow(parseSettings(mode, env)).settings.metrics
    })

  it("logs at info, in the format that fits, and listens on the loopback", () => {
    for (const mode of modes) {
      expect(Result.getOrThrow(parseSettings(mode, needed)).settings).toMatchObject({
        logLevel: "info",
        logFormat: undefined,
        metrics: { _tag: "Tcp", host: "127.0.0.1", port: 9090 }
      })
    }
  })

  it("takes each log level and format", () => {
    for (const mode of modes) {
      for (const level of ["debug", "info", "warn", "error"])
        expect(
          Result.getOrThrow(parseSettings(mode, { ...needed, ANCHORD_LOG_LEVEL: ` ${level} ` })).settings.logLevel
        ).toBe(level)
      for (const format of ["json", "pretty"])
        expect(
          Result.getOrThrow(parseSettings(mode, { ...needed, ANCHORD_LOG_FORMAT: format })).settings.logFormat
        ).toBe(format)
    }
  })

  it("listens on host:port, on all addresses for :port, and on [v6]:port", () => {
    const cases: ReadonlyArray<readonly [string, string | undefined, number]> = [
      ["0.0.0.0:1", "0.0.0.0", 1],
      ["metrics.internal:65535", "metrics.internal", 65_535],
      [":8080", undefined, 8_080],
      ["[::1]:8080", "::1", 8_080],
      ["[::]:8080", "::", 8_080],
      [" :8080 ", undefined, 8_080]
    ]
    for (const [value, host, port] of cases)
      for (const metrics of metricsOf(value)) expect(metrics).toEqual({ _tag: "Tcp", host, port })
  })

  it("switches the listener off for an empty address, which is not the same as none", () => {
    for (const value of ["", "   "]) for (const metrics of metricsOf(value)) expect(metrics).toEqual({ _tag: "Off" })
    for (const metrics of metricsOf(undefined)) expect(metrics._tag).toBe("Tcp")
  })

  it("takes an empty or blank value of any other variable for unset", () => {
    for (const mode of modes) {
      const plain = Result.getOrThrow(parseSettings(mode, needed)).settings
      for (const variable of Object.keys(wrong[mode]).filter(
        (name) => name !== "ANCHORD_METRICS_ADDR" && needed[name] === undefined
      ))
        for (const blank of ["", "  \t"])
          expect(Result.getOrThrow(parseSettings(mode, { ...needed, [variable]: blank })).settings).toEqual(plain)
    }
  })
})

describe("network-anchor mode", () => {
  it("needs nothing but a project", () => {
    expect(networkAnchor(inProject)).toEqual({
      settings: {
        mode: "network-anchor",
        logLevel: "info",
        logFormat: undefined,
        metrics: { _tag: "Tcp", host: "127.0.0.1", port: 9090 },
        docker: { host: "unix:///var/run/docker.sock", tlsVerify: false, certPath: undefined },
        scope: { _tag: "Project", project: "mail" },
        project: "mail",
        lifecycle: { autostart: true, autofix: "own", managed: undefined },
        external: { _tag: "Interface", name: "eth0" },
        gateway: {},
        sharedNetwork: undefined,
        addressMode: "bootstrap",
        dhcp: { hostname: "mail", backoffMax: Duration.minutes(5) },
        pollInterval: Duration.seconds(30)
      },
      warnings: []
    })
  })

  it("announces its own host name to DHCP, else the project, else the value of the first selector key", () => {
    const hostnameOf = (env: Environment) => networkAnchor(env).settings.dhcp.hostname
    expect(hostnameOf({ ...inProject, ANCHORD_DHCP_HOSTNAME: "mx1" })).toBe("mx1")
    const longest = `${"a".repeat(63)}.`.repeat(3) + "a".repeat(61)
    expect(hostnameOf({ ...inProject, ANCHORD_DHCP_HOSTNAME: longest })).toBe(longest)
    expect(hostnameOf({ ANCHORD_LABEL_SELECTOR: "role=web,app=shop" })).toBe("shop")
    expect(hostnameOf({ ANCHORD_LABEL_SELECTOR: "app=__my__web-shop.eu!!" })).toBe("my-web-shop-eu")
    expect(hostnameOf({ ANCHORD_LABEL_SELECTOR: "app=" })).toBe("anchord")
    expect(hostnameOf({ ...inProject, ANCHORD_LABEL_SELECTOR: "app=shop" })).toBe("mail")
    expect(networkAnchor({ ...inProject, ANCHORD_DHCP_BACKOFF_MAX: "90s" }).settings.dhcp.backoffMax).toEqual(
      Duration.seconds(90)
    )
  })

  it("takes the project from Compose, and its own variable first", () => {
    expect(networkAnchor({ COMPOSE_PROJECT_NAME: "shop" }).settings.scope).toEqual({ _tag: "Project", project: "shop" })
    expect(networkAnchor({ COMPOSE_PROJECT_NAME: "shop", ANCHORD_PROJECT: " mail " })).toMatchObject({
      settings: { scope: { _tag: "Project", project: "mail" } },
      warnings: []
    })
    expect(networkAnchor({ COMPOSE_PROJECT_NAME: "shop", ANCHORD_PROJECT: "" }).settings.scope).toEqual({
      _tag: "Project",
      project: "shop"
    })
  })

  it("refuses to serve nothing in particular, along with everything else that is wrong", () => {
    const missing = {
      variable: "ANCHORD_PROJECT",
      value: "",
      rule: "is required, unless COMPOSE_PROJECT_NAME or ANCHORD_LABEL_SELECTOR is set"
    }
    for (const env of [{}, { ANCHORD_PROJECT: " " }, { ANCHORD_LABEL_SELECTOR: "" }])
      expect(violations("network-anchor", env)).toEqual([missing])
    expect(violations("network-anchor", { ANCHORD_LOG_LEVEL: "loud" })).toEqual([
      { variable: "ANCHORD_LOG_LEVEL", value: "loud", rule: "must be one of debug, info, warn, error" },
      missing
    ])
  })

  it("does not ask for a project when the selector is set but wrong", () => {
    expect(violations("network-anchor", { ANCHORD_LABEL_SELECTOR: "role" }).map(({ variable }) => variable)).toEqual([
      "ANCHORD_LABEL_SELECTOR"
    ])
  })

  it("reads a selector: every pair, blanks around, the empty value, one pair twice", () => {
    const labelsOf = (selector: string) => networkAnchor({ ANCHORD_LABEL_SELECTOR: selector }).settings.scope
    expect(labelsOf("role=mail")).toEqual({ _tag: "Selector", labels: { role: "mail" } })
    expect(labelsOf(" role = mail , zone=dmz, ,")).toEqual({ _tag: "Selector", labels: { role: "mail", zone: "dmz" } })
    expect(labelsOf("role=")).toEqual({ _tag: "Selector", labels: { role: "" } })
    expect(labelsOf("role=mail,role=mail")).toEqual({ _tag: "Selector", labels: { role: "mail" } })
    expect(labelsOf("query=a=b")).toEqual({ _tag: "Selector", labels: { query: "a=b" } })
  })

  it("lets a selector replace the project, and warns when both are set", () => {
    const env = { ANCHORD_LABEL_SELECTOR: "role=mail", ANCHORD_PROJECT: "mail" }
    expect(networkAnchor(env)).toMatchObject({
      settings: { scope: { _tag: "Selector", labels: { role: "mail" } } },
      warnings: ["ANCHORD_LABEL_SELECTOR and ANCHORD_PROJECT are both set; ANCHORD_LABEL_SELECTOR wins"]
    })
    expect(networkAnchor({ ANCHORD_LABEL_SELECTOR: "role=mail", COMPOSE_PROJECT_NAME: "mail" }).warnings).toEqual([])
  })

  it("finds the external interface by its network before its name, and warns when both are set", () => {
    expect(networkAnchor({ ...inProject, ANCHORD_EXT_IFACE: "eth3" }).settings.external).toEqual({
      _tag: "Interface",
      name: "eth3"
    })
    expect(networkAnchor({ ...inProject, ANCHORD_EXT_NETWORK: "dmz" })).toMatchObject({
      settings: { external: { _tag: "Network", network: "dmz" } },
      warnings: []
    })
    expect(networkAnchor({ ...inProject, ANCHORD_EXT_NETWORK: "dmz", ANCHORD_EXT_IFACE: "eth3" })).toMatchObject({
      settings: { external: { _tag: "Network", network: "dmz" } },
      warnings: ["ANCHORD_EXT_NETWORK and ANCHORD_EXT_IFACE are both set; ANCHORD_EXT_NETWORK wins"]
    })
  })

  it("takes one gateway of each family, in canonical form", () => {
    const gatewayOf = (value: string) => networkAnchor({ ...inProject, ANCHORD_EXT_GATEWAY_IP: value }).settings.gateway
    expect(gatewayOf("10.0.0.1")).toEqual({ v4: "10.0.0.1" })
    expect(gatewayOf("FE80:0::1")).toEqual({ v6: "fe80::1" })
    expect(gatewayOf(" fd00::1 , 10.0.0.1 ")).toEqual({ v4: "10.0.0.1", v6: "fd00::1" })
  })

  it("takes the address modes that are built, and the shared network as it is written", () => {
    for (const addressMode of ["bootstrap", "slaac-ra-only"])
      expect(networkAnchor({ ...inProject, ANCHORD_ADDRESS_MODE: addressMode }).settings.addressMode).toBe(addressMode)
    expect(networkAnchor({ ...inProject, ANCHORD_SHARED_NETWORK: "mail_transit" }).settings.sharedNetwork).toBe(
      "mail_transit"
    )
  })

  it("reads durations in Go's notation and as whole seconds", () => {
    const cases: ReadonlyArray<readonly [string, number]> = [
      ["1ms", 1],
      ["1000us", 1],
      ["500ms", 500],
      ["30s", 30_000],
      ["1m30s", 90_000],
      ["2h45m", 9_900_000],
      ["1.5s", 1_500],
      [".5s", 500],
      ["1.25s", 1_250],
      [".25s", 250],
      ["45", 45_000],
      ["007", 7_000],
      ["500h", 1_800_000_000]
    ]
    for (const [value, millis] of cases)
      expect(
        Duration.toMillis(networkAnchor({ ...inProject, ANCHORD_POLL_INTERVAL: value }).settings.pollInterval)
      ).toBe(millis)
  })

  it("reads booleans in each notation and any case", () => {
    for (const variable of ["ANCHORD_AUTOSTART_SIBLINGS", "ANCHORD_AUTOFIX_DEAD_NETNS"])
      for (const value of ["true", "FALSE", "1", "0", "Yes", "no"])
        expect(rulesOf("network-anchor", variable, value)).toEqual([])
  })

  it("finds Docker at each kind of address, with TLS when it is asked for", () => {
    for (const host of [
      "unix:///run/user/1000/docker.sock",
      "tcp://socket-proxy:2375",
      "tcp://10.0.0.2",
      "tcp://10.0.0.2:65535",
      "http://[fd00::2]:2375/",
      "https://docker.internal:2376"
    ])
      expect(networkAnchor({ ...inProject, DOCKER_HOST: host }).settings.docker.host).toBe(host)
    expect(
      networkAnchor({ ...inProject, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/certs" }).settings.docker
    ).toMatchObject({ tlsVerify: true, certPath: "/certs" })
    expect(networkAnchor({ ...inProject, DOCKER_TLS_VERIFY: "" }).settings.docker.tlsVerify).toBe(false)
  })

  it("repairs what it broke itself, unless it is told to leave it, or to repair more", () => {
    const autofixOf = (env: Environment) => networkAnchor({ ...inProject, ...env }).settings.lifecycle.autofix
    expect(autofixOf({ ANCHORD_AUTOFIX_SCOPE: "own" })).toBe("own")
    expect(autofixOf({ ANCHORD_AUTOFIX_SCOPE: "Project" })).toBe("project")
    expect(autofixOf({ ANCHORD_AUTOFIX_DEAD_NETNS: "no" })).toBe("off")
    expect(autofixOf({ ANCHORD_AUTOFIX_DEAD_NETNS: "no", ANCHORD_AUTOFIX_SCOPE: "project" })).toBe("off")
    expect(networkAnchor({ ...inProject, ANCHORD_AUTOSTART_SIBLINGS: "0" }).settings.lifecycle.autostart).toBe(false)
  })

  it("manages a service-anchor only for a target, and calls it after that", () => {
    const managedOf = (env: Environment) => networkAnchor({ ...inProject, ...env }).settings.lifecycle.managed
    expect(managedOf({ ANCHORD_MANAGED_SA_TARGET: " /ldap " })).toEqual({
      target: "ldap",
      name: "ldap-service-anchor",
      image: undefined,
      gateway: undefined,
      environment: {},
      labels: {}
    })
    expect(
      managedOf({
        ANCHORD_MANAGED_SA_TARGET: "ldap",
        ANCHORD_MANAGED_SA_NAME: "/ldap-anchor",
        ANCHORD_MANAGED_SA_IMAGE: "anchord:3",
        ANCHORD_MANAGED_SA_GATEWAY_IP: "fd00::2,10.0.0.2",
        ANCHORD_MANAGED_SA_EXTRA_ENV: '{"TZ":"UTC"}',
        ANCHORD_MANAGED_SA_LABELS: '{"anchord.expose":"tcp/636:6636"}'
      })
    ).toEqual({
      target: "ldap",
      name: "ldap-anchor",
      image: "anchord:3",
      gateway: { v4: "10.0.0.2", v6: "fd00::2" },
      environment: { TZ: "UTC" },
      labels: { "anchord.expose": "tcp/636:6636" }
    })
  })

  it("does not take the target itself for the service-anchor that it manages", () => {
    expect(
      violations("network-anchor", {
        ...inProject,
        ANCHORD_MANAGED_SA_TARGET: "ldap",
        ANCHORD_MANAGED_SA_NAME: "/ldap"
      })
    ).toEqual([
      { variable: "ANCHORD_MANAGED_SA_NAME", value: "ldap", rule: "must not be that of ANCHORD_MANAGED_SA_TARGET" }
    ])
  })

  it("warns of what says how to manage a service-anchor when there is no target", () => {
    const { settings, warnings } = networkAnchor({ ...inProject, ANCHORD_MANAGED_SA_NAME: "ldap-anchor" })
    expect(settings.lifecycle.managed).toBeUndefined()
    expect(warnings).toContain("ANCHORD_MANAGED_SA_NAME has no effect without ANCHORD_MANAGED_SA_TARGET")
  })

  it("warns of ports of a managed service-anchor that no project's scope holds", () => {
    const env = {
      ANCHORD_PROJECT: "mail",
      ANCHORD_MANAGED_SA_TARGET: "ldap",
      ANCHORD_MANAGED_SA_LABELS: '{"anchord.expose":"tcp/389"}'
    }
    const warningsOf = (more: Readonly<Record<string, string>>) =>
      Result.getOrThrow(parseSettings("network-anchor", { ...env, ...more })).warnings
    expect(warningsOf({})).toEqual([
      expect.stringMatching(
        /^ANCHORD_MANAGED_SA_LABELS has anchord\.expose, which has no effect without ANCHORD_LABEL_SELECTOR/
      )
    ])
    expect(warningsOf({ ANCHORD_PROJECT: "", ANCHORD_LABEL_SELECTOR: "a=b" })).toEqual([])
    expect(warningsOf({ ANCHORD_MANAGED_SA_LABELS: "{}" })).toEqual([])
  })

  it("knows its project also where a selector replaces it", () => {
    const projectOf = (env: Environment) =>
      networkAnchor({ ANCHORD_LABEL_SELECTOR: "role=mail", ...env }).settings.project
    expect(projectOf({})).toBeUndefined()
    expect(projectOf({ COMPOSE_PROJECT_NAME: "mail" })).toBe("mail")
  })

  it("does not speak of a variable that it does not know when that is empty", () => {
    expect(networkAnchor({ ...inProject, ANCHORD_POL_INTERVAL: " " }).warnings).toEqual([])
  })
})

describe("service-anchor mode", () => {
  it("needs nothing at all", () => {
    expect(serviceAnchor({})).toEqual({
      settings: {
        mode: "service-anchor",
        logLevel: "info",
        logFormat: undefined,
        metrics: { _tag: "Tcp", host: "127.0.0.1", port: 9090 },
        gatewayHostname: "anchord",
        gateway: undefined,
        resolveInterval: Duration.seconds(5)
      },
      warnings: []
    })
  })

  it("looks for the gateway by another name, as often as it is told", () => {
    const { settings } = serviceAnchor({
      ANCHORD_GATEWAY_HOSTNAME: " mail_anchord.internal. ",
      ANCHORD_GATEWAY_RESOLVE_INTERVAL: "500ms"
    })
    expect(settings.gatewayHostname).toBe("mail_anchord.internal.")
    expect(settings.resolveInterval).toEqual(Duration.millis(500))
  })

  it("takes addresses before the name, and warns when both are set", () => {
    expect(serviceAnchor({ ANCHORD_GATEWAY_IP: "fd00::2,10.0.0.2" })).toMatchObject({
      settings: { gateway: { v4: "10.0.0.2", v6: "fd00::2" } },
      warnings: []
    })
    expect(serviceAnchor({ ANCHORD_GATEWAY_IP: "10.0.0.2", ANCHORD_GATEWAY_HOSTNAME: "anchord" })).toMatchObject({
      settings: { gateway: { v4: "10.0.0.2" } },
      warnings: ["ANCHORD_GATEWAY_IP and ANCHORD_GATEWAY_HOSTNAME are both set; ANCHORD_GATEWAY_IP wins"]
    })
  })
})

describe("external-rebinder mode", () => {
  const follow: Environment = { ANCHORD_FOLLOW_NETWORK: "shop_back", ANCHORD_FOLLOW_TARGET: "web" }

  it("needs a network and a container, and says so of each that is missing", () => {
    expect(externalRebinder(follow)).toEqual({
      settings: {
        mode: "external-rebinder",
        logLevel: "info",
        logFormat: undefined,
        metrics: { _tag: "Tcp", host: "127.0.0.1", port: 9090 },
        docker: { host: "unix:///var/run/docker.sock", tlsVerify: false, certPath: undefined },
        network: "shop_back",
        target: "web",
        restart: false,
        backoff: Duration.seconds(2)
      },
      warnings: []
    })
    const missing = (variable: string) => ({ variable, value: "", rule: "is required" })
    expect(violations("external-rebinder", {})).toEqual([
      missing("ANCHORD_FOLLOW_NETWORK"),
      missing("ANCHORD_FOLLOW_TARGET")
    ])
    expect(violations("external-rebinder", { ...follow, ANCHORD_FOLLOW_TARGET: " " })).toEqual([
      missing("ANCHORD_FOLLOW_TARGET")
    ])
  })

  it("takes the container's name as Docker writes it, and the wait and the restart as they are asked for", () => {
    const { settings } = externalRebinder({
      ...follow,
      ANCHORD_FOLLOW_TARGET: "/web-1",
      ANCHORD_FOLLOW_RESTART: "yes",
      ANCHORD_FOLLOW_EVENT_BACKOFF: "500ms",
      DOCKER_HOST: "tcp://proxy:2375"
    })
    expect(settings).toMatchObject({ target: "web-1", restart: true, backoff: Duration.millis(500) })
    expect(settings.docker.host).toBe("tcp://proxy:2375")
  })

  it("warns of the variables of other modes", () => {
    expect(externalRebinder({ ...follow, ...inProject }).warnings).toEqual([
      "ANCHORD_PROJECT has no meaning in mode external-rebinder"
    ])
  })
})

describe("wrap-rebinder mode", () => {
  it("needs nothing at all", () => {
    expect(wrapRebinder({})).toEqual({
      settings: {
        mode: "wrap-rebinder",
        logLevel: "info",
        logFormat: undefined,
        metrics: { _tag: "Tcp", host: "127.0.0.1", port: 9090 },
        docker: { host: "unix:///var/run/docker.sock", tlsVerify: false, certPath: undefined },
        pollInterval: Duration.seconds(30),
        stopTimeout: Duration.seconds(10)
      },
      warnings: []
    })
  })

  it("takes its two durations", () => {
    expect(
      wrapRebinder({ ANCHORD_WRAP_POLL_INTERVAL: "1m", ANCHORD_WRAP_RESTART_TIMEOUT: "3" }).settings
    ).toMatchObject({ pollInterval: Duration.minutes(1), stopTimeout: Duration.seconds(3) })
  })
})

describe("what only asks Docker", () => {
  it("needs to know where that is, and nothing else", () => {
    const docker = { host: "unix:///var/run/docker.sock", tlsVerify: false, certPath: undefined }
    expect(parseDockerSettings({ ANCHORD_LOG_LEVEL: "loud" })).toEqual(
      Result.succeed({ settings: docker, warnings: [] })
    )
    expect(parseDockerSettings({ DOCKER_HOST: "ssh://host" })).toEqual(
      Result.fail([{ variable: "DOCKER_HOST", value: "ssh://host", rule: DOCKER }])
    )
  })

  it("is told without the name and the password in an address, which are logged otherwise", () => {
    for (const login of ["user:hunter2", "hunter2", "user:hunter2/@:"])
      expect(parseDockerSettings({ DOCKER_HOST: `https://${login}@host:2376` })).toEqual(
        Result.fail([{ variable: "DOCKER_HOST", value: "https://(not shown)@host:2376", rule: DOCKER }])
      )
  })
})

describe("a variable that the mode does not know", () => {
  it("is a warning that names the nearest one", () => {
    expect(networkAnchor({ ...inProject, ANCHORD_POLL_INTERVALL: "30s" }).warnings).toEqual([
      "ANCHORD_POLL_INTERVALL is not a variable of anchord; the nearest is ANCHORD_POLL_INTERVAL"
    ])
    expect(networkAnchor({ ...inProject, ANCHORD_EXT_NETWROK: "dmz" }).warnings).toEqual([
      "ANCHORD_EXT_NETWROK is not a variable of anchord; the nearest is ANCHORD_EXT_NETWORK"
    ])
    expect(serviceAnchor({ ANCHORD_GATEWAY_HOST: "anchord" }).warnings).toEqual([
      "ANCHORD_GATEWAY_HOST is not a variable of anchord; the nearest is ANCHORD_GATEWAY_HOSTNAME"
    ])
  })

  it("is a warning that names the mode when another mode knows it", () => {
    expect(serviceAnchor(inProject).warnings).toEqual(["ANCHORD_PROJECT has no meaning in mode service-anchor"])
    expect(networkAnchor({ ...inProject, ANCHORD_FOLLOW_NETWORK: "dmz" }).warnings).toEqual([
      "ANCHORD_FOLLOW_NETWORK has no meaning in mode network-anchor"
    ])
  })

  it("is no warning when it is somebody else's", () => {
    expect(networkAnchor({ ...inProject, PATH: "/bin", OTEL_SERVICE_NAME: "x", TZ: "UTC" }).warnings).toEqual([])
  })

  it("is a warning for each of several, by the alphabet", () => {
    const { warnings } = networkAnchor({ ...inProject, ANCHORD_ZZ: "1", ANCHORD_AA: "1" })
    expect(warnings.map((warning) => warning.split(" ")[0])).toEqual(["ANCHORD_AA", "ANCHORD_ZZ"])
  })

  it("stays a warning, whatever its value", () => {
    expect(Result.isSuccess(parseSettings("network-anchor", { ...inProject, ANCHORD_POL: "???" }))).toBe(true)
  })
})
