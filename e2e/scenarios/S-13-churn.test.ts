import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { tcpHold, tcpLoop } from "../lab/client.ts"
import { composeProject, externalDmz, idle, networkAnchor, routedApp, transit } from "../lab/composeProject.ts"
import { addressesOf, mapsOf } from "../lab/kernel.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.23", v6: "fd99::23" }
const gateway = { v4: "172.31.13.200", v6: "fd00:a2c0:13::200" }
const CHANGES = 200
const MINUTE = 60_000
const churned = Array.from({ length: 8 }, (_, index) => `churn${index}`)

const project = composeProject(lab, "s13", {
  services: {
    anchord: networkAnchor(lab, { ...address, transitV4: gateway.v4, transitV6: gateway.v6 }),
    steady: routedApp(lab, "steady", ["tcp/80"], gateway, { labels: { "anchord.expose": "tcp/80" } }),
    ...Object.fromEntries(
      churned.map((name, index) => [
        name,
        idle(lab, { labels: { "anchord.expose": `tcp/${9000 + index},udp/${9000 + index}` } })
      ])
    )
  },
  networks: { dmz: externalDmz, transit: transit(13) }
})

beforeAll(async () => {
  await project.compose("up", "-d")
  await project.ready("anchord")
})

afterAll(project.down)

const isRunning = async (service: string) => (await project.inspect(service, "{{.State.Running}}")) === "true"

/** What the maps must hold, told by Docker. */
const truth = async () => {
  const running = await Promise.all(
    churned.map(async (service, index) => {
      if (!(await isRunning(service))) return []
      const { v4, v6 } = await addressesOf(project, service)
      return [v4, v6].flatMap((at) =>
        ["tcp", "udp"].map((protocol) => `${protocol}/${9000 + index} -> ${at} ${9000 + index}`)
      )
    })
  )
  const { v4, v6 } = await addressesOf(project, "steady")
  return [...running.flat(), `tcp/80 -> ${v4} 80`, `tcp/80 -> ${v6} 80`].toSorted()
}

describe("S-13 churn", () => {
  it(`${CHANGES} starts and stops over a minute cost an untouched backend not one connection`, async () => {
    const clients = [tcpLoop(lab.alice, address.v4, 80), tcpLoop(lab.bob, address.v6, 80)]
    const held = tcpHold(lab.alice, address.v4, 80)
    const begun = performance.now()
    await step(`${CHANGES} starts and stops`, async () => {
      const workers = [0, 1].map(async (worker) => {
        for (let change = worker; change < CHANGES; change += 2) {
          const service = churned[change % churned.length] ?? ""
          await lab.docker((await isRunning(service)) ? "stop" : "start", project.container(service))
          await eventually("its turn", MINUTE, () => {
            if (performance.now() - begun < (change * MINUTE) / CHANGES) throw new Error("too early")
          })
        }
      })
      await Promise.all(workers)
    })
    const outcomes = (await Promise.all(clients.map(({ finish }) => finish()))).flat()
    for (const { ok, failed, errors } of outcomes) {
      console.log(`  ${ok} connections, ${failed} failed ${JSON.stringify(errors)}`)
      expect(failed).toBe(0)
      expect(ok).toBeGreaterThan(100)
    }
    expect((await held.finish()).filter(({ error }) => error !== undefined)).toEqual([])
    await eventually("the maps equal the truth", 5_000, async () =>
      expect(await mapsOf(project)).toEqual(await truth())
    )
  })
})
