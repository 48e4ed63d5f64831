import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import {
  composeProject,
  externalDmz,
  idle,
  networkAnchor,
  rebinder,
  serviceAnchor,
  transit,
  type Service
} from "../lab/composeProject.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const gateway = { v4: "172.31.96.200", v6: "fd00:a2c0:96::200" }
const targets = ["mail", "web", "chat"] as const
const CRASHING = "crashing"
const ROUNDS = 3

/** Ends at once, and again whenever it is started, as soon as it is told to. */
const crashing = idle(lab, {
  entrypoint: ["tini", "--", "sh", "-c", "while [ ! -e /tmp/crash ]; do sleep 0.1; done; exit 1"],
  restart: "always"
})

/** The project that is wrapped; it knows nothing of anchord. */
const upstreamFile = (last: Service) => ({
  services: { ...Object.fromEntries(targets.map((name) => [name, idle(lab)])), [CRASHING]: last },
  networks: { transit: transit(96) }
})
const upstream = composeProject(lab, "wrupstream", upstreamFile(crashing))

const anchorOf = (target: string) => `${target}-anchor`

const wrapping = (target: string) => {
  const { networks: _, ...anchor } = serviceAnchor(lab, {})
  return {
    ...anchor,
    network_mode: `container:${upstream.container(target)}`,
    environment: { ANCHORD_MODE: "service-anchor", ANCHORD_GATEWAY_IP: `${gateway.v4},${gateway.v6}` }
  }
}

const all = [...targets, CRASHING]

const anchors = composeProject(lab, "wranchors", {
  services: {
    ...Object.fromEntries(all.map((target) => [anchorOf(target), wrapping(target)])),
    rebinder: rebinder(lab, "wrap-rebinder", { ANCHORD_WRAP_RESTART_TIMEOUT: "5s" })
  },
  networks: {}
})

/** A project of which neither of the two is a part. */
const stranger = composeProject(lab, "wrstranger", {
  services: {
    anchord: networkAnchor(lab, { v4: "10.99.0.96", v6: "fd99::96", env: { ANCHORD_AUTOFIX_SCOPE: "project" } })
  },
  networks: { dmz: externalDmz, transit: transit(95) }
})

const isRouted = async (target: string) => {
  expect(await upstream.exec(target, "ip", "-4", "route", "show", "default")).toContain(`via ${gateway.v4} `)
  expect(await upstream.exec(target, "ip", "-6", "route", "show", "default")).toContain(`via ${gateway.v6} `)
}

const isIn = async (target: string) =>
  expect(await anchors.inspect(anchorOf(target), "{{.State.Running}} {{.HostConfig.NetworkMode}}")).toBe(
    `true container:${await upstream.inspect(target, "{{.Id}}")}`
  )

/** How long after the start of each target, by Docker's own clock, its default routes were there. */
const routedAfter = (names: ReadonlyArray<string>) =>
  Promise.all(
    names.map(async (target) => {
      await eventually(`both default routes of ${target} lead to the gateway`, 60_000, () => isRouted(target))
      return Date.now() - Date.parse(await upstream.inspect(target, "{{.State.StartedAt}}"))
    })
  )

const idOf = (service: string) => anchors.inspect(service, "{{.Id}}")

const engineTime = async () => (await lab.engine.inside(["date", "+%s.%N"])).trim()

/** The names of the containers that were created since then. */
const createdSince = async (since: string) =>
  (
    await lab.docker(
      ...["events", "--since", since, "--until", await engineTime()],
      ...["--filter", "type=container", "--filter", "event=create", "--format", "{{.Actor.Attributes.name}}"]
    )
  )
    .split("\n")
    .filter((name) => name !== "")

const leftOver = async () =>
  (await lab.docker("ps", "-a", "--format", "{{.Names}}")).split("\n").filter((name) => name.includes("-anchord-old-"))

const median = (times: ReadonlyArray<number>) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]

const crash = () => upstream.exec(CRASHING, "touch", "/tmp/crash")

const restartsOf = async (service: string) => Number(await upstream.inspect(service, "{{.RestartCount}}"))

beforeAll(async () => {
  await upstream.compose("up", "-d")
  await stranger.compose("up", "-d")
  await anchors.compose("up", "-d")
  await anchors.ready("rebinder", ...all.map(anchorOf))
  await stranger.ready("anchord")
})

afterAll(async () => {
  await anchors.down()
  await stranger.down()
  await upstream.down()
})

