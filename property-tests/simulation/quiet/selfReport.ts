import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import { formatUnsafe } from "effect/observability/PrometheusMetrics"
import { families } from "../../../src/domain/Address.ts"
import { protocols } from "../../../src/domain/Dnat.ts"
import { NETWORK_ANCHOR } from "../cast.ts"
import { parseScrape } from "../../../test/layers/observability/scrape.ts"
import type { Process } from "../processes.ts"
import type { Simulation } from "../Simulation.ts"
import { Violation } from "../Violation.ts"
import { serviceAnchors } from "./responsibility.ts"
import { entriesOf } from "./maps.ts"

/** What the program says of itself is so. */
export const checkStatus = (sim: Simulation): void => {
  const process = sim.process(NETWORK_ANCHOR)
  if (process === undefined) return
  const status = process.board.status()
  if (!status.ready) throw new Violation(`the network-anchor is not ready: ${status.missing.join(", ")}`)
  const entries = families.flatMap((family) => entriesOf(sim, family))
  const told = status.networkAnchor?.entries
  if (told !== entries.length)
    throw new Violation(`the status tells of ${told} elements, and there are ${entries.length}`)
  if (status.networkAnchor?.docker.connected !== true) throw new Violation("the status says that Docker is away")
}

const scrape = ({ metrics }: Process) => parseScrape(formatUnsafe(Context.make(Metric.MetricRegistry, metrics)))

/** What a scrape would show is so. */
export const checkMetrics = (sim: Simulation): void => {
  const process = sim.process(NETWORK_ANCHOR)
  if (process === undefined) return
  const scraped = scrape(process)
  const valueOf = (metric: string, labels = "") => scraped[metric]?.values[labels]
  const expect = (what: string, told: number | undefined, is: number) => {
    if (told !== is) throw new Violation(`the metric ${what} says ${told}, and it is ${is}`)
  }
  for (const family of families) {
    const entries = entriesOf(sim, family)
    for (const protocol of protocols) {
      const labels = `family="${family}",proto="${protocol}"`
      const count = entries.filter((entry) => entry.protocol === protocol).length
      expect(`anchord_dnat_entries{${labels}}`, valueOf("anchord_dnat_entries", labels), count)
    }
  }
  expect("anchord_docker_connected", valueOf("anchord_docker_connected"), 1)
  for (const { id, name } of serviceAnchors(sim)) {
    const anchor = sim.processes.get(id)
    for (const family of families) {
      if (anchor === undefined || sim.namespace(name)?.links.size === 0) continue
      const routed = sim.namespace(name)?.kernel.netns.defaultRoutes(family).length === 0 ? 0 : 1
      expect(
        `anchord_default_route_present of ${name}`,
        scrape(anchor)["anchord_default_route_present"]?.values[`family="${family}"`],
        routed
      )
    }
  }
}
