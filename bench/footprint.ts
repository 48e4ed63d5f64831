import { createReadStream } from "node:fs"
import { setTimeout as pause } from "node:timers/promises"
import { createGzip } from "node:zlib"
import { composeProject, externalDmz, networkAnchor, serviceAnchor, transit } from "../e2e/lab/composeProject.ts"
import { anchordImage } from "../e2e/lab/imageBuild.ts"
import type { Lab } from "../e2e/lab/lab.ts"
import { startedAt } from "../e2e/lab/kernel.ts"
import { printed, summarise } from "./statistics.ts"
import { TICKS_PER_SECOND, usageOf } from "./usage.ts"

const ANCHORS = 10
const IDLE_SECONDS = 60
const RESTARTS = 10
const MB = 1024 * 1024
const compressedSize = async (): Promise<number> => {
  let size = 0
  for await (const chunk of createReadStream(anchordImage.path).pipe(createGzip())) size += (chunk as Buffer).length
  return size
}

/** Memory, processor, image size, and the time to the first reconcile. */
export const footprint = async (lab: Lab): Promise<void> => {
  const anchors = Array.from({ length: ANCHORS }, (_, index) => `anchor${index}`)
  const project = composeProject(lab, "footprint", {
    services: {
      anchord: networkAnchor(lab, { v4: "10.99.0.71", v6: "fd99::71" }),
      ...Object.fromEntries(
        anchors.map((name, index) => [name, serviceAnchor(lab, { "anchord.expose": `tcp/${8000 + index}` })])
      )
    },
    networks: { dmz: externalDmz, transit: transit(71) }
  })
  try {
    await project.compose("up", "-d")
    await project.ready("anchord", ...anchors)

    const first: Array<number> = []
    for (let restart = 0; restart < RESTARTS; restart += 1) {
      await project.compose("up", "-d", "--force-recreate", "--no-deps", "anchord")
      await project.ready("anchord")
      const ready = (await project.logs("anchord")).find(({ msg }) => msg === "ready: the first reconcile succeeded")
      first.push(Date.parse(ready?.time ?? "") - (await startedAt(project, "anchord")))
    }
    console.log(`StartedAt to the first reconcile: ${printed(summarise(first), "ms")}`)

    const before = [await usageOf(lab, project, "anchord"), await usageOf(lab, project, "anchor0")]
    await pause(IDLE_SECONDS * 1000)
    const after = [await usageOf(lab, project, "anchord"), await usageOf(lab, project, "anchor0")]
    const [network, service] = after.map(({ ticks }, index) => {
      const share = (ticks - (before[index]?.ticks ?? 0)) / TICKS_PER_SECOND / IDLE_SECONDS
      return `${(share * 100).toFixed(2)} %`
    })
    console.log(
      `idle over ${IDLE_SECONDS} s, all processes: network-anchor ${network} of a core, service-anchor ${service}`
    )

    const { rss, pss } = await usageOf(lab, project, "anchord")
    console.log(`network-anchor, all processes: RSS ${rss.toFixed(1)} MB, PSS ${pss.toFixed(1)} MB`)
    const each = await Promise.all(anchors.map((anchor) => usageOf(lab, project, anchor)))
    console.log(
      `${ANCHORS} service-anchors, all processes, PSS each: ${printed(summarise(each.map((one) => one.pss)), "MB")}`
    )

    const size = Number((await lab.docker("image", "inspect", "-f", "{{.Size}}", lab.image)).trim())
    console.log(`image: ${(size / MB).toFixed(1)} MB, ${((await compressedSize()) / MB).toFixed(1)} MB with gzip`)
  } finally {
    await project.down()
  }
}
