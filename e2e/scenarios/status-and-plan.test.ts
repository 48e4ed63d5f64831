import * as Schema from "effect/Schema"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ProjectPlan } from "../../src/domain/ProjectPlan.ts"
import { Status } from "../../src/domain/Status.ts"
import { attachLab } from "../lab/attach.ts"
import {
  app,
  composeProject,
  externalDmz,
  idle,
  networkAnchor,
  serviceAnchor,
  transit,
  type Service
} from "../lab/composeProject.ts"
import { ended } from "../lab/doctor.ts"
import { addressesOf, mapsOf } from "../lab/kernel.ts"
import { DMZ } from "../lab/lab.ts"
import { eventually } from "../lab/steps.ts"

const lab = attachLab()
const N = 137

/** Hands every connection to its socket on to the engine's: what is stopped for Docker to be away. */
const forwarder: Service = {
  image: lab.image,
  entrypoint: [
    ...["tini", "--", "node", "-e"],
    `const { createServer, connect } = require("node:net")
     const { rmSync } = require("node:fs")
     rmSync("/proxy/docker.sock", { force: true })
     createServer((from) => {
       const to = connect("/docker/docker.sock")
       for (const [one, other] of [[from, to], [to, from]]) one.on("error", () => other.destroy()).pipe(other)
     }).listen("/proxy/docker.sock")`
  ],
  network_mode: "none",
  healthcheck: { disable: true },
  volumes: ["/lab/sock:/docker:ro", "/lab/forwarded:/proxy"],
  stop_grace_period: "1s"
}

const project = composeProject(lab, "mail", {
  services: {
    forwarder,
    anchord: {
      ...networkAnchor(lab, {
        v4: `10.99.0.${N}`,
        v6: `fd99::${N}`,
        env: { DOCKER_HOST: "unix:///proxy/docker.sock", ANCHORD_LOG_LEVEL: "info" }
      }),
      volumes: ["/lab/forwarded:/proxy:ro"],
      depends_on: ["forwarder"]
    },
    "smtp-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/25,tcp/465,tcp/587" }),
    postfix: app(lab, "smtp-anchor", "postfix", ["tcp/25"]),
    web: idle(lab, { labels: { "anchord.expose": "tcp/80,tcp/443:8443" } }),
    webmail: idle(lab, { labels: { "anchord.expose": "tcp/443" } }),
    turn: idle(lab, { labels: { "anchord.expose": "udp/3478,udp/49152-65535" } }),
    imap: idle(lab, { labels: { "anchord.expose": "tcp/993,tcp/143x" } }),
    db: idle(lab)
  },
  networks: { dmz: externalDmz, transit: transit(N) }
})

const name = (service: string) => project.container(service)

/** `anchord …` in the network-anchor's container, with its status and both outputs. */
const anchord = (args: ReadonlyArray<string>, options: ReadonlyArray<string> = []) =>
  ended(lab.engine.within(["docker", "exec", ...options, name("anchord"), "anchord", ...args]))

const status = async () => {
  const { stdout } = await anchord(["status", "--json"])
  return Schema.decodeUnknownSync(Schema.fromJsonString(Status))(stdout)
}

const decodePlans = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Array(ProjectPlan)))

const verdictOf = (service: string, containers: ProjectPlan["containers"]) =>
  containers.find((one) => one.name === name(service))

beforeAll(async () => {
  await project.compose("up", "-d", "forwarder", "anchord", "smtp-anchor", "postfix", "web", "turn", "imap", "db")
  // Docker tells in seconds when a container was created; within one second the ID decides.
  const created = Date.parse(await project.inspect("web", "{{.Created}}"))
  await eventually("the next second", 5_000, () =>
    expect(Math.floor(Date.now() / 1_000)).toBeGreaterThan(Math.floor(created / 1_000))
  )
  await project.compose("up", "-d")
  await project.ready("anchord", "smtp-anchor")
  await eventually("everything is mapped", 20_000, async () => expect(await mapsOf(project)).toHaveLength(14))
})

afterAll(project.down)

