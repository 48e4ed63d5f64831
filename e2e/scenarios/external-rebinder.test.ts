import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { composeProject, idle, rebinder, transit } from "../lab/composeProject.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const NET = "external-rebinder-backplane"
const SQUATTER = "external-rebinder-squatter"
const fixed = { v4: "172.31.94.50", v6: "fd00:a2c0:94::50" }
const ALIAS = "sql"
const ROUNDS = 5

/** Takes two seconds to end, as many servers do. */
const unhurried = {
  networks: { backplane: {} },
  entrypoint: ["tini", "--", "sh", "-c", "trap 'sleep 2; exit' TERM; sleep 1000000 & wait"],
  stop_grace_period: "10s"
}

/** The project that makes the network, under a fixed name. */
const owner = composeProject(lab, "extowner", {
  services: { app: idle(lab, unhurried), worker: idle(lab, unhurried) },
  networks: { backplane: transit(94, { name: NET }) }
})

/** Without a priority Compose creates the follower on the external network, and by its ID: `backplane` comes first in the alphabet. */
const followerFile = (priority: number) => ({
  services: {
    db: {
      image: lab.image,
      entrypoint: ["tini", "--", "node", "/app/app.mjs"],
      command: ["db", "tcp/5432"],
      healthcheck: { disable: true },
      networks: {
        own: { priority },
        backplane: { ipv4_address: fixed.v4, ipv6_address: fixed.v6, aliases: [ALIAS] }
      },
      volumes: ["/project/e2e/lab:/app:ro"],
      stop_grace_period: "1s"
    },
    bystander: idle(lab, { networks: { own: {} } }),
    rebinder: rebinder(lab, "external-rebinder", { ANCHORD_FOLLOW_NETWORK: NET, ANCHORD_FOLLOW_TARGET: "db" })
  },
  networks: { own: transit(95), backplane: { external: true, name: NET } }
})
const follower = composeProject(lab, "extfollower", followerFile(1000))

const networkId = async () => (await lab.docker("network", "inspect", "-f", "{{.Id}}", NET)).trim()

const exists = () =>
  networkId().then(
    () => true,
    () => false
  )

const endpoint = async () => {
  const all: Record<string, { IPAddress: string; GlobalIPv6Address: string; Aliases: ReadonlyArray<string> | null }> =
    JSON.parse(await follower.inspect("db", "{{json .NetworkSettings.Networks}}"))
  return all[NET]
}

/** What the application says to who asks for it from the owner's project. */
const greeting = async (host: string) =>
  JSON.parse(await owner.exec("app", "timeout", "5", "bash", "-c", `exec 3<>/dev/tcp/${host}/5432 && head -n 1 <&3`))
    .name

const isBack = () =>
  eventually("the follower is reachable at its addresses and by its alias", 60_000, async () => {
    expect(await endpoint()).toMatchObject({ IPAddress: fixed.v4, GlobalIPv6Address: fixed.v6 })
    for (const host of [ALIAS, fixed.v4, fixed.v6]) expect(await greeting(host)).toBe("db")
  })

/** Which container it is, since when it runs, and what it has on the network of its own project. */
const identities = async () => {
  const format =
    '{{.Id}} {{.State.StartedAt}} {{with index .NetworkSettings.Networks "extfollower_own"}}{{.EndpointID}}{{end}}'
  return Object.fromEntries(
    await Promise.all(
      ["db", "bystander"].map(async (service): Promise<[string, string]> => [
        service,
        await follower.inspect(service, format)
      ])
    )
  )
}

const messages = async (words: string) => (await follower.logs("rebinder")).filter(({ msg }) => msg.includes(words))

const removed = (name: string) =>
  lab.docker("rm", "-f", name).then(
    () => undefined,
    () => undefined
  )

const squat = () =>
  lab.docker(
    ...["run", "-d", "--name", SQUATTER, "--network", NET, "--ip", fixed.v4],
    ...["--entrypoint", "tini", lab.image, "--", "busybox", "sleep", "1000000"]
  )

beforeAll(async () => {
  await removed(SQUATTER)
  await owner.compose("up", "-d")
  await follower.compose("up", "-d")
  await follower.ready("rebinder")
})

afterEach(() => removed(SQUATTER))

afterAll(async () => {
  await follower.down()
  await owner.down()
})

