import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { app, composeProject, externalDmz, networkAnchor, serviceAnchor, transit } from "../lab/composeProject.ts"
import { median } from "../lab/sharedNamespaces.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const own = { v4: "172.31.93.200", v6: "fd00:a2c0:93::200" }
const address = { v4: "10.99.0.93", v6: "fd99::93" }
const OUTPOST = "s12-outpost"
const MANAGED = `${OUTPOST}-service-anchor`
const ROUNDS = 5

const project = composeProject(lab, "s12", {
  services: {
    anchord: networkAnchor(lab, {
      ...address,
      transitV4: own.v4,
      transitV6: own.v6,
      env: { ANCHORD_MANAGED_SA_TARGET: OUTPOST, ANCHORD_AUTOFIX_SCOPE: "project" }
    }),
    "web-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/80" }),
    web: app(lab, "web-anchor", "web", ["tcp/80"])
  },
  networks: { dmz: externalDmz, transit: transit(93) }
})

const runOutpost = () =>
  lab.docker(
    ...["run", "-d", "--name", OUTPOST, "--network", "s12_transit", "--stop-timeout", "1"],
    ...["--entrypoint", "tini", lab.image, "--", "busybox", "sleep", "1000000"]
  )

const removed = (name: string) =>
  lab.docker("rm", "-f", name).then(
    () => undefined,
    () => undefined
  )

/** When the container of the target started, by Docker's own clock. */
const startedAt = async (name: string) =>
  Date.parse((await lab.docker("inspect", "-f", "{{.State.StartedAt}}", name)).trim())

/** Waits until the target's default routes lead to anchord; answers with how long after the target's start that was. */
const routedAfter = async () => {
  await eventually("both default routes lead to anchord", 30_000, async () => {
    expect(await lab.docker("exec", OUTPOST, "ip", "-4", "route", "show", "default")).toContain(`via ${own.v4} `)
    expect(await lab.docker("exec", OUTPOST, "ip", "-6", "route", "show", "default")).toContain(`via ${own.v6} `)
  })
  return Date.now() - (await startedAt(OUTPOST))
}

const managedRuns = () =>
  eventually("the managed service-anchor runs", 20_000, async () =>
    expect((await lab.docker("inspect", "-f", "{{.State.Running}}", MANAGED)).trim()).toBe("true")
  )

const answers = () =>
  eventually("the web server answers", 30_000, async () => {
    for (const host of [address.v4, address.v6]) expect((await ask(lab.alice, "tcp", host, 80)).name).toBe("web")
  })

beforeAll(async () => {
  await removed(MANAGED)
  await removed(OUTPOST)
  await project.compose("up", "-d")
  await project.ready("anchord", "web-anchor")
})

afterAll(async () => {
  await project.compose("stop", "-t", "5", "anchord")
  await removed(MANAGED)
  await removed(OUTPOST)
  await project.down()
})

describe("S-12 the managed service-anchor", () => {
  it("comes when its target is started by somebody else, and routes it to anchord", async () => {
    await runOutpost()
    console.log(`  routed ${await routedAfter()} ms after the target's start`)
    expect((await lab.docker("inspect", "-f", '{{index .Config.Labels "anchord.managed-by"}}', MANAGED)).trim()).toBe(
      "f45"
    )
  })

  it(`follows a target that is restarted, ${ROUNDS} times`, async () => {
    const times: Array<number> = []
    for (let round = 1; round <= ROUNDS; round += 1) {
      await lab.docker("restart", "-t", "1", OUTPOST)
      times.push(await routedAfter())
    }
    console.log(`  restarted: routed after ${median(times)} ms (median of ${times.join(", ")})`)
  })

  it(`follows a target that is made anew, ${ROUNDS} times`, async () => {
    const times: Array<number> = []
    for (let round = 1; round <= ROUNDS; round += 1) {
      await removed(OUTPOST)
      await runOutpost()
      times.push(await routedAfter())
    }
    console.log(`  made anew: routed after ${median(times)} ms (median of ${times.join(", ")})`)
    const all = (await lab.docker("ps", "-a", "--format", "{{.Names}}")).split("\n")
    expect(all.filter((name) => name.startsWith(OUTPOST)).toSorted()).toEqual([OUTPOST, MANAGED])
  })

  it("comes again when it is removed or killed, and not when its target is gone", async () => {
    await removed(MANAGED)
    await step("removed", managedRuns)
    await lab.docker("kill", MANAGED)
    await step("killed", managedRuns)
    await lab.docker("stop", MANAGED)
    await step("stopped", managedRuns)
    await routedAfter()
    await removed(OUTPOST)
    await removed(MANAGED)
    await project.compose("restart", "anchord")
    await project.ready("anchord")
    await expect(lab.docker("inspect", MANAGED)).rejects.toThrow(/[Nn]o such/)
  })
})

describe("S-12 an application in the namespace of a service-anchor", () => {
  it("is back when the service-anchor was restarted, killed and made anew, with ANCHORD_AUTOFIX_SCOPE=project", async () => {
    await answers()
    const anchor = project.container("web-anchor")
    await lab.docker("restart", "-t", "2", anchor)
    await step("after a restart", answers)
    await lab.docker("kill", anchor)
    await lab.docker("start", anchor)
    await step("after a kill", answers)
    await project.compose("up", "-d", "--no-deps", "--force-recreate", "web-anchor")
    await step("made anew", answers)
  })
})
