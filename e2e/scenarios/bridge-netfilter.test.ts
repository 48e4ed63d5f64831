import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { run } from "../lab/command.ts"
import { app, composeProject, externalDmz, networkAnchor, serviceAnchor, transit } from "../lab/composeProject.ts"
import { inNetns } from "../lab/lan.ts"
import { mapsOf } from "../lab/kernel.ts"
import { eventually } from "../lab/steps.ts"

const lab = attachLab()

const make = (name: string, number: number, more: Readonly<Record<string, unknown>>) => {
  const address = { v4: `10.99.0.${number}`, v6: `fd99::${number}` }
  return {
    address,
    project: composeProject(lab, name, {
      services: {
        anchord: networkAnchor(lab, address),
        "web-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/80" }),
        web: app(lab, "web-anchor", name, ["tcp/80"])
      },
      networks: { dmz: externalDmz, transit: transit(number, more) }
    })
  }
}

const plain = make("plain", 32, {})
const internal = make("internal", 33, { internal: true })

const bridgeNetfilter = (on: boolean) =>
  run(
    inNetns(
      lab.engineNetns,
      ...["sysctl", "-qw", `net.bridge.bridge-nf-call-iptables=${Number(on)}`],
      `net.bridge.bridge-nf-call-ip6tables=${Number(on)}`
    )
  )

const answers = async ({ project, address }: typeof plain) => {
  for (const family of ["v4", "v6"] as const) {
    expect(await ask(lab.alice, "tcp", address[family], 80)).toMatchObject({
      name: project.name,
      client: lab.alice[family]
    })
  }
}

beforeAll(async () => {
  for (const { project } of [plain, internal]) {
    await project.compose("up", "-d")
    await project.ready("anchord", "web-anchor")
    await eventually("mapped", 10_000, async () => expect(await mapsOf(project)).toHaveLength(2))
  }
})

afterAll(async () => {
  await bridgeNetfilter(true)
  await plain.project.down()
  await internal.project.down()
})

describe("kinds of transit network, with bridge netfilter on and off", () => {
  it("off: a plain and an internal network both carry clients' packets", async () => {
    await bridgeNetfilter(false)
    await eventually("plain", 10_000, () => answers(plain))
    await eventually("internal", 10_000, () => answers(internal))
  })

  it("on: a plain network carries them, an internal one only those of IPv6, because Docker drops foreign IPv4 sources there", async () => {
    await bridgeNetfilter(true)
    await eventually("plain", 10_000, () => answers(plain))
    await expect(ask(lab.alice, "tcp", internal.address.v4, 80)).rejects.toThrow("timeout")
    // Docker's rule for IPv6 leaves alone what stays on the bridge.
    expect(await ask(lab.alice, "tcp", internal.address.v6, 80)).toMatchObject({ client: lab.alice.v6 })
  })
})
