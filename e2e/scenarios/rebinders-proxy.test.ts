import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { allowListOf, usedOf } from "../lab/allowList.ts"
import { attachLab } from "../lab/attach.ts"
import { composeProject, idle, rebinder, transit } from "../lab/composeProject.ts"
import { exampleImages } from "../lab/imageBuild.ts"
import { loadImages } from "../lab/lab.ts"
import { shareNamespace } from "../lab/sharedNamespaces.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const NET = "rebinders-proxy-backplane"
const fixed = { v4: "172.31.122.50", v6: "fd00:a2c0:122::50" }
const LIST = "haproxy-lifecycle.cfg"

/** Makes the network, and an application that others join. */
const owner = composeProject(lab, "rbpowner", {
  services: { app: idle(lab, { networks: { backplane: {} } }) },
  networks: { backplane: transit(122, { name: NET }) }
})

const behindProxy = (mode: "external-rebinder" | "wrap-rebinder", env: Readonly<Record<string, string>> = {}) => ({
  ...rebinder(lab, mode, { DOCKER_HOST: "tcp://docker-proxy:2375", ...env }),
  volumes: [],
  networks: ["docker-api"],
  depends_on: ["docker-proxy"]
})

/** Both rebinders reach Docker through the examples' proxy, as it is, and no other way. */
const project = composeProject(lab, "rbproxy", {
  services: {
    "docker-proxy": {
      image: "mailcow-shaped-docker-proxy",
      command: ["haproxy", "-db", "-f", `/etc/haproxy/${LIST}`],
      environment: { LOG_PERMITTED: "yes" },
      networks: ["docker-api"],
      volumes: ["/var/run/docker.sock:/var/run/docker.sock:ro"],
      cap_drop: ["ALL"],
      read_only: true,
      stop_grace_period: "1s"
    },
    follower: behindProxy("external-rebinder", {
      ANCHORD_FOLLOW_NETWORK: NET,
      ANCHORD_FOLLOW_TARGET: "db",
      ANCHORD_FOLLOW_RESTART: "true"
    }),
    wrapper: behindProxy("wrap-rebinder"),
    db: idle(lab, {
      networks: { own: { priority: 1000 }, backplane: { ipv4_address: fixed.v4, ipv6_address: fixed.v6 } }
    }),
    tool: idle(lab, { networks: undefined, network_mode: `container:${owner.container("app")}`, restart: "always" })
  },
  networks: {
    own: transit(123),
    backplane: { external: true, name: NET },
    "docker-api": { internal: true, ipam: { config: [{ subnet: "10.88.122.0/24" }] } }
  }
})

const proxyLog = () => lab.engine.inside(["sh", "-c", `docker logs ${project.container("docker-proxy")} 2>&1`])

const complaints = async () =>
  (await Promise.all(["follower", "wrapper"].map(project.logs)))
    .flat()
    .filter(({ level }) => level === "WARN" || level === "ERROR")
    .map(({ msg }) => msg)

const startOf = (service: string) => project.inspect(service, "{{.State.StartedAt}}")

const isBack = () =>
  eventually("the follower is on the network, at its addresses", 60_000, async () => {
    const all = JSON.parse(await project.inspect("db", "{{json .NetworkSettings.Networks}}"))
    expect(all[NET]).toMatchObject({ IPAddress: fixed.v4, GlobalIPv6Address: fixed.v6 })
  })

const inPlace = () =>
  eventually("what joined the application is in its namespace", 60_000, () =>
    shareNamespace(lab, owner.container("app"), project.container("tool"))
  )

beforeAll(async () => {
  await step("the example's images", () => loadImages(lab.engine, exampleImages, (text) => console.log(`  ${text}`)))
  await project.down()
  await owner.down()
  await owner.compose("up", "-d")
  await project.compose("up", "-d")
  await project.ready("follower", "wrapper")
})

afterAll(async () => {
  await project.down()
  await owner.down()
})

describe(`both rebinders through ${LIST}`, () => {
  it("follow a network that is taken down and brought up, and a container that is made anew", async () => {
    await isBack()
    await inPlace()
    const [id, started] = [await project.inspect("db", "{{.Id}}"), await startOf("db")]
    await owner.compose("down")
    await owner.compose("up", "-d")
    await step("the follower", isBack)
    await step("what joined", inPlace)
    expect(await project.inspect("db", "{{.Id}}")).toBe(id)
    await eventually("the follower was restarted, as ANCHORD_FOLLOW_RESTART has it", 30_000, async () =>
      expect(await startOf("db")).not.toBe(started)
    )
    expect(await complaints()).toEqual([])
  })

  it("make no call that is not on the list, and need what it has for networks and re-creations", async () => {
    const { used, refused } = usedOf(await proxyLog(), allowListOf(LIST))
    expect(refused).toEqual([])
    expect(used.filter((call) => !call.startsWith("GET "))).toEqual([
      "DELETE /containers/{id}",
      "POST /containers/create",
      "POST /containers/{id}/rename",
      "POST /containers/{id}/restart",
      "POST /containers/{id}/start",
      "POST /containers/{id}/stop",
      "POST /containers/{id}/update",
      "POST /networks/{id}/connect",
      "POST /networks/{id}/disconnect"
    ])
  })
})