describe("the wrap-rebinder", () => {
  it(`re-creates three anchors in the namespaces of three targets that are re-created at once, ${ROUNDS} times`, async () => {
    const times: Array<number> = []
    for (let round = 1; round <= ROUNDS; round += 1) {
      const before = await idOf(anchorOf("mail"))
      await step("targets re-created", () => upstream.compose("up", "-d", "--force-recreate", ...targets))
      times.push(...(await step("all three routed", () => routedAfter(targets))))
      for (const target of targets) await eventually(`${target} is whole`, 30_000, () => isIn(target))
      expect(await idOf(anchorOf("mail"))).not.toBe(before)
    }
    console.log(`  routed ${median(times)} ms after a target's start (median of ${times.join(", ")})`)
    expect(await leftOver()).toEqual([])
  })

  it("re-creates each once, and nothing else", async () => {
    const [crashingBefore, rebinderBefore] = [await idOf(anchorOf(CRASHING)), await idOf("rebinder")]
    const since = await engineTime()
    await upstream.compose("up", "-d", "--force-recreate", "web")
    await routedAfter(["web"])
    await eventually("web is whole", 30_000, () => isIn("web"))
    const made = (await createdSince(since)).filter((name) => name.includes("wranchors"))
    expect(made).toEqual([anchors.container(anchorOf("web"))])
    expect([await idOf(anchorOf(CRASHING)), await idOf("rebinder")]).toEqual([crashingBefore, rebinderBefore])
  })

  it("ends at once with status 0, and goes on when it is started again, with what happened in between", async () => {
    await anchors.compose("stop", "-t", "10", "rebinder")
    expect(await anchors.inspect("rebinder", "{{.State.ExitCode}}")).toBe("0")
    await upstream.compose("up", "-d", "--force-recreate", "mail")
    await anchors.compose("start", "rebinder")
    await anchors.ready("rebinder")
    await step("routed, though nobody saw the target go", () => routedAfter(["mail"]))
    await eventually("mail is whole", 30_000, () => isIn("mail"))
    await upstream.compose("up", "-d", "--force-recreate", "chat")
    await step("routed after a restart of the rebinder", () => routedAfter(["chat"]))
  })

  it("makes no storm of a target in a crash loop: it is the same container", async () => {
    const since = await engineTime()
    const before = await idOf(anchorOf(CRASHING))
    await crash()
    await step("five crashes", () =>
      eventually("it was restarted five times", 120_000, async () =>
        expect(await restartsOf(CRASHING)).toBeGreaterThanOrEqual(5)
      )
    )
    expect(await createdSince(since)).toEqual([])
    expect(await idOf(anchorOf(CRASHING))).toBe(before)
  })

  it("is back in the namespace when the target that crashed is made anew and stays", async () => {
    const since = await engineTime()
    await upstream.compose("up", "-d", "--force-recreate", "-t", "1", CRASHING)
    await step("routed", () => routedAfter([CRASHING]))
    await eventually("it is whole", 30_000, () => isIn(CRASHING))
    expect((await createdSince(since)).filter((name) => name.includes("wranchors"))).toHaveLength(1)
    expect(await leftOver()).toEqual([])
  })

  it("makes no storm of a target that is made anew and crashes at once, and is back when that is mended", async () => {
    const since = await engineTime()
    upstream.rewrite(upstreamFile({ ...crashing, entrypoint: ["tini", "--", "sh", "-c", "exit 1"] }))
    await upstream.compose("up", "-d", "-t", "1", CRASHING)
    await step("eight crashes", () =>
      eventually("it was restarted eight times", 120_000, async () =>
        expect(await restartsOf(CRASHING)).toBeGreaterThanOrEqual(8)
      )
    )
    const made = (await createdSince(since)).filter((name) => name.includes("wranchors"))
    console.log(`  re-creations of the anchor meanwhile: ${made.length}`)
    expect(made.length).toBeLessThanOrEqual(1)
    upstream.rewrite(upstreamFile(crashing))
    await upstream.compose("up", "-d", "-t", "1", CRASHING)
    await step("routed after it was mended", () => routedAfter([CRASHING]))
    await eventually("it is whole", 30_000, () => isIn(CRASHING))
    expect(await leftOver()).toEqual([])
  })

  it("is healthy without any capability, and the network-anchor of another project has touched nothing", async () => {
    await eventually("healthy", 60_000, async () =>
      expect(await anchors.inspect("rebinder", "{{.State.Health.Status}}")).toBe("healthy")
    )
    const acted = (await stranger.logs("anchord")).filter(({ msg }) =>
      /making container|restarting|starting container/.test(msg)
    )
    expect(acted).toEqual([])
  })
})
