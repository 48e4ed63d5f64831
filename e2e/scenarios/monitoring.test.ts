import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { run } from "../lab/command.ts"
import { app, composeProject, externalDmz, networkAnchor, serviceAnchor, transit } from "../lab/composeProject.ts"
import { inNetns } from "../lab/lan.ts"
import { startPrometheus, type Prometheus } from "../lab/prometheus.ts"
import { eventually } from "../lab/steps.ts"

const lab = attachLab()
const own = "172.31.132.250"
const LISTEN = ":9090"

/** SPEC §12: name, type, and the values that each label may have. */
const contract: Readonly<Record<string, string>> = {
  anchord_build_info: "gauge commit version",
  anchord_conntrack_flushes_total: "counter family=v4|v6",
  anchord_dhcp_acquired_total: "counter family=v4|v6 outcome=error|ok",
  anchord_dhcp_client_restarts_total: "counter family=v4|v6",
  anchord_dhcp_lease_remaining_seconds: "gauge family=v4|v6",
  anchord_dnat_conflicts: "gauge",
  anchord_dnat_entries: "gauge family=v4|v6 proto=tcp|udp",
  anchord_docker_connected: "gauge",
  anchord_docker_events_total: "counter source=event|poll|start",
  anchord_event_to_map_seconds: "histogram",
  anchord_nft_drift_repairs_total: "counter",
  anchord_reconcile_duration_seconds: "histogram",
  anchord_reconcile_total: "counter result=error|ok"
}

const serviceContract: Readonly<Record<string, string>> = {
  anchord_build_info: "gauge commit version",
  anchord_default_route_present: "gauge family=v4|v6",
  anchord_gateway_resolve_total: "counter family=v4|v6 outcome=error|ok",
  anchord_gateway_route_replaces_total: "counter family=v4|v6"
}

const project = composeProject(lab, "monitored", {
  services: {
    anchord: {
      ...networkAnchor(lab, {
        v4: "10.99.0.132",
        v6: "fd99::132",
        transitV4: own,
        env: { ANCHORD_METRICS_ADDR: LISTEN, ANCHORD_ADDRESS_MODE: "dhcp-refresh" }
      }),
      cap_add: ["NET_ADMIN", "NET_RAW"]
    },
    "web-anchor": serviceAnchor(
      lab,
      { "anchord.expose": "tcp/80" },
      {
        environment: { ANCHORD_MODE: "service-anchor", ANCHORD_METRICS_ADDR: LISTEN },
        networks: { transit: { ipv4_address: "172.31.132.80" } }
      }
    ),
    web: app(lab, "web-anchor", "web", ["tcp/80"])
  },
  networks: { dmz: externalDmz, transit: transit(132) }
})

let prometheus: Prometheus | undefined

const ask = (expression: string) => {
  if (prometheus === undefined) throw new Error("Prometheus does not run")
  return prometheus.query(expression)
}

const scrape = (address: string) => run(inNetns(lab.engineNetns, "curl", "-fsS", `http://${address}:9090/metrics`))

/** Labels that Prometheus adds, and the one of a histogram's buckets. */
const notOurs = new Set(["job", "instance", "le"])

/** Name, type, and label names with their values, the build's left out, of all that Prometheus has of one target. */
const outlineOf = async (address: string) => {
  const types = new Map(
    [...(await scrape(address)).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => [name, type])
  )
  const samples = await ask(`{job="anchord", instance="${address}:9090", __name__=~"anchord_.+"}`)
  const labels = new Map<string, Map<string, Set<string>>>()
  for (const { metric } of samples) {
    const { __name__: series = "", ...rest } = metric
    const name = types.has(series) ? series : series.replace(/_(bucket|sum|count)$/, "")
    const seen = labels.get(name) ?? new Map<string, Set<string>>()
    labels.set(name, seen)
    for (const [label, value] of Object.entries(rest).filter(([one]) => !notOurs.has(one)))
      seen.set(label, (seen.get(label) ?? new Set()).add(name === "anchord_build_info" ? "" : value))
  }
  return Object.fromEntries(
    [...labels].map(([name, seen]) => {
      const words = [...seen].map(([label, values]) =>
        [label, [...values].toSorted().join("|")].filter((part) => part !== "").join("=")
      )
      return [name, [types.get(name), ...words.toSorted()].join(" ")]
    })
  )
}

beforeAll(async () => {
  await project.compose("up", "-d")
  await project.ready("anchord", "web-anchor")
  prometheus = await startPrometheus(lab, [`${own}:9090`, "172.31.132.80:9090"])
})

afterAll(async () => {
  await prometheus?.stop()
  await project.down()
})

describe("a real Prometheus", () => {
  it("scrapes a network-anchor: all names, types and labels of the contract, and no others", async () => {
    await eventually("the ports are counted", 30_000, async () => {
      const [entries] = await ask(`sum(anchord_dnat_entries{instance="${own}:9090"})`)
      expect(entries?.value[1]).toBe("2")
    })
    expect(await outlineOf(own)).toEqual(contract)
  })

  it("scrapes a service-anchor", async () => {
    await eventually("the routes are there", 30_000, async () => {
      const routes = await ask('anchord_default_route_present{instance="172.31.132.80:9090"} == 1')
      expect(routes.map(({ metric }) => metric["family"]).toSorted()).toEqual(["v4", "v6"])
    })
    expect(await outlineOf("172.31.132.80")).toEqual(serviceContract)
  })

  it("finds nothing to complain of in the text", async () => {
    for (const address of [own, "172.31.132.80"])
      expect(await run(["promtool", "check", "metrics"], { input: await scrape(address) })).toBe("")
  })

  it("sees that Docker is connected, and which build runs", async () => {
    const [connected] = await ask(`anchord_docker_connected{instance="${own}:9090"}`)
    expect(connected?.value[1]).toBe("1")
    const [build] = await ask(`anchord_build_info{instance="${own}:9090"}`)
    expect(build?.metric["version"]).toMatch(/^\d+\.\d+\.\d+$/)
  })
})

const folder = fileURLToPath(new URL("../../examples/monitoring", import.meta.url))

describe("the dashboard of the example", () => {
  const { panels }: { panels: ReadonlyArray<{ targets?: ReadonlyArray<{ expr: string }> }> } = JSON.parse(
    readFileSync(`${folder}/dashboard.json`, "utf8")
  )
  const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))

  it("asks what Prometheus understands, once Grafana has filled in its variables", async () => {
    expect(expressions.length).toBeGreaterThan(10)
    for (const expression of expressions) {
      const filled = expression.replaceAll("$instance", ".+").replaceAll("$__rate_interval", "1m")
      expect(filled).not.toContain("$")
      await ask(filled)
    }
  })
})

describe("the alert rules of the example", () => {
  it("are valid, and pass their own tests", async () => {
    expect(await run(["promtool", "check", "config", "prometheus.yml"], { cwd: folder })).toContain("SUCCESS")
    expect(await run(["promtool", "test", "rules", "alerts.test.yml"], { cwd: folder })).toContain("SUCCESS")
  })
})
