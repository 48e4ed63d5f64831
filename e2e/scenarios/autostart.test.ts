import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { families } from "../../src/domain/Address.ts"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { composeProject, externalDmz, networkAnchor, plainApp, serviceAnchor, transit } from "../lab/composeProject.ts"
import { removed } from "../lab/managedTarget.ts"
import { incarnationOf, median, routedAfter, shareNamespace } from "../lab/sharedNamespaces.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.107", v6: "fd99::107" }
const gateway = { v4: "172.31.107.200", v6: "fd00:a2c0:107::200" }
const RESTARTS = 5

/** The containers to wrap: of no project, so that they can come long after those that join them. */
const [early, late] = ["autostart-early", "autostart-late"]

const joining = (target: string, port: number) =>
  serviceAnchor(
    lab,
    { "anchord.expose": `tcp/${port}` },
    {
      environment: { ANCHORD_MODE: "service-anchor", ANCHORD_GATEWAY_IP: `${gateway.v4},${gateway.v6}` },
      network_mode: `container:${target}`,
      networks: undefined
    }
  )

const project = composeProject(lab, "autostart", {
  services: {
    anchord: networkAnchor(lab, { ...address, transitV4: gateway.v4, transitV6: gateway.v6 }),
    "early-anchor": joining(early, 8001),
    "late-anchor": joining(late, 8002),
    "stopped-anchor": joining(early, 8003),
    keeper: plainApp(lab, "keeper", [], { networks: { transit: {} } })
  },
  networks: { dmz: externalDmz, transit: transit(107) }
})

const runTarget = (name: string, port: number) =>
  lab.docker(
    ...["run", "-d", "--name", name, "--network", `${project.name}_transit`, "--stop-timeout", "1"],
    ...["-v", "/project/e2e/lab:/app:ro", "--entrypoint", "tini"],
    ...[lab.image, "--", "node", "/app/app.mjs", name, `tcp/${port}`]
  )

const statusOf = async (service: string) => project.inspect(service, "{{.State.Status}}")

const answers = (name: string, port: number) =>
  eventually(`${name} answers`, 30_000, async () => {
    for (const family of families) {
      const greeting = await ask(lab.alice, "tcp", address[family], port)
      expect(greeting).toMatchObject({ name, client: lab.alice[family] })
    }
  })

beforeAll(async () => {
  await removed(lab, early, late)
})

afterAll(async () => {
  await project.down()
  await removed(lab, early, late)
})

describe("a container that was created before the one whose namespace it joins", () => {
  it("cannot be started by Docker while that is not there", async () => {
    await project.compose("create", "early-anchor", "late-anchor")
    await expect(lab.docker("start", project.container("early-anchor"))).rejects.toThrow(/No such container/)
    expect(await statusOf("early-anchor")).toBe("created")
    expect(await statusOf("late-anchor")).toBe("created")
  })

  it("is started by an anchord that comes after both", async () => {
    await project.compose("up", "-d", "keeper")
    await runTarget(early, 8001)
    expect(await statusOf("early-anchor")).toBe("created")
    await project.compose("up", "-d", "anchord")
    await step("on the LAN", () => answers(early, 8001))
    await shareNamespace(lab, early, project.container("early-anchor"))
    expect(await statusOf("late-anchor")).toBe("created")
  })

  it("is started when its target is run while anchord looks", async () => {
    await runTarget(late, 8002)
    console.log(
      `  routed ${await routedAfter(lab, late, project.container("late-anchor"))} ms after the target's start`
    )
    await step("on the LAN", () => answers(late, 8002))
    await shareNamespace(lab, late, project.container("late-anchor"))
  })

  it(`follows its target, which it knows by name, through ${RESTARTS} restarts, and when it is made anew`, async () => {
    const anchor = project.container("late-anchor")
    const times: Array<number> = []
    for (let round = 1; round <= RESTARTS; round += 1) {
      await lab.docker("restart", late)
      times.push(await routedAfter(lab, late, anchor))
      await answers(late, 8002)
      await shareNamespace(lab, late, anchor)
    }
    console.log(`  restarted: routed after ${median(times)} ms (median of ${times.join(", ")})`)
    const again: Array<number> = []
    for (let round = 1; round <= RESTARTS; round += 1) {
      await removed(lab, late)
      await runTarget(late, 8002)
      again.push(await routedAfter(lab, late, anchor))
      await answers(late, 8002)
      await shareNamespace(lab, late, anchor)
    }
    console.log(`  made anew: routed after ${median(again)} ms (median of ${again.join(", ")})`)
  })

  it("stays stopped when somebody stopped it, whatever its target and anchord do", async () => {
    const before = await incarnationOf(lab, project.container("late-anchor"))
    await project.compose("up", "-d", "--no-deps", "stopped-anchor")
    await project.compose("stop", "stopped-anchor")
    const stopped = await incarnationOf(lab, project.container("stopped-anchor"))
    await lab.docker("restart", early)
    await routedAfter(lab, early, project.container("early-anchor"))
    await project.compose("restart", "anchord")
    await project.ready("anchord")
    await step("on the LAN", () => answers(early, 8001))
    expect(await statusOf("stopped-anchor")).toBe("exited")
    expect(await incarnationOf(lab, project.container("stopped-anchor"))).toBe(stopped)
    expect(await incarnationOf(lab, project.container("late-anchor"))).toBe(before)
  })
})
