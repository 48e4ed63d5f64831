import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import type { ContainerSnapshot, DockerState } from "../../src/domain/DockerState.ts"
import {
  projectPlan,
  ProjectPlan,
  projectRuleset,
  UNKNOWN_INTERFACE,
  type PlanInput
} from "../../src/domain/ProjectPlan.ts"
import { formatPlan } from "../../src/domain/ProjectPlanText.ts"
import { parseSettings } from "../../src/domain/Settings.ts"

const settings = (env: Readonly<Record<string, string>> = {}) => {
  const parsed = parseSettings("network-anchor", { ANCHORD_PROJECT: "mail", ANCHORD_EXT_NETWORK: "dmz", ...env })
  if (Result.isFailure(parsed)) throw new Error(JSON.stringify(parsed.failure))
  return parsed.success.settings
}

const idOf = (name: string) => name.padEnd(64, "0")

const container = (name: string, expose?: string, more: Partial<ContainerSnapshot> = {}): ContainerSnapshot => ({
  id: idOf(name),
  name,
  createdAt: 100,
  status: "running",
  networkMode: "mail_transit",
  networks: ["mail_transit"],
  labels: {
    "com.docker.compose.project": "mail",
    ...(expose === undefined ? {} : { "anchord.expose": expose })
  },
  ...more
})

const containers = [
  container("mail-smtp-1", "tcp/25, tcp/587:1587"),
  container("mail-spare-1", "tcp/25", { createdAt: 200 }),
  container("mail-web-1", "tpc/80"),
  container("mail-old-1", "tcp/110", { status: "exited", networks: [] }),
  container("mail-db-1")
]

const state: DockerState = {
  selfId: idOf("mail-anchord-1"),
  own: [
    { networkId: "dmz-id", networkName: "dmz", v4: "10.99.0.7", v6: "fd99::7", mac: "02:42:0a:63:00:07" },
    { networkId: "transit-id", networkName: "mail_transit", v4: "172.20.0.2", v6: "fd20::2" }
  ],
  containers: new Map(containers.map((one) => [one.id, one])),
  networks: new Map([
    ["dmz-id", { id: "dmz-id", name: "dmz", gateway: { v4: "10.99.0.1", v6: "fd99::1" }, members: new Map() }],
    [
      "transit-id",
      {
        id: "transit-id",
        name: "mail_transit",
        gateway: {},
        members: new Map(
          containers
            .filter(({ status }) => status === "running")
            .map(({ id }, index) => [id, { containerId: id, v4: `172.20.0.${index + 3}`, v6: `fd20::${index + 3}` }])
        )
      }
    ]
  ])
}

const input = (more: Partial<PlanInput> = {}): PlanInput => ({
  anchor: "mail-anchord-1",
  state,
  settings: settings(),
  links: undefined,
  ...more
})

const gateways = (more: Partial<PlanInput>) =>
  projectPlan(input(more)).gateways.map(({ family, address, why }) => [family, address, why].filter(Boolean).join(" "))

