import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { composeProject, externalDmz, idle, networkAnchor, transit } from "../lab/composeProject.ts"
import { addressesOf, mapsOf } from "../lab/kernel.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const MINUTE = 60_000

const project = composeProject(lab, "conflicts", {
  services: {
    anchord: networkAnchor(lab, { v4: "10.99.0.30", v6: "fd99::30", env: { ANCHORD_POLL_INTERVAL: "3s" } }),
    senior: idle(lab, { labels: { "anchord.expose": "tcp/25,tcp/26" } }),
    junior: idle(lab, { labels: { "anchord.expose": "tcp/25,tcp/27" } }),
    bystander: idle(lab, { labels: { "anchord.expose": "tcp/99" } })
  },
  networks: { dmz: externalDmz, transit: transit(30) }
})

const ownerOf25 = async () => (await mapsOf(project)).filter((line) => line.startsWith("tcp/25 "))

beforeAll(async () => {
  await project.compose("up", "-d", "anchord", "senior")
  // Docker tells in seconds when a container was created; within one second the ID decides.
  const created = Date.parse(await project.inspect("senior", "{{.Created}}"))
  await eventually("the next second", 5_000, () =>
    expect(Math.floor(Date.now() / 1_000)).toBeGreaterThan(Math.floor(created / 1_000))
  )
  await project.compose("up", "-d", "junior", "bystander")
  await project.ready("anchord")
})

afterAll(project.down)

describe("two containers want one port", () => {
  it("the one that was created first keeps it through a minute of other containers' events", async () => {
    const { v4, v6 } = await addressesOf(project, "senior")
    const owner = [`tcp/25 -> ${v4} 25`, `tcp/25 -> ${v6} 25`].toSorted()
    await eventually("the senior owns it", 5_000, async () => expect(await ownerOf25()).toEqual(owner))
    const end = performance.now() + MINUTE
    let looks = 0
    await step("a minute of restarts beside it", async () => {
      const restarts = (async () => {
        while (performance.now() < end) await lab.docker("restart", "-t", "1", project.container("bystander"))
      })()
      while (performance.now() < end) {
        expect(await ownerOf25()).toEqual(owner)
        looks += 1
      }
      await restarts
    })
    console.log(`  ${looks} looks, one owner`)
    const lines = (await project.logs("anchord")).filter(({ msg }) => msg.includes("is on standby"))
    expect(lines).toMatchObject([
      {
        level: "ERROR",
        msg: `tcp/25 is wanted by ${project.container("senior")} and ${project.container("junior")}; ${project.container("senior")} was created first and has it, ${project.container("junior")} is on standby; take it out of one of the two labels, or stop one of the two`
      }
    ])
    expect(await project.exec("anchord", "busybox", "wget", "-qO-", "http://127.0.0.1:9090/metrics")).toContain(
      "\nanchord_dnat_conflicts 1\n"
    )
  })

  it("the standby takes over when the owner goes, and the conflict is over", async () => {
    const { v4, v6 } = await addressesOf(project, "junior")
    await lab.docker("rm", "-f", project.container("senior"))
    await eventually("the junior owns it", 5_000, async () =>
      expect(await ownerOf25()).toEqual([`tcp/25 -> ${v4} 25`, `tcp/25 -> ${v6} 25`].toSorted())
    )
    await eventually("the log says so", 5_000, async () => {
      const lines = await project.logs("anchord")
      expect(lines.some(({ level, msg }) => level === "INFO" && msg.startsWith("no longer: tcp/25 is wanted by"))).toBe(
        true
      )
    })
  })
})
