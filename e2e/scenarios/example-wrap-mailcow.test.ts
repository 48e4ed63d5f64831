import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { parseAddress } from "../../src/domain/Address.ts"
import { usedOf } from "../lab/allowList.ts"
import { attachLab } from "../lab/attach.ts"
import { composeExample, firstLine } from "../lab/example.ts"
import { exampleImages } from "../lab/imageBuild.ts"
import { INTERNET_PORT, startInternet } from "../lab/internet.ts"
import { INTERNET } from "../lab/lan.ts"
import { loadImages } from "../lab/lab.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.102", v6: "fd99::102" }
const families = ["v4", "v6"] as const

const upstream = composeExample(lab, "wrap-mailcow", ["upstream/docker-compose.yml"], {})
const compose = composeExample(lab, "wrap-mailcow", ["compose.yaml"], { MAIL_IPV4: address.v4, MAIL_IPV6: address.v6 })

const wrapped = [
  { name: "postfix", ports: [25, 587] },
  { name: "dovecot", ports: [143, 993] },
  { name: "nginx", ports: [80, 443] }
] as const
const containerOf = (name: string) => `mailcowdockerized-${name}-mailcow-1`
const names = wrapped.map(({ name }) => name)
const services = names.map((name) => `${name}-mailcow`)

const lines = (text: string) => text.split("\n").filter((line) => line !== "")
const inspect = async (format: string, name: string) => (await lab.docker("inspect", "-f", format, name)).trim()
const idOf = (name: string) => inspect("{{.Id}}", name)
const idsOf = () => Promise.all(names.map((name) => idOf(containerOf(name))))

/** Every service answers a client on the LAN at the project's address, and sees it. */
const answers = (what: string) =>
  step(what, () =>
    eventually(what, 90_000, async () => {
      for (const { name, ports } of wrapped) {
        for (const port of ports) {
          for (const family of families) {
            const said = await firstLine(lab.alice, address[family], port)
            const [, who, at, seen] = /^(\S+) on port (\d+) sees \[?([^\]\s]+)\]?\n$/.exec(said) ?? []
            expect({ who, at }).toEqual({ who: name, at: `${port}` })
            expect(parseAddress(seen ?? "")?.address).toBe(lab.alice[family])
          }
        }
      }
    })
  )

const defaultRoutes = async (name: string) => {
  const pid = await inspect("{{.State.Pid}}", containerOf(name))
  const route = (family: string) =>
    lab.engine.inside(["nsenter", "-t", pid, "-n", "ip", family, "route", "show", "default"])
  return { v4: (await route("-4")).trim(), v6: (await route("-6")).trim() }
}

const logOf = (service: string) => lab.engine.inside(["sh", "-c", `docker logs wrap-mailcow-${service}-1 2>&1`])

/** Each service-anchor is there once, in the namespace of the container that it is for. */
const areInPlace = async () => {
  const all = lines(await lab.docker("ps", "-a", "--format", "{{.Names}}"))
  const ours = ["anchord", "docker-proxy", ...names.map((name) => `${name}-anchor`)]
  expect(all.filter((name) => name.includes("wrap-mailcow")).toSorted()).toEqual(
    ours.map((service) => `wrap-mailcow-${service}-1`).toSorted()
  )
  for (const name of names) {
    const owner = await inspect("{{.HostConfig.NetworkMode}}", `wrap-mailcow-${name}-anchor-1`)
    expect(owner).toBe(`container:${await idOf(containerOf(name))}`)
  }
}

const takeDown = async () => {
  await compose("down", "-t", "5")
  await upstream("down", "-t", "1")
}

