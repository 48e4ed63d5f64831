import * as fc from "fast-check"
import type { Mode } from "../../src/domain/SettingDefinitions.ts"

interface Values {
  readonly good: ReadonlyArray<string>
  readonly bad: ReadonlyArray<string>
}

const anything = (...good: ReadonlyArray<string>): Values => ({ good, bad: [] })

const durations: Values = { good: ["500ms", "30s", "1m30s", "45", "1.5h"], bad: ["0", "-1s", "soon", "1m30", "1000h"] }

const booleans: Values = { good: ["true", "FALSE", "1", "0", "Yes", "no"], bad: ["on", "2", "maybe", "constructor"] }

const addresses: Values = {
  good: ["10.0.0.1", "fd00::1", "10.0.0.1, fd00::1", "fd00::1,10.0.0.1"],
  bad: ["router", "10.0.0.1/24", "10.0.0.1,10.0.0.2", "fd00::1,fd00::2", ","]
}

const hostnames: Values = { good: ["anchord", "mail-1.example.org", "a_b"], bad: ["-mail", "mail server", "a..b"] }

const strings: Values = { good: ["{}", '{"TZ":"UTC"}'], bad: ["TZ=UTC", "[]", '{"A":1}'] }

const containers: Values = { good: ["app", "/app_1", "a.b-c"], bad: ["-app", "a b", "//app"] }

const dockerHosts: Values = {
  good: ["unix:///run/docker.sock", "tcp://proxy:2375", "http://[fd00::1]:80"],
  bad: ["docker", "ssh://x"]
}

const common: Readonly<Record<string, Values>> = {
  ANCHORD_LOG_LEVEL: { good: ["debug", "info", "warn", "error"], bad: ["loud", "trace"] },
  ANCHORD_LOG_FORMAT: { good: ["json", "pretty"], bad: ["xml"] },
  ANCHORD_METRICS_ADDR: { good: [":9090", "localhost:1", "[::1]:65535", ""], bad: ["9090", ":0", ":65536", "::1:9090"] }
}

/** Good and bad values of every variable that may have bad ones, and of some that may not. */
export const valuesOf: Readonly<Record<Mode, Readonly<Record<string, Values>>>> = {
  "network-anchor": {
    ...common,
    DOCKER_HOST: dockerHosts,
    ANCHORD_LABEL_SELECTOR: { good: ["a=b", "a=b, c=", "a=b,a=b"], bad: ["a", "=b", "a=b,a=c", ","] },
    ANCHORD_EXT_NETWORK: anything("dmz"),
    ANCHORD_EXT_IFACE: anything("eth1", "macvlan0"),
    ANCHORD_EXT_GATEWAY_IP: addresses,
    ANCHORD_SHARED_NETWORK: anything("transit"),
    ANCHORD_ADDRESS_MODE: { good: ["bootstrap", "slaac-ra-only"], bad: ["static", "dhcp"] },
    ANCHORD_DHCP_HOSTNAME: hostnames,
    ANCHORD_DHCP_BACKOFF_MAX: durations,
    ANCHORD_POLL_INTERVAL: durations,
    ANCHORD_AUTOSTART_SIBLINGS: booleans,
    ANCHORD_AUTOFIX_DEAD_NETNS: booleans,
    ANCHORD_AUTOFIX_SCOPE: { good: ["own", "project"], bad: ["all"] },
    ANCHORD_MANAGED_SA_TARGET: containers,
    ANCHORD_MANAGED_SA_NAME: { ...containers, good: ["sa", "/app-anchor"] },
    ANCHORD_MANAGED_SA_IMAGE: anything("anchord:3"),
    ANCHORD_MANAGED_SA_GATEWAY_IP: addresses,
    ANCHORD_MANAGED_SA_EXTRA_ENV: { ...strings, bad: [...strings.bad, '{"A=B":"x"}'] },
    ANCHORD_MANAGED_SA_LABELS: { ...strings, bad: [...strings.bad, '{"anchord.managed-by":"x"}'] }
  },
  "service-anchor": {
    ...common,
    ANCHORD_GATEWAY_HOSTNAME: hostnames,
    ANCHORD_GATEWAY_IP: addresses,
    ANCHORD_GATEWAY_RESOLVE_INTERVAL: durations
  },
  "external-rebinder": {
    ...common,
    DOCKER_HOST: dockerHosts,
    ANCHORD_FOLLOW_NETWORK: anything("shop_back"),
    ANCHORD_FOLLOW_TARGET: containers,
    ANCHORD_FOLLOW_RESTART: booleans,
    ANCHORD_FOLLOW_EVENT_BACKOFF: durations
  },
  "wrap-rebinder": {
    ...common,
    DOCKER_HOST: dockerHosts,
    ANCHORD_WRAP_POLL_INTERVAL: durations,
    ANCHORD_WRAP_RESTART_TIMEOUT: durations
  }
}

/** What a mode cannot do without. */
export const needed: Readonly<Record<Mode, Readonly<Record<string, string>>>> = {
  "network-anchor": { ANCHORD_PROJECT: "mail" },
  "service-anchor": {},
  "external-rebinder": { ANCHORD_FOLLOW_NETWORK: "shop_back", ANCHORD_FOLLOW_TARGET: "web" },
  "wrap-rebinder": {}
}

const blanks = fc.constantFrom("", " ", "\t", "  ")

type Choice = "absent" | "good" | "bad"

const oneOf = (values: ReadonlyArray<string>) =>
  fc.tuple(blanks, fc.constantFrom(...values), blanks).map(([before, value, after]) => before + value + after)

const valueOf = ({ good, bad }: Values, choices: ReadonlyArray<Choice>): fc.Arbitrary<readonly [Choice, string]> =>
  fc.constantFrom(...choices).chain((choice): fc.Arbitrary<readonly [Choice, string]> => {
    const effective = choice === "bad" && bad.length === 0 ? "good" : choice
    if (effective === "absent") return fc.constant([effective, ""] as const)
    return oneOf(effective === "good" ? good : bad).map((value) => [effective, value] as const)
  })

export interface Drawn {
  readonly env: Readonly<Record<string, string>>
  /** The variables whose values break a rule, with these values. */
  readonly bad: ReadonlyMap<string, string>
}

/** An environment for a mode, with what it needs; every variable is absent, good or bad, as `choices` permit. */
export const environments = (mode: Mode, choices: ReadonlyArray<Choice>): fc.Arbitrary<Drawn> => {
  const variables = Object.entries(valuesOf[mode])
  return fc.tuple(...variables.map(([, values]) => valueOf(values, choices))).map((drawn) => {
    const all = variables.map(([variable], index) => ({
      variable,
      choice: drawn[index]?.[0],
      value: drawn[index]?.[1] ?? ""
    }))
    return {
      env: {
        ...needed[mode],
        ...Object.fromEntries(
          all.filter(({ choice }) => choice !== "absent").map(({ variable, value }) => [variable, value])
        )
      },
      bad: new Map(all.filter(({ choice }) => choice === "bad").map(({ variable, value }) => [variable, value.trim()]))
    }
  })
}
