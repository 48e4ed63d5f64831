import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { families } from "../../src/domain/Address.ts"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { composeProject, externalDmz, networkAnchor, plainApp, serviceAnchor, transit } from "../lab/composeProject.ts"
import { watchContainers } from "../lab/containerEvents.ts"
import { INTERNET_PORT, startInternet } from "../lab/internet.ts"
import { INTERNET } from "../lab/lan.ts"
import { defaultsOf, median, routedAfter, routesOf, shareNamespace } from "../lab/sharedNamespaces.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.106", v6: "fd99::106" }
const gateway = { v4: "172.31.106.200", v6: "fd00:a2c0:106::200" }
const RESTARTS = 20

/** A project that knows nothing of anchord, on a bridge as Docker makes them. */
const other = composeProject(lab, "s11-other", {
  services: {
    web: plainApp(lab, "web", ["tcp/80", "udp/53"], { networks: { front: {} }, restart: "unless-stopped" })
  },
  networks: { front: transit(106, { driver_opts: {} }) }
})

const web = other.container("web")

const project = composeProject(lab, "s11", {
  services: {
    anchord: networkAnchor(lab, { ...address, transitV4: gateway.v4, transitV6: gateway.v6 }),
    wrap: serviceAnchor(
      lab,
      { "anchord.expose": "tcp/80, udp/53" },
      {
        environment: {
          ANCHORD_MODE: "service-anchor",
          ANCHORD_GATEWAY_IP: `${gateway.v4},${gateway.v6}`,
          ANCHORD_LOG_LEVEL: "debug"
        },
        network_mode: `container:${web}`,
        networks: undefined
      }
    )
  },
  networks: { dmz: externalDmz, transit: { external: true, name: "s11-other_front" } }
})

const wrap = project.container("wrap")

/** In and out by both families: clients are seen as who they are, and what leaves has the project's own address. */
const wrapped = () =>
  eventually("the application is on the LAN, in and out", 60_000, async () => {
    for (const family of families) {
      for (const [protocol, port] of [["tcp", 80] as const, ["udp", 53] as const]) {
        const greeting = await ask(lab.alice, protocol, address[family], port)
        expect(greeting).toMatchObject({ name: "web", port, client: lab.alice[family] })
      }
      const outside = ["node", "/app/client.mjs", "tcp", INTERNET[family], `${INTERNET_PORT}`]
      expect(JSON.parse(await other.exec("web", ...outside))).toMatchObject({ client: address[family] })
    }
  })

/** The routes lead to anchord, and what they were is put by. */
const takenOver = async () => {
  const [v4, v6, ...more] = await defaultsOf(lab, web)
  expect(v4).toContain(`via ${gateway.v4} `)
  expect(v6).toContain(`via ${gateway.v6} `)
  expect(more).toEqual([])
  const originals = await defaultsOf(lab, web, "originals")
  expect(originals).toEqual([
    expect.stringContaining("via 172.31.106.1 "),
    expect.stringContaining("via fd00:a2c0:106::1 ")
  ])
}

let internet: ReturnType<typeof startInternet>
let original: ReadonlyArray<string>

const asItWas = async () => {
  expect(await routesOf(lab, web)).toEqual(original)
  expect(await defaultsOf(lab, web, "originals")).toEqual(["", ""])
}

beforeAll(async () => {
  internet = startInternet(lab)
  await other.compose("up", "-d")
  original = await routesOf(lab, web)
  await project.compose("up", "-d")
  await project.ready("anchord", "wrap")
})

afterAll(async () => {
  await project.down()
  await other.down()
  internet.stop()
})

describe("S-11 an application of another project, wrapped from outside", () => {
  it("is reached by clients as who they are, and leaves with the project's address", async () => {
    expect(original.join()).toContain("default via 172.31.106.1 ")
    expect(original.join()).toContain("default via fd00:a2c0:106::1 ")
    await step("wrapped", wrapped)
    await takenOver()
  })

  it("has its original routes again when the service-anchor stops, as often as that is", async () => {
    for (const round of [1, 2]) {
      await lab.docker("stop", wrap)
      await asItWas()
      await lab.docker("start", wrap)
      await step(`wrapped again, ${round}`, wrapped)
      await takenOver()
    }
  })

  it("is wrapped when the service-anchor is restarted", async () => {
    await lab.docker("restart", wrap)
    await step("wrapped", wrapped)
    await takenOver()
    await lab.docker("stop", wrap)
    await asItWas()
    await lab.docker("start", wrap)
  })

  it("is wrapped while the service-anchor is dead and after it, and gets back what was there before the one that was killed", async () => {
    await project.ready("wrap")
    await lab.docker("kill", "-s", "KILL", wrap)
    await takenOver()
    await lab.docker("start", wrap)
    await project.ready("wrap")
    await step("wrapped", wrapped)
    await takenOver()
    await lab.docker("stop", wrap)
    await asItWas()
    await lab.docker("start", wrap)
  })

  it(`is wrapped each time when it is restarted ${RESTARTS} times, by one restart of the service-anchor`, async () => {
    await project.ready("wrap")
    const events = await watchContainers(lab)
    const times: Array<number> = []
    for (let round = 1; round <= RESTARTS; round += 1) {
      await lab.docker("restart", web)
      times.push(await routedAfter(lab, web, wrap))
      await wrapped()
      await takenOver()
      await shareNamespace(lab, web, wrap)
    }
    console.log(`  routed ${median(times)} ms after the start (median of ${times.join(", ")})`)
    const happened = await events.finish()
    expect(happened.filter((what) => what === `restart ${wrap}`)).toHaveLength(RESTARTS)
    expect(happened.filter((what) => /^(create|destroy|rename) /.test(what))).toEqual([])
    const said = [...(await project.logs("anchord")), ...(await project.logs("wrap"))]
    // On a busy machine the container is away for longer than anchord keeps that to itself.
    const trouble = said.filter(({ msg }) => !msg.includes("without a usable address"))
    expect(trouble.filter(({ level }) => level === "WARN" || level === "ERROR")).toEqual([])
    await lab.docker("stop", wrap)
    await asItWas()
    await lab.docker("start", wrap)
  })

  it("is wrapped again when it is made anew, also when that happens while there is no network-anchor", async () => {
    await project.ready("wrap")
    const makeAnew = () => other.compose("up", "-d", "--force-recreate", "web")
    await makeAnew()
    await step("made anew", wrapped)
    await takenOver()
    await project.compose("stop", "anchord")
    await makeAnew()
    await project.compose("start", "anchord")
    await step("made anew while nobody looked", wrapped)
    await takenOver()
    await shareNamespace(lab, web, wrap)
    await lab.docker("stop", wrap)
    await asItWas()
    await lab.docker("start", wrap)
  })
})
