import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { app, composeProject, externalDmz, networkAnchor, serviceAnchor, transit } from "../lab/composeProject.ts"
import { INTERNET_PORT, startInternet } from "../lab/internet.ts"
import { INTERNET, LAN } from "../lab/lan.ts"
import { eventually } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.47", v6: "fd99::47" }

const project = composeProject(lab, "egress", {
  services: {
    anchord: networkAnchor(lab, address),
    "web-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/80" }),
    web: app(lab, "web-anchor", "web", ["tcp/80"]),
    "mail-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/25" }),
    mail: app(lab, "mail-anchor", "mail", ["tcp/25"])
  },
  networks: { dmz: externalDmz, transit: transit(47) }
})

let internet: ReturnType<typeof startInternet>

beforeAll(async () => {
  internet = startInternet(lab)
  await project.compose("up", "-d")
  await project.ready("anchord", "web-anchor", "mail-anchor")
})

afterAll(async () => {
  await project.down()
  internet.stop()
})

describe("what leaves the project", () => {
  for (const family of ["v4", "v6"] as const) {
    for (const protocol of ["tcp", "udp"]) {
      it(`has the project's own ${family} address, whichever container sends it, over ${protocol}`, async () => {
        // A UDP server that listens on every address answers from its first one.
        const server = protocol === "tcp" ? INTERNET : LAN
        for (const service of ["web", "mail"]) {
          const said = await eventually("an answer", 10_000, () =>
            project.exec(service, "node", "/app/client.mjs", protocol, server[family], `${INTERNET_PORT}`)
          )
          expect(JSON.parse(said)).toMatchObject({ name: "internet", client: address[family] })
        }
      })
    }
  }
})
