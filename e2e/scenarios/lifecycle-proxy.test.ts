import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ANCHORD_ROUTE_PROTOCOL } from "../../src/domain/Routing.ts"
import * as DockerodeLifecycle from "../../src/layers/docker/DockerodeLifecycle.ts"
import { makeRecreator } from "../../src/main/lifecycle/Recreator.ts"
import { allowListOf, proxyConfig, type ProxyConfig, usedOf, wordsOf } from "../lab/allowList.ts"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import {
  app,
  composeProject,
  externalDmz,
  networkAnchor,
  serviceAnchor,
  transit,
  type Project
} from "../lab/composeProject.ts"
import { exampleImages } from "../lab/imageBuild.ts"
import { loadImages } from "../lab/lab.ts"
import { openOlderApi } from "../lab/olderApi.ts"
import { socketProxy } from "../lab/socketProxy.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()

const removed = (...names: ReadonlyArray<string>) =>
  lab.docker("rm", "-f", ...names).then(
    () => undefined,
    () => undefined
  )

interface Behind {
  readonly name: string
  readonly config: ProxyConfig
  readonly n: number
  readonly image?: string
}

/** A project whose anchord reaches Docker through the examples' proxy, as it is, and no other way. */
const behind = ({ name, config, n, image = lab.image }: Behind) => {
  const anchor = networkAnchor(lab, {
    v4: `10.99.0.${n}`,
    v6: `fd99::${n}`,
    env: {
      DOCKER_HOST: "tcp://docker-proxy:2375",
      ANCHORD_MANAGED_SA_TARGET: `${name}-outpost`,
      ANCHORD_AUTOFIX_SCOPE: "project",
      ANCHORD_POLL_INTERVAL: "1s"
    }
  })
  return {
    services: {
      "docker-proxy": {
        image: "mailcow-shaped-docker-proxy",
        command: ["haproxy", "-db", "-f", `/etc/haproxy/${config}`],
        environment: { LOG_PERMITTED: "yes" },
        networks: ["docker-api"],
        volumes: ["/var/run/docker.sock:/var/run/docker.sock:ro"],
        cap_drop: ["ALL"],
        read_only: true,
        stop_grace_period: "1s"
      },
      anchord: {
        ...anchor,
        image,
        volumes: [],
        depends_on: ["docker-proxy"],
        networks: { ...(anchor["networks"] as object), "docker-api": {} }
      },
      "web-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/80" }),
      web: { ...app(lab, "web-anchor", "web", ["tcp/80"]), restart: "always" },
      "mail-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/25" }, { profiles: ["later"] }),
      mail: { ...app(lab, "mail-anchor", "mail", ["tcp/25"]), profiles: ["later"] }
    },
    // Docker's own choice goes round, and would be all of 172.31.0.0/16 at some time.
    networks: {
      dmz: externalDmz,
      transit: transit(n),
      "docker-api": { internal: true, ipam: { config: [{ subnet: `10.88.${n}.0/24` }] } }
    }
  }
}

/** A container that does nothing, as somebody starts it who does not use Compose. */
const runIdle = (how: "run" | "create", name: string, ...options: ReadonlyArray<string>) =>
  lab.docker(
    ...(how === "run" ? ["run", "-d"] : ["create"]),
    ...["--name", name, "--stop-timeout", "1", ...options],
    ...["--entrypoint", "tini", lab.image, "--", "busybox", "sleep", "1000000"]
  )

const idOf = async (name: string) => (await lab.docker("inspect", "-f", "{{.Id}}", name)).trim()

const isRunning = async (name: string) =>
  expect((await lab.docker("inspect", "-f", "{{.State.Running}}", name)).trim()).toBe("true")

const answers = (n: number, port: number, name: string) =>
  eventually(`${name} answers`, 60_000, async () => {
    for (const host of [`10.99.0.${n}`, `fd99::${n}`]) {
      const { client, ...said } = await ask(lab.alice, "tcp", host, port)
      expect(said).toMatchObject({ name, port })
      expect([lab.alice.v4, lab.alice.v6]).toContain(client)
    }
  })

const proxyLog = (project: Project) =>
  lab.engine.inside(["sh", "-c", `docker logs ${project.container("docker-proxy")} 2>&1`])

/** What it says above INFO; a project that is being started has no backends for a moment. */
const troubles = async (project: Project) =>
  (await project.logs("anchord")).filter(({ level }) => level === "WARN" || level === "ERROR")

beforeAll(() => loadImages(lab.engine, exampleImages, (text) => console.log(`  ${text}`)))

