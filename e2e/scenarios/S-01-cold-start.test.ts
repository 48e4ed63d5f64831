import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { app, composeProject, externalDmz, networkAnchor, serviceAnchor, transit } from "../lab/composeProject.ts"
import { step } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.11", v6: "fd99::11" }

const project = composeProject(lab, "s01", {
  services: {
    anchord: networkAnchor(lab, address),
    "web-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/80,udp/53" }),
    web: app(lab, "web-anchor", "web", ["tcp/80", "udp/53"])
  },
  networks: { dmz: externalDmz, transit: transit(1) }
})

beforeAll(async () => {
  await step("compose up", () => project.compose("up", "-d"))
  await step("the anchors are ready", () => project.ready("anchord", "web-anchor"))
})

afterAll(project.down)

describe("S-1 cold start, S-2 source address", () => {
  for (const family of ["v4", "v6"] as const) {
    for (const [protocol, port] of [
      ["tcp", 80],
      ["udp", 53]
    ] as const) {
      it(`a host on the LAN reaches ${protocol}/${port} on the project's ${family} address, and the application sees that host`, async () => {
        const greeting = await step(`${protocol} ${family}`, () => ask(lab.alice, protocol, address[family], port))
        expect(greeting).toMatchObject({ name: "web", port, client: lab.alice[family] })
      })
    }
  }
})
