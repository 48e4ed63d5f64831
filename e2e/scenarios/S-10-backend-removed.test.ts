import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask, tcpHold, udpStream } from "../lab/client.ts"
import { composeProject, externalDmz, idle, networkAnchor, routedApp, transit } from "../lab/composeProject.ts"
import { flowsOf, mapsOf } from "../lab/kernel.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.20", v6: "fd99::20" }
const gateway = { v4: "172.31.10.100", v6: "fd00:a2c0:10::100" }

const project = composeProject(lab, "s10", {
  services: {
    anchord: networkAnchor(lab, { ...address, transitV4: gateway.v4, transitV6: gateway.v6 }),
    gone: routedApp(lab, "gone", ["tcp/80", "udp/53"], gateway, { labels: { "anchord.expose": "tcp/80,udp/53" } }),
    stays: routedApp(lab, "stays", ["tcp/81"], gateway, { labels: { "anchord.expose": "tcp/81" } }),
    loose: idle(lab, { labels: { "anchord.expose": "tcp/82" } })
  },
  networks: { dmz: externalDmz, transit: transit(10) }
})

const ports = async () => (await mapsOf(project)).map((line) => line.split(" ")[0])

beforeAll(async () => {
  await project.compose("up", "-d")
  await project.ready("anchord")
  await eventually("all is mapped", 10_000, async () => expect(await mapsOf(project)).toHaveLength(8))
})

afterAll(project.down)

describe("S-10 backends that go", () => {
  it("a running container that is detached from the shared network is unmapped at once, and mapped when it is back", async () => {
    const network = `${project.name}_transit`
    await lab.docker("network", "disconnect", network, project.container("loose"))
    await step("unmapped after the detachment", () =>
      eventually("tcp/82 is gone", 2_000, async () => expect(await ports()).not.toContain("tcp/82"))
    )
    await lab.docker("network", "connect", network, project.container("loose"))
    await step("mapped after the attachment", () =>
      eventually("tcp/82 is there", 2_000, async () => expect(await ports()).toContain("tcp/82"))
    )
  })

  it("a removed backend leaves no entry and no flow, and its neighbours are not disturbed", async () => {
    const neighbour = tcpHold(lab.alice, address.v4, 81)
    const stream = udpStream(lab.alice, address.v4, 53, 41_053)
    const held = tcpHold(lab.alice, address.v4, 80)
    await eventually("all three have answers", 5_000, () => {
      for (const { lines } of [neighbour, stream, held]) expect(lines.length).toBeGreaterThan(2)
    })
    await stream.finish()
    await lab.docker("rm", "-f", project.container("gone"))
    await step("no entry is left", () =>
      eventually("only the neighbours", 2_000, async () =>
        expect(await ports()).toEqual(["tcp/81", "tcp/81", "tcp/82", "tcp/82"])
      )
    )
    await step("no flow is left", () =>
      eventually("no flow to the removed backend", 2_000, async () => {
        const flows = await flowsOf(project, "v4")
        expect(flows.filter(({ destinationPort }) => destinationPort === 80 || destinationPort === 53)).toEqual([])
      })
    )
    await held.finish()
    await expect(ask(lab.alice, "tcp", address.v4, 80)).rejects.toThrow()
    const before = neighbour.lines.length
    await eventually("the neighbour's connection lives on", 5_000, () =>
      expect(neighbour.lines.length).toBeGreaterThan(before + 3)
    )
    expect((await neighbour.finish()).filter(({ error }) => error !== undefined)).toEqual([])
  })
})
