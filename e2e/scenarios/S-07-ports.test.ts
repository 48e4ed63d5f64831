import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { app, composeProject, externalDmz, networkAnchor, serviceAnchor, transit } from "../lab/composeProject.ts"
import { addressesOf, mapsOf } from "../lab/kernel.ts"
import { eventually } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.17", v6: "fd99::17" }

const project = composeProject(lab, "s07", {
  services: {
    anchord: networkAnchor(lab, address),
    "mail-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/25, tcp/636:6636, udp/53:5353" }),
    mail: app(lab, "mail-anchor", "mail", ["tcp/25", "tcp/6636", "udp/5353"]),
    "call-anchor": serviceAnchor(lab, { "anchord.expose": "udp/49152-65535,tcp/8000-8010:9000-9010" }),
    call: app(lab, "call-anchor", "call", ["udp/49152", "udp/55555", "udp/65535", "tcp/9000", "tcp/9007", "tcp/9010"])
  },
  networks: { dmz: externalDmz, transit: transit(7) }
})

beforeAll(async () => {
  await project.compose("up", "-d")
  await project.ready("anchord", "mail-anchor", "call-anchor")
  await eventually("all is mapped", 10_000, async () => expect(await mapsOf(project)).toHaveLength(2 * (3 + 1 + 11)))
})

afterAll(project.down)

const cases = [
  ["tcp", 25, "mail", 25],
  ["tcp", 636, "mail", 6636],
  ["udp", 53, "mail", 5353],
  ["udp", 49_152, "call", 49_152],
  ["udp", 55_555, "call", 55_555],
  ["udp", 65_535, "call", 65_535],
  ["tcp", 8000, "call", 9000],
  ["tcp", 8007, "call", 9007],
  ["tcp", 8010, "call", 9010]
] as const

describe("S-7 ports of several services on one address", () => {
  for (const [protocol, port, name, backendPort] of cases) {
    it(`${protocol}/${port} reaches ${name} on ${backendPort}, over both families`, async () => {
      for (const family of ["v4", "v6"] as const) {
        expect(await ask(lab.bob, protocol, address[family], port)).toMatchObject({
          name,
          port: backendPort,
          client: lab.bob[family]
        })
      }
    })
  }

  it("a range that keeps its ports is one element of an interval map", async () => {
    const { v4 } = await addressesOf(project, "call-anchor")
    expect(await mapsOf(project)).toContain(`udp/49152-65535 -> ${v4}`)
  })

  it("a port that nobody asked for is closed", async () => {
    await expect(ask(lab.alice, "tcp", address.v4, 6636)).rejects.toThrow("ECONNREFUSED")
  })
})
