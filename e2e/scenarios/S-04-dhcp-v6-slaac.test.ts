import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { advertisedPrefix, hearsAdvertisements } from "../lab/advertisedPrefix.ts"
import { attachLab } from "../lab/attach.ts"
import { dhcpProject, SILENCE } from "../lab/dhcpProject.ts"
import { startDnsmasq, type DhcpServer } from "../lab/dnsmasq.ts"
import { LAN } from "../lab/lan.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const PREFIX = "fd98:1:2:74"
const { project, bootstrap, external, defaults, answersOn, warnings } = dhcpProject(lab, "dhcpslaac", 74, {
  anchor: hearsAdvertisements
})
let advertised: Awaited<ReturnType<typeof advertisedPrefix>>
let server: DhcpServer

beforeAll(async () => {
  advertised = await advertisedPrefix(lab, PREFIX)
  server = await startDnsmasq(lab, "slaac", advertised.lines)
  await project.compose("up", "-d")
  await project.ready("anchord")
  await step("the hosts hear the advertisement", advertised.heard)
})

afterAll(async () => {
  await project.down()
  await server.stop()
  await advertised.withdraw()
})

const advertisedAddress = () =>
  eventually("an address of the advertised prefix", 20_000, async () => {
    const address = (await external()).v6.find((one) => one.startsWith(`${PREFIX}:`))
    if (address === undefined) throw new Error("none yet")
    return address
  })

describe("router advertisements, and no DHCP of either family", () => {
  it("the kernel makes an address of the advertised prefix beside Docker's, and clients reach the project on both", async () => {
    const address = await step("an address", advertisedAddress)
    await answersOn(address)
    await answersOn(bootstrap.v6)
    expect((await external()).v6.toSorted()).toEqual([address, bootstrap.v6].toSorted())
  })

  it("IPv4 stays on Docker's address", async () => {
    await answersOn(bootstrap.v4)
    expect((await external()).v4).toEqual([bootstrap.v4])
    expect(await defaults("v4")).toEqual([["97", LAN.v4]])
  })

  it("the advertised default route is left alone, behind the one by Docker's gateway", async () => {
    const [first, second, ...others] = await defaults("v6")
    expect(first).toEqual(["97", LAN.v6])
    expect(second).toEqual(["ra", expect.stringMatching(/^fe80:/)])
    expect(others).toEqual([])
  })

  it("that nobody gives IPv6 leases is no news: only IPv4's silence is told", async () => {
    const metrics = () => project.exec("anchord", "busybox", "wget", "-qO-", "http://127.0.0.1:9090/metrics")
    await eventually("an unanswered request of IPv6", 20_000, async () =>
      expect(await metrics()).toMatch(/\nanchord_dhcp_acquired_total\{family="v6",outcome="error"\} [1-9]/)
    )
    await eventually("one WARN", 20_000, async () => expect(await warnings()).toEqual([SILENCE]))
  })
})