describe("all of the lifecycle through haproxy-lifecycle.cfg", () => {
  const options: Behind = { name: "lifeproxy", config: "haproxy-lifecycle.cfg", n: 103 }
  const project = composeProject(lab, "lifeproxy", behind(options))
  const OUTPOST = "lifeproxy-outpost"
  const MANAGED = `${OUTPOST}-service-anchor`
  const SIDECAR = "lifeproxy-sidecar"
  const LATE = "lifeproxy-late"
  const OTHER = "anchord:lifeproxy"
  let logs = ""

  const tidyUp = async () => {
    await project.compose("stop", "-t", "5", "anchord").catch(() => "")
    await removed(LATE, SIDECAR, MANAGED, OUTPOST)
    await project.down()
    await lab.docker("image", "rm", OTHER).catch(() => "")
  }

  beforeAll(async () => {
    await tidyUp()
    await project.compose("up", "-d")
    await project.ready("anchord", "web-anchor")
  })
  afterAll(tidyUp)

  const runOutpost = () => runIdle("run", OUTPOST, "--network", "lifeproxy_transit")

  /** The outpost's default routes lead to anchord, and the service-anchor that sees to it is in its namespace. */
  const isRouted = () =>
    eventually("the outpost is routed", 60_000, async () => {
      for (const family of ["-4", "-6"]) {
        const routes = await lab.docker("exec", OUTPOST, "ip", family, "route", "show", "default")
        expect(routes).toContain(`proto ${ANCHORD_ROUTE_PROTOCOL}`)
      }
      expect((await lab.docker("inspect", "-f", "{{.HostConfig.NetworkMode}}", MANAGED)).trim()).toBe(
        `container:${await idOf(OUTPOST)}`
      )
    })

  it("makes a service-anchor for its target, and follows it when that is restarted and made anew", async () => {
    await answers(103, 80, "web")
    await runOutpost()
    await step("made", isRouted)
    await runIdle("run", SIDECAR, "--restart", "always", "--network", `container:${MANAGED}`)
    await lab.docker("restart", "-t", "1", OUTPOST)
    await step("restarted", isRouted)
    const before = await idOf(SIDECAR)
    await removed(OUTPOST)
    await runOutpost()
    await step("made anew", isRouted)
    await step("and what hangs on it", () =>
      eventually("the dependent is made anew", 60_000, async () => {
        expect(await idOf(SIDECAR)).not.toBe(before)
        await isRunning(SIDECAR)
      })
    )
  })

  it("starts what was created, and repairs what is in a dead namespace", async () => {
    await project.compose("up", "-d", "--no-deps", "--force-recreate", "web-anchor")
    await step("made anew", () => answers(103, 80, "web"))
    await lab.docker("restart", "-t", "1", project.container("web-anchor"))
    await step("restarted", () => answers(103, 80, "web"))
    const label = "com.docker.compose.project=lifeproxy"
    await runIdle("create", LATE, "--label", label, "--network", `container:${project.container("web-anchor")}`)
    await step("started", () => eventually("it was started", 60_000, () => isRunning(LATE)))
  })

  it("replaces the service-anchor when anchord itself is of another image", async () => {
    const container = (await lab.docker("create", lab.image)).trim()
    await lab.docker("commit", "--change", "LABEL made=anew", container, OTHER)
    await removed(container)
    const before = await idOf(MANAGED)
    logs = await proxyLog(project)
    expect(await troubles(project)).toEqual([])
    project.rewrite(behind({ ...options, image: OTHER }))
    await project.compose("up", "-d", "--no-deps", "anchord")
    await project.ready("anchord")
    await eventually("the service-anchor is made anew", 60_000, async () => {
      expect(await idOf(MANAGED)).not.toBe(before)
      await isRunning(MANAGED)
    })
    await isRouted()
  })

  it("needs every line of the list but what only networks need, and no call that is not on it", async () => {
    expect(logs).not.toBe("")
    const { used, refused } = usedOf(await proxyLog(project), allowListOf("haproxy-lifecycle.cfg"))
    const ofNetworks = ["POST /networks/{id}/connect", "POST /networks/{id}/disconnect"]
    const all = allowListOf("haproxy-lifecycle.cfg").map(wordsOf).toSorted()
    expect(used).toEqual(all.filter((one) => !ofNetworks.includes(one)))
    expect(refused).toEqual([])
    expect(await troubles(project)).toEqual([])
  })
})

