import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { app, composeProject, externalDmz, networkAnchor, serviceAnchor, transit } from "../lab/composeProject.ts"
import { addressesOf } from "../lab/kernel.ts"
import { eventually } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.25", v6: "fd99::25" }

const project = composeProject(lab, "s15", {
  services: {
    anchord: networkAnchor(lab, address),
    "web-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/80,tcp/443:8443" }),
    web: app(lab, "web-anchor", "web", ["tcp/80", "tcp/8443"]),
    "mail-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/25" }),
    mail: app(lab, "mail-anchor", "mail", ["tcp/25"])
  },
  networks: { dmz: externalDmz, transit: transit(15) }
})

const from = async (service: string, host: string, port: number) =>
  JSON.parse(await project.exec(service, "node", "/app/client.mjs", "tcp", host, `${port}`))

beforeAll(async () => {
  await project.compose("up", "-d")
  await project.ready("anchord", "web-anchor", "mail-anchor")
})

afterAll(project.down)

describe("S-15 hairpin", () => {
  for (const family of ["v4", "v6"] as const) {
    it(`a container reaches another service of its project on the project's own ${family} address`, async () => {
      const greeting = await eventually("an answer", 10_000, () => from("mail", address[family], 443))
      expect(greeting).toMatchObject({ name: "web", port: 8443 })
      const anchord = await addressesOf(project, "anchord")
      expect(greeting.client).toBe(anchord[family])
    })

    it(`a container reaches its own service on the project's own ${family} address`, async () => {
      expect(await from("web", address[family], 80)).toMatchObject({ name: "web", port: 80 })
    })

    it(`clients on the LAN still keep their ${family} address`, async () => {
      expect(await ask(lab.alice, "tcp", address[family], 443)).toMatchObject({ client: lab.alice[family] })
    })
  }
})
