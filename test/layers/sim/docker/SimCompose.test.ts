import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { describe, expect, it } from "vitest"
import { SimCompose } from "../../../../src/layers/sim/docker/SimCompose.ts"
import { SimDocker } from "../../../../src/layers/sim/docker/SimDocker.ts"
import { apiOf } from "../../../../src/layers/sim/docker/SimDockerEngine.ts"
import type { SimProcesses } from "../../../../src/layers/sim/docker/SimPlumbing.ts"
import type { SimProject } from "../../../../src/layers/sim/docker/SimProject.ts"
import { SimTime } from "../../../../src/layers/sim/SimTime.ts"
import type { ContainerLifecycle } from "../../../../src/services/ContainerLifecycle.ts"
import type { DockerEngine, DockerError } from "../../../../src/services/DockerEngine.ts"

/** The project that was observed in a real engine, with Compose 2.26. */
const project: SimProject = {
  name: "cp",
  services: {
    anchor: { image: "web", networks: { t: { aliases: ["anch"] } } },
    app: { image: "web", networkMode: "service:anchor", restart: "unless-stopped" },
    side: { image: "web", networks: { t: {} }, dependsOn: ["app"] }
  },
  networks: { t: { v4: "172.21.0.0/16" } }
}

const composed = (file = project) => {
  const time = new SimTime(1_700_000_000_000)
  const processes: SimProcesses = {
    started: () => {},
    signal: (id, signal) => {
      if (signal === "SIGKILL") docker.exited(id, 137)
      else time.after(100, () => docker.exited(id, 0))
    }
  }
  const docker: SimDocker = new SimDocker(time.nowNanos, { processes, timers: time })
  docker.addImage("web", { Cmd: ["serve"] })
  const { layer, faults } = apiOf(docker).access()
  const compose = new SimCompose(docker, file)
  const names = new Map<string, string>()
  let told: Array<string> = []
  docker.log.listen(({ type, action, containerId = "", attributes }) => {
    if (type === "container") names.set(containerId, attributes["name"] ?? "")
    const name = names.get(containerId) ?? ""
    const place = type === "network" ? ` ${attributes["name"]}` : ""
    told.push(`${action} ${name}${place}`.replaceAll(/[0-9a-f]{12}_/g, "OLD_").replaceAll("  ", " "))
  })
  /** Carries an operation out; answers with what the engine told of it. */
  const run = (operation: Effect.Effect<void, DockerError, DockerEngine | ContainerLifecycle>) => {
    told = []
    const fiber = time.fork(Effect.provide(operation, layer))
    for (let waited = 0; waited < 60_000 && fiber.pollUnsafe() === undefined; waited += 50) time.advance(50)
    const exit = fiber.pollUnsafe()
    if (exit === undefined) throw new Error("it does not come to an end")
    return { events: told, failed: Exit.isFailure(exit) }
  }
  const ids = () => Object.fromEntries(docker.containers().map(({ name, id }) => [name, id]))
  const states = () => Object.fromEntries(docker.containers().map(({ name, status }) => [name, status]))
  return { docker, compose, run, ids, states, faults }
}

const creates = (name: string) => [`create OLD_${name}`]
const ends = (name: string, network?: string) => [
  `kill ${name}`,
  ...(network === undefined ? [] : [`disconnect ${name} ${network}`]),
  `stop ${name}`,
  `die ${name}`,
  `destroy ${name}`,
  `rename ${name}`
]
const starts = (name: string, network?: string) => [
  ...(network === undefined ? [] : [`connect ${name} ${network}`]),
  `start ${name}`
]

