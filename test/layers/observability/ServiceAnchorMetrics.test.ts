import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import * as Metrics from "../../../src/layers/observability/ServiceAnchorMetrics.ts"
import { outline, scrapeAfter } from "./scrape.ts"

describe("the metrics of a service-anchor", () => {
  it("have the names, types and labels of the contract, and no others, before anything has happened", async () => {
    expect(outline(await scrapeAfter(Metrics.initialise))).toEqual([
      "anchord_default_route_present gauge family",
      "anchord_gateway_resolve_total counter family outcome",
      "anchord_gateway_route_replaces_total counter family"
    ])
  })

  it("show every series at zero before anything has happened", async () => {
    expect(await scrapeAfter(Metrics.initialise)).toMatchObject({
      anchord_default_route_present: { values: { 'family="v4"': 0, 'family="v6"': 0 } },
      anchord_gateway_resolve_total: {
        values: {
          'family="v4",outcome="ok"': 0,
          'family="v4",outcome="error"': 0,
          'family="v6",outcome="ok"': 0,
          'family="v6",outcome="error"': 0
        }
      },
      anchord_gateway_route_replaces_total: { values: { 'family="v4"': 0, 'family="v6"': 0 } }
    })
  })

  it("count look-ups and replacements by family, and show which routes are there", async () => {
    const happening = Effect.all([
      Metrics.initialise,
      Metrics.resolved("v4", "ok"),
      Metrics.resolved("v4", "ok"),
      Metrics.resolved("v6", "error"),
      Metrics.routeReplaced("v4"),
      Metrics.routePresent("v4", true),
      Metrics.routePresent("v6", true),
      Metrics.routePresent("v6", false)
    ])
    expect(await scrapeAfter(happening)).toMatchObject({
      anchord_default_route_present: { values: { 'family="v4"': 1, 'family="v6"': 0 } },
      anchord_gateway_resolve_total: {
        values: {
          'family="v4",outcome="ok"': 2,
          'family="v4",outcome="error"': 0,
          'family="v6",outcome="ok"': 0,
          'family="v6",outcome="error"': 1
        }
      },
      anchord_gateway_route_replaces_total: { values: { 'family="v4"': 1, 'family="v6"': 0 } }
    })
  })
})