describe("wrap-mailcow, run as it is, around a project that nobody has touched", () => {
  let internet: ReturnType<typeof startInternet>
  const before = new Map<string, Awaited<ReturnType<typeof defaultRoutes>>>()

  beforeAll(async () => {
    internet = startInternet(lab)
    await step("the example's images", () => loadImages(lab.engine, exampleImages, (text) => console.log(`  ${text}`)))
    await takeDown()
    await step("upstream up", () => upstream("up", "-d", "--no-build"))
    for (const name of names) before.set(name, await defaultRoutes(name))
    await step("compose up", () => compose("up", "-d", "--no-build"))
  })

  afterAll(async () => {
    await takeDown()
    internet.stop()
  })

  it("every service answers at the project's address, and sees the client's own", async () => {
    await answers("wrapped")
    await areInPlace()
  })

  for (const family of families) {
    it(`what the services send has the project's own ${family} address`, async () => {
      for (const name of names) {
        const hear = `exec 3<>/dev/tcp/${INTERNET[family]}/${INTERNET_PORT} && head -n 1 <&3`
        const said = await eventually("an answer", 30_000, () =>
          lab.docker("exec", containerOf(name), "timeout", "5", "bash", "-c", hear)
        )
        expect(JSON.parse(said)).toMatchObject({ name: "internet", client: address[family] })
      }
    })
  }

  it("the services still find each other by name, and the databases are where they were", async () => {
    for (const [name, port] of [
      ["mysql", 3306],
      ["redis", 6379]
    ] as const) {
      const said = await lab.docker("exec", containerOf("postfix"), "socat", "-u", `TCP4:${name}:${port}`, "-")
      expect(said).toMatch(new RegExp(`^${name} on port ${port} sees 172\\.22\\.1\\.253`))
    }
  })

  it("is right again when upstream is restarted", async () => {
    const ids = await idsOf()
    await upstream("restart", "-t", "1", ...services)
    await answers("restarted")
    expect(await idsOf()).toEqual(ids)
    await areInPlace()
  })

  it("is right again when one of them crashes", async () => {
    await lab.engine.inside(["kill", "-9", await inspect("{{.State.Pid}}", containerOf("nginx"))])
    await answers("crashed")
    await areInPlace()
  })

  it("is right again when upstream is made anew, as for an update", async () => {
    const ids = await idsOf()
    await upstream("up", "-d", "--no-build", "--force-recreate")
    await answers("made anew")
    for (const [index, id] of (await idsOf()).entries()) expect(id).not.toBe(ids[index])
    await areInPlace()
  })

  it("is right again when upstream is taken down and brought up", async () => {
    await upstream("down", "-t", "1")
    await upstream("up", "-d", "--no-build")
    await answers("down and up")
    await areInPlace()
  })

  it("had no call refused, and nothing to call an error", async () => {
    expect(usedOf(await logOf("docker-proxy"), []).refused).toEqual([])
    expect(lines(await logOf("anchord")).filter((line) => line.includes('"level":"ERROR"'))).toEqual([])
  })

  it("puts everything back when it is taken down", async () => {
    const ids = await idsOf()
    await compose("down", "-t", "5")
    for (const name of names) {
      expect(before.get(name)?.v4).toMatch(/^default via 172\.22\.1\.1 /)
      expect(await defaultRoutes(name)).toEqual(before.get(name))
    }
    expect(await idsOf()).toEqual(ids)
  })
})

describe("unpublish.yaml", () => {
  it("takes the published ports away, and nothing else", async () => {
    interface Read {
      readonly services: Readonly<Record<string, { readonly ports?: ReadonlyArray<unknown> }>>
    }
    const both = composeExample(lab, "wrap-mailcow", ["upstream/docker-compose.yml", "unpublish.yaml"], {})
    const read: Read = JSON.parse(await upstream("config", "--format=json"))
    const changed: Read = JSON.parse(await both("config", "--format=json"))
    expect(services.filter((service) => read.services[service]?.ports === undefined)).toEqual([])
    expect(services.filter((service) => changed.services[service]?.ports !== undefined)).toEqual([])
    const without = ({ services: all, ...rest }: Read) => ({
      ...rest,
      services: Object.fromEntries(
        Object.entries(all).map(([name, { ports, ...service }]) => [
          name,
          services.includes(name as (typeof services)[number]) ? service : { ...service, ports }
        ])
      )
    })
    expect(without(changed)).toEqual(without(read))
  })
})
