import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { app, composeProject, externalDmz, networkAnchor, serviceAnchor, transit } from "../lab/composeProject.ts"
import { step } from "../lab/steps.ts"

const lab = attachLab()

const make = (name: string, number: number) => {
  const address = { v4: `10.99.0.${number}`, v6: `fd99::${number}` }
  return {
    address,
    project: composeProject(lab, name, {
      services: {
        anchord: networkAnchor(lab, address),
        "web-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/80" }),
        web: app(lab, "web-anchor", name, ["tcp/80"])
      },
      networks: { dmz: externalDmz, transit: transit(number) }
    })
  }
}

const one = make("s05one", 50)
const two = make("s05two", 51)

beforeAll(async () => {
  await Promise.all([one, two].map(({ project }) => project.compose("up", "-d")))
  await step("all anchors are ready", () =>
    Promise.all([one, two].map(({ project }) => project.ready("anchord", "web-anchor")))
  )
})

afterAll(async () => {
  await one.project.down()
  await two.project.down()
})

describe("S-5 two projects on one VLAN", () => {
  it("each answers on its own addresses only", async () => {
    for (const { address, project } of [one, two]) {
      for (const family of ["v4", "v6"] as const) {
        expect(await ask(lab.alice, "tcp", address[family], 80)).toMatchObject({
          name: project.name,
          client: lab.alice[family]
        })
      }
    }
  })

  it("one going down changes nothing for the other", async () => {
    await one.project.down()
    await expect(ask(lab.alice, "tcp", one.address.v4, 80)).rejects.toThrow()
    expect(await ask(lab.alice, "tcp", two.address.v4, 80)).toMatchObject({ name: "s05two" })
    expect(await ask(lab.alice, "tcp", two.address.v6, 80)).toMatchObject({ name: "s05two" })
  })
})
