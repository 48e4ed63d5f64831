import { loadavg } from "node:os"
import { setTimeout as pause } from "node:timers/promises"
import type { Lab } from "../e2e/lab/lab.ts"
import { printed, summarise } from "./statistics.ts"
import { TICKS_PER_SECOND, usageOf } from "./usage.ts"
import { projectOf, type Variant } from "./variants.ts"

const EACH = 5
const SETTLE_SECONDS = 30
const IDLE_SECONDS = 120

/** All variants at the same time, several of each, with ten containers to serve and nothing that happens. */
export const compareIdle = async (lab: Lab, variants: ReadonlyArray<Variant>): Promise<void> => {
  const anchors = variants.flatMap((variant, index) =>
    Array.from({ length: EACH }, (_, copy) => ({ ...variant, service: `anchor${index}-${copy}` }))
  )
  const services = anchors.map(({ service }) => service)
  const project = projectOf(lab, anchors)
  const usage = async () => {
    const all = []
    for (const service of services) all.push(await usageOf(lab, project, service))
    return all
  }
  try {
    await project.compose("up", "-d")
    await project.ready(...services)
    await pause(SETTLE_SECONDS * 1_000)
    const before = await usage()
    await pause(IDLE_SECONDS * 1_000)
    const load = loadavg()[1]
    const after = await usage()
    console.log(`idle for ${IDLE_SECONDS} s, ${EACH} network-anchors each, all processes; load ${load?.toFixed(2)}`)
    const medians = variants.map(({ name }) => {
      const own = anchors.flatMap((anchor, index) => (anchor.name === name ? [index] : []))
      const rss = summarise(own.map((index) => after[index]?.rss ?? Number.NaN))
      const ticks = own.map((index) => (after[index]?.ticks ?? Number.NaN) - (before[index]?.ticks ?? Number.NaN))
      const shares = summarise(ticks.map((one) => (one / TICKS_PER_SECOND / IDLE_SECONDS) * 100))
      return { name, rss, shares }
    })
    const [first] = medians
    for (const { name, rss, shares } of medians) {
      console.log(`  ${name}: RSS ${printed(rss, "MB")}, of a core ${printed(shares, "%")}`)
      if (first !== undefined && name !== first.name)
        console.log(`    against ${first.name}: RSS ${(rss.p50 - first.rss.p50).toFixed(1)} MB`)
    }
  } finally {
    await project.down()
  }
}
