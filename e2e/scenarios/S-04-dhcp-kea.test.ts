import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask, tcpHold } from "../lab/client.ts"
import { composeProject, externalDmz, networkAnchor, routedApp, transit } from "../lab/composeProject.ts"
import { startKea, type KeaServer } from "../lab/kea.ts"
import { LAN } from "../lab/lan.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const bootstrap = { v4: "10.99.0.46", v6: "fd99::46" }
const gateway = { v4: "172.31.46.200", v6: "fd00:a2c0:46::200" }
const router = [{ name: "routers", data: LAN.v4 }]
const ROTATIONS = 5

const anchor = networkAnchor(lab, {
  ...bootstrap,
  transitV4: gateway.v4,
  transitV6: gateway.v6,
  env: { ANCHORD_ADDRESS_MODE: "dhcp-refresh", ANCHORD_DHCP_HOSTNAME: "keahost" }
})

const project = composeProject(lab, "dhcpkea", {
  services: {
    anchord: { ...anchor, cap_add: ["NET_ADMIN", "NET_RAW"] },
    web: routedApp(lab, "web", ["tcp/80"], gateway, { labels: { "anchord.expose": "tcp/80" } })
  },
  networks: { dmz: externalDmz, transit: transit(46) }
})

const v4 = (address: string) => startKea(lab, "v4", { address, leaseSeconds: 20, renewSeconds: 5, options: router })

const answersOn = (address: string) =>
  eventually(`an answer on ${address}`, 40_000, async () =>
    expect((await ask(lab.alice, "tcp", address, 80)).name).toBe("web")
  )

const lastLog = async (text: string) => {
  const line = (await project.logs("anchord")).findLast(({ msg }) => msg.includes(text))
  if (line === undefined) throw new Error(`nothing said of "${text}"`)
  return Date.parse(line.time)
}

let server4: KeaServer
let server6: KeaServer

beforeAll(async () => {
  server4 = await v4("10.99.0.140")
  server6 = await startKea(lab, "v6", { address: "fd99::2000", leaseSeconds: 20, renewSeconds: 5 })
  await project.compose("up", "-d")
  await project.ready("anchord")
})

afterAll(async () => {
  await project.down()
  await server4.stop()
  await server6.stop()
})

describe("S-4 leases of seconds, by Kea", () => {
  it("both families get their address, and keep a connection over three renewals", async () => {
    await step("IPv4", () => answersOn("10.99.0.140"))
    await step("IPv6", () => answersOn("fd99::2000"))
    expect(server4.leases().at(-1)).toContain("keahost")
    const held = [tcpHold(lab.alice, "10.99.0.140", 80), tcpHold(lab.bob, "fd99::2000", 80)]
    const count = server4.leases().length
    await eventually("three renewals", 40_000, () => expect(server4.leases().length).toBeGreaterThanOrEqual(count + 3))
    for (const { finish } of held) expect((await finish()).filter(({ error }) => error !== undefined)).toEqual([])
  })

  it(`the address rotates ${ROTATIONS} times; each new one is reachable`, async () => {
    const times: Array<number> = []
    for (let rotation = 1; rotation <= ROTATIONS; rotation += 1) {
      const address = `10.99.0.14${rotation % 2}`
      await server4.stop()
      server4 = await v4(address)
      await answersOn(address)
      const reachable = Date.now()
      times.push(reachable - (await lastLog("the project has a leased address")))
    }
    console.log(`  from the new lease to the first connection: ${times.toSorted((a, b) => a - b).join(", ")} ms`)
  })

  it("a server that is gone past the lease's end: Docker's address is back, and a lease when the server returns", async () => {
    await server4.stop()
    await step("Docker's address is back", () => answersOn(bootstrap.v4))
    expect(await project.exec("anchord", "ip", "-4", "route", "show", "default")).toContain(`via ${LAN.v4} `)
    server4 = await v4("10.99.0.140")
    await step("the lease is back", () => answersOn("10.99.0.140"))
  })

  it("docker stop releases both leases", async () => {
    await lab.docker("stop", project.container("anchord"))
    await eventually("both are released", 5_000, () => {
      expect(server4.log()).toMatch(/DHCP4_RELEASE\b/)
      expect(server6.log()).toMatch(/DHCP6_RELEASE_NA\b|DHCP6_RELEASE_NA_DELETED|DHCP6_RELEASE_NA_EXPIRED/)
    })
  })
})
