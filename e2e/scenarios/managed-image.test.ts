import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { composeProject, externalDmz, networkAnchor, transit } from "../lab/composeProject.ts"
import { idOf, managedTarget, namesLike, removed } from "../lab/managedTarget.ts"
import { eventually } from "../lab/steps.ts"

const lab = attachLab()
const own = { v4: "172.31.114.200", v6: "fd00:a2c0:114::200" }
const moved = { v4: "172.31.114.201", v6: "fd00:a2c0:114::201" }
const NETWORK = "m114_transit"
const TARGET = "m114-target"
const MANAGED = `${TARGET}-service-anchor`
const WEB = "m114-web"
const NEXT = "m114-anchord:next"

interface Update {
  readonly image?: string
  readonly at?: typeof own
  readonly env?: Readonly<Record<string, string>>
}

const file = ({ image = lab.image, at = own, env = {} }: Update = {}) => ({
  services: {
    anchord: {
      ...networkAnchor(lab, {
        ...{ v4: "10.99.0.114", v6: "fd99::114", transitV4: at.v4, transitV6: at.v6 },
        env: { ANCHORD_SHARED_NETWORK: NETWORK, ANCHORD_MANAGED_SA_TARGET: TARGET, ...env }
      }),
      image
    }
  },
  networks: { dmz: externalDmz, transit: transit(114) }
})

const project = composeProject(lab, "m114", file())
const target = managedTarget(lab, { name: TARGET, network: NETWORK, gateway: own })

/** An image that is anchord's, and has another ID. */
const buildNext = async () => {
  const id = (await lab.docker("create", lab.image)).trim()
  await lab.docker("commit", "--change", "LABEL m114=next", id, NEXT)
  await lab.docker("rm", id)
}

/** An update of anchord; it is over when the first look at the containers is. */
const update = async (to: Update = {}) => {
  project.rewrite(file(to))
  await project.compose("up", "-d")
  await project.ready("anchord")
  // anchord starts a sibling that waits for that, in the same look or in one after it.
  await removed(lab, WEB)
  await lab.docker(
    ...["create", "--name", WEB, "--network", `container:${MANAGED}`, "--label", "com.docker.compose.project=m114"],
    ...["--stop-timeout", "1", "--entrypoint", "tini", lab.image, "--", "busybox", "sleep", "1000000"]
  )
  await target.joinedBy(WEB)
}

const imageOf = async (name: string) => (await lab.docker("inspect", "-f", "{{.Image}}", name)).trim()

const cleanUp = () => removed(lab, WEB, MANAGED, TARGET)

beforeAll(async () => {
  await cleanUp()
  await buildNext()
  await project.compose("up", "-d")
  await target.run()
  await target.joinedBy(MANAGED)
})

afterAll(async () => {
  await project.compose("stop", "-t", "5", "anchord")
  await cleanUp()
  await project.down()
  await lab.docker("rmi", "-f", NEXT)
})

describe("after an update of anchord, the managed service-anchor", () => {
  it("is the same when nothing has changed", async () => {
    const before = await idOf(lab, MANAGED)
    await project.compose("restart", "anchord")
    await update()
    expect(await idOf(lab, MANAGED)).toBe(before)
  })

  it("stays what it is when its image is pinned", async () => {
    const before = await idOf(lab, MANAGED)
    await update({ image: NEXT, env: { ANCHORD_MANAGED_SA_IMAGE: lab.image } })
    expect(await idOf(lab, MANAGED)).toBe(before)
  })

  it("is of anchord's new image when it is not, with what lives in it made anew after it", async () => {
    const before = await idOf(lab, MANAGED)
    const web = await idOf(lab, WEB)
    project.rewrite(file({ image: NEXT }))
    await project.compose("up", "-d")
    await eventually("it is made anew", 60_000, async () => expect(await idOf(lab, MANAGED)).not.toBe(before))
    await target.joinedBy(MANAGED)
    expect(await imageOf(MANAGED)).toBe(await imageOf(project.container("anchord")))
    expect(await imageOf(MANAGED)).not.toBe(await imageOf(TARGET))
    await eventually("so is what lives in it", 60_000, async () => expect(await idOf(lab, WEB)).not.toBe(web))
    await target.joinedBy(WEB)
    await target.routedAfter()
    expect(await namesLike(lab, TARGET)).toEqual([TARGET, MANAGED])
  })

  it("routes to anchord's new address when that has changed", async () => {
    await update({ image: NEXT, at: moved })
    await managedTarget(lab, { name: TARGET, network: NETWORK, gateway: moved }).routedAfter()
    expect(await namesLike(lab, TARGET)).toEqual([TARGET, MANAGED])
  })
})
