import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { formatUnsafe } from "effect/observability/PrometheusMetrics"
import { buildInfo } from "../../src/layers/observability/BuildInfo.ts"
import * as Dhcp from "../../src/layers/observability/DhcpMetrics.ts"
import * as Docker from "../../src/layers/observability/DockerMetrics.ts"
import * as NetworkAnchor from "../../src/layers/observability/NetworkAnchorMetrics.ts"
import * as ServiceAnchor from "../../src/layers/observability/ServiceAnchorMetrics.ts"
import { code, table } from "./table.ts"

interface Shown {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly labels: ReadonlyArray<string>
}

const HISTOGRAMS_OWN = "le"

/** The metrics in a text of Prometheus' format. */
const shownIn = (text: string): ReadonlyArray<Shown> =>
  [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)\n((?:[^#\n].*\n?)*)/gm)].map(
    ([, name = "", help = "", type = "", samples = ""]) => ({
      name,
      type,
      help,
      labels: [...new Set([...samples.matchAll(/([a-z_]+)="/g)].map(([, label = ""]) => label))].filter(
        (label) => label !== HISTOGRAMS_OWN
      )
    })
  )

/** What a scrape shows after an effect has registered metrics, and nobody else. */
const registeredBy = (effect: Effect.Effect<unknown>): ReadonlyArray<Shown> =>
  Effect.runSync(
    effect.pipe(
      Effect.andThen(Effect.context<never>()),
      Effect.map((context) => shownIn(formatUnsafe(context))),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
  )

const group = (who: string, effect: Effect.Effect<unknown>): ReadonlyArray<ReadonlyArray<string>> => [
  [`**${who}**`, "", "", ""],
  ...registeredBy(effect)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(", "), help])
]

/** All metrics by who has them, read from a scrape of each. */
export const metricsTable = (): ReadonlyArray<string> =>
  table(
    ["metric", "type", "labels", ""],
    [
      ...group("network-anchor", NetworkAnchor.initialise),
      ...group("network-anchor with `dhcp-refresh`", Dhcp.initialise),
      ...group("service-anchor", ServiceAnchor.initialise),
      ...group("rebinders", Docker.initialise),
      ...group("all", Metric.update(buildInfo("", ""), 1))
    ]
  )
