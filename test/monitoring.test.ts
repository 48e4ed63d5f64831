import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { buildInfo } from "../src/layers/observability/BuildInfo.ts"
import * as DhcpMetrics from "../src/layers/observability/DhcpMetrics.ts"
import * as NetworkAnchorMetrics from "../src/layers/observability/NetworkAnchorMetrics.ts"
import * as ServiceAnchorMetrics from "../src/layers/observability/ServiceAnchorMetrics.ts"
import { scrapeAfter } from "./layers/observability/scrape.ts"

const text = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../examples/monitoring/${name}`, import.meta.url)), "utf8")

const metricsIn = (content: string): ReadonlyArray<string> =>
  [
    ...new Set([...content.matchAll(/\banchord_[a-z0-9_]+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, "")))
  ].toSorted()

const scraped = scrapeAfter(
  Effect.all([
    NetworkAnchorMetrics.initialise,
    ServiceAnchorMetrics.initialise,
    DhcpMetrics.initialise,
    Metric.update(buildInfo("1", "c"), 1)
  ])
)

describe("the monitoring example", () => {
  it("asks in its alerts only for metrics that anchord has", async () => {
    expect(Object.keys(await scraped)).toEqual(expect.arrayContaining([...metricsIn(text("alerts.yml"))]))
  })

  it("shows every metric on the dashboard, and nothing else", async () => {
    expect(metricsIn(text("dashboard.json"))).toEqual(Object.keys(await scraped).toSorted())
  })

  it("has a test for every alert", () => {
    const alerts = [...text("alerts.yml").matchAll(/- alert: (\w+)/g)].map(([, name]) => name)
    const tested = [...text("alerts.test.yml").matchAll(/alertname: (\w+)/g)].map(([, name]) => name)
    expect(alerts.length).toBeGreaterThan(4)
    expect([...new Set(tested)].toSorted()).toEqual(alerts.toSorted())
  })

  it("is a dashboard whose panels each have a place and a number of their own", () => {
    const {
      panels
    }: { panels: ReadonlyArray<{ id: number; gridPos: { x: number; y: number; w: number; h: number } }> } = JSON.parse(
      text("dashboard.json")
    )
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)}:${y + Math.floor(index / w)}`)
    )
    expect(new Set(cells).size).toBe(cells.length)
  })
})
