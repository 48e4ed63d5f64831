import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { parseAddress } from "../../src/domain/Address.ts"
import { attachLab } from "../lab/attach.ts"
import type { LogLine } from "../lab/composeProject.ts"
import { composeExample, firstLine } from "../lab/example.ts"
import { exampleImages } from "../lab/imageBuild.ts"
import { loadImages } from "../lab/lab.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()

const compose = (folder: string, names: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
  composeExample(lab, folder, names, env)

const files: ReadonlyArray<readonly [folder: string, ...names: ReadonlyArray<string>]> = [
  ["authentik-like", "compose.yaml"],
  ["dhcp", "compose.yaml"],
  ["mailcow-shaped", "compose.yaml"],
  ["slaac", "compose.yaml", "engine-26.yaml"],
  ["slaac", "compose.yaml", "engine-27.yaml"],
  ["wrap", "compose.yaml"],
  ["wrap-mailcow", "compose.yaml"]
]

interface Service {
  readonly image?: string
  readonly read_only?: boolean
  readonly cap_drop?: ReadonlyArray<string>
  readonly cap_add?: ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string | null>>
}

/** A DHCP client sends packets before it has an address. */
const capabilitiesOf = ({ environment }: Service): ReadonlyArray<string> =>
  environment?.["ANCHORD_ADDRESS_MODE"] === "dhcp-refresh" ? ["NET_ADMIN", "NET_RAW"] : ["NET_ADMIN"]

const greeting = (host: string, port: number) => firstLine(lab.alice, host, port)

describe("the examples, as Docker Compose reads them", () => {
  for (const [folder, ...names] of files) {
    it(`${folder}: ${names.join(" + ")} is valid, and every anchor runs with NET_ADMIN alone, or with NET_RAW for DHCP`, async () => {
      const env = { TARGET: "web-1", TARGET_NETWORK: "web_default", GATEWAY_IP: "172.30.0.250" }
      const read = await compose(folder, names, env)("config", "--format=json")
      const { services } = JSON.parse(read) as { readonly services: Readonly<Record<string, Service>> }
      const anchors = Object.values(services).filter(({ image }) => image?.startsWith("anchord"))
      expect(anchors.length).toBeGreaterThan(0)
      for (const anchor of anchors) {
        expect(anchor).toMatchObject({ read_only: true, cap_drop: ["ALL"] })
        expect(anchor.cap_add).toEqual(capabilitiesOf(anchor))
      }
    })
  }
})

describe("mailcow-shaped, run as it is, behind its socket proxy", () => {
  const address = { v4: "10.99.0.40", v6: "fd99::40" }
  const mail = compose("mailcow-shaped", ["compose.yaml"], { MAIL_IPV4: address.v4, MAIL_IPV6: address.v6 })

  beforeAll(async () => {
    await step("the example's images", () => loadImages(lab.engine, exampleImages, (text) => console.log(`  ${text}`)))
    await step("compose up", () => mail("up", "-d", "--no-build"))
  })

  afterAll(async () => void (await mail("down", "-t", "2")))

  for (const [port, name] of [
    [25, "postfix"],
    [993, "dovecot"],
    [443, "nginx"]
  ] as const) {
    for (const family of ["v4", "v6"] as const) {
      it(`${name} answers on ${port} over ${family} and sees the client`, async () => {
        const [, who, at, seen] = await eventually("the greeting", 30_000, async () => {
          const said = /^(\S+) on port (\d+) sees \[?([^\]\s]+)\]?\n$/.exec(await greeting(address[family], port))
          if (said === null) throw new Error("no greeting")
          return said
        })
        expect({ who, at }).toEqual({ who: name, at: `${port}` })
        expect(parseAddress(seen ?? "")?.address).toBe(lab.alice[family])
      })
    }
  }

  it("a service that is re-created is reached again: the proxy lets through all that anchord asks", async () => {
    await mail("up", "-d", "--no-build", "--force-recreate", "web-anchor", "nginx")
    await eventually("nginx again", 30_000, async () => expect(await greeting(address.v4, 443)).toContain("nginx"))
    expect(await lab.docker("logs", "mailcow-shaped-docker-proxy-1")).not.toContain("-> 403")
    const text = await lab.engine.inside(["sh", "-c", "docker logs mailcow-shaped-anchord-1 2>&1"])
    const lines = text
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line): LogLine => JSON.parse(line))
    expect(lines.filter(({ level }) => level === "ERROR")).toEqual([])
  })
})
