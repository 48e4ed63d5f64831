import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import type { Paint } from "../../src/domain/Columns.ts"
import { serviceAnchorStatus } from "../../src/domain/ServiceAnchorStatus.ts"
import { Status, type NetworkAnchorStatus } from "../../src/domain/Status.ts"
import { formatStatus } from "../../src/domain/StatusText.ts"

const at = (time: string) => `2026-01-02T${time}.000Z`
const now = Date.parse(at("12:00:00"))

const about = { mode: "network-anchor", version: "3.0.0", commit: "abc", started: "2026-01-01T09:30:00.000Z" }

const networkAnchor: NetworkAnchorStatus = {
  docker: { connected: true, since: at("11:58:30") },
  external: { interface: "eth1", network: "dmz", v4: "10.99.0.7", v6: "fd99::7" },
  leases: [{ family: "v4", address: "10.99.0.120", expires: at("12:45:10"), server: "10.99.0.1", router: "10.99.0.1" }],
  gateways: [
    { family: "v4", address: "10.99.0.1", why: "the router of the DHCP lease" },
    { family: "v6", why: "router advertisements choose it" }
  ],
  shared: { network: "mail_transit", settled: true, why: "it has the most backends attached (1)" },
  containers: [
    {
      id: "1",
      name: "mail-smtp-1",
      verdict: "mapped",
      v4: "172.20.0.3",
      ports: [{ ports: "tcp/25", verdict: "mapped" }]
    }
  ],
  entries: 1,
  lastReconcile: { time: at("11:59:48"), ok: true }
}

const status: Status = {
  ...about,
  ready: true,
  missing: [],
  networkAnchor,
  recent: [
    { time: at("11:58:30"), level: "INFO", message: "ready: the first reconcile succeeded" },
    { time: at("11:59:00"), level: "WARN", message: "careful" }
  ]
}

const lines = (more: Partial<Status>) => formatStatus({ ...status, ...more }, now).split("\n")
const withAnchor = (more: Partial<NetworkAnchorStatus>) => lines({ networkAnchor: { ...networkAnchor, ...more } })