describe("docker compose up", () => {
  it("makes networks, then all containers, then starts them in order, joined by ID and labelled as Compose does", () => {
    const { docker, compose, run, ids } = composed()
    expect(run(compose.up()).events).toEqual([
      "create cp_t",
      ...["create cp-anchor-1", "create cp-app-1", "create cp-side-1"],
      ...starts("cp-anchor-1", "cp_t"),
      ...starts("cp-app-1"),
      ...starts("cp-side-1", "cp_t")
    ])
    const app = docker.find("cp-app-1")
    expect(app?.networkMode).toBe(`container:${ids()["cp-anchor-1"]}`)
    expect(app?.labels).toMatchObject({
      "com.docker.compose.project": "cp",
      "com.docker.compose.service": "app",
      "com.docker.compose.container-number": "1",
      "com.docker.compose.oneoff": "False",
      "com.docker.compose.depends_on": "anchor:service_started:true"
    })
    expect(run(compose.up()).events).toEqual([])
  })

  it("--force-recreate replaces under a temporary name: create, stop, remove, rename, start; dependents stay where they are", () => {
    const { docker, compose, run, ids } = composed()
    run(compose.up())
    const before = ids()
    expect(run(compose.up({ services: ["anchor"], forceRecreate: true })).events).toEqual([
      ...creates("cp-anchor-1"),
      ...ends("cp-anchor-1", "cp_t"),
      ...starts("cp-anchor-1", "cp_t")
    ])
    const { "cp-anchor-1": anchor, ...others } = ids()
    expect(anchor).not.toBe(before["cp-anchor-1"])
    expect(others).toEqual({ "cp-app-1": before["cp-app-1"], "cp-side-1": before["cp-side-1"] })
    expect(docker.find("cp-anchor-1")?.labels["com.docker.compose.replace"]).toBe(before["cp-anchor-1"])
    expect(docker.find("cp-app-1")?.networkMode).toBe(`container:${before["cp-anchor-1"]}`)
  })

  it("afterwards replaces what is joined to a container that is gone, and what depends on that", () => {
    const { compose, run } = composed()
    run(compose.up())
    run(compose.up({ services: ["anchor"], forceRecreate: true }))
    expect(run(compose.up()).events).toEqual([
      ...creates("cp-app-1"),
      ...ends("cp-app-1"),
      ...creates("cp-side-1"),
      ...ends("cp-side-1", "cp_t"),
      ...starts("cp-app-1"),
      ...starts("cp-side-1", "cp_t")
    ])
  })

  it("--force-recreate of everything replaces all in order, before anything is started", () => {
    const { compose, run } = composed()
    run(compose.up())
    expect(run(compose.up({ forceRecreate: true })).events).toEqual([
      ...creates("cp-anchor-1"),
      ...ends("cp-anchor-1", "cp_t"),
      ...creates("cp-app-1"),
      ...ends("cp-app-1"),
      ...creates("cp-side-1"),
      ...ends("cp-side-1", "cp_t"),
      ...starts("cp-anchor-1", "cp_t"),
      ...starts("cp-app-1"),
      ...starts("cp-side-1", "cp_t")
    ])
  })

  it("replaces one that has exited without stopping it", () => {
    const { docker, compose, run } = composed()
    run(compose.up())
    run(compose.stop(["app"]))
    docker.remove("cp-anchor-1")
    run(compose.up({ services: ["anchor"] }))
    expect(run(compose.up({ services: ["app"] })).events).toEqual([
      ...creates("cp-app-1"),
      "destroy cp-app-1",
      "rename cp-app-1",
      ...starts("cp-app-1")
    ])
  })

  it("--no-deps fails for a service whose owner is not there", () => {
    const { docker, compose, run } = composed()
    run(compose.up())
    docker.remove("cp-anchor-1")
    expect(run(compose.up({ services: ["app"], noDeps: true }))).toEqual({ events: [], failed: true })
  })

  it("that is cut short leaves what it has done: the new container under its temporary name, beside the old one", () => {
    const { compose, run, states, faults } = composed()
    run(compose.up())
    faults.failNext("POST /containers/{id}/stop")
    expect(run(compose.up({ services: ["anchor"], forceRecreate: true })).failed).toBe(true)
    const found = Object.entries(states()).map(
      ([name, status]) => `${name.replace(/^[0-9a-f]{12}_/, "OLD_")} ${status}`
    )
    expect(found).toContain("OLD_cp-anchor-1 created")
    expect(found).toContain("cp-anchor-1 running")
  })
})

describe("docker compose", () => {
  it("stop ends dependents first, and start begins with what they depend on", () => {
    const { compose, run } = composed()
    run(compose.up())
    const ended = run(compose.stop()).events.filter((event) => event.startsWith("stop"))
    expect(ended).toEqual(["stop cp-side-1", "stop cp-app-1", "stop cp-anchor-1"])
    expect(run(compose.start()).events).toEqual([
      ...starts("cp-anchor-1", "cp_t"),
      ...starts("cp-app-1"),
      ...starts("cp-side-1", "cp_t")
    ])
  })

  it("restart takes those in its namespace along, one after the other", () => {
    const { compose, run } = composed()
    run(compose.up())
    expect(run(compose.restart(["anchor"])).events).toEqual([
      ...["kill cp-anchor-1", "disconnect cp-anchor-1 cp_t", "stop cp-anchor-1", "die cp-anchor-1"],
      ...[...starts("cp-anchor-1", "cp_t"), "restart cp-anchor-1"],
      ...["kill cp-app-1", "stop cp-app-1", "die cp-app-1", "start cp-app-1", "restart cp-app-1"]
    ])
  })

  it("down ends and removes dependents first, also what run has left, then the networks", () => {
    const { docker, compose, run } = composed()
    run(compose.up())
    run(compose.run("side", "30f7ee6e6c3e", ["sleep"]))
    expect(docker.find("cp-side-run-30f7ee6e6c3e")?.labels["com.docker.compose.oneoff"]).toBe("True")
    const { events } = run(compose.down)
    const gone = events.filter((event) => event.startsWith("destroy"))
    expect(gone.slice(0, 2).toSorted()).toEqual(["destroy cp-side-1", "destroy cp-side-run-30f7ee6e6c3e"])
    expect(gone.slice(2)).toEqual(["destroy cp-app-1", "destroy cp-anchor-1", "destroy cp_t"])
    expect(docker.containers()).toEqual([])
  })
})