describe("networks through haproxy-lifecycle.cfg", () => {
  const networks = ["lifeproxy-one", "lifeproxy-two"]
  const name = "lifeproxy-plugged"

  const tidyUp = async () => {
    await removed(name)
    await lab.docker("network", "rm", ...networks).catch(() => "")
  }
  beforeAll(tidyUp)
  afterAll(tidyUp)

  it("need the two lines that are left, where the engine cannot be told of all networks at once", async () => {
    const [one = "", two = ""] = networks
    await lab.docker("network", "create", one)
    await lab.docker("network", "create", two)
    await runIdle("run", name, "--network", one)
    await lab.docker("network", "connect", two, name)
    await lab.docker("network", "disconnect", one, name)
    const older = await openOlderApi(lab, "1.41")
    const way = older.host.replace("unix://", "")
    const proxy = socketProxy(proxyConfig("haproxy-lifecycle.cfg"), () => way, { LOG_PERMITTED: "yes" })
    try {
      await proxy.start()
      const before = await idOf(name)
      await Effect.runPromise(
        Effect.flatMap(makeRecreator, ({ recreate }) => recreate(before)).pipe(
          Effect.provide(DockerodeLifecycle.layer({ host: `unix://${proxy.socket}` }))
        )
      )
      expect(await idOf(name)).not.toBe(before)
      const on = await lab.docker(
        "inspect",
        "-f",
        "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}",
        name
      )
      expect(on.trim()).toBe(two)
      const { used, refused } = usedOf(proxy.output(), allowListOf("haproxy-lifecycle.cfg"))
      expect(used).toEqual(expect.arrayContaining(["POST /networks/{id}/connect", "POST /networks/{id}/disconnect"]))
      expect(refused).toEqual([])
    } finally {
      await proxy.stop()
      await older.close()
    }
  })
})

describe("an anchord that would act, behind haproxy.cfg", () => {
  const project = composeProject(lab, "readproxy", behind({ name: "readproxy", config: "haproxy.cfg", n: 104 }))
  const OUTPOST = "readproxy-outpost"
  const LATE = ["readproxy-late-1", "readproxy-late-2"]

  const tidyUp = async () => {
    await removed(OUTPOST, ...LATE)
    await project.compose("--profile", "later", "rm", "-fs", "mail", "mail-anchor")
    await project.down()
  }
  beforeAll(async () => {
    await tidyUp()
    await project.compose("up", "-d")
    await project.ready("anchord", "web-anchor")
  })
  afterAll(tidyUp)

  const polls = async () => {
    const metrics = await project.exec("anchord", "busybox", "wget", "-qO-", "http://127.0.0.1:9090/metrics")
    return Number(/\nanchord_docker_events_total\{source="poll"\} (\d+)/.exec(metrics)?.[1])
  }

  const looks = async (more: number) => {
    const now = await polls()
    await eventually("it has looked again", 60_000, async () => expect(await polls()).toBeGreaterThan(now + more))
  }

  const isForbidden = (what: string, call: string) =>
    eventually(`it says that ${call} is forbidden`, 60_000, async () =>
      expect((await troubles(project)).map(({ msg }) => msg)).toContainEqual(
        expect.stringMatching(new RegExp(`^${what}.*${call.replaceAll(/[{}/]/g, String.raw`\$&`)} is forbidden`))
      )
    )

  it("says once for each call what is forbidden, and what that was for", async () => {
    await answers(104, 80, "web")
    await runIdle("run", OUTPOST, "--network", "readproxy_transit")
    await isForbidden(`creating service-anchor ${OUTPOST}-service-anchor`, "POST /containers/create")
    const label = "com.docker.compose.project=readproxy"
    for (const name of LATE) {
      await runIdle("create", name, "--label", label, "--network", `container:${project.container("web-anchor")}`)
      await isForbidden("starting container readproxy-late-1", "POST /containers/{id}/start")
      await looks(3)
    }
    for (const name of LATE) await lab.docker("start", name)
    await lab.docker("restart", "-t", "1", project.container("web-anchor"))
    await isForbidden("restarting container", "POST /containers/{id}/restart")
    await removed(...LATE)
    await project.compose("up", "-d", "--no-deps", "--force-recreate", "web-anchor")
    await isForbidden("making container anew: readproxy-web-1", "POST /containers/{id}/rename")
    // More often than anchord would repair one container in a minute.
    await looks(22)
    const said = await troubles(project)
    expect(said.filter(({ level }) => level === "ERROR")).toEqual([])
    expect(said.filter(({ msg }) => / is forbidden/.test(msg))).toHaveLength(4)
    expect(said.filter(({ msg }) => /again and again/.test(msg))).toEqual([])
    const tries = (await project.logs("anchord")).filter(({ msg }) =>
      msg.startsWith("making container anew: readproxy-web-1:")
    )
    expect(tries.filter(({ level }) => level === "INFO")).toHaveLength(1)
    expect(tries.length).toBeGreaterThan(1)
  })

  it("maps ports all the while, and stays ready", async () => {
    await project.compose("--profile", "later", "up", "-d", "--no-deps", "mail-anchor", "mail")
    await answers(104, 25, "mail")
    await project.exec("anchord", "anchord-health")
    await project.compose("up", "-d", "--no-deps", "--force-recreate", "web")
    await answers(104, 80, "web")
    await project.exec("anchord", "anchord-health")
    const { refused } = usedOf(await proxyLog(project), [])
    expect(new Set(refused.map((call) => call.replace(/^(?:\S+) (?:\/v[\d.]+)?(\/\w+).*$/, "$1")))).toEqual(
      new Set(["/containers"])
    )
  })
})
