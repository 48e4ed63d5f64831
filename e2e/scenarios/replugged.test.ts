import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { composeProject, externalDmz, networkAnchor, routedApp, transit } from "../lab/composeProject.ts"
import { startKea, type KeaServer } from "../lab/kea.ts"
import { DMZ } from "../lab/lab.ts"
import { LAN } from "../lab/lan.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()

const make = (number: number, env: Readonly<Record<string, string>> = {}) => {
  const bootstrap = { v4: `10.99.0.${number}`, v6: `fd99::${number}` }
  const gateway = { v4: `172.31.${number}.200`, v6: `fd00:a2c0:${number}::200` }
  const anchor = networkAnchor(lab, { ...bootstrap, transitV4: gateway.v4, transitV6: gateway.v6, env })
  const project = composeProject(lab, `replugged${number}`, {
    services: {
      anchord: { ...anchor, cap_add: ["NET_ADMIN", "NET_RAW"] },
      web: routedApp(lab, "web", ["tcp/80"], gateway, { labels: { "anchord.expose": "tcp/80" } })
    },
    networks: { dmz: externalDmz, transit: transit(number) }
  })
  const anchord = project.container("anchord")
  return {
    project,
    bootstrap,
    plugOut: () => lab.docker("network", "disconnect", DMZ, anchord),
    plugIn: () => lab.docker("network", "connect", "--ip", bootstrap.v4, "--ip6", bootstrap.v6, DMZ, anchord),
    defaults: () => project.exec("anchord", "ip", "-4", "route", "show", "default")
  }
}

const answersOn = (...addresses: ReadonlyArray<string>) =>
  eventually(`an answer on ${addresses.join(" and ")}`, 30_000, async () => {
    for (const address of addresses) {
      const { v4, v6 } = lab.alice
      const client = address.includes(":") ? v6 : v4
      expect(await ask(lab.alice, "tcp", address, 80)).toMatchObject({ name: "web", client })
    }
  })

describe("an external network that is disconnected and connected again while anchord runs", () => {
  const { project, bootstrap, plugOut, plugIn, defaults } = make(90)
  beforeAll(async () => {
    await project.compose("up", "-d")
    await project.ready("anchord")
  })
  afterAll(project.down)

  it("the project is reachable again on its addresses, three times", async () => {
    await answersOn(bootstrap.v4, bootstrap.v6)
    for (let time = 1; time <= 3; time += 1) {
      await plugOut()
      await eventually("anchord notices", 20_000, async () => {
        const said = (await project.logs("anchord")).filter(
          ({ level, msg }) => level === "ERROR" && msg.includes("which this container is not attached to")
        )
        expect(said).toHaveLength(time)
      })
      await plugIn()
      await step("reachable again", () => answersOn(bootstrap.v4, bootstrap.v6))
      expect(await defaults()).toMatch(/^default via 10\.99\.0\.1 dev eth\d proto 97 *\n$/)
    }
  })
})

describe("the same with a lease", () => {
  const { project, plugOut, plugIn, defaults } = make(91, {
    ANCHORD_ADDRESS_MODE: "dhcp-refresh",
    ANCHORD_DHCP_HOSTNAME: "replugged",
    ANCHORD_LOG_LEVEL: "debug"
  })
  const leased = "10.99.0.191"
  let server: KeaServer

  beforeAll(async () => {
    server = await startKea(lab, "replugged", {
      address: leased,
      leaseSeconds: 30,
      renewSeconds: 10,
      options: [{ name: "routers", data: LAN.v4 }]
    })
    await project.compose("up", "-d")
    await project.ready("anchord")
  })
  afterAll(async () => {
    await project.down()
    await server.stop()
  })

  it("the lease is on the new interface, its client is another one, and it goes on being renewed", async () => {
    await answersOn(leased)
    await plugOut()
    await plugIn()
    await step("reachable again", () => answersOn(leased))
    expect(await defaults()).toMatch(/^default via 10\.99\.0\.1 dev eth\d proto 97 *\n$/)
    const before = server.leases().length
    // One line is what the new client is given first, which comes after the old lease is on the new interface.
    await step("renewed by the new client", () =>
      eventually("two lines in the lease table", 60_000, () =>
        expect(server.leases().length).toBeGreaterThanOrEqual(before + 2)
      )
    )
    await answersOn(leased)
  })

  const renewals = async () =>
    (await project.logs("anchord")).filter(({ msg }) => msg === "the lease is renewed").length

  it("an address that somebody flushes is set again, and told", async () => {
    // A renewal under way would set it again before anybody could see that it was gone.
    const before = await renewals()
    await step("renewed", () =>
      eventually("the next renewal is over", 60_000, async () => expect(await renewals()).toBeGreaterThan(before))
    )
    const link = /dev (eth\d)/.exec(await defaults())?.[1] ?? "none"
    await project.exec("anchord", "ip", "-4", "address", "flush", "dev", link)
    await step("reachable again", () => answersOn(leased))
    expect((await project.logs("anchord")).map(({ msg }) => msg)).toContain(
      "somebody changed the project's address; the leased one is set again"
    )
  })
})
