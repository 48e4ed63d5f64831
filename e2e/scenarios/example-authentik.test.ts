import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { parseAddress } from "../../src/domain/Address.ts"
import { usedOf } from "../lab/allowList.ts"
import { attachLab } from "../lab/attach.ts"
import { composeExample, firstDatagram, firstLine } from "../lab/example.ts"
import { exampleImages } from "../lab/imageBuild.ts"
import { loadImages } from "../lab/lab.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()

const ldap = { name: "ak-outpost-ldap", v4: "10.99.0.100", v6: "fd99::100", ports: ["3389", "6636"] }
const radius = { name: "ak-outpost-radius", v4: "10.99.0.101", v6: "fd99::101", ports: ["1812/udp"] }
type Outpost = typeof ldap
const outposts = [ldap, radius]
const managedOf = ({ name }: Outpost) => `${name}-service-anchor`

const compose = composeExample(lab, "authentik-like", ["compose.yaml"], {
  LDAP_IPV4: ldap.v4,
  LDAP_IPV6: ldap.v6,
  RADIUS_IPV4: radius.v4,
  RADIUS_IPV6: radius.v6
})

const lines = (text: string) => text.split("\n").filter((line) => line !== "")

/** As authentik's worker makes it: its own label, none of Compose, and started again by the engine. */
const spawn = ({ name, ports }: Outpost) =>
  lab.docker(
    ...["run", "-d", "--name", name, "--network", "authentik-outposts", "--restart", "unless-stopped"],
    ...["--label", "io.goauthentik.outpost-uuid=6f9c1f8ec7a14d4f8c07f0c6a9f4a5be"],
    ...["authentik-like-worker", name, ...ports]
  )

/** As the worker gets rid of one. */
const despawn = async ({ name }: Outpost) => {
  await lab.docker("kill", name)
  await lab.docker("rm", "-f", name)
}

const removed = (...names: ReadonlyArray<string>) =>
  lab.docker("rm", "-f", ...names).then(
    () => undefined,
    () => undefined
  )

/** What the README says. */
const takeDown = async () => {
  await compose("stop", "-t", "5")
  await removed(...outposts.map(({ name }) => name), ...outposts.map(managedOf))
  await compose("down", "-t", "5")
}

const expectGreeting = (said: string, outpost: Outpost, port: number, family: "v4" | "v6") => {
  const [, who, at, seen] = /^(\S+) on port (\d+) sees \[?([^\]\s]+)\]?\n$/.exec(said) ?? []
  expect({ who, at }).toEqual({ who: outpost.name, at: `${port}` })
  expect(parseAddress(seen ?? "")?.address).toBe(lab.alice[family])
}

/** Both outposts answer a client on the LAN at their own addresses, and see it. */
const answers = (what: string, ...which: ReadonlyArray<Outpost>) =>
  step(what, () =>
    eventually(what, 60_000, async () => {
      for (const family of ["v4", "v6"] as const) {
        if (which.includes(ldap)) {
          expectGreeting(await firstLine(lab.alice, ldap[family], 389), ldap, 3389, family)
          expectGreeting(await firstLine(lab.alice, ldap[family], 636), ldap, 6636, family)
        }
        if (which.includes(radius))
          expectGreeting(await firstDatagram(lab.alice, radius[family], 1812), radius, 1812, family)
      }
    })
  )

const namesWith = async (text: string) =>
  lines(await lab.docker("ps", "-a", "--format", "{{.Names}}")).filter((name) => name.includes(text))

const logOf = (service: string) => lab.engine.inside(["sh", "-c", `docker logs authentik-like-${service}-1 2>&1`])

describe("authentik-like, run as it is, behind its socket proxy", () => {
  beforeAll(async () => {
    await step("the example's images", () => loadImages(lab.engine, exampleImages, (text) => console.log(`  ${text}`)))
    await takeDown()
  })
  afterAll(takeDown)

  it("an outpost that was there before the network-anchors, and one that comes after them, each has its own address", async () => {
    await compose("up", "-d", "--no-build", "server", "worker")
    await spawn(ldap)
    await step("compose up", () => compose("up", "-d", "--no-build"))
    await answers("the one that was there", ldap)
    await spawn(radius)
    await answers("the one that came", radius)
    await expect(firstLine(lab.alice, radius.v4, 389)).rejects.toThrow(/./)
  })

  it("outposts that are restarted are reached again", async () => {
    for (const { name } of outposts) await lab.docker("restart", "-t", "1", name)
    await answers("restarted", ...outposts)
  })

  it("outposts that crash are reached again", async () => {
    for (const { name } of outposts) {
      const pid = (await lab.docker("inspect", "-f", "{{.State.Pid}}", name)).trim()
      await lab.engine.inside(["kill", "-9", pid])
    }
    await answers("crashed", ...outposts)
  })

  it("outposts that the worker makes anew are reached again", async () => {
    for (const outpost of outposts) {
      await despawn(outpost)
      await spawn(outpost)
    }
    await answers("made anew", ...outposts)
    expect((await namesWith("ak-outpost")).toSorted()).toEqual(
      outposts.flatMap((outpost) => [outpost.name, managedOf(outpost)]).toSorted()
    )
  })

  it("an outpost that is switched off and on again is reached, and the other all the while", async () => {
    await despawn(ldap)
    await answers("without the other", radius)
    await spawn(ldap)
    await answers("on again", ...outposts)
  })

  it("network-anchors that are made anew find everything, and what they made follows them", async () => {
    await compose("up", "-d", "--no-build", "--force-recreate", "ldap-anchord", "radius-anchord")
    await answers("with other network-anchors", ...outposts)
  })

  it("nothing was refused by the proxy, and nothing is an error", async () => {
    expect(usedOf(await logOf("docker-proxy"), []).refused).toEqual([])
    for (const service of ["ldap-anchord", "radius-anchord"]) {
      const told = lines(await logOf(service)).filter((line) => line.includes('"level":"ERROR"'))
      expect(told).toEqual([])
    }
  })

  it("leaves behind what its README says, and nothing when that has been removed", async () => {
    await compose("stop", "-t", "5")
    await removed(...outposts.map(({ name }) => name))
    expect((await namesWith("ak-outpost")).toSorted()).toEqual(outposts.map(managedOf).toSorted())
    await removed(...outposts.map(managedOf))
    await compose("down", "-t", "5")
    expect(await namesWith("ak-outpost")).toEqual([])
    expect(await namesWith("authentik-like")).toEqual([])
    const networks = lines(await lab.docker("network", "ls", "--format", "{{.Name}}"))
    expect(networks.filter((name) => name.includes("authentik"))).toEqual([])
  })
})
