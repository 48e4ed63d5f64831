import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { app, composeProject, externalDmz, networkAnchor, serviceAnchor, transit } from "../lab/composeProject.ts"
import { mapsOf } from "../lab/kernel.ts"
import { eventually } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.18", v6: "fd99::18" }

const project = composeProject(lab, "s08", {
  services: {
    anchord: networkAnchor(lab, address),
    "both-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/80", "anchord.expose.v6": "auto" }),
    both: app(lab, "both-anchor", "both", ["tcp/80"]),
    "four-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/81", "anchord.expose.v6": "off" }),
    four: app(lab, "four-anchor", "four", ["tcp/81"])
  },
  networks: { dmz: externalDmz, transit: transit(8) }
})

beforeAll(async () => {
  await project.compose("up", "-d")
  await project.ready("anchord", "both-anchor", "four-anchor")
  await eventually("all is mapped", 10_000, async () => expect(await mapsOf(project)).toHaveLength(3))
})

afterAll(project.down)

describe("S-8 IPv6 mirrors IPv4 unless it is switched off", () => {
  it("both families reach the same container", async () => {
    expect(await ask(lab.alice, "tcp", address.v4, 80)).toMatchObject({ name: "both", client: lab.alice.v4 })
    expect(await ask(lab.alice, "tcp", address.v6, 80)).toMatchObject({ name: "both", client: lab.alice.v6 })
  })

  it("anchord.expose.v6: off leaves the port closed over IPv6 and open over IPv4", async () => {
    expect(await ask(lab.alice, "tcp", address.v4, 81)).toMatchObject({ name: "four", client: lab.alice.v4 })
    await expect(ask(lab.alice, "tcp", address.v6, 81)).rejects.toThrow("ECONNREFUSED")
  })
})
