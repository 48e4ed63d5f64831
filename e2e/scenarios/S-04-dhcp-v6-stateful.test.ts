import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { run } from "../lab/command.ts"
import { ANOTHER, dhcpProject, forgetLan, rememberAnother, SILENCE } from "../lab/dhcpProject.ts"
import { startDnsmasq, type DhcpServer } from "../lab/dnsmasq.ts"
import { INTERNET_PORT, startInternet } from "../lab/internet.ts"
import { INTERNET, LAN } from "../lab/lan.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const LEASED = "fd99::7701"
const { project, bootstrap, external, onlyAddress, defaults, answersOn, seenFrom, warnings } = dhcpProject(
  lab,
  "dhcpstateful",
  77
)
let server: DhcpServer
let internet: ReturnType<typeof startInternet>

beforeAll(async () => {
  server = await startDnsmasq(lab, "stateful", ["enable-ra", `dhcp-range=${LEASED},${LEASED},64,120s`])
  internet = startInternet(lab)
  await rememberAnother(lab.alice, LEASED)
  await project.compose("up", "-d")
  await project.ready("anchord")
})

afterAll(async () => {
  await project.down()
  await server.stop()
  internet.stop()
  for (const host of [lab.alice, lab.bob]) await forgetLan(host)
})

describe("a server of stateful DHCPv6 alone", () => {
  it("the leased address takes the place of Docker's, and is in the server's table under the MAC address", async () => {
    await step("the leased address", () => onlyAddress(LEASED))
    const mac = (await project.exec("anchord", "cat", `/sys/class/net/${(await external()).name}/address`)).trim()
    const rows = server.leases().map((line) => line.split(" "))
    expect(rows.filter(([, , address]) => address === LEASED).map((row) => row[4]?.endsWith(mac))).toEqual([true])
  })

  it("a neighbour that remembers another machine under it has been told, without asking", async () => {
    const entry = () => run(["ip", "-n", lab.alice.netns, "-6", "neigh", "show", "to", LEASED])
    expect(
      await eventually("another entry", 5_000, async () => {
        const shown = await entry()
        if (shown.includes(ANOTHER)) throw new Error(shown)
        return shown
      })
    ).toContain("lladdr ")
  })

  it("a client reaches the project on it, and is seen as itself", async () => {
    await step("alice is through", () => answersOn(LEASED))
  })

  it("what leaves the project has the leased address", async () => {
    await eventually("a connection", 10_000, async () =>
      expect(await seenFrom("web", INTERNET.v6, INTERNET_PORT)).toBe(LEASED)
    )
  })

  it("the default route is that of Docker's gateway: DHCPv6 names no router", async () => {
    expect(await defaults("v6")).toEqual([["97", LAN.v6]])
  })

  it("IPv4, for which nobody answers, stays on Docker's address", async () => {
    await answersOn(bootstrap.v4)
    expect((await external()).v4).toEqual([bootstrap.v4])
    await eventually("one WARN", 20_000, async () => expect(await warnings()).toEqual([SILENCE]))
  })

  it("docker stop releases the lease", async () => {
    await lab.docker("stop", project.container("anchord"))
    await eventually("it is gone from the table", 5_000, () =>
      expect(server.leases().filter((line) => line.includes(` ${LEASED} `))).toEqual([])
    )
  })
})
