import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { families, type Family } from "../../domain/Address.ts"

const resolveCount = Metric.counter("anchord_gateway_resolve_total", {
  description: "Look-ups of the gateway's name by outcome; a family that the name does not have is not one",
  incremental: true
})

/** Names, types and labels are SPEC §12's. */
export const resolved = (family: Family, outcome: "ok" | "error") =>
  Metric.update(Metric.withAttributes(resolveCount, { family, outcome }), 1)

const replaceCount = Metric.counter("anchord_gateway_route_replaces_total", {
  description:
    "Times that the default route was set: the first time, to another gateway, or again after somebody changed it",
  incremental: true
})

export const routeReplaced = (family: Family) => Metric.update(Metric.withAttributes(replaceCount, { family }), 1)

const presentGauge = Metric.gauge("anchord_default_route_present", {
  description: "1 while anchord's default route is in place"
})

export const routePresent = (family: Family, present: boolean) =>
  Metric.update(Metric.withAttributes(presentGauge, { family }), present ? 1 : 0)

/** Registers every series at zero, so that a scrape before the first look-up already shows them. */
export const initialise: Effect.Effect<void> = Effect.gen(function* () {
  for (const family of families) {
    for (const outcome of ["ok", "error"] as const)
      yield* Metric.update(Metric.withAttributes(resolveCount, { family, outcome }), 0)
    yield* Metric.update(Metric.withAttributes(replaceCount, { family }), 0)
    yield* routePresent(family, false)
  }
})
