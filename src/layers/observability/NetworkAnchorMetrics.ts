import * as Metric from "effect/Metric"
import { families, type Family } from "../../domain/Address.ts"
import { protocols, type DnatTable, type Protocol } from "../../domain/Dnat.ts"
import * as Effect from "effect/Effect"
import * as DockerMetrics from "./DockerMetrics.ts"
import { series } from "./Series.ts"

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Names, types and labels are SPEC §12's. */
export const reconcileDuration = Metric.histogram("anchord_reconcile_duration_seconds", {
  description: "Duration of one reconcile, from the first Docker read to the committed transaction",
  boundaries: secondsBuckets
})

const reconcileCount = series((attributes: { readonly result: "ok" | "error" }) =>
  Metric.counter("anchord_reconcile_total", { description: "Reconciles by result", incremental: true, attributes })
)

export const reconciled = (result: "ok" | "error") => Metric.update(reconcileCount({ result }), 1)

const dnatEntries = series((attributes: { readonly family: Family; readonly proto: Protocol }) =>
  Metric.gauge("anchord_dnat_entries", { description: "Elements in the DNAT maps", attributes })
)

/** Sets the four gauges of `anchord_dnat_entries`; a kind without entries is 0, not absent. */
export const recordEntries = Effect.fnUntraced(function* (table: DnatTable) {
  const entries = [...table.values()]
  for (const family of families) {
    for (const proto of protocols) {
      const count = entries.filter((entry) => entry.family === family && entry.protocol === proto).length
      yield* Metric.update(dnatEntries({ family, proto }), count)
    }
  }
})

export const conflicts = Metric.gauge("anchord_dnat_conflicts", {
  description: "Port conflicts between backends that stand now"
})

export const eventToMap = Metric.histogram("anchord_event_to_map_seconds", {
  description: "From Docker's own time of an event to the committed transaction that it led to",
  boundaries: secondsBuckets
})

export const driftRepairs = Metric.counter("anchord_nft_drift_repairs_total", {
  description: "Times that the kernel's rule set differed from what anchord had applied, and was repaired",
  incremental: true
})

const flushCount = series((attributes: { readonly family: Family }) =>
  Metric.counter("anchord_conntrack_flushes_total", {
    description: "Conntrack flows deleted because their port's owner changed",
    incremental: true,
    attributes
  })
)

export const flushed = (family: Family, flows: number) => Metric.update(flushCount({ family }), flows)

/** Registers every labelled series at zero, so that a scrape before the first event already shows them. */
export const initialise: Effect.Effect<void> = Effect.gen(function* () {
  for (const result of ["ok", "error"] as const) yield* Metric.update(reconcileCount({ result }), 0)
  for (const family of families) yield* flushed(family, 0)
  yield* Metric.update(conflicts, 0)
  yield* Metric.update(driftRepairs, 0)
  yield* DockerMetrics.initialise
  yield* recordEntries(new Map())
  for (const histogram of [reconcileDuration, eventToMap]) yield* Metric.value(histogram)
})
