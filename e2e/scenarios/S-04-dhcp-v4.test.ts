import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask, tcpHold } from "../lab/client.ts"
import { ANOTHER, dhcpProject, forgetLan, rememberAnother } from "../lab/dhcpProject.ts"
import { startDnsmasq, type DhcpServer } from "../lab/dnsmasq.ts"
import { INTERNET_PORT, startInternet } from "../lab/internet.ts"
import { spread, watchNeighbours } from "../lab/ipMonitor.ts"
import { INTERNET, LAN } from "../lab/lan.ts"
import { mapsOf } from "../lab/kernel.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const HOSTNAME = "mailhost"
const ROTATIONS = 10
const { project, bootstrap, external, onlyAddress, defaults, answersOn, seenFrom, lastSaid } = dhcpProject(
  lab,
  "dhcp4",
  43,
  { env: { ANCHORD_DHCP_HOSTNAME: HOSTNAME } }
)

const pool = (first: number, last = first) => [
  `dhcp-range=10.99.0.${first},10.99.0.${last},255.255.255.0,120s`,
  `dhcp-option=option:router,${LAN.v4}`,
  "dhcp-option=option:T1,3"
]

let server: DhcpServer

let internet: ReturnType<typeof startInternet>

beforeAll(async () => {
  server = await startDnsmasq(lab, "v4", pool(120))
  internet = startInternet(lab)
  await project.compose("up", "-d")
  await step("ready", () => project.ready("anchord"))
})

afterAll(async () => {
  await project.down()
  await server.stop()
  internet.stop()
  await forgetLan(lab.alice)
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
    expect(await seenFrom("web", INTERNET.v4, INTERNET_PORT)).toBe("10.99.0.120")
    expect(await defaults("v4")).toEqual([["97", LAN.v4]])
  })

  it("a renewal leaves connections alone", async () => {
    const held = tcpHold(lab.alice, "10.99.0.120", 80)
    const renewals = () => server.log().match(/DHCPACK\(lan\) 10\.99\.0\.120/g)?.length ?? 0
    const before = renewals()
    await step("three renewals", () =>
      eventually("three renewals", 30_000, () => expect(renewals()).toBeGreaterThanOrEqual(before + 3))
    )
    expect((await held.finish()).filter(({ error }) => error !== undefined)).toEqual([])
    expect((await external()).v4).toEqual(["10.99.0.120"])
  })

  it(`a lease that the server refuses is given up, and another one taken, ${ROTATIONS} times; a neighbour's old entry does not matter`, async () => {
    const maps = await mapsOf(project)
    const times = { lease: Array<number>(), heard: Array<number>(), reached: Array<number>() }
    for (let rotation = 1; rotation <= ROTATIONS; rotation += 1) {
      const [old, next] = rotation % 2 === 1 ? [120, 121] : [121, 120]
      const address = `10.99.0.${next}`
      await server.stop()
      server.forget("10.99.0.")
      await rememberAnother(lab.alice, address)
      const neighbours = watchNeighbours(lab.alice)
      server = await startDnsmasq(lab, "v4", [...pool(next), `dhcp-host=02:00:00:00:00:99,10.99.0.${old}`])
      const leased = await eventually("the other lease", 20_000, async () => {
        const line = await lastSaid("the project has a leased address")
        expect(line["address"]).toBe(address)
        return Date.parse(line.time)
      })
      // One try: her entry would be asked about only five seconds after its first use, and the client waits for three.
      expect(await ask(lab.alice, "tcp", address, 80)).toMatchObject({ name: "web", client: lab.alice.v4 })
      times.reached.push(Date.now() - leased)
      const heard = neighbours.lines().find(({ text }) => text.startsWith(`${address} `) && !text.includes(ANOTHER))
      times.heard.push((heard?.at ?? NaN) - leased)
      neighbours.stop()
      times.lease.push(leased - Date.parse((await lastSaid("the lease is lost: the server refused it")).time))
      await onlyAddress(address)
    }
    console.log(`  from the refusal to the next lease: ${spread(times.lease)}`)
    console.log(`  from the lease in anchord's log to the neighbour's new entry: ${spread(times.heard)}`)
    console.log(`  from the lease in anchord's log to the first connection: ${spread(times.reached)}`)
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
      expect((await external()).v4).toEqual(["10.99.0.120"])
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