describe("the plan of a project", () => {
  it("reads as it is published, and back", () => {
    const plan = projectPlan(input())
    const text = JSON.stringify(Schema.encodeUnknownSync(ProjectPlan)(plan))
    expect(Schema.decodeUnknownSync(ProjectPlan)(JSON.parse(text))).toEqual(plan)
  })

  it("for people has every container in scope with its verdict, and why", () => {
    expect(formatPlan(projectPlan(input())).split("\n")).toEqual([
      "network-anchor    mail-anchord-1",
      "serves            project mail",
      "external network  dmz: 10.99.0.7, fd99::7",
      "gateway IPv4      10.99.0.1: Docker knows it as the gateway of the external network",
      "gateway IPv6      fd99::1: Docker knows it as the gateway of the external network",
      "shared network    mail_transit: it has the most backends attached (2)",
      "",
      "CONTAINER     VERDICT   PORTS         LEADS TO             WHY",
      "mail-smtp-1   mapped    tcp/25        172.20.0.3, fd20::3",
      "              mapped    tcp/587:1587  172.20.0.3, fd20::3",
      "mail-spare-1  standby   tcp/25                             mail-smtp-1 was created first, and has it",
      expect.stringMatching(/^mail-web-1 +refused +label anchord\.expose, entry "tpc\/80": /),
      "mail-old-1    down                                         mail-old-1 is exited",
      "mail-db-1     no ports                                     it has no anchord.expose label",
      "",
      "4 entries in the DNAT maps"
    ])
  })

  it("counts one entry as one", () => {
    expect(formatPlan({ ...projectPlan(input()), entries: 1 })).toMatch(/\n1 entry in the DNAT maps$/)
  })

  it("names the interface from inside of the network-anchor's container", () => {
    const links = [{ index: 2, name: "eth7", mac: "02:42:0a:63:00:07", up: true }]
    for (const own of [state.own, state.own.toReversed()]) {
      const plan = projectPlan(input({ links, state: { ...state, own } }))
      expect(plan.external).toEqual({ network: "dmz", interface: "eth7", v4: "10.99.0.7", v6: "fd99::7" })
      expect(formatPlan(plan)).toContain("external network  dmz, interface eth7: 10.99.0.7, fd99::7")
    }
  })

  it("names the interface alone where it is set by name, and Docker knows nothing of it", () => {
    const byName = settings({ ANCHORD_EXT_NETWORK: "", ANCHORD_EXT_IFACE: "eth9" })
    for (const links of [undefined, [{ index: 9, name: "eth9", mac: "02:42:00:00:00:09", up: true }]]) {
      const plan = projectPlan(input({ settings: byName, links }))
      expect(plan.external).toEqual({ interface: "eth9" })
      expect(formatPlan(plan).split("\n")[2]).toBe("external network  eth9")
    }
  })

  it("finds the external network by its ID as well", () => {
    const { external } = projectPlan(input({ settings: settings({ ANCHORD_EXT_NETWORK: "dmz-id" }) }))
    expect(external).toEqual({ network: "dmz", v4: "10.99.0.7", v6: "fd99::7" })
  })

  it("says what is wrong with the external network, in the words that the network-anchor would use", () => {
    const plan = projectPlan(input({ settings: settings({ ANCHORD_EXT_NETWORK: "lan" }) }))
    expect(plan.external).toEqual({
      problem: "ANCHORD_EXT_NETWORK names lan, which this container is not attached to; attached are: dmz, mail_transit"
    })
    expect(formatPlan(plan)).toContain("external network  ANCHORD_EXT_NETWORK names lan")
  })

  it("has no shared network when only the external one is attached, and maps nothing", () => {
    const plan = projectPlan(input({ state: { ...state, own: state.own.slice(0, 1) } }))
    expect(plan.shared).toEqual({
      settled: false,
      why: "only the external network is attached; at least one project-internal network is needed"
    })
    expect(plan.entries).toBe(0)
    expect(formatPlan(plan).split("\n")[5]).toBe(`shared network    ${plan.shared.why}`)
  })

  it("says of a shared network that it may be another one when the first backend is there", () => {
    const plan = projectPlan(input({ state: { ...state, containers: new Map() } }))
    expect(formatPlan(plan).split("\n")[5]).toBe(
      "shared network    mail_transit: it is the only network besides the external one; not settled yet"
    )
  })

  it("says where each gateway comes from", () => {
    expect(gateways({ settings: settings({ ANCHORD_EXT_GATEWAY_IP: "10.99.0.9" }) })).toEqual([
      "v4 10.99.0.9 ANCHORD_EXT_GATEWAY_IP names it",
      "v6 fd99::1 Docker knows it as the gateway of the external network"
    ])
    const slaac = settings({ ANCHORD_ADDRESS_MODE: "slaac-ra-only" })
    expect(gateways({ settings: slaac })[1]).toBe("v6 router advertisements choose it")
    expect(formatPlan(projectPlan(input({ settings: slaac }))).split("\n")[4]).toBe(
      "gateway IPv6      router advertisements choose it"
    )
    expect(gateways({ settings: settings({ ANCHORD_ADDRESS_MODE: "dhcp-refresh" }) })).toEqual([
      "v4 10.99.0.1 while a DHCP lease holds, its router; otherwise Docker knows it as the gateway of the external network",
      "v6 fd99::1 Docker knows it as the gateway of the external network"
    ])
    const unknown = { ...state, networks: new Map() }
    const nobody = "nobody knows one, so the default route stays as it is"
    expect(gateways({ state: unknown })).toEqual([`v4 ${nobody}`, `v6 ${nobody}`])
    expect(gateways({ state: unknown, settings: slaac })).toEqual([
      `v4 ${nobody}`,
      "v6 router advertisements choose it"
    ])
  })

  it("tells an operator whose scope is empty where to look", () => {
    expect(formatPlan(projectPlan(input({ settings: settings({ ANCHORD_PROJECT: "nothing" }) })))).toContain(
      "no container is in scope: check ANCHORD_PROJECT or ANCHORD_LABEL_SELECTOR"
    )
  })

  it("serves what a selector says", () => {
    expect(projectPlan(input({ settings: settings({ ANCHORD_LABEL_SELECTOR: "a=b,c=d" }) })).scope).toBe(
      "containers with a=b, c=d"
    )
  })
})

describe("the ruleset of a plan", () => {
  const text = (more: Partial<PlanInput> = {}) => JSON.stringify(projectRuleset(input(more)))

  it("holds the rules and as many elements as the plan says", () => {
    const { nftables } = projectRuleset(input())
    const elements = nftables.flatMap((command) => {
      const add = command["add"]
      const element = typeof add === "object" && add !== null && "element" in add ? add.element : undefined
      return typeof element === "object" && element !== null && "elem" in element && Array.isArray(element.elem)
        ? element.elem
        : []
    })
    expect(elements).toHaveLength(projectPlan(input()).entries)
  })

  it("names the external interface where it is known, and a stand-in where it is not", () => {
    expect(text()).toContain(`"${UNKNOWN_INTERFACE}"`)
    expect(text({ settings: settings({ ANCHORD_EXT_NETWORK: "", ANCHORD_EXT_IFACE: "eth3" }) })).toContain('"eth3"')
  })
})