describe("the status for a terminal", () => {
  it("of a network-anchor has everything at a glance", () => {
    expect(lines({})).toEqual([
      "network-anchor      3.0.0 (abc), started 1d 2h ago",
      "ready               yes",
      "Docker              connected for 1m 30s",
      "external interface  eth1 on dmz",
      "address IPv4        10.99.0.120, leased from 10.99.0.1, for another 45m 10s",
      "address IPv6        fd99::7, from Docker",
      "gateway IPv4        10.99.0.1: the router of the DHCP lease",
      "gateway IPv6        router advertisements choose it",
      "shared network      mail_transit: it has the most backends attached (1)",
      "last reconcile      12s ago",
      "",
      "CONTAINER    VERDICT  PORTS   LEADS TO    WHY",
      "mail-smtp-1  mapped   tcp/25  172.20.0.3",
      "",
      "1 entry in the DNAT maps",
      "",
      "2026-01-02T11:58:30.000Z  INFO  ready: the first reconcile succeeded",
      "2026-01-02T11:59:00.000Z  WARN  careful"
    ])
  })

  it("says that Docker is away, and since when", () => {
    expect(withAnchor({ docker: { connected: false, since: at("11:59:55") } })).toContain(
      "Docker              away for 5s: what is there stays as it is"
    )
  })

  it("says the two largest units of a time, and leaves out what is none", () => {
    const connected = (since: string) => withAnchor({ docker: { connected: true, since } })[2]
    expect(connected(at("11:00:00"))).toBe("Docker              connected for 1h")
    expect(connected(at("10:59:58"))).toBe("Docker              connected for 1h")
    expect(connected("2025-12-31T10:00:00.000Z")).toBe("Docker              connected for 2d 2h")
  })

  it("does not name a DHCP server that is not known, and says of a choice that it may change", () => {
    const text = withAnchor({
      leases: networkAnchor.leases.map(({ server: _server, ...lease }) => lease),
      shared: { network: "mail_transit", settled: false, why: "it is the only one" },
      entries: 2
    })
    expect(text).toEqual(
      expect.arrayContaining([
        "address IPv4        10.99.0.120, leased, for another 45m 10s",
        "shared network      mail_transit: it is the only one; not settled yet",
        "2 entries in the DNAT maps"
      ])
    )
  })

  it("paints what is wrong as bad, what may become wrong as a warning, and nothing of the usual", () => {
    const mark: Paint = (style, text) => `<${style}>${text}</>`
    const { shared: _shared, lastReconcile: _last, ...early } = networkAnchor
    const painted = (part: NetworkAnchorStatus) =>
      formatStatus(
        {
          ...status,
          ready: false,
          missing: ["route: none yet"],
          networkAnchor: { ...part, docker: { connected: false, since: at("11:59:55") }, containers: [] },
          recent: [...status.recent, { time: at("11:59:01"), level: "ERROR", message: "wrong" }]
        },
        now,
        mark
      )
    const text = painted(early)
    for (const piece of [
      "<bad>no: route: none yet</>",
      "<bad>away for 5s: what is there stays as it is</>",
      "<warning>none yet</>\nlast reconcile      <warning>none yet</>",
      "<warning>no container is in scope</>",
      "</>  INFO   ready: the first",
      "</>  <warning>WARN </>  careful",
      "</>  <bad>ERROR</>  wrong"
    ])
      expect(text).toContain(piece)
    const failed = { ...early, lastReconcile: { time: at("11:59:59"), ok: false, error: "nft says no" } }
    expect(painted(failed)).toContain("<bad>failed 1s ago: nft says no</>")
    const usual = formatStatus({ ...status, recent: [] }, now, mark)
    expect(usual).toContain("external interface  eth1 on dmz\n")
    expect(usual).toContain("<good>yes</>")
    expect(usual).toContain("<good>connected for 1m 30s</>")
  })

  it("says what is missing, what failed, and what is not there yet", () => {
    expect(lines({ ready: false, missing: ["nftables: not installed", "reconcile: none yet"] })[1]).toBe(
      "ready               no: nftables: not installed; reconcile: none yet"
    )
    const { shared: _shared, lastReconcile: _last, ...bare } = networkAnchor
    const early = lines({ networkAnchor: { ...bare, containers: [], entries: 0 } })
    expect(early).toEqual(
      expect.arrayContaining([
        "shared network      none yet",
        "last reconcile      none yet",
        "no container is in scope"
      ])
    )
    expect(withAnchor({ lastReconcile: { time: at("11:59:59"), ok: false, error: "nft says no" } })).toContain(
      "last reconcile      failed 1s ago: nft says no"
    )
    expect(withAnchor({ external: { interface: "eth1" }, leases: [] })).toEqual(
      expect.arrayContaining(["external interface  eth1", "address IPv4        none"])
    )
  })

  it("of a service-anchor says where its namespace is led", () => {
    const gateways = { v4: "172.20.0.2", v6: "fd20::2" }
    const { networkAnchor: _none, ...rest } = status
    const text = (serviceAnchor: Status["serviceAnchor"]) =>
      formatStatus({ ...rest, mode: "service-anchor", recent: [], ...(serviceAnchor && { serviceAnchor }) }, now)
    expect(text(serviceAnchorStatus("anchord", gateways, new Set(["v4"])))).toBe(
      [
        "service-anchor  3.0.0 (abc), started 1d 2h ago",
        "ready           yes",
        "network-anchor  anchord",
        "gateway IPv4    172.20.0.2, and the default route leads there",
        "gateway IPv6    fd20::2, but no default route leads there"
      ].join("\n")
    )
    expect(text(serviceAnchorStatus(undefined, { v4: "172.20.0.2" }, new Set(["v4"])))).toContain(
      "gateway IPv6    none"
    )
    expect(text(serviceAnchorStatus(undefined, {}, new Set()))).not.toContain("network-anchor")
    expect(text(undefined)).toContain("ready")
  })

  it("of a service-anchor paints a gateway by whether the default route leads there", () => {
    const serviceAnchor = serviceAnchorStatus("anchord", { v4: "172.20.0.2", v6: "fd20::2" }, new Set(["v6"]))
    const { networkAnchor: _none, ...rest } = status
    const text = formatStatus({ ...rest, serviceAnchor }, now, (style, piece) => `<${style}>${piece}</>`)
    expect(text).toContain("<bad>172.20.0.2, but no default route leads there</>")
    expect(text).toContain("<good>fd20::2, and the default route leads there</>")
  })

  it("of a rebinder says how it stands with Docker", () => {
    const { networkAnchor: _none, ...rest } = status
    const rebinder = { docker: { connected: true, since: at("12:00:00") } }
    expect(formatStatus({ ...rest, mode: "wrap-rebinder", rebinder, recent: [] }, now)).toContain(
      "Docker         connected for 0s"
    )
  })
})

describe("the published form", () => {
  const line = Schema.fromJsonString(Status)
  const throughJson = (one: Status) => Schema.decodeUnknownSync(line)(Schema.encodeUnknownSync(line)(one))

  it("is read back as it was", () => {
    expect(throughJson(status)).toEqual(status)
  })

  it("is read back where a service-anchor has neither a name nor an address to tell", () => {
    const { networkAnchor: _none, ...rest } = status
    const bare = { ...rest, serviceAnchor: serviceAnchorStatus(undefined, {}, new Set()) }
    expect(throughJson(bare)).toEqual(bare)
  })
})
