import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { advertisedPrefix, hearsAdvertisements } from "../lab/advertisedPrefix.ts"
import { attachLab } from "../lab/attach.ts"
import { dhcpProject } from "../lab/dhcpProject.ts"
import { startDnsmasq, type DhcpServer } from "../lab/dnsmasq.ts"
import { INTERNET_PORT, startInternet } from "../lab/internet.ts"
import { INTERNET, LAN } from "../lab/lan.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const PREFIX = "fd98:1:2:75"
const LEASED = "10.99.0.76"
const { project, bootstrap, external, onlyAddress, defaults, answersOn, seenFrom, warnings } = dhcpProject(
  lab,
  "dhcpboth",
  75,
  { anchor: hearsAdvertisements }
)
let advertised: Awaited<ReturnType<typeof advertisedPrefix>>
let server: DhcpServer
let internet: ReturnType<typeof startInternet>

beforeAll(async () => {
  advertised = await advertisedPrefix(lab, PREFIX)
  server = await startDnsmasq(lab, "both", [
    ...advertised.lines,
    `dhcp-range=${LEASED},${LEASED},255.255.255.0,120s`,
    `dhcp-option=option:router,${LAN.v4}`
  ])
  internet = startInternet(lab)
  await project.compose("up", "-d")
  await project.ready("anchord")
  await step("the hosts hear the advertisement", advertised.heard)
})

afterAll(async () => {
  await project.down()
  await server.stop()
  internet.stop()
  await advertised.withdraw()
})

describe("DHCPv4 and router advertisements, as most home routers have it", () => {
  it("the leased IPv4 address takes the place of Docker's, and an advertised IPv6 address comes to it", async () => {
    await step("the leased address", () => onlyAddress(LEASED))
    const advertisedOnes = await step("the advertised address", () =>
      eventually("an address of the prefix", 20_000, async () => {
        const found = (await external()).v6.filter((one) => one.startsWith(`${PREFIX}:`))
        expect(found).toHaveLength(1)
        return found
      })
    )
    expect((await external()).v6.toSorted()).toEqual([...advertisedOnes, bootstrap.v6].toSorted())
  })

  it("clients of both families reach the project, and are seen as themselves", async () => {
    for (const address of [LEASED, ...(await external()).v6]) {
      for (const host of lab.hosts)
        await step(`${host.netns.split("-").at(-1)} to ${address}`, () => answersOn(address, host))
    }
  })

  it("the default routes: of the lease's router, and of Docker's gateway before the advertised one", async () => {
    expect(await defaults("v4")).toEqual([["97", LAN.v4]])
    const advertisedDefault = ["ra", expect.stringMatching(/^fe80:/)]
    await eventually("both", 10_000, async () =>
      expect(await defaults("v6")).toEqual([["97", LAN.v6], advertisedDefault])
    )
  })

  it("what leaves the project has the leased IPv4 address, and one of the interface's IPv6 addresses", async () => {
    expect(await seenFrom("web", INTERNET.v4, INTERNET_PORT)).toBe(LEASED)
    const seen = await seenFrom("web", INTERNET.v6, INTERNET_PORT)
    console.log(`  IPv6 leaves as ${seen}`)
    expect((await external()).v6).toContain(seen)
  })

  it("nothing is wrong, and nothing is said to be", async () => {
    expect(await warnings()).toEqual([])
  })
})
