import { imageOfCommit } from "../e2e/lab/imageBuild.ts"
import { loadImages, type Lab } from "../e2e/lab/lab.ts"
import { startOtlp } from "../e2e/lab/otlp.ts"
import { compareIdle } from "./compareIdle.ts"
import { compareMapping } from "./compareMapping.ts"
import { TRANSIT, type Variant } from "./variants.ts"

const OTLP_PORT = 4319

/**
 * What has been built since another commit costs: memory and processor time of a network-anchor with nothing to do, and the time from a
 * container's connect event to its committed element, of the image of that commit and of what is here now, side by side in one lab.
 */
export const compare = async (lab: Lab, commit: string): Promise<void> => {
  const { archive, tag } = await imageOfCommit(commit)
  await loadImages(lab.engine, archive, (text) => console.log(text))
  const endpoint = `http://172.31.${TRANSIT}.1:${OTLP_PORT}`
  const before: Variant = { name: tag.replace("anchord:", ""), image: tag, env: {}, watched: false }
  const now: Variant = { name: "now", image: lab.image, env: {}, watched: false }
  const bare: Variant = { ...now, name: "now, no listener", env: { ANCHORD_METRICS_ADDR: "" } }
  const traced: Variant = { ...now, name: "now, traces", env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } }
  const otlp = await startOtlp(lab, OTLP_PORT)
  try {
    await compareIdle(lab, [before, now, bare, traced])
    await compareMapping(lab, [before, now, { ...traced, name: "now, traces, scraped, asked", watched: true }])
  } finally {
    await otlp.stop()
  }
}
