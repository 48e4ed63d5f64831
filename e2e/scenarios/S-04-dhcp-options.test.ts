import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { run } from "../lab/command.ts"
import { dhcpProject, forgetLan, rememberAnother } from "../lab/dhcpProject.ts"
import { startDnsmasq, type DhcpServer } from "../lab/dnsmasq.ts"
import { inNetns, LAN } from "../lab/lan.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const { project, ip, external, onlyAddress, defaults, answersOn } = dhcpProject(lab, "dhcpoptions", 45, {
  env: { ANCHORD_EXT_GATEWAY_IP: "10.99.0.254,fd99::fffe" }
})
const inAlice = (...command: ReadonlyArray<string>) => run(inNetns(lab.alice.netns, ...command))
const LEADS = "the IPv4 default route leads through the external network"
let server: DhcpServer

beforeAll(async () => {
  // Alice has the first address of the pool, and remembers another machine under the second one.
  await inAlice("ip", "address", "add", "10.99.0.130/24", "dev", "eth0")
  await rememberAnother(lab.alice, "10.99.0.131")
  server = await startDnsmasq(lab, "options", [
    "dhcp-range=10.99.0.130,10.99.0.131,255.255.255.0,120s",
    "dhcp-sequential-ip",
    "dhcp-option=option:router,10.99.0.253",
    `dhcp-option=option:classless-static-route,0.0.0.0/0,${LAN.v4},10.55.0.0/16,10.99.0.7`,
    "dhcp-option=option:mtu,1400"
  ])
  await project.compose("up", "-d")
  await project.ready("anchord")
})

afterAll(async () => {
  await project.down()
  await server.stop()
  await inAlice("ip", "address", "del", "10.99.0.130/24", "dev", "eth0")
  await forgetLan(lab.alice)
})

describe("what a DHCP server says", () => {
  it("an offered address that somebody has is declined, and another one taken", async () => {
    await step("the free address", () => onlyAddress("10.99.0.131"))
    expect(server.log()).toContain("DHCPDECLINE(lan) 10.99.0.130")
  })

  it("a neighbour with a stale entry for the address reaches the project at once, because it was announced", async () => {
    await step("alice is through", () => answersOn("10.99.0.131"))
  })

  it("a default of option 121 wins over option 3, a pin and Docker's gateway; the other routes and the MTU are there", async () => {
    await eventually("the default", 5_000, async () => expect(await defaults("v4")).toEqual([["97", LAN.v4]]))
    const led = (await project.logs("anchord")).findLast(({ msg }) => msg === LEADS)
    expect(led).toMatchObject({ source: "DHCP", gateway: LAN.v4 })
    expect(await ip("route", "show", "10.55.0.0/16")).toContain("via 10.99.0.7 ")
    expect((await external()).mtu).toBe(1_400)
  })

  it("the other family has the address that Docker gave it, and the pin", async () => {
    expect((await external()).v6).toEqual(["fd99::45"])
    expect(await defaults("v6")).toEqual([["97", "fd99::fffe"]])
  })
})