describe("anchord status", () => {
  it("shows at a glance what the network-anchor does", async () => {
    const { status: exit, stdout, stderr } = await anchord(["status"])
    console.log(stdout)
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" })
    expect(stdout).toMatch(new RegExp(`address IPv4 +10\\.99\\.0\\.${N}, from Docker`))
    expect(stdout).toMatch(new RegExp(`address IPv6 +fd99::${N}, from Docker`))
    expect(stdout).toMatch(/mail-webmail-1 +standby +tcp\/443 /)
    expect(stdout).not.toContain("\u001B")
  })

  it("answers as JSON of the published form, with what Docker and the kernel say", async () => {
    const { ready, networkAnchor: told } = await status()
    const { v4, v6 } = await addressesOf(project, "web")
    expect(ready).toBe(true)
    expect(told).toMatchObject({
      docker: { connected: true },
      external: { network: DMZ, v4: `10.99.0.${N}`, v6: `fd99::${N}` },
      entries: (await mapsOf(project)).length
    })
    expect(verdictOf("web", told?.containers ?? [])).toMatchObject({ verdict: "mapped", v4, v6 })
  })

  it("has colours on a terminal alone, and not where NO_COLOR is set", async () => {
    expect((await anchord(["status"], ["-t"])).stdout).toContain("\u001B[")
    expect((await anchord(["status"], ["-t", "-e", "NO_COLOR=1"])).stdout).not.toContain("\u001B[")
  })

  it("works while Docker is away, and says so and since when", async () => {
    await project.compose("stop", "forwarder")
    try {
      const seen = await eventually("it is noticed", 20_000, async () => {
        const { stdout } = await anchord(["status"])
        expect(stdout).toMatch(/Docker .*away/)
        return stdout
      })
      expect(seen).toMatch(/mail-smtp-anchor-1 +mapped +tcp\/25 /)
      expect((await status()).networkAnchor?.docker).toMatchObject({ connected: false })
    } finally {
      await project.compose("start", "forwarder")
    }
    await eventually("Docker is back", 20_000, async () =>
      expect((await status()).networkAnchor?.docker).toMatchObject({ connected: true })
    )
  })

  it("of a service-anchor says where its namespace is led", async () => {
    const { v4 } = await addressesOf(project, "anchord")
    const { stdout } = await ended(lab.engine.within(["docker", "exec", name("smtp-anchor"), "anchord", "status"]))
    expect(stdout).toContain(v4)
  })
})

describe("anchord plan", () => {
  it("shows every container in scope with its verdict and why, and changes nothing", async () => {
    const before = await mapsOf(project)
    const { status: exit, stdout, stderr } = await anchord(["plan"])
    console.log(stdout)
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" })
    expect(stdout).toMatch(/mail-web-1 +mapped +tcp\/80 /)
    expect(stdout).toMatch(/mail-webmail-1 +standby +tcp\/443 +mail-web-1 was created first/)
    expect(stdout).toMatch(/mail-imap-1 +refused +label anchord\.expose, entry "tcp\/143x"/)
    expect(stdout).toMatch(/mail-db-1 +no ports +it has no anchord\.expose label/)
    expect(stdout).toMatch(/shared network +mail_transit: it has the most backends attached/)
    expect(await mapsOf(project)).toEqual(before)
  })

  it("is the same from anywhere on the host that reaches the Docker API", async () => {
    const anywhere = ended(
      lab.engine.within([
        ...["docker", "run", "--rm", "--cap-drop", "ALL", "--network", "none", "--read-only"],
        ...["-v", "/lab/sock:/docker:ro", "-e", "DOCKER_HOST=unix:///docker/docker.sock"],
        ...[lab.image, "plan", "mail", "--json"]
      ])
    )
    const [outside] = decodePlans((await anywhere).stdout)
    const [inside] = decodePlans((await anchord(["plan", "--json"])).stdout)
    expect(outside?.containers).toEqual(inside?.containers)
    expect(outside?.shared).toEqual(inside?.shared)
    expect(outside?.entries).toBe((await mapsOf(project)).length)
  })

  it("prints a ruleset that nft takes, and that is what is loaded", async () => {
    const script = "anchord plan --nft > /run/plan.json && nft -j -c -f /run/plan.json && cat /run/plan.json"
    const { nftables } = JSON.parse(await project.exec("anchord", "sh", "-c", script))
    const elements = (
      nftables as ReadonlyArray<{ readonly add?: { readonly element?: { readonly elem: [] } } }>
    ).flatMap(({ add }) => add?.element?.elem ?? [])
    expect(elements).toHaveLength((await mapsOf(project)).length)
  })

  it("can be piped into what reads a line and goes", async () => {
    const script = 'anchord plan | head -n 1; echo "${PIPESTATUS[0]}"'
    const {
      status: exit,
      stdout,
      stderr
    } = await ended(lab.engine.within(["docker", "exec", name("anchord"), "bash", "-c", script]))
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" })
    expect(stdout).toMatch(/^network-anchor +mail-anchord-1\n0\n$/)
  })
})
