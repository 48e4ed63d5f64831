import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { run } from "../lab/command.ts"
import {
  app,
  composeProject,
  externalDmz,
  networkAnchor,
  plainApp,
  serviceAnchor,
  transit
} from "../lab/composeProject.ts"
import { examine, foundIn } from "../lab/doctor.ts"
import { mapsOf } from "../lab/kernel.ts"
import { inNetns } from "../lab/lan.ts"
import { eventually } from "../lab/steps.ts"

const lab = attachLab()

const bridgeNetfilter = (on: boolean) =>
  run(
    inNetns(
      lab.engineNetns,
      ...["sysctl", "-qw", `net.bridge.bridge-nf-call-iptables=${Number(on)}`],
      `net.bridge.bridge-nf-call-ip6tables=${Number(on)}`
    )
  )

const address = { v4: "10.99.0.155", v6: "fd99::155" }

const internal = composeProject(lab, "doctorinternal", {
  services: {
    anchord: networkAnchor(lab, address),
    "web-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/80" }),
    web: app(lab, "web-anchor", "web", ["tcp/80"])
  },
  networks: { dmz: externalDmz, transit: transit(155, { internal: true }) }
})

const labels = (ports: string) => ({ labels: { "anchord.expose": ports } })

/** A project with labels where they do not belong, and a backend that has no service-anchor. */
const mixed = composeProject(lab, "doctormixed", {
  services: {
    anchord: networkAnchor(lab, { v4: "10.99.0.156", v6: "fd99::156" }),
    "web-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/80" }),
    web: { ...app(lab, "web-anchor", "web", ["tcp/80", "tcp/81"]), ...labels("tcp/81") },
    lost: plainApp(lab, "lost", ["tcp/82"], { networks: { transit: {} }, ...labels("tcp/82") }),
    outsider: plainApp(lab, "outsider", ["tcp/83"], { networks: { elsewhere: {} } }),
    guest: { ...app(lab, "outsider", "guest", ["tcp/84"]), ...labels("tcp/84") }
  },
  networks: {
    dmz: externalDmz,
    transit: transit(156),
    elsewhere: { ipam: { config: [{ subnet: "172.31.157.0/24" }] } }
  }
})

const look = async (project: typeof internal) => foundIn(await examine(lab, project, "anchord", ["--json"]))

afterAll(async () => {
  await bridgeNetfilter(true)
  await internal.down()
  await mixed.down()
})

describe("the doctor on an internal transit network", () => {
  beforeAll(async () => {
    await internal.compose("up", "-d")
    await internal.ready("anchord", "web-anchor")
    await eventually("mapped", 10_000, async () => expect(await mapsOf(internal)).toHaveLength(2))
  })

  it("finds that it drops what clients send where bridge netfilter is on, as a client can tell", async () => {
    await bridgeNetfilter(true)
    await expect(ask(lab.alice, "tcp", address.v4, 80)).rejects.toThrow("timeout")
    const { status, of } = await look(internal)
    expect(status).toBe(1)
    const [v4 = "", v6] = of("foreign-sources")
    expect(v4).toMatch(
      /^fail IPv4: this container's own address is answered by doctorinternal-web-anchor-1, and 192\.0\.2\.\d+, which is foreign to doctorinternal_transit, is not: the network is internal, /
    )
    expect(v4).toContain(
      '→ make it a normal bridge in the compose file: no internal: true, and driver_opts: { com.docker.network.bridge.enable_ip_masquerade: "false" }'
    )
    const { stdout } = await examine(lab, internal, "anchord")
    console.log(stdout.replaceAll(/^/gm, "  "))
    expect(stdout).toMatch(/^fail {2}foreign-sources {3}IPv4: .*\n {24}→ make it a normal bridge/m)
    // Docker's rule for IPv6 leaves alone what stays on the bridge.
    expect(v6).toMatch(/^ok IPv6: doctorinternal_transit carries them/)
    expect(await ask(lab.alice, "tcp", address.v6, 80)).toMatchObject({ client: lab.alice.v6 })
  })

  it("finds nothing wrong with it where bridge netfilter is off", async () => {
    await bridgeNetfilter(false)
    await eventually("a client gets through", 10_000, () => ask(lab.alice, "tcp", address.v4, 80))
    const { status, of } = await look(internal)
    expect({ status, found: of("foreign-sources").map((line) => line.split(" ")[0]) }).toEqual({
      status: 0,
      found: ["ok", "ok"]
    })
    await bridgeNetfilter(true)
  })
})

describe("the doctor and containers of several kinds", () => {
  beforeAll(async () => {
    await mixed.compose("up", "-d")
    await mixed.ready("anchord", "web-anchor")
    await eventually("mapped", 10_000, async () => expect(await mapsOf(mixed)).toHaveLength(6))
  })

  it("finds labels on containers that share the namespace of another one, and who should have them", async () => {
    const { status, of } = await look(mixed)
    expect(status).toBe(1)
    expect(of("ports")).toEqual([
      "ok doctormixed-lost-1, doctormixed-web-1, doctormixed-web-anchor-1 can be reached from outside",
      expect.stringMatching(
        /^fail doctormixed-guest-1: it is on doctormixed_elsewhere through doctormixed-outsider-1, without a usable address on the shared network doctormixed_transit; .* shares that of doctormixed-outsider-1: put doctormixed-outsider-1 on doctormixed_transit, or move the label$/
      ),
      expect.stringMatching(
        /^warn doctormixed-web-1 has anchord\.expose, and shares the network namespace of doctormixed-web-anchor-1: .* → move the label to doctormixed-web-anchor-1$/
      )
    ])
  })

  it("tells a backend whose answers go elsewhere from a network that drops", async () => {
    const { of } = await look(mixed)
    for (const family of ["IPv4", "IPv6"]) {
      const said = of("foreign-sources").filter((line) => line.includes(family))
      expect(said).toEqual([
        expect.stringMatching(/^ok IPv[46]: doctormixed_transit carries them: /),
        expect.stringMatching(
          /^fail IPv[46]: the answers of doctormixed-lost-1 to clients do not come back here, although doctormixed_transit carries them → the default route of doctormixed-lost-1/
        )
      ])
    }
  })
})
