import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { composeProject, externalDmz, idle, networkAnchor, serviceAnchor, transit } from "../lab/composeProject.ts"
import { mapsOf } from "../lab/kernel.ts"
import { eventually } from "../lab/steps.ts"

const lab = attachLab()

const project = composeProject(lab, "s06", {
  services: {
    anchord: networkAnchor(lab, { v4: "10.99.0.16", v6: "fd99::16" }),
    "web-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/80" }),
    // Keep the namespaces of the anchors alive, so that one can look into them afterwards.
    "anchord-witness": idle(lab, { networks: undefined, network_mode: "service:anchord", cap_add: ["NET_ADMIN"] }),
    "web-witness": idle(lab, { networks: undefined, network_mode: "service:web-anchor", cap_add: ["NET_ADMIN"] })
  },
  networks: { dmz: externalDmz, transit: transit(6) }
})

const stop = async (service: string) => {
  const begun = performance.now()
  await lab.docker("stop", project.container(service))
  return { seconds: (performance.now() - begun) / 1000, exitCode: await project.inspect(service, "{{.State.ExitCode}}") }
}

beforeAll(async () => {
  await project.compose("up", "-d")
  await project.ready("anchord", "web-anchor")
  await eventually("both families are mapped", 10_000, async () => expect(await mapsOf(project)).toHaveLength(2))
})

afterAll(project.down)

describe("S-6 teardown", () => {
  it("a service-anchor that is stopped puts the routes back, and ends with 0 in less than 5 s", async () => {
    const routes = () => project.exec("web-witness", "ip", "route", "show", "default")
    expect(await routes()).toContain("proto 97")
    const { seconds, exitCode } = await stop("web-anchor")
    expect(exitCode).toBe("0")
    expect(seconds).toBeLessThan(5)
    expect(await routes()).toMatch(/^default via 172\.31\.6\.1 dev eth0 *\n$/)
    expect(await project.exec("web-witness", "ip", "-6", "route", "show", "default")).toMatch(
      /^default via fd00:a2c0:6::1 /
    )
  })

  it("a network-anchor that is stopped removes its tables and no other, and ends with 0 in less than 5 s", async () => {
    await project.exec("anchord-witness", "nft", "add", "table", "ip", "somebody_elses")
    const { seconds, exitCode } = await stop("anchord")
    expect(exitCode).toBe("0")
    expect(seconds).toBeLessThan(5)
    const tables = await project.exec("anchord-witness", "nft", "list", "tables")
    expect(tables).not.toContain("anchord_v")
    expect(tables).toContain("somebody_elses")
  })
})
