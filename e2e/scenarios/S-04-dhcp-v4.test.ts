import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask, tcpHold } from "../lab/client.ts"
import { composeProject, externalDmz, networkAnchor, routedApp, transit } from "../lab/composeProject.ts"
import { startDnsmasq, type DhcpServer } from "../lab/dnsmasq.ts"
import { LAN } from "../lab/lan.ts"
import { mapsOf } from "../lab/kernel.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const bootstrap = { v4: "10.99.0.43", v6: "fd99::43" }
const gateway = { v4: "172.31.43.200", v6: "fd00:a2c0:43::200" }
const HOSTNAME = "mailhost"
const ROTATIONS = 10

const anchor = networkAnchor(lab, {
  ...bootstrap,
  transitV4: gateway.v4,
  transitV6: gateway.v6,
  env: { ANCHORD_ADDRESS_MODE: "dhcp-refresh", ANCHORD_DHCP_HOSTNAME: HOSTNAME }
})

const project = composeProject(lab, "dhcp4", {
  services: {
    anchord: { ...anchor, cap_add: ["NET_ADMIN", "NET_RAW"] },
    web: routedApp(lab, "web", ["tcp/80"], gateway, { labels: { "anchord.expose": "tcp/80" } })
  },
  networks: { dmz: externalDmz, transit: transit(43) }
})

const pool = (first: number, last = first) => [
  `dhcp-range=10.99.0.${first},10.99.0.${last},255.255.255.0,120s`,
  `dhcp-option=option:router,${LAN.v4}`,
  "dhcp-option=option:T1,3"
]

let server: DhcpServer

interface Shown {
  readonly ifname: string
  readonly addr_info: ReadonlyArray<{ readonly local: string }>
}

/** The IPv4 addresses of the external interface. */
const addresses = async () => {
  const shown: ReadonlyArray<Shown> = JSON.parse(await project.exec("anchord", "ip", "-j", "-4", "address"))
  return shown
    .flatMap(({ addr_info }) => addr_info.map(({ local }) => local))
    .filter((one) => one.startsWith("10.99.0."))
}

const onlyAddress = (address: string) =>
  eventually(`the only address is ${address}`, 20_000, async () => expect(await addresses()).toEqual([address]))

const answersOn = (address: string) =>
  eventually(`an answer on ${address}`, 20_000, async () =>
    expect(await ask(lab.alice, "tcp", address, 80)).toMatchObject({ name: "web", client: lab.alice.v4 })
  )

beforeAll(async () => {
  server = await startDnsmasq(lab, "v4", pool(120))
  await project.compose("up", "-d")
  await step("ready", () => project.ready("anchord"))
})

afterAll(async () => {
  await project.down()
  await server.stop()
})

describe("S-1 and S-4 by DHCP", () => {
  it("the leased address takes the place of Docker's; the server's table shows host name and client-id", async () => {
    await step("the leased address", () => onlyAddress("10.99.0.120"))
    await answersOn("10.99.0.120")
    const clientId = ["00", ...[...HOSTNAME].map((letter) => letter.charCodeAt(0).toString(16))].join(":")
    expect(server.leases().map((line) => line.split(" ").slice(2))).toEqual([["10.99.0.120", HOSTNAME, clientId]])
    expect(await ask(lab.alice, "tcp", bootstrap.v6, 80)).toMatchObject({ name: "web", client: lab.alice.v6 })
  })

  it("what leaves the project has the leased address", async () => {
    const seen = await project.exec("anchord", "ip", "-j", "route", "get", LAN.v4)
    expect(JSON.parse(seen)[0].prefsrc).toBe("10.99.0.120")
    expect(await project.exec("anchord", "ip", "route", "show", "default")).toMatch(
      /^default via 10\.99\.0\.1 dev eth\d proto 97 *\n$/
    )
  })

  it("a renewal leaves connections alone", async () => {
    const held = tcpHold(lab.alice, "10.99.0.120", 80)
    const renewals = () => server.log().match(/DHCPACK\(lan\) 10\.99\.0\.120/g)?.length ?? 0
    const before = renewals()
    await step("three renewals", () =>
      eventually("three renewals", 30_000, () => expect(renewals()).toBeGreaterThanOrEqual(before + 3))
    )
    expect((await held.finish()).filter(({ error }) => error !== undefined)).toEqual([])
    expect(await addresses()).toEqual(["10.99.0.120"])
  })

  it(`a lease that the server refuses is given up, and another one taken, ${ROTATIONS} times`, async () => {
    const maps = await mapsOf(project)
    const times: Array<number> = []
    for (let rotation = 1; rotation <= ROTATIONS; rotation += 1) {
      const [old, next] = rotation % 2 === 1 ? [120, 121] : [121, 120]
      await server.stop()
      server.forget("10.99.0.")
      server = await startDnsmasq(lab, "v4", [...pool(next), `dhcp-host=02:00:00:00:00:99,10.99.0.${old}`])
      await answersOn(`10.99.0.${next}`)
      const reachable = Date.now()
      const lines = await project.logs("anchord")
      const lost = lines.findLast(({ msg }) => msg.startsWith("the lease is lost: the server refused it"))
      times.push(reachable - Date.parse(lost?.time ?? ""))
      await onlyAddress(`10.99.0.${next}`)
    }
    times.sort((a, b) => a - b)
    console.log(
      `  from the refusal to the first connection: median ${times[ROTATIONS / 2]}, all ${times.join(", ")} ms`
    )
    expect(await mapsOf(project)).toEqual(maps)
  })

  it("a client that is killed is started again, and the address stays", async () => {
    for (let time = 1; time <= 5; time += 1) {
      await project.exec(
        "anchord",
        "sh",
        "-c",
        "kill -KILL $(busybox ps -o pid,args | sed -n 's/^ *\\([0-9]*\\) busybox udhcpc -f.*/\\1/p')"
      )
      await eventually("another client", 30_000, () =>
        project.exec("anchord", "sh", "-c", "busybox ps -o args | grep -q '^busybox udhcpc -f'")
      )
      expect(await addresses()).toEqual(["10.99.0.120"])
    }
    await answersOn("10.99.0.120")
  })

  it("docker stop releases the lease, and takes less than 5 s", async () => {
    const begun = performance.now()
    await lab.docker("stop", project.container("anchord"))
    expect(performance.now() - begun).toBeLessThan(5_000)
    expect(await project.inspect("anchord", "{{.State.ExitCode}}")).toBe("0")
    await eventually("the table is empty", 5_000, () => expect(server.leases()).toEqual([]))
  })
})
