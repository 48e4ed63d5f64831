import { afterAll, beforeAll, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { composeProject, externalDmz, idle, networkAnchor, rebinder, transit } from "../lab/composeProject.ts"
import { watchContainers } from "../lab/containerEvents.ts"
import { managedTarget, namesLike, removed } from "../lab/managedTarget.ts"
import { median } from "../lab/sharedNamespaces.ts"

const lab = attachLab()
const own = { v4: "172.31.118.200", v6: "fd00:a2c0:118::200" }
const NETWORK = "m118_transit"
const TARGET = "m118-target"
const MANAGED = `${TARGET}-service-anchor`
const ROUNDS = 5

/** A network-anchor with a managed service-anchor, a wrap-rebinder, and a container of the project in the namespace of the same target. */
const project = composeProject(lab, "m118", {
  services: {
    anchord: networkAnchor(lab, {
      ...{ v4: "10.99.0.118", v6: "fd99::118", transitV4: own.v4, transitV6: own.v6 },
      env: { ANCHORD_SHARED_NETWORK: NETWORK, ANCHORD_MANAGED_SA_TARGET: TARGET }
    }),
    rebinder: { ...rebinder(lab, "wrap-rebinder"), networks: { transit: {} } },
    tool: idle(lab, { networks: undefined, network_mode: `container:${TARGET}` })
  },
  networks: { dmz: externalDmz, transit: transit(118) }
})
const TOOL = project.container("tool")
const target = managedTarget(lab, { name: TARGET, network: NETWORK, gateway: own })

const inPlace = async () => {
  const after = await target.routedAfter()
  await target.joinedBy(MANAGED)
  await target.joinedBy(TOOL)
  return after
}

const complaints = async (service: string) =>
  (await project.logs(service)).filter(({ level }) => level === "ERROR" || level === "WARN").map(({ msg }) => msg)

beforeAll(async () => {
  await removed(lab, MANAGED, TARGET)
  await project.compose("up", "-d", "anchord", "rebinder")
  await project.ready("anchord", "rebinder")
  await target.run()
  await target.joinedBy(MANAGED)
  await project.compose("up", "-d")
  await target.joinedBy(TOOL)
})

afterAll(async () => {
  await project.compose("stop", "-t", "5", "anchord", "rebinder")
  await removed(lab, MANAGED, TARGET)
  await project.down()
})

it(`each re-creates its own when the target is made anew, once each time, ${ROUNDS} times`, async () => {
  const before = { anchord: await complaints("anchord"), rebinder: await complaints("rebinder") }
  const events = await watchContainers(lab)
  const times: Array<number> = []
  for (let round = 1; round <= ROUNDS; round += 1) {
    await removed(lab, TARGET)
    await target.run()
    times.push(await inPlace())
  }
  const made = (await events.finish()).filter((event) => event.startsWith("create "))
  console.log(`  made anew: routed after ${median(times)} ms (median of ${times.join(", ")})`)
  const once = [TARGET, MANAGED, TOOL].map((name) => `create ${name}`)
  expect(made.toSorted()).toEqual(
    Array.from({ length: ROUNDS }, () => once)
      .flat()
      .toSorted()
  )
  expect(await namesLike(lab, "m118-")).toEqual(
    [project.container("anchord"), project.container("rebinder"), TARGET, MANAGED, TOOL].toSorted()
  )
  expect({ anchord: await complaints("anchord"), rebinder: await complaints("rebinder") }).toEqual(before)
})

it("the rebinder leaves the managed service-anchor alone when there is no network-anchor to look after it", async () => {
  await project.compose("stop", "-t", "5", "anchord")
  const events = await watchContainers(lab)
  await removed(lab, TARGET)
  await target.run()
  await target.joinedBy(TOOL)
  const said = (await events.finish()).filter((event) => event.endsWith(` ${MANAGED}`))
  expect(said).toEqual([])
  await project.compose("start", "anchord")
  await inPlace()
})
