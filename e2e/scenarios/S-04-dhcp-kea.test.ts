import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { tcpHold } from "../lab/client.ts"
import { dhcpProject } from "../lab/dhcpProject.ts"
import { INTERNET_PORT, startInternet } from "../lab/internet.ts"
import { spread } from "../lab/ipMonitor.ts"
import { startKea, type KeaOption, type KeaServer } from "../lab/kea.ts"
import { INTERNET, LAN } from "../lab/lan.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const ROUTER = "10.99.0.253"
const HOSTNAME = "keahost"
const ROTATIONS = 5
const { project, bootstrap, ip, external, defaults, answersOn, seenFrom, lastSaid } = dhcpProject(lab, "dhcpkea", 46, {
  env: { ANCHORD_DHCP_HOSTNAME: HOSTNAME }
})
const router: ReadonlyArray<KeaOption> = [{ name: "routers", data: LAN.v4 }]
/** Option 121 (RFC 3442): a default by the LAN's router, and 10.55.0.0/16 by 10.99.0.7. */
const routes: KeaOption = { code: 121, "csv-format": false, data: "000A630001100A370A630007" }

const v4 = (address: string, options = router) =>
  startKea(lab, "v4", { address, leaseSeconds: 20, renewSeconds: 5, options })

const hex = (text: string) => [...text].map((letter) => letter.charCodeAt(0).toString(16)).join(":")

let server4: KeaServer
let server6: KeaServer
let internet: ReturnType<typeof startInternet>

beforeAll(async () => {
  server4 = await v4("10.99.0.140", [
    { name: "routers", data: ROUTER },
    routes,
    { name: "interface-mtu", data: "1400" }
  ])
  server6 = await startKea(lab, "v6", { address: "fd99::2000", leaseSeconds: 20, renewSeconds: 5 })
  internet = startInternet(lab)
  await project.compose("up", "-d")
  await project.ready("anchord")
})

afterAll(async () => {
  await project.down()
  await server4.stop()
  await server6.stop()
  internet.stop()
})

describe("S-4 leases of seconds, by Kea", () => {
  it("both families get their address, and nothing but it", async () => {
    await step("IPv4", () => answersOn("10.99.0.140"))
    await step("IPv6", () => answersOn("fd99::2000"))
    expect(await external()).toMatchObject({ v4: ["10.99.0.140"], v6: ["fd99::2000"] })
  })

  it("the server's table shows host name, client-id and DUID", async () => {
    const { name } = await external()
    const mac = (await project.exec("anchord", "cat", `/sys/class/net/${name}/address`)).trim()
    expect(server4.leases().at(-1)).toMatchObject({
      address: "10.99.0.140",
      hostname: HOSTNAME,
      client_id: `00:${hex(HOSTNAME)}`,
      hwaddr: mac
    })
    const given6 = server6.leases().at(-1)
    expect(given6).toMatchObject({ address: "fd99::2000", state: "0" })
    expect(given6?.duid?.endsWith(mac)).toBe(true)
  })

  it("a default of option 121 wins over option 3; its routes and the MTU are there", async () => {
    expect(await defaults("v4")).toEqual([["97", LAN.v4]])
    expect(await ip("route", "show", "10.55.0.0/16")).toContain("via 10.99.0.7 ")
    expect((await external()).mtu).toBe(1_400)
  })

  it("what leaves the project has the leased addresses", async () => {
    for (const [host, leased] of [
      [INTERNET.v4, "10.99.0.140"],
      [INTERNET.v6, "fd99::2000"]
    ] as const) {
      expect(await seenFrom("web", host, INTERNET_PORT)).toBe(leased)
    }
  })

  it("connections of both families stay up over three renewals", async () => {
    const held = [tcpHold(lab.alice, "10.99.0.140", 80), tcpHold(lab.bob, "fd99::2000", 80)]
    for (const server of [server4, server6]) {
      const count = server.leases().length
      await eventually("three renewals", 60_000, () => expect(server.leases().length).toBeGreaterThanOrEqual(count + 3))
    }
    for (const { finish } of held) expect((await finish()).filter(({ error }) => error !== undefined)).toEqual([])
  })

  it(`the address rotates ${ROTATIONS} times; each new one is reachable, and what the old one brought is gone`, async () => {
    const times: Array<number> = []
    for (let rotation = 1; rotation <= ROTATIONS; rotation += 1) {
      const address = `10.99.0.14${rotation % 2}`
      await server4.stop()
      server4 = await v4(address)
      const leased = await eventually("the other lease", 40_000, async () => {
        const line = await lastSaid("the project has a leased address")
        expect(line["address"]).toBe(address)
        return Date.parse(line.time)
      })
      await answersOn(address)
      times.push(Date.now() - leased)
    }
    expect(await ip("route", "show", "10.55.0.0/16")).toBe("")
    expect((await external()).mtu).toBe(1_500)
    console.log(`  from the new lease to the first connection: ${spread(times)}`)
  })

  it("a server that is gone past the lease's end: Docker's address is back, and a lease when the server returns", async () => {
    await server4.stop()
    await step("Docker's address is back", () => answersOn(bootstrap.v4))
    expect(await defaults("v4")).toEqual([["97", LAN.v4]])
    server4 = await v4("10.99.0.140")
    await step("the lease is back", () => answersOn("10.99.0.140"))
  })

  it("docker stop releases both leases", async () => {
    await lab.docker("stop", project.container("anchord"))
    await eventually("both are released", 5_000, () => {
      expect(server4.log()).toMatch(/DHCP4_RELEASE\b/)
      expect(server6.log()).toMatch(/DHCP6_RELEASE_NA\b/)
      // A lease that is gone is one more line, without a lifetime.
      expect(server4.leases().at(-1)).toMatchObject({ address: "10.99.0.140", valid_lifetime: "0" })
      expect(server6.leases().at(-1)).toMatchObject({ address: "fd99::2000", valid_lifetime: "0" })
    })
  })
})
