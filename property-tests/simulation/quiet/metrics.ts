import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { formatUnsafe } from "effect/observability/PrometheusMetrics"
import { families } from "../../../src/domain/Address.ts"
import { protocols } from "../../../src/domain/Dnat.ts"
import { beforeScrape } from "../../../src/layers/observability/DhcpMetrics.ts"
import { parseScrape } from "../../../test/layers/observability/scrape.ts"
import { NETWORK_ANCHOR, POLL_SECONDS, TRANSIT } from "../cast.ts"
import type { Process } from "../processes.ts"
import type { Simulation } from "../Simulation.ts"
import { candidatesOf, holdersAmong } from "../truth.ts"
import { Violation } from "../Violation.ts"
import { entriesOf } from "./maps.ts"
import { isBeingReplaced } from "./namespaces.ts"
import { serviceAnchors } from "./responsibility.ts"

/** How far the seconds that are left of a lease may be from those in the server's table. */
const LEASE_SECONDS = 2

/** A poll, and the time that it takes. */
const STILL_MILLIS = POLL_SECONDS * 1_000 + 2_000

/** What does not grow while nothing happens, of any of the programs. */
const still = [
  `anchord_reconcile_total{result="error"}`,
  `anchord_docker_events_total{source="event"}`,
  `anchord_docker_events_total{source="start"}`,
  `anchord_nft_drift_repairs_total`,
  `anchord_conntrack_flushes_total{family="v4"}`,
  `anchord_conntrack_flushes_total{family="v6"}`,
  `anchord_dhcp_client_restarts_total{family="v4"}`,
  `anchord_dhcp_client_restarts_total{family="v6"}`,
  `anchord_gateway_route_replaces_total{family="v4"}`,
  `anchord_gateway_route_replaces_total{family="v6"}`
]

/** Each series of a scrape with its value. */
const scrape = ({ time, casting }: Simulation, { metrics, mode }: Process): ReadonlyMap<string, number> => {
  if (mode === "network-anchor" && casting.addressMode === "dhcp-refresh") {
    const refreshed = Effect.provideService(beforeScrape, Metric.MetricRegistry, metrics)
    Effect.runSync(Effect.provideService(refreshed, Clock.Clock, time.clock))
  }
  const scraped = parseScrape(formatUnsafe(Context.make(Metric.MetricRegistry, metrics)))
  return new Map(
    Object.entries(scraped).flatMap(([name, { values }]) =>
      Object.entries(values).map(([labels, value]) => [labels === "" ? name : `${name}{${labels}}`, value] as const)
    )
  )
}

const expect = (series: string, told: number | undefined, is: number, apart = 0): void => {
  if (told === undefined || Math.abs(told - is) > apart)
    throw new Violation(`the metric ${series} says ${told}, and it is ${is}`)
}

const checkLeases = (sim: Simulation, scraped: ReadonlyMap<string, number>): void => {
  if (sim.casting.addressMode !== "dhcp-refresh") return
  const held = new Set(sim.dhcp.held())
  for (const family of families) {
    const lease = sim.dhcp.leases().find((one) => one.family === family && held.has(one.address))
    const left = lease === undefined ? 0 : Math.max(0, lease.until - sim.time.now()) / 1_000
    const series = `anchord_dhcp_lease_remaining_seconds{family="${family}"}`
    expect(series, scraped.get(series), left, LEASE_SECONDS)
  }
}

const checkServiceAnchors = (sim: Simulation): void => {
  const gateway = sim.docker.network(TRANSIT)?.members.get(sim.idOf(NETWORK_ANCHOR) ?? "")
  for (const { id, name } of serviceAnchors(sim)) {
    const [process, namespace] = [sim.processes.get(id), sim.host.namespaceOf(id)]
    if (process === undefined || namespace === undefined || namespace.links.size === 0) continue
    const scraped = scrape(sim, process)
    for (const family of families) {
      const routes = namespace.kernel.netns.defaultRoutes(family)
      const isThere = routes.some((route) => gateway !== undefined && route.gateway === gateway[family])
      const series = `anchord_default_route_present{family="${family}"}`
      expect(`${series} of ${name}`, scraped.get(series), isThere ? 1 : 0)
    }
  }
}

/** What a scrape would show is so. */
export const checkMetrics = (sim: Simulation): void => {
  const process = sim.process(NETWORK_ANCHOR)
  if (process === undefined) return
  const scraped = scrape(sim, process)
  for (const family of families) {
    const entries = entriesOf(sim, family)
    for (const protocol of protocols) {
      const series = `anchord_dnat_entries{family="${family}",proto="${protocol}"}`
      expect(series, scraped.get(series), entries.filter((entry) => entry.protocol === protocol).length)
    }
  }
  const { conflicts } = holdersAmong(candidatesOf(sim.docker, sim.casting))
  expect("anchord_dnat_conflicts", scraped.get("anchord_dnat_conflicts"), conflicts)
  checkLeases(sim, scraped)
  checkServiceAnchors(sim)
  for (const { mode, program, metrics } of sim.processes.values()) {
    if (mode === "service-anchor") continue
    const series = "anchord_docker_connected"
    expect(
      `${series} of ${program.name}`,
      parseScrape(formatUnsafe(Context.make(Metric.MetricRegistry, metrics)))[series]?.values[""],
      1
    )
  }
}

/** While nothing happens a poll comes, and finds nothing to do, unless it is the one that has waited for Compose to finish a replacement. */
export const checkStillness = (sim: Simulation): void => {
  if (sim.docker.containers().some(({ name }) => isBeingReplaced(sim, name))) return
  const before = [...sim.processes].map(([id, process]) => ({ id, process, scraped: scrape(sim, process) }))
  sim.pass(STILL_MILLIS)
  for (const { id, process, scraped } of before) {
    if (sim.processes.get(id) !== process) throw new Violation(`${process.program.name} has ended by itself`)
    const after = scrape(sim, process)
    for (const series of still) {
      const [first, then] = [scraped.get(series), after.get(series)]
      if (first === then) continue
      throw new Violation(
        `the metric ${series} of ${process.program.name} grew from ${first} to ${then} while nothing happened`
      )
    }
    const polls = `anchord_docker_events_total{source="poll"}`
    if (process.mode !== "network-anchor" || (after.get(polls) ?? 0) > (scraped.get(polls) ?? 0)) continue
    throw new Violation(`no poll came within ${STILL_MILLIS} ms`)
  }
}
