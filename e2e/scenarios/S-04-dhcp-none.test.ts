import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { dhcpProject, SILENCE } from "../lab/dhcpProject.ts"
import { startedAt } from "../lab/kernel.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const STARTS = 5
const asking = dhcpProject(lab, "dhcpnone", 44)
const { project } = asking

afterAll(project.down)

describe("no DHCP server at all", () => {
  beforeAll(async () => {
    await project.compose("up", "-d")
    await step("ready", () => project.ready("anchord"))
  })

  it("leaves Docker's addresses, and the project is reachable on them", async () => {
    await asking.answersOn(asking.bootstrap.v4)
    await asking.answersOn(asking.bootstrap.v6)
    await eventually("one WARN", 20_000, async () => expect(await asking.warnings()).toEqual([SILENCE]))
    expect(await asking.external()).toMatchObject({ v4: [asking.bootstrap.v4], v6: [asking.bootstrap.v6] })
    const metrics = await project.exec("anchord", "busybox", "wget", "-qO-", "http://127.0.0.1:9090/metrics")
    expect(metrics).toContain('\nanchord_dhcp_lease_remaining_seconds{family="v4"} 0\n')
    expect(metrics).toMatch(/\nanchord_dhcp_acquired_total\{family="v4",outcome="error"\} [1-9]/)
  })

  it("both families have Docker's gateway", async () => {
    expect(await asking.defaults("v4")).toEqual([["97", "10.99.0.1"]])
    expect(await asking.defaults("v6")).toEqual([["97", "fd99::1"]])
  })
})

describe("beside an anchor that does not ask", () => {
  const still = dhcpProject(lab, "bootnone", 72, { env: { ANCHORD_ADDRESS_MODE: "bootstrap" } })

  beforeAll(async () => {
    await still.project.compose("up", "-d")
    await still.project.ready("anchord")
  })

  afterAll(still.project.down)

  /** From the container's start to its being ready, in milliseconds. */
  const readyAfter = async ({ project: one }: typeof still) => {
    await lab.docker("restart", "-t", "5", one.container("anchord"))
    const started = await startedAt(one, "anchord")
    return eventually("ready again", 20_000, async () => {
      const lines = await one.logs("anchord")
      const ready = lines.find(({ time, msg }) => Date.parse(time) > started && msg.startsWith("ready: "))
      if (ready === undefined) throw new Error("not yet")
      return Date.parse(ready.time) - started
    })
  }

  it(`gets ready like it, ${STARTS} starts each`, async () => {
    const took = { "dhcp-refresh": Array<number>(), bootstrap: Array<number>() }
    for (let start = 1; start <= STARTS; start += 1) {
      took["dhcp-refresh"].push(await readyAfter(asking))
      took.bootstrap.push(await readyAfter(still))
    }
    for (const [mode, times] of Object.entries(took)) {
      const sorted = times.toSorted((a, b) => a - b)
      console.log(`  ${mode}: ready after ${sorted[(STARTS - 1) / 2]} ms (median of ${sorted.join(", ")})`)
    }
    await asking.answersOn(asking.bootstrap.v4)
    await still.answersOn(still.bootstrap.v4)
  })
})

describe("without NET_RAW", () => {
  const weak = dhcpProject(lab, "dhcpweak", 92, { anchor: { cap_add: ["NET_ADMIN"] } })

  beforeAll(async () => {
    await weak.project.compose("up", "-d")
    await weak.project.ready("anchord")
  })

  afterAll(weak.project.down)

  it("the project is reachable on Docker's addresses, and the log says which capability is missing", async () => {
    await weak.answersOn(weak.bootstrap.v4)
    await eventually("the WARN", 20_000, async () =>
      expect((await weak.warnings()).join("\n")).toContain("cap_add: [NET_ADMIN, NET_RAW]")
    )
  })
})
