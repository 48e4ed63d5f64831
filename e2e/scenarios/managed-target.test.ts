import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { composeProject, externalDmz, idle, networkAnchor, serviceAnchor, transit } from "../lab/composeProject.ts"
import { crash, idOf, managedTarget, namesLike, removed, startOf } from "../lab/managedTarget.ts"
import { median } from "../lab/sharedNamespaces.ts"
import { eventually } from "../lab/steps.ts"

const lab = attachLab()
const own = { v4: "172.31.113.200", v6: "fd00:a2c0:113::200" }
const NETWORK = "m113_transit"
const TARGET = "m113-target"
const MANAGED = `${TARGET}-service-anchor`
const OTHERS = "m113-other-db-1"
const CANARY = "m113-canary"
const ROUNDS = 5

const file = (target: string, name: string) => ({
  services: {
    anchord: networkAnchor(lab, {
      ...{ v4: "10.99.0.113", v6: "fd99::113", transitV4: own.v4, transitV6: own.v6 },
      env: { ANCHORD_MANAGED_SA_TARGET: target, ANCHORD_MANAGED_SA_NAME: name }
    }),
    // With a backend on it, the shared network is settled.
    "web-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/80" })
  },
  networks: { dmz: externalDmz, transit: transit(113) }
})

const project = composeProject(lab, "m113", file(TARGET, MANAGED))
const others = composeProject(lab, "m113-other", {
  services: { db: idle(lab) },
  networks: { transit: { external: true, name: NETWORK } }
})
const target = managedTarget(lab, { name: TARGET, network: NETWORK, gateway: own, more: ["--restart", "always"] })

/** anchord made anew, with another target. */
const anchordFor = async (of: string, name: string) => {
  project.rewrite(file(of, name))
  await project.compose("up", "-d", "anchord")
  await project.ready("anchord")
}

/** Waits until anchord has looked at what there is by now: it starts a sibling that only waits for that. */
const anchordHasLooked = async () => {
  await removed(lab, CANARY)
  await lab.docker(
    ...["create", "--name", CANARY, "--network", `container:${project.container("web-anchor")}`, "--stop-timeout", "1"],
    ...[
      "--label",
      "com.docker.compose.project=m113",
      "--entrypoint",
      "tini",
      lab.image,
      "--",
      "busybox",
      "sleep",
      "1000000"
    ]
  )
  await eventually("anchord starts what waits for it", 30_000, async () =>
    expect(await startOf(lab, CANARY)).not.toMatch(/^0001/)
  )
}

const cleanUp = () => removed(lab, CANARY, MANAGED, TARGET, "m113-by-id", "m113-db-anchor")

beforeAll(async () => {
  await cleanUp()
  await project.compose("up", "-d", "web-anchor")
})

afterAll(async () => {
  await project.compose("stop", "-t", "5", "anchord")
  await cleanUp()
  await others.down()
  await project.down()
})

describe("a managed service-anchor for a target that ran before anchord did", () => {
  it("is there as soon as anchord is", async () => {
    await target.run()
    await project.compose("up", "-d")
    await project.ready("anchord")
    await target.joinedBy(MANAGED)
    await target.routedAfter()
  })

  const again = {
    "killed and started": async () => {
      await lab.docker("kill", TARGET)
      await lab.docker("start", TARGET)
    },
    "crashed, and started by its restart policy": async () => {
      const before = await startOf(lab, TARGET)
      await crash(lab, TARGET)
      await eventually("Docker starts it again", 60_000, async () =>
        expect(await startOf(lab, TARGET)).not.toBe(before)
      )
    }
  }

  for (const [what, happens] of Object.entries(again)) {
    it(`follows a target that was ${what}, ${ROUNDS} times`, async () => {
      const id = await idOf(lab, TARGET)
      const times: Array<number> = []
      for (let round = 1; round <= ROUNDS; round += 1) {
        await happens()
        times.push(await target.routedAfter())
        await target.joinedBy(MANAGED)
      }
      console.log(`  ${what}: routed after ${median(times)} ms (median of ${times.join(", ")})`)
      expect(await idOf(lab, TARGET)).toBe(id)
      expect(await namesLike(lab, TARGET)).toEqual([TARGET, MANAGED])
    })
  }

  it("is left when the target is removed, and does not come again", async () => {
    const id = await idOf(lab, MANAGED)
    await removed(lab, TARGET)
    await anchordHasLooked()
    expect(await idOf(lab, MANAGED)).toBe(id)
    await removed(lab, MANAGED)
    await anchordHasLooked()
    expect(await namesLike(lab, TARGET)).toEqual([])
  })
})

describe("a target that is given by its ID", () => {
  it("gets its service-anchor, and keeps it when it is restarted", async () => {
    await project.compose("stop", "anchord")
    await target.run()
    await anchordFor((await idOf(lab, TARGET)).slice(0, 12), "m113-by-id")
    await target.joinedBy("m113-by-id")
    await target.routedAfter()
    await lab.docker("restart", "-t", "1", TARGET)
    await target.routedAfter()
    await target.joinedBy("m113-by-id")
  })

  it("is not found under the ID of another that has its name now", async () => {
    const id = await idOf(lab, "m113-by-id")
    await removed(lab, TARGET)
    await target.run()
    await anchordHasLooked()
    expect(await idOf(lab, "m113-by-id")).toBe(id)
    await removed(lab, TARGET, "m113-by-id")
  })
})

describe("a target of another Compose project", () => {
  const db = managedTarget(lab, { name: OTHERS, network: NETWORK, gateway: own })

  it("gets its service-anchor, which follows what Compose does to it, and is not taken for a container of that project", async () => {
    await anchordFor(OTHERS, "m113-db-anchor")
    await others.compose("up", "-d")
    await db.routedAfter()
    await db.joinedBy("m113-db-anchor")
    await others.compose("restart", "db")
    await db.routedAfter()
    await db.joinedBy("m113-db-anchor")
    const before = await idOf(lab, OTHERS)
    const said = await others.compose("up", "-d", "--force-recreate", "--remove-orphans")
    expect(said).not.toContain("m113-db-anchor")
    expect(await idOf(lab, OTHERS)).not.toBe(before)
    const after = await db.routedAfter()
    console.log(`  made anew by Compose: routed after ${after} ms`)
    await db.joinedBy("m113-db-anchor")
    expect(await namesLike(lab, "m113-db-anchor")).toEqual(["m113-db-anchor"])
  })
})