describe("the external-rebinder", () => {
  it(`lets the network's owner go down, and is back with its addresses and alias when that is up, ${ROUNDS} times`, async () => {
    const before = await identities()
    await isBack()
    for (let round = 1; round <= ROUNDS; round += 1) {
      const id = await networkId()
      await step("owner down", () => owner.compose("down"))
      expect(await exists(), `the network in round ${round}`).toBe(false)
      expect(await endpoint()).toBeUndefined()
      await owner.compose("up", "-d")
      await step("back after the owner is up", isBack)
      expect(await networkId()).not.toBe(id)
    }
    expect(await identities()).toEqual(before)
    expect((await follower.logs("rebinder")).filter(({ level }) => level === "WARN" || level === "ERROR")).toEqual([])
  })

  it("tries again when somebody else has the follower's address, and is back when that is free", async () => {
    const before = await identities()
    await owner.compose("down")
    await owner.compose("up", "-d")
    const tried = (await messages("connecting container")).length
    await squat()
    const refused = () =>
      eventually("it was tried twice", 60_000, async () =>
        expect((await messages("connecting container")).length).toBeGreaterThanOrEqual(tried + 3)
      )
    await step("refused, and tried again", refused)
    expect(await messages("Address already in use")).toMatchObject([{ level: "WARN" }])
    await removed(SQUATTER)
    await step("back after the address is free", isBack)
    expect(await identities()).toEqual(before)
  })

  it("is ready, healthy and scraped, without any capability", async () => {
    await eventually("healthy", 60_000, async () =>
      expect(await follower.inspect("rebinder", "{{.State.Health.Status}}")).toBe("healthy")
    )
    const request = `exec 3<>/dev/tcp/127.0.0.1/9090 && printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3`
    const scraped = await follower.exec("rebinder", "timeout", "5", "bash", "-c", request)
    for (const series of ["anchord_docker_connected 1", "anchord_docker_events_total{source=", "anchord_build_info{"])
      expect(scraped).toContain(series)
  })

  it("ends at once with status 0, and leaves the follower where it is", async () => {
    await follower.compose("stop", "-t", "10", "rebinder")
    expect(await follower.inspect("rebinder", "{{.State.ExitCode}}")).toBe("0")
    await isBack()
  })

  it("brings a follower back that is off when it starts, as Compose would; what that asked for nobody knows", async () => {
    await lab.docker("network", "disconnect", NET, follower.container("db"))
    await follower.compose("start", "rebinder")
    await eventually("reachable by the service's name", 30_000, async () => expect(await greeting("db")).toBe("db"))
    expect(await messages("is not known")).toHaveLength(1)
    await follower.compose("up", "-d", "--no-deps", "--force-recreate", "db")
    await step("re-created by Compose", isBack)
    await owner.compose("down")
    await owner.compose("up", "-d")
    await step("followed as the new one", isBack)
  })

  it("leaves a network whose containers were killed, so that it can be removed", async () => {
    await lab.docker("kill", owner.container("app"), owner.container("worker"))
    await lab.docker("rm", owner.container("app"), owner.container("worker"))
    await step("removed", () =>
      eventually("the network can be removed", 30_000, () => lab.docker("network", "rm", NET))
    )
    await owner.compose("up", "-d")
    await step("back after the owner is up", isBack)
  })
})

describe("a follower that Compose has created on the network by its ID", () => {
  it("is re-created once, with everything, when the network is made anew; then it is connected", async () => {
    follower.rewrite(followerFile(0))
    await follower.compose("up", "-d", "--no-deps", "--force-recreate", "db")
    expect(await follower.inspect("db", "{{.HostConfig.NetworkMode}}")).toBe(await networkId())
    const told = async () => expect(await messages("as its first network, by ID")).not.toEqual([])
    await eventually("the operator is told before", 30_000, told)
    const before = await identities()
    await owner.compose("down")
    expect(await exists()).toBe(false)
    await owner.compose("up", "-d")
    await step("back after it was re-created", isBack)
    const after = await identities()
    expect(after["db"]).not.toBe(before["db"])
    expect(after["bystander"]).toBe(before["bystander"])
    await owner.compose("down")
    await owner.compose("up", "-d")
    await step("back without", isBack)
    expect(await identities()).toEqual(after)
    expect(await messages("making container anew")).toHaveLength(1)
  })
})
