import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { run } from "../lab/command.ts"
import { composeProject, externalDmz, networkAnchor, routedApp, transit } from "../lab/composeProject.ts"
import { startDnsmasq, type DhcpServer } from "../lab/dnsmasq.ts"
import { inNetns, LAN } from "../lab/lan.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const gateway = { v4: "172.31.44.200", v6: "fd00:a2c0:44::200" }

const make = (name: string, number: number, env: Readonly<Record<string, string>> = {}) => {
  const anchor = networkAnchor(lab, {
    v4: `10.99.0.${number}`,
    v6: `fd99::${number}`,
    transitV4: gateway.v4,
    transitV6: gateway.v6,
    env: { ANCHORD_ADDRESS_MODE: "dhcp-refresh", ...env }
  })
  const project = composeProject(lab, name, {
    services: {
      anchord: { ...anchor, cap_add: ["NET_ADMIN", "NET_RAW"] },
      web: routedApp(lab, "web", ["tcp/80"], gateway, { labels: { "anchord.expose": "tcp/80" } })
    },
    networks: { dmz: externalDmz, transit: transit(44) }
  })
  const ip = (...args: ReadonlyArray<string>) => project.exec("anchord", "ip", ...args)
  return {
    project,
    ip,
    onLan: async (prefix: string) => {
      const shown: ReadonlyArray<{ readonly addr_info: ReadonlyArray<{ readonly local: string }> }> = JSON.parse(
        await ip("-j", "address")
      )
      return shown
        .flatMap(({ addr_info }) => addr_info.map(({ local }) => local))
        .filter((one) => one.startsWith(prefix))
    }
  }
}

const answersOn = (address: string) =>
  eventually(`an answer on ${address}`, 20_000, async () =>
    expect((await ask(lab.alice, "tcp", address, 80)).name).toBe("web")
  )

describe("no DHCP server at all", () => {
  const { project, onLan } = make("dhcpnone", 44)
  afterAll(project.down)

  it("leaves Docker's addresses, and the project is ready and reachable on them", async () => {
    await project.compose("up", "-d")
    await step("ready", () => project.ready("anchord"))
    await answersOn("10.99.0.44")
    await answersOn("fd99::44")
    await eventually("one WARN", 20_000, async () => {
      const said = (await project.logs("anchord")).filter(({ level }) => level === "WARN").map(({ msg }) => msg)
      expect(said).toEqual(["no DHCP server answers; the project stays on the address it has, and asking goes on"])
    })
    expect(await onLan("10.99.0.")).toEqual(["10.99.0.44"])
    const metrics = await project.exec("anchord", "busybox", "wget", "-qO-", "http://127.0.0.1:9090/metrics")
    expect(metrics).toContain('\nanchord_dhcp_lease_remaining_seconds{family="v4"} 0\n')
    expect(metrics).toMatch(/\nanchord_dhcp_acquired_total\{family="v4",outcome="error"\} [1-9]/)
  })
})

describe("a server with everything", () => {
  const { project, ip, onLan } = make("dhcpall", 45, { ANCHORD_EXT_GATEWAY_IP: "10.99.0.254,fd99::fffe" })
  const inAlice = (...command: ReadonlyArray<string>) => run(inNetns(lab.alice.netns, ...command))
  let server: DhcpServer

  beforeAll(async () => {
    // Alice has the first address of the pool, and remembers another machine under the second one.
    await inAlice("ip", "address", "add", "10.99.0.130/24", "dev", "eth0")
    await inAlice("ip", "neigh", "replace", "10.99.0.131", "lladdr", "02:00:00:00:00:77", "dev", "eth0", "nud", "stale")
    server = await startDnsmasq(lab, "all", [
      "dhcp-range=10.99.0.130,10.99.0.131,255.255.255.0,120s",
      "dhcp-sequential-ip",
      `dhcp-option=option:router,10.99.0.253`,
      `dhcp-option=option:classless-static-route,0.0.0.0/0,${LAN.v4},10.55.0.0/16,10.99.0.7`,
      "dhcp-option=option:mtu,1400",
      "enable-ra",
      "dhcp-range=fd99::1000,fd99::10ff,64,120s"
    ])
    await project.compose("up", "-d")
    await project.ready("anchord")
  })

  afterAll(async () => {
    await project.down()
    await server.stop()
    await inAlice("ip", "address", "del", "10.99.0.130/24", "dev", "eth0")
    await inAlice("ip", "neigh", "flush", "dev", "eth0")
  })

  it("an offered address that somebody has is declined, and another one taken", async () => {
    await step("the free address", () =>
      eventually("the second one", 40_000, async () => expect(await onLan("10.99.0.")).toEqual(["10.99.0.131"]))
    )
    expect(server.log()).toContain("DHCPDECLINE(lan) 10.99.0.130")
  })

  it("a neighbour with a stale entry for the address reaches the project at once, because it was announced", async () => {
    await step("alice is through", () => answersOn("10.99.0.131"))
  })

  it("a default of option 121 wins over option 3, a pin and Docker's gateway; the other routes and the MTU are there", async () => {
    await eventually("routes", 5_000, async () => {
      expect(await ip("-4", "route", "show", "default")).toMatch(/^default via 10\.99\.0\.1 dev eth\d proto 97 *\n$/)
    })
    expect(await ip("route", "show", "10.55.0.0/16")).toContain("via 10.99.0.7 ")
    expect(await ip("link", "show")).toMatch(/eth\d@[^\n]* mtu 1400 /)
  })

  it("a stateful DHCPv6 address takes the place of Docker's and is reachable", async () => {
    const leased = await step("the leased IPv6 address", () =>
      eventually("an address of the pool alone", 30_000, async () => {
        const [address = "", ...others] = await onLan("fd99::")
        expect(others).toEqual([])
        expect(address).toMatch(/^fd99::10[0-9a-f]{2}$/)
        return address
      })
    )
    await answersOn(leased)
    expect(server.leases().some((line) => line.includes(` ${leased} `))).toBe(true)
  })

  it("a reverted default route is set again, five times", async () => {
    for (let time = 1; time <= 5; time += 1) {
      await ip("route", "replace", "default", "via", "10.99.0.253")
      await step("set again", () =>
        eventually("the leased router", 5_000, async () =>
          expect(await ip("-4", "route", "show", "default")).toMatch(
            /^default via 10\.99\.0\.1 dev eth\d proto 97 *\n$/
          )
        )
      )
    }
  })
})
