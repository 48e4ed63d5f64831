import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { families } from "../../src/domain/Address.ts"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import {
  app,
  composeProject,
  externalDmz,
  idle,
  networkAnchor,
  plainApp,
  serviceAnchor,
  transit
} from "../lab/composeProject.ts"
import { INTERNET_PORT, startInternet } from "../lab/internet.ts"
import { INTERNET } from "../lab/lan.ts"
import { removed } from "../lab/managedTarget.ts"
import { defaultsOf, incarnationOf, routedAfter, shareNamespace } from "../lab/sharedNamespaces.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.110", v6: "fd99::110" }
const gateway = { v4: "172.31.110.200", v6: "fd00:a2c0:110::200" }
const always = { restart: "unless-stopped" }
const wrapping = { ANCHORD_MODE: "service-anchor", ANCHORD_GATEWAY_IP: `${gateway.v4},${gateway.v6}` }

const file = (autofix: "own" | "project") => ({
  services: {
    anchord: {
      ...networkAnchor(lab, {
        ...address,
        transitV4: gateway.v4,
        transitV6: gateway.v6,
        env: { ANCHORD_MANAGED_SA_TARGET: "engine-restarted-outpost-1", ANCHORD_AUTOFIX_SCOPE: autofix }
      }),
      ...always
    },
    "web-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/80" }, always),
    web: { ...app(lab, "web-anchor", "web", ["tcp/80"]), ...always },
    "mail-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/25" }, always),
    mail: { ...app(lab, "mail-anchor", "mail", ["tcp/25"]), ...always },
    wrapped: plainApp(lab, "wrapped", ["tcp/81"], { networks: { transit: {} }, ...always }),
    wrap: serviceAnchor(
      lab,
      { "anchord.expose": "tcp/81, tcp/82" },
      { environment: wrapping, network_mode: "service:wrapped", networks: undefined, ...always }
    ),
    beside: { ...app(lab, "wrap", "beside", ["tcp/82"]), ...always },
    stopped: { ...app(lab, "web-anchor", "stopped", ["tcp/83"]), ...always },
    outpost: idle(lab, always)
  },
  networks: { dmz: externalDmz, transit: transit(110) }
})
const project = composeProject(lab, "engine-restarted", file("own"))
const container = project.container
const outpost = container("outpost")
const managed = `${outpost}-service-anchor`

/** Who lives in whose namespace. */
const namespaces: ReadonlyArray<ReadonlyArray<string>> = [
  [container("web-anchor"), container("web")],
  [container("mail-anchor"), container("mail")],
  [container("wrapped"), container("wrap"), container("beside")],
  [outpost, managed]
]
const ports = { web: 80, mail: 25, wrapped: 81, beside: 82 }

const allInPlace = () =>
  eventually("everybody runs, in the right namespace and on the LAN", 120_000, async () => {
    for (const [owner = "", ...others] of namespaces) await shareNamespace(lab, owner, ...others)
    for (const family of families) {
      for (const [name, port] of Object.entries(ports)) {
        const greeting = await ask(lab.alice, "tcp", address[family], port)
        expect(greeting).toMatchObject({ name, client: lab.alice[family] })
      }
    }
    for (const [owner = ""] of namespaces)
      expect(await defaultsOf(lab, owner)).toEqual([
        expect.stringContaining(`via ${gateway.v4} `),
        expect.stringContaining(`via ${gateway.v6} `)
      ])
  })

const leavesByTheProject = async () => {
  for (const family of families) {
    const outside = ["node", "/app/client.mjs", "tcp", INTERNET[family], `${INTERNET_PORT}`]
    for (const service of Object.keys(ports)) {
      const said = await eventually("an answer", 30_000, () => project.exec(service, ...outside))
      expect(JSON.parse(said)).toMatchObject({ client: address[family] })
    }
  }
}

const idsOf = async () => {
  const listed = await lab.docker("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}}")
  return listed.trim().split("\n").toSorted()
}

let internet: ReturnType<typeof startInternet>

beforeAll(async () => {
  internet = startInternet(lab)
  await removed(lab, managed)
  await project.compose("up", "-d")
  await project.compose("stop", "stopped")
  await project.ready("anchord")
  await step("in place", allInPlace)
})

afterAll(async () => {
  await lab.docker("stop", container("anchord")).catch(() => "")
  await removed(lab, managed)
  await project.down()
  internet.stop()
})

describe("a restart of the whole engine, which starts containers in any order", () => {
  const rounds = [
    ["shutdown", "own"],
    ["power failure", "own"],
    ["shutdown", "own"],
    ["power failure", "project"],
    ["shutdown", "project"]
  ] as const
  for (const [round, [end, autofix]] of rounds.entries()) {
    it(`leaves nothing to do by hand after a ${end}, with ANCHORD_AUTOFIX_SCOPE=${autofix}, ${round + 1} of ${rounds.length}`, async () => {
      project.rewrite(file(autofix))
      await project.compose("up", "-d", "--no-deps", "anchord")
      await project.ready("anchord")
      const before = await idsOf()
      const stopped = await incarnationOf(lab, container("stopped"))
      await step("the engine is restarted", () => lab.engine.restart(end))
      await step("everything is in place again", allInPlace)
      await leavesByTheProject()
      const times: Array<number> = []
      for (const [owner, anchor] of [
        [container("wrapped"), container("wrap")],
        [outpost, managed]
      ] as const)
        times.push(await routedAfter(lab, owner, anchor))
      console.log(`  routed ${times.join(" and ")} ms after the owner's start`)
      const since = await project.inspect("anchord", "{{.State.StartedAt}}")
      const said = (await project.logs("anchord")).filter(({ time }) => Date.parse(time) >= Date.parse(since))
      const did = said.filter(({ msg }) => /^(starting|restarting|making|creating) /.test(msg))
      console.log(did.map(({ msg }) => `  ${msg}`).join("\n"))
      expect(said.filter(({ level }) => level === "ERROR")).toEqual([])
      expect(await idsOf()).toEqual(before)
      expect(await incarnationOf(lab, container("stopped"))).toBe(stopped)
      expect(await project.inspect("stopped", "{{.State.Status}}")).toBe("exited")
    })
  }
})
