import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { describe, expect, it } from "vitest"
import type { Family } from "../../../src/domain/Address.ts"
import { tableOf, type DnatEntry, type Protocol } from "../../../src/domain/Dnat.ts"
import { buildInfo } from "../../../src/layers/observability/BuildInfo.ts"
import * as DockerMetrics from "../../../src/layers/observability/DockerMetrics.ts"
import * as Metrics from "../../../src/layers/observability/NetworkAnchorMetrics.ts"
import { outline, scrapeAfter } from "./scrape.ts"

/** Name, type and labels, as the contract fixes them. */
const contract: ReadonlyArray<string> = [
  "anchord_conntrack_flushes_total counter family",
  "anchord_dnat_conflicts gauge",
  "anchord_dnat_entries gauge family proto",
  "anchord_docker_connected gauge",
  "anchord_docker_events_total counter source",
  "anchord_event_to_map_seconds histogram",
  "anchord_nft_drift_repairs_total counter",
  "anchord_reconcile_duration_seconds histogram",
  "anchord_reconcile_total counter result"
]

const everything = Effect.all([
  Metrics.initialise,
  Metric.update(Metrics.reconcileDuration, 0.02),
  Metric.update(Metrics.eventToMap, 0.004),
  Metrics.reconciled("ok"),
  Metrics.reconciled("error"),
  Metrics.flushed("v6", 3),
  DockerMetrics.dockerEvent("event"),
  Metric.update(Metrics.conflicts, 2),
  Metric.update(Metrics.driftRepairs, 1),
  DockerMetrics.connected(true)
])

describe("the metrics of a network-anchor", () => {
  it("have the names, types and labels of the contract, and no others", async () => {
    expect(outline(await scrapeAfter(everything))).toEqual(contract)
  })

  it("each say in words what they count", async () => {
    for (const { help } of Object.values(await scrapeAfter(everything))) expect(help.length).toBeGreaterThan(10)
  })

  it("are all there, at zero, before anything has happened", async () => {
    const scraped = await scrapeAfter(Metrics.initialise)
    expect(scraped).toMatchObject({
      anchord_conntrack_flushes_total: { values: { 'family="v4"': 0, 'family="v6"': 0 } },
      anchord_dnat_conflicts: { values: { "": 0 } },
      anchord_dnat_entries: {
        values: {
          'family="v4",proto="tcp"': 0,
          'family="v4",proto="udp"': 0,
          'family="v6",proto="tcp"': 0,
          'family="v6",proto="udp"': 0
        }
      },
      anchord_docker_connected: { values: { "": 0 } },
      anchord_docker_events_total: { values: { 'source="event"': 0, 'source="poll"': 0, 'source="start"': 0 } },
      anchord_nft_drift_repairs_total: { values: { "": 0 } },
      anchord_reconcile_total: { values: { 'result="ok"': 0, 'result="error"': 0 } }
    })
  })

  it("hold the histograms, empty, before anything has happened", async () => {
    const scraped = await scrapeAfter(Metrics.initialise)
    for (const name of ["anchord_reconcile_duration_seconds", "anchord_event_to_map_seconds"]) {
      expect(scraped[name]).toMatchObject({ type: "histogram", values: { _sum: 0, _count: 0 } })
    }
  })

  it("count what happens", async () => {
    expect(await scrapeAfter(Effect.andThen(everything, everything))).toMatchObject({
      anchord_reconcile_total: { values: { 'result="ok"': 2, 'result="error"': 2 } },
      anchord_conntrack_flushes_total: { values: { 'family="v4"': 0, 'family="v6"': 6 } },
      anchord_docker_events_total: { values: { 'source="event"': 2, 'source="poll"': 0 } }
    })
  })

  it("measure in seconds, with cumulative buckets from a millisecond to ten seconds", async () => {
    const observe = Effect.forEach([0.0005, 0.02, 0.02, 60], (seconds) =>
      Metric.update(Metrics.reconcileDuration, seconds)
    )
    const { anchord_reconcile_duration_seconds: histogram } = await scrapeAfter(observe)
    expect(histogram?.values).toMatchObject({
      '_bucketle="0.001"': 1,
      '_bucketle="0.01"': 1,
      '_bucketle="0.025"': 3,
      '_bucketle="10"': 3,
      '_bucketle="+Inf"': 4,
      _count: 4
    })
    expect(histogram?.values["_sum"]).toBeCloseTo(60.0405)
  })

  it("set the entries of all four kinds anew each time", async () => {
    const at = (family: Family) => (family === "v4" ? "172.20.0.9" : "fd20::9")
    const entry = (family: Family, protocol: Protocol, port: number): DnatEntry => ({
      _tag: "Port",
      family,
      protocol,
      port,
      address: at(family),
      backendPort: port
    })
    const range: DnatEntry = { _tag: "Range", family: "v6", protocol: "tcp", from: 1, to: 9, address: at("v6") }
    const { anchord_dnat_entries: gauge } = await scrapeAfter(
      Effect.andThen(
        Metrics.recordEntries(tableOf([entry("v6", "udp", 53), entry("v4", "udp", 53)])),
        Metrics.recordEntries(tableOf([entry("v4", "tcp", 25), entry("v4", "tcp", 80), entry("v4", "udp", 53), range]))
      )
    )
    expect(gauge?.values).toEqual({
      'family="v4",proto="tcp"': 2,
      'family="v4",proto="udp"': 1,
      'family="v6",proto="tcp"': 1,
      'family="v6",proto="udp"': 0
    })
  })

  it("tell the build by labels", async () => {
    const { anchord_build_info: info } = await scrapeAfter(Metric.update(buildInfo("3.0.0", "abc1234"), 1))
    expect(info).toMatchObject({ type: "gauge", values: { 'version="3.0.0",commit="abc1234"': 1 } })
  })
})
