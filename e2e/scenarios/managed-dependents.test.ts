import { mkdirSync, rmSync } from "node:fs"
import { afterAll, beforeAll, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { composeProject, externalDmz, networkAnchor, transit } from "../lab/composeProject.ts"
import { idOf, managedTarget, namesLike, removed, startOf } from "../lab/managedTarget.ts"
import { namespaceOf } from "../lab/sharedNamespaces.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const own = { v4: "172.31.115.200", v6: "fd00:a2c0:115::200" }
const TARGET = "m115-target"
const MANAGED = `${TARGET}-service-anchor`
const FOLDER = "m115-source"
const [FIRST, FAILING, LAST, INNER] = ["m115-a", "m115-failing", "m115-z", "m115-inner"] as const

const project = composeProject(lab, "m115", {
  services: {
    anchord: networkAnchor(lab, {
      ...{ v4: "10.99.0.115", v6: "fd99::115", transitV4: own.v4, transitV6: own.v6 },
      env: { ANCHORD_MANAGED_SA_TARGET: TARGET, ANCHORD_SHARED_NETWORK: "m115_transit" }
    })
  },
  networks: { dmz: externalDmz, transit: transit(115) }
})
const target = managedTarget(lab, { name: TARGET, network: "m115_transit", gateway: own })

/** A container that somebody ran in the namespace of another one. */
const runIn = (owner: string, name: string, ...more: ReadonlyArray<string>) =>
  lab.docker(
    ...["run", "-d", "--name", name, "--network", `container:${owner}`, "--stop-timeout", "1", ...more],
    ...["--entrypoint", "tini", lab.image, "--", "busybox", "sleep", "1000000"]
  )

const errors = async () => (await project.logs("anchord")).filter(({ level }) => level === "ERROR")

/** How often it was tried to make the failing one anew, as it is logged at a level. */
const attempts = async (level: string) =>
  (await project.logs("anchord")).filter(
    (line) => line.level === level && line.msg.startsWith(`making container anew: ${FAILING}: `)
  ).length

const cleanUp = () => removed(lab, INNER, FIRST, FAILING, LAST, MANAGED, TARGET)

beforeAll(async () => {
  await cleanUp()
  mkdirSync(`${lab.engine.work}/${FOLDER}`, { recursive: true })
  await project.compose("up", "-d")
  await project.ready("anchord")
  await target.run()
  await target.joinedBy(MANAGED)
  await runIn(MANAGED, FIRST)
  await runIn(FIRST, INNER)
  await runIn(MANAGED, FAILING, "--mount", `type=bind,source=/lab/${FOLDER},target=/source`)
  await runIn(MANAGED, LAST)
})

afterAll(async () => {
  await project.compose("stop", "-t", "5", "anchord")
  await cleanUp()
  await project.down()
  rmSync(`${lab.engine.work}/${FOLDER}`, { recursive: true, force: true })
})

const all = [MANAGED, FIRST, INNER, LAST]

const inPlace = async () => {
  await target.routedAfter()
  for (const name of all) await target.joinedBy(name)
}

it("what lives in the namespace of the managed service-anchor is in the new one after it, when the target was restarted", async () => {
  await lab.docker("restart", "-t", "1", TARGET)
  await step("restarted", inPlace)
  await target.joinedBy(FAILING)
  expect(await errors()).toEqual([])
})

it("is made anew after it when the target was, but for one that cannot be, which is as it was, with one ERROR", async () => {
  const before = await Promise.all([...all, FAILING].map((name) => idOf(lab, name)))
  const [start, namespace] = [await startOf(lab, FAILING), await namespaceOf(lab, FAILING)]
  rmSync(`${lab.engine.work}/${FOLDER}`, { recursive: true })
  await removed(lab, TARGET)
  await target.run()
  await step("made anew", inPlace)
  // While it is tried again, the failing one does not have its name.
  await eventually("everything has its name", 30_000, async () => {
    const after = await Promise.all([...all, FAILING].map((name) => idOf(lab, name)))
    expect(after.map((id, index) => id === before[index])).toEqual([false, false, false, false, true])
    expect([await startOf(lab, FAILING), await namespaceOf(lab, FAILING)]).toEqual([start, namespace])
    expect(await namesLike(lab, "m115-")).toEqual(
      ["m115-anchord-1", FIRST, FAILING, INNER, TARGET, MANAGED, LAST].toSorted()
    )
  })
  await eventually("it was tried again", 60_000, async () => expect(await attempts("DEBUG")).toBeGreaterThan(2))
  expect((await errors()).map(({ msg }) => msg)).toEqual([
    expect.stringMatching(/m115-failing failed.*is as it was.*bind source path does not exist/)
  ])
  expect(await attempts("INFO")).toBe(1)
})

it("is made anew, too, when what kept it from that is gone", async () => {
  mkdirSync(`${lab.engine.work}/${FOLDER}`)
  await step("the last one", () => target.joinedBy(FAILING))
  expect(await errors()).toHaveLength(1)
})
