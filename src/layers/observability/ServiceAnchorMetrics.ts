import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { families, type Family } from "../../domain/Address.ts"
import { series } from "./Series.ts"

const resolveCount = series((attributes: { readonly family: Family; readonly outcome: "ok" | "error" }) =>
  Metric.counter("anchord_gateway_resolve_total", {
    description: "Look-ups of the gateway's name by outcome; a family that the name does not have is not one",
    incremental: true,
    attributes
  })
)

/** Names, types and labels are SPEC §12's. */
export const resolved = (family: Family, outcome: "ok" | "error") => Metric.update(resolveCount({ family, outcome }), 1)

const replaceCount = series((attributes: { readonly family: Family }) =>
  Metric.counter("anchord_gateway_route_replaces_total", {
    description:
      "Times that the default route was set: the first time, to another gateway, or again after somebody changed it",
    incremental: true,
    attributes
  })
)

export const routeReplaced = (family: Family) => Metric.update(replaceCount({ family }), 1)

const presentGauge = series((attributes: { readonly family: Family }) =>
  Metric.gauge("anchord_default_route_present", {
    description: "1 while anchord's default route is in place",
    attributes
  })
)

export const routePresent = (family: Family, present: boolean) =>
  Metric.update(presentGauge({ family }), present ? 1 : 0)

/** Registers every series at zero, so that a scrape before the first look-up already shows them. */
export const initialise: Effect.Effect<void> = Effect.gen(function* () {
  for (const family of families) {
    for (const outcome of ["ok", "error"] as const) yield* Metric.update(resolveCount({ family, outcome }), 0)
    yield* Metric.update(replaceCount({ family }), 0)
    yield* routePresent(family, false)
  }
})
