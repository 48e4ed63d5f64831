import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { composeProject, externalDmz, networkAnchor, routedApp, transit } from "../lab/composeProject.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.105", v6: "fd99::105" }
const gateway = { v4: "172.31.105.2", v6: "fd00:a2c0:105::2" }
const ROUNDS = 3

const at = (v4: number, v6: number) => ({
  networks: { transit: { ipv4_address: `172.31.105.${v4}`, ipv6_address: `fd00:a2c0:105::${v6}` } }
})

/** Two backends; `swapped`: each has the other's IPv6 address, and its own IPv4 address, of which its MAC address is made. */
const file = (swapped: boolean) => ({
  services: {
    anchord: networkAnchor(lab, { ...address, transitV4: gateway.v4, transitV6: gateway.v6 }),
    mail: routedApp(lab, "mail", ["tcp/25"], gateway, {
      labels: { "anchord.expose": "tcp/25" },
      ...at(31, swapped ? 42 : 41)
    }),
    web: routedApp(lab, "web", ["tcp/80"], gateway, {
      labels: { "anchord.expose": "tcp/80" },
      ...at(32, swapped ? 41 : 42)
    })
  },
  networks: { dmz: externalDmz, transit: transit(105) }
})

const project = composeProject(lab, "reused", file(false))

/** Sooner than the kernel doubts what it knows of a neighbour: 15 s at the least after it was confirmed, and 5 s more. */
const PATIENCE = 15_000

const answers = () =>
  eventually("both answer", PATIENCE, async () => {
    for (const host of [address.v6, address.v4]) {
      expect((await ask(lab.alice, "tcp", host, 25)).name).toBe("mail")
      expect((await ask(lab.alice, "tcp", host, 80)).name).toBe("web")
    }
  })

beforeAll(async () => {
  await project.compose("up", "-d")
  await project.ready("anchord")
  await answers()
})
afterAll(project.down)

describe("backends that get each other's IPv6 address", () => {
  it(`are reached at once, ${ROUNDS} times`, async () => {
    for (let round = 1; round <= ROUNDS; round += 1) {
      await answers()
      project.rewrite(file(round % 2 === 1))
      await project.compose("rm", "-sf", "mail", "web")
      await project.compose("up", "-d", "--no-deps", "mail", "web")
      await step(`round ${round}`, answers)
    }
  })
})
