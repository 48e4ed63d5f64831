import { createServer, connect, type Server } from "node:net"
import { chmodSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { composeProject, externalDmz, idle, networkAnchor, transit } from "../lab/composeProject.ts"
import { mapsOf } from "../lab/kernel.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const EXECS = 100
const CHECKS = 100

const project = composeProject(lab, "quiet", {
  services: {
    anchord: networkAnchor(lab, {
      v4: "10.99.0.31",
      v6: "fd99::31",
      env: { DOCKER_HOST: "unix:///docker/counting.sock", ANCHORD_POLL_INTERVAL: "1h" }
    }),
    checked: idle(lab, {
      labels: { "anchord.expose": "tcp/80" },
      healthcheck: {
        test: ["CMD-SHELL", "echo checked >> /checks"],
        interval: "500ms",
        start_interval: "500ms",
        start_period: "1s"
      }
    })
  },
  networks: { dmz: externalDmz, transit: transit(31) }
})

/** Between anchord and the engine: passes everything on and notes each request. */
const requests: Array<string> = []
let proxy: Server

beforeAll(async () => {
  const path = `${lab.engine.work}/sock/counting.sock`
  proxy = createServer((client) => {
    const upstream = connect(lab.socket)
    client.on("data", (data) => {
      for (const [line] of data.toString("latin1").matchAll(/^(GET|POST|HEAD|DELETE|PUT) \S+/gm)) requests.push(line)
    })
    client.pipe(upstream).pipe(client)
    client.on("error", () => upstream.destroy())
    upstream.on("error", () => client.destroy())
    client.on("close", () => upstream.destroy())
  })
  await new Promise<void>((resolve) => {
    proxy.listen(path, resolve)
  })
  chmodSync(path, 0o666)
  await project.compose("up", "-d")
  await project.ready("anchord")
  await eventually("the backend is mapped", 10_000, async () => expect(await mapsOf(project)).toHaveLength(2))
})

afterAll(async () => {
  await project.down()
  proxy.close()
})

/** How many characters the nft session has been given. */
const readByNft = async () => {
  const script = "for p in $(busybox pidof nft); do busybox grep -h rchar /proc/$p/io; done"
  const lines = (await project.exec("anchord", "sh", "-c", script)).trim().split("\n")
  expect(lines).toHaveLength(1)
  return lines[0]
}

const checksDone = async () =>
  Number(await project.exec("checked", "sh", "-c", "busybox touch /checks; wc -l < /checks"))

describe("a project that is busy with itself", () => {
  it(`${EXECS} docker exec and ${CHECKS} health checks cause no Docker API call and no nft command`, async () => {
    await eventually("the start is over", 20_000, async () => {
      const asked = requests.length
      await project.exec("checked", "busybox", "sleep", "1")
      expect(requests.slice(asked)).toEqual([])
    })
    const before = { nft: await readByNft(), requests: requests.length, checks: await checksDone() }
    expect(requests.some((request) => request.includes("/events"))).toBe(true)
    await step(`${EXECS} docker exec`, async () => {
      for (let done = 0; done < EXECS; done += 4) {
        await Promise.all([1, 2, 3, 4].map(() => project.exec("checked", "true")))
      }
    })
    await step(`${CHECKS} health checks`, () =>
      eventually("health checks", 120_000, async () =>
        expect(await checksDone()).toBeGreaterThanOrEqual(before.checks + CHECKS)
      )
    )
    expect(requests.slice(before.requests)).toEqual([])
    expect(await readByNft()).toBe(before.nft)
  }, 240_000)
})
