import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { composeProject, externalDmz, idle, networkAnchor, routedApp, transit } from "../lab/composeProject.ts"
import { mapsOf } from "../lab/kernel.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.26", v6: "fd99::26" }
const gateway = { v4: "172.31.16.200", v6: "fd00:a2c0:16::200" }

const project = composeProject(lab, "s16", {
  services: {
    anchord: networkAnchor(lab, {
      ...address,
      transitV4: gateway.v4,
      transitV6: gateway.v6,
      env: { ANCHORD_POLL_INTERVAL: "2s" }
    }),
    web: routedApp(lab, "web", ["tcp/80"], gateway, { labels: { "anchord.expose": "tcp/80" } }),
    late: idle(lab, { labels: { "anchord.expose": "tcp/81" } })
  },
  networks: { dmz: externalDmz, transit: transit(16) }
})

const anchord = (...command: ReadonlyArray<string>) => project.exec("anchord", ...command)
const messages = async () => (await project.logs("anchord")).map(({ msg }) => msg)
const answers = async () => {
  expect(await ask(lab.alice, "tcp", address.v4, 80)).toMatchObject({ name: "web", client: lab.alice.v4 })
  expect(await ask(lab.alice, "tcp", address.v6, 80)).toMatchObject({ name: "web", client: lab.alice.v6 })
}

/** A network-anchor that polls so seldom that only events lead to anything. */
const unpolled = composeProject(lab, "s16-unpolled", {
  services: {
    anchord: networkAnchor(lab, { v4: "10.99.0.62", v6: "fd99::62", env: { ANCHORD_POLL_INTERVAL: "1h" } }),
    first: idle(lab, { labels: { "anchord.expose": "tcp/80" } }),
    late: idle(lab, { labels: { "anchord.expose": "tcp/81" } })
  },
  networks: { dmz: externalDmz, transit: transit(62) }
})

beforeAll(async () => {
  await project.compose("up", "-d", "anchord", "web")
  await unpolled.compose("up", "-d", "anchord", "first")
  await project.ready("anchord")
  await unpolled.ready("anchord")
  await eventually("it answers", 10_000, answers)
})

afterAll(async () => {
  await project.down()
  await unpolled.down()
})

describe("S-16 somebody interferes", () => {
  it("a flushed rule set is installed again", async () => {
    await anchord("nft", "flush", "ruleset")
    await step("it answers again", () => eventually("answers", 10_000, answers))
    expect(await messages()).toContain("the rule set in the kernel is not what anchord applied; repairing it")
  })

  it("one element that was deleted, and one that was added, are put right", async () => {
    await anchord("nft", "delete", "element", "ip", "anchord_v4", "dnat_tcp", "{ 80 }")
    await anchord("nft", "add", "element", "ip", "anchord_v4", "dnat_tcp", "{ 22 : 172.31.16.1 . 22 }")
    await eventually("as it was", 10_000, async () => {
      const lines = await mapsOf(project)
      expect(lines.filter((line) => line.startsWith("tcp/80 "))).toHaveLength(2)
      expect(lines.filter((line) => line.startsWith("tcp/22 "))).toEqual([])
    })
  })

  it("a deleted or replaced default route is set again within a moment, five times", async () => {
    const expected = [
      ["-4", "10.99.0.1"],
      ["-6", "fd99::1"]
    ] as const
    for (let time = 1; time <= 5; time += 1) {
      for (const [family, router] of expected) {
        const other = family === "-4" ? "172.31.16.1" : "fd00:a2c0:16::1"
        await (time % 2 === 0
          ? anchord("ip", family, "route", "del", "default")
          : anchord("ip", family, "route", "replace", "default", "via", other))
        await step(`default route ${family} is back`, () =>
          eventually("the default", 5_000, async () => {
            const lines = (await anchord("ip", family, "route", "show", "default")).trim().split("\n")
            expect(lines).toHaveLength(1)
            expect(lines[0]).toContain(`via ${router} `)
          })
        )
      }
    }
  })

  it("an nft that is killed is started again, and what comes then is mapped", async () => {
    await anchord("sh", "-c", "kill -KILL $(busybox pidof nft)")
    await project.compose("up", "-d", "late")
    await step("the new backend is mapped", () =>
      eventually("tcp/81", 10_000, async () =>
        expect((await mapsOf(project)).filter((line) => line.startsWith("tcp/81 "))).toHaveLength(2)
      )
    )
    await answers()
  })

  it("an nft that is killed between two polls is started again by an event, and what was changed meanwhile is put right", async () => {
    const mapped = (...ports: ReadonlyArray<string>) =>
      eventually(`${ports.join(" and ")} in both families`, 10_000, async () =>
        expect((await mapsOf(unpolled)).map((line) => line.split(" ")[0]).toSorted()).toEqual(
          ports.flatMap((port) => [port, port])
        )
      )
    const kill = async () => {
      await unpolled.exec("anchord", "sh", "-c", "kill -KILL $(busybox pidof nft)")
      await eventually("it is gone", 5_000, () =>
        expect(unpolled.exec("anchord", "busybox", "pidof", "nft")).rejects.toThrow()
      )
    }
    await mapped("tcp/80")
    await kill()
    await unpolled.exec("anchord", "nft", "delete", "element", "ip6", "anchord_v6", "dnat_tcp", "{ 80 }")
    await unpolled.compose("up", "-d", "late")
    await step("what comes is mapped", () => mapped("tcp/80", "tcp/81"))
    await kill()
    await unpolled.compose("rm", "-sf", "first")
    await step("what goes is not", () => mapped("tcp/81"))
  })
})
