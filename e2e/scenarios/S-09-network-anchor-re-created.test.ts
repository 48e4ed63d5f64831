import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { app, composeProject, externalDmz, networkAnchor, serviceAnchor, transit } from "../lab/composeProject.ts"
import { startedAt } from "../lab/kernel.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.19", v6: "fd99::19" }
const names = ["one", "two", "three"] as const
const anchors = names.map((name) => `${name}-anchor`)
const port = (name: (typeof names)[number]) => 8001 + names.indexOf(name)

/** They are to follow because they notice, not because it is time to look. */
const patient = {
  ANCHORD_MODE: "service-anchor",
  ANCHORD_GATEWAY_HOSTNAME: "anchord",
  ANCHORD_GATEWAY_RESOLVE_INTERVAL: "1h"
}

const file = (last: number) => ({
  services: {
    anchord: networkAnchor(lab, { ...address, transitV4: `172.31.9.${last}`, transitV6: `fd00:a2c0:9::${last}` }),
    ...Object.fromEntries(
      names.flatMap((name) => [
        [`${name}-anchor`, serviceAnchor(lab, { "anchord.expose": `tcp/${port(name)}` }, { environment: patient })],
        [name, app(lab, `${name}-anchor`, name, [`tcp/${port(name)}`])]
      ])
    )
  },
  networks: { dmz: externalDmz, transit: transit(9) }
})

const project = composeProject(lab, "s09", file(101))

const reachable = async () => {
  for (const name of names) {
    for (const family of ["v4", "v6"] as const) {
      const greeting = await ask(lab.alice, "tcp", address[family], port(name))
      expect(greeting).toMatchObject({ name, client: lab.alice[family] })
    }
  }
}

const containerIds = () =>
  Promise.all([...anchors, ...names].map((service) => project.inspect(service, "{{.Id}} {{.State.StartedAt}}")))

beforeAll(async () => {
  await project.compose("up", "-d")
  await step("the anchors are ready", () => project.ready("anchord", ...anchors))
  await step("everything is reachable", () => eventually("reachable", 20_000, reachable))
})

afterAll(project.down)

describe("S-9 the network-anchor is re-created with another transit address", () => {
  for (const last of [102, 103, 101]) {
    it(`all service-anchors follow to .${last}, nothing is restarted, clients get through`, async () => {
      const before = await containerIds()
      project.rewrite(file(last))
      await step("re-creating the network-anchor", () => project.compose("up", "-d", "anchord"))
      const gateway = `172.31.9.${last}`
      await eventually("every service-anchor has the new gateway", 10_000, async () => {
        for (const anchor of anchors) {
          expect(await project.exec(anchor, "ip", "route", "show", "default")).toContain(`via ${gateway} `)
        }
      })
      const started = await startedAt(project, "anchord")
      for (const anchor of anchors) {
        const line = (await project.logs(anchor)).findLast(
          ({ msg, gateway: at }) => msg === "the default route leads to the network-anchor" && at === gateway
        )
        console.log(`  ${anchor} followed ${Date.parse(line?.time ?? "") - started} ms after the start`)
      }
      await step("everything is reachable again", () => eventually("reachable", 10_000, reachable))
      expect(await containerIds()).toEqual(before)
    })
  }
})
