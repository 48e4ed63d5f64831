import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { families } from "../../src/domain/Address.ts"
import { CommandFailed } from "../lab/command.ts"
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
  transit,
  type Project
} from "../lab/composeProject.ts"
import { watchContainers } from "../lab/containerEvents.ts"
import { defaultsOf, incarnationOf, median, routedAfter, shareNamespace } from "../lab/sharedNamespaces.ts"
import { eventually } from "../lab/steps.ts"

const lab = attachLab()
const ROUNDS = 5
const keeps = { restart: "unless-stopped" }

/** The ways in which a container comes into a new namespace and stays the same container. */
const ways: ReadonlyArray<readonly [string, (project: Project, service: string) => Promise<unknown>]> = [
  ["restarted", (project, service) => lab.docker("restart", project.container(service))],
  [
    "killed and started",
    async (project, service) => {
      await lab.docker("kill", project.container(service))
      await lab.docker("start", project.container(service))
    }
  ],
  [
    "restarted by its policy after a crash",
    async (project, service) => {
      const count = () => project.inspect(service, "{{.RestartCount}} {{.State.Status}}")
      const before = Number((await count()).split(" ")[0])
      // With the main process goes everything in its container, and that may be the command itself.
      await project.exec(service, "busybox", "killall", "-9", "node").catch((error: unknown) => {
        if (!(error instanceof CommandFailed) || error.status !== 137) throw error
      })
      await eventually("its restart policy has restarted it", 60_000, async () =>
        expect(await count()).toBe(`${before + 1} running`)
      )
    }
  ]
]

describe.each([
  { scope: "own", number: 108 },
  { scope: "project", number: 109 }
] as const)("with ANCHORD_AUTOFIX_SCOPE=$scope", ({ scope, number }) => {
  const address = { v4: `10.99.0.${number}`, v6: `fd99::${number}` }
  const gateway = { v4: `172.31.${number}.200`, v6: `fd00:a2c0:${number}::200` }
  const wrapping = { ANCHORD_MODE: "service-anchor", ANCHORD_GATEWAY_IP: `${gateway.v4},${gateway.v6}` }

  const project = composeProject(lab, `owner-${scope}`, {
    services: {
      anchord: networkAnchor(lab, {
        ...address,
        transitV4: gateway.v4,
        transitV6: gateway.v6,
        env: { ANCHORD_AUTOFIX_SCOPE: scope }
      }),
      "web-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/80" }, keeps),
      web: { ...app(lab, "web-anchor", "web", ["tcp/80"]), ...keeps },
      wrapped: plainApp(lab, "wrapped", ["tcp/81"], { networks: { transit: {} }, ...keeps }),
      wrap: serviceAnchor(
        lab,
        { "anchord.expose": "tcp/81, tcp/82" },
        { environment: wrapping, network_mode: "service:wrapped", networks: undefined, ...keeps }
      ),
      beside: { ...app(lab, "wrap", "beside", ["tcp/82"]), ...keeps },
      bystander: idle(lab, keeps)
    },
    networks: { dmz: externalDmz, transit: transit(number) }
  })
  const container = project.container

  const answers = (name: string, port: number) =>
    eventually(`${name} answers`, 60_000, async () => {
      for (const family of families) {
        const greeting = await ask(lab.alice, "tcp", address[family], port)
        expect(greeting).toMatchObject({ name, client: lab.alice[family] })
      }
    })

  const routed = async (service: string) =>
    expect(await defaultsOf(lab, container(service))).toEqual([
      expect.stringContaining(`via ${gateway.v4} `),
      expect.stringContaining(`via ${gateway.v6} `)
    ])

  const wrappedWhole = async () => {
    await eventually("all are in the namespace of the application", 60_000, () =>
      shareNamespace(lab, container("wrapped"), container("wrap"), container("beside"))
    )
    await answers("wrapped", 81)
    await answers("beside", 82)
    await routed("wrapped")
  }

  const command = `docker restart ${container("web")}`
  const warnings = async () =>
    (await project.logs("anchord")).filter(({ level, msg }) => level === "WARN" && msg.includes(command))

  /** Whoever something happened to, in the time that the body took. */
  const touchedBy = async (body: () => Promise<void>): Promise<ReadonlyArray<string>> => {
    const events = await watchContainers(lab)
    await body()
    const touched = (await events.finish()).map((what) => what.split(" ")[1] ?? "")
    return [...new Set(touched)].toSorted()
  }

  beforeAll(async () => {
    await project.compose("up", "-d")
    await project.ready("anchord", "web-anchor", "wrap")
    await answers("web", 80)
    await wrappedWhole()
  })

  afterAll(project.down)

  describe.each(ways)("an application that is %s", (_, happen) => {
    it(`is wrapped again, with what hangs on the service-anchor, and nobody else is touched, ${ROUNDS} times`, async () => {
      const others = [container("web"), container("web-anchor"), container("bystander"), container("anchord")]
      const before = await Promise.all(others.map((one) => incarnationOf(lab, one)))
      const times: Array<number> = []
      for (let round = 1; round <= ROUNDS; round += 1) {
        const touched = await touchedBy(async () => {
          await happen(project, "wrapped")
          times.push(await routedAfter(lab, container("wrapped"), container("wrap")))
          await wrappedWhole()
        })
        expect(touched).toEqual([container("beside"), container("wrap"), container("wrapped")])
      }
      expect(await Promise.all(others.map((one) => incarnationOf(lab, one)))).toEqual(before)
      console.log(`  routed ${median(times)} ms after its start (median of ${times.join(", ")})`)
    })
  })

  describe.each(ways)("a service-anchor with an application in its namespace, which is %s", (_, happen) => {
    const stranded = async () => {
      const warned = (await warnings()).length
      const before = await incarnationOf(lab, container("web"))
      const touched = await touchedBy(async () => {
        await happen(project, "web-anchor")
        await routedAfter(lab, container("web-anchor"), container("web-anchor"))
        await eventually("anchord warns of the application", 30_000, async () =>
          expect(await warnings()).toHaveLength(warned + 1)
        )
      })
      expect(touched).toEqual([container("web-anchor")])
      expect(await incarnationOf(lab, container("web"))).toBe(before)
      await expect(shareNamespace(lab, container("web-anchor"), container("web"))).rejects.toThrow(/is in net:/)
      const [program = "", ...args] = command.split(" ")
      await lab.engine.inside([program, ...args])
      await answers("web", 80)
      expect(await warnings()).toHaveLength(warned + 1)
    }

    const repaired = async () => {
      const begun = await project.inspect("web", "{{.Id}}")
      const times: Array<number> = []
      for (let round = 1; round <= ROUNDS; round += 1) {
        const touched = await touchedBy(async () => {
          await happen(project, "web-anchor")
          await eventually("the application is in the namespace", 60_000, () =>
            shareNamespace(lab, container("web-anchor"), container("web"))
          )
          times.push(await routedAfter(lab, container("web-anchor"), container("web-anchor")))
          await answers("web", 80)
        })
        expect(touched).toEqual([container("web"), container("web-anchor")])
      }
      await routed("web")
      expect(await project.inspect("web", "{{.Id}}")).toBe(begun)
      console.log(`  routed ${median(times)} ms after its start (median of ${times.join(", ")})`)
    }

    const [outcome, body] = {
      own: ["is without a network, with one WARN that tells what repairs it", stranded] as const,
      project: [`is with its owner again, ${ROUNDS} times`, repaired] as const
    }[scope]
    it(`the application ${outcome}`, body)
  })
})
