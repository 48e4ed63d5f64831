import { afterAll, beforeAll, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { composeProject, externalDmz, networkAnchor, transit } from "../lab/composeProject.ts"
import { managedTarget, namesLike, removed } from "../lab/managedTarget.ts"
import { namespaceOf } from "../lab/sharedNamespaces.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const own = { v4: "172.31.117.200", v6: "fd00:a2c0:117::200" }
const NETWORK = "m117_transit"
const TARGET = "m117-target"
const MANAGED = `${TARGET}-service-anchor`
const ROUNDS = 12

const project = composeProject(lab, "m117", {
  services: {
    anchord: networkAnchor(lab, {
      ...{ v4: "10.99.0.117", v6: "fd99::117", transitV4: own.v4, transitV6: own.v6 },
      env: { ANCHORD_SHARED_NETWORK: NETWORK, ANCHORD_MANAGED_SA_TARGET: TARGET }
    })
  },
  networks: { dmz: externalDmz, transit: transit(117) }
})
const target = managedTarget(lab, { name: TARGET, network: NETWORK, gateway: own })

/** What is in the way of it, or not there for it, is no failure of the one who hammers. */
const tried = (...command: ReadonlyArray<string>) =>
  lab.docker(...command).then(
    () => undefined,
    () => undefined
  )

const anew = async () => {
  await removed(lab, TARGET)
  await target.run()
}

/** What somebody does to the target, one after the other, over and over. */
const toTarget: ReadonlyArray<() => Promise<unknown>> = [
  anew,
  () => tried("restart", "-t", "0", TARGET),
  anew,
  () => tried("kill", TARGET),
  () => tried("start", TARGET),
  () => removed(lab, TARGET),
  () => target.run(),
  () => tried("rename", TARGET, `${TARGET}-away`).then(() => tried("rename", `${TARGET}-away`, TARGET))
]

/** What somebody else does to the managed service-anchor at the same time. */
const toManaged: ReadonlyArray<() => Promise<unknown>> = [
  () => removed(lab, MANAGED),
  () => tried("stop", "-t", "0", MANAGED),
  () => tried("kill", MANAGED),
  () => tried("restart", "-t", "0", MANAGED),
  () => removed(lab, MANAGED)
]

/** The IDs of the managed service-anchors that run, whatever they are called. */
const running = async () =>
  (await lab.docker("ps", "-q", "--no-trunc", "--filter", "label=anchord.managed-by=f45", "--filter", `name=${TARGET}`))
    .split("\n")
    .filter((line) => line !== "")

const cleanUp = async () => removed(lab, ...(await namesLike(lab, TARGET)), TARGET)

beforeAll(async () => {
  await cleanUp()
  await project.compose("up", "-d")
  await project.ready("anchord")
})

afterAll(async () => {
  await project.compose("stop", "-t", "5", "anchord")
  await cleanUp()
  await project.down()
})

const settled = async () => {
  await target.routedAfter()
  await target.joinedBy(MANAGED)
  expect(await namesLike(lab, TARGET)).toEqual([TARGET, MANAGED])
}

it("there is one managed service-anchor, in the namespace of the target, whatever is done to the target", async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const blow of toTarget) {
      await blow()
      expect((await running()).length).toBeLessThanOrEqual(1)
    }
  }
  await step("after it", () => eventually("everything is in place", 120_000, settled))
})

it("and whatever is done to itself at the same time", async () => {
  const seen = { done: false, most: 0 }
  const hammer = async (blows: ReadonlyArray<() => Promise<unknown>>) => {
    for (let round = 0; round < ROUNDS; round += 1) for (const blow of blows) await blow()
  }
  const watch = async () => {
    while (!seen.done) seen.most = Math.max(seen.most, (await running()).length)
  }
  const watching = watch()
  try {
    await Promise.all([hammer(toTarget), hammer(toManaged)])
  } finally {
    seen.done = true
    await watching
  }
  expect(seen.most).toBeLessThanOrEqual(1)
  await step("after it", () => eventually("everything is in place", 120_000, settled))
  expect(await namespaceOf(lab, MANAGED)).toBe(await namespaceOf(lab, TARGET))
  const { length } = (await project.logs("anchord")).filter(({ level }) => level === "ERROR")
  console.log(`  ${length} errors on the way`)
})
