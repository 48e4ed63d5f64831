import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { formatUnsafe } from "effect/observability/PrometheusMetrics"

export interface Scraped {
  readonly type: string
  readonly help: string
  /** Values by labels as they stand in the text (`family="v4",proto="tcp"`); of a histogram its `_sum` and `_count` by those names. */
  readonly values: Readonly<Record<string, number>>
}

const sample = /^([a-z_]+?)(?:\{(.*)\})? (\S+)$/

/** What Prometheus would read in a text of its format; every sample must stand below its own HELP and TYPE. */
export const parseScrape = (text: string): Readonly<Record<string, Scraped>> => {
  const metrics: Record<string, { type: string; help: string; values: Record<string, number> }> = {}
  let current = ""
  for (const line of text.split("\n").filter((one) => one !== "")) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (kind === "HELP") {
      if (name in metrics) throw new Error(`two HELP lines for ${name}`)
      current = name
      metrics[name] = { type: "", help: rest, values: {} }
      continue
    }
    const metric = metrics[current]
    if (metric === undefined) throw new Error(`a line before any HELP: ${line}`)
    if (kind === "TYPE") {
      metric.type = rest
      continue
    }
    const [, series = "", labels = "", value = ""] = sample.exec(line) ?? []
    const part = series.slice(current.length)
    if (!series.startsWith(current)) throw new Error(`a sample of another metric below ${current}: ${line}`)
    metric.values[part + labels] = Number(value.replace("+Inf", "Infinity"))
  }
  return metrics
}

/** What a scrape shows after an effect, on metrics that nobody else has touched. */
export const scrapeAfter = (effect: Effect.Effect<unknown>): Promise<Readonly<Record<string, Scraped>>> =>
  Effect.runPromise(
    effect.pipe(
      Effect.andThen(Effect.context<never>()),
      Effect.map((context) => parseScrape(formatUnsafe(context))),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
  )

/** The names of the labels in use, of all series of a metric; those of a histogram's buckets apart. */
const labelNames = ({ values }: Scraped): ReadonlyArray<string> =>
  [
    ...new Set(
      Object.keys(values).flatMap((labels) => [...labels.matchAll(/([a-z_]+)="/g)].map((match) => match[1] ?? ""))
    )
  ]
    .filter((name) => name !== "le" && name !== "_bucketle")
    .toSorted()

/** Name, type and label names of each metric, by name. */
export const outline = (scraped: Readonly<Record<string, Scraped>>): ReadonlyArray<string> =>
  Object.entries(scraped)
    .map(([name, metric]) => [name, metric.type].concat(labelNames(metric)).join(" "))
    .toSorted()
