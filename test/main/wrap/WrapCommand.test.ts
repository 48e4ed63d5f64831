import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as TestClock from "effect/testing/TestClock"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { Json } from "../../../src/domain/Inspection.ts"
import * as SimContainerLifecycle from "../../../src/layers/sim/docker/SimContainerLifecycle.ts"
import type { SimDocker } from "../../../src/layers/sim/docker/SimDocker.ts"
import { make, type SimDockerEngine } from "../../../src/layers/sim/docker/SimDockerEngine.ts"
import {
  projectInFile,
  runningProject,
  wrapText,
  type CannotWrap,
  type WrapCommandOptions
} from "../../../src/main/wrap/WrapCommand.ts"
import { ContainerLifecycle } from "../../../src/services/ContainerLifecycle.ts"
import { type DockerEngine, DockerError } from "../../../src/services/DockerEngine.ts"
import { makeFolder } from "../../layers/process/scripts.ts"

type Lifecycle = ContainerLifecycle["Service"]

const options: WrapCommandOptions = {
  override: false,
  externalNetwork: "dmz_macvlan",
  addresses: { v4: "192.168.150.100" }
}

const failureOf = <A, R>(effect: Effect.Effect<A, CannotWrap, R>) =>
  Effect.map(Effect.flip(effect), ({ message }) => message)

const asIs = (lifecycle: Lifecycle): Lifecycle => lifecycle

/** In a simulated engine; `change` makes what inspects another. */
const inEngine = <A, E>(
  body: (engine: SimDockerEngine) => Effect.Effect<A, E, DockerEngine | ContainerLifecycle>,
  change = asIs
): Promise<A> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const engine = yield* make
      const lifecycle = Layer.effect(ContainerLifecycle)(Effect.map(ContainerLifecycle, change)).pipe(
        Layer.provide(SimContainerLifecycle.layer(engine.docker))
      )
      return yield* Effect.provide(body(engine), Layer.merge(engine.layer, lifecycle))
    }).pipe(Effect.provide(TestClock.layer()))
  )

/** Creates and starts a container of the project `cloud`. */
const run = (
  docker: SimDocker,
  service: string,
  bindings: Json,
  networks: Readonly<Record<string, Json>>,
  more: Readonly<Record<string, string>> = {}
) => {
  docker.addImage("app", { Cmd: ["run"] })
  const [first = "none"] = Object.keys(networks)
  const name = `cloud-${service}-1`
  const labels = { "com.docker.compose.project": "cloud", "com.docker.compose.service": service, ...more }
  const host = { NetworkMode: first, PortBindings: bindings }
  docker.createFrom(name, { Image: "app", Labels: labels, HostConfig: host }, networks)
  docker.start(name)
}

const on = (port: string, address = "") => [{ HostIp: address, HostPort: port }]

const makeCloud = (docker: SimDocker) => {
  docker.createNetwork({
    name: "cloud_front",
    v4: "172.30.1.0/24",
    v6: "fd00:30:1::/64",
    gateway: { v4: "172.30.1.1" }
  })
  docker.createNetwork({ name: "cloud_back", v4: "172.30.2.0/24", internal: true })
  const web = { "443/tcp": on("8443"), "80/tcp": on(""), "9000/tcp": on("9000", "127.0.0.1") }
  run(docker, "web", web, { cloud_front: {}, cloud_back: {} })
  run(docker, "media", { "5000/udp": on("5000", "0.0.0.0"), "5001/udp": on("5001", "0.0.0.0") }, { cloud_front: {} })
  run(docker, "db", {}, { cloud_front: { IPAMConfig: { IPv4Address: "172.30.1.254" } }, cloud_back: {} })
  run(docker, "backup", { "873/tcp": on("873") }, { cloud_back: {} })
}

const runOther = (docker: SimDocker) =>
  docker.run({ name: "other-1", labels: { "com.docker.compose.project": "other" } })

describe("anchord wrap, of a project that runs", () => {
  it("prints the compose file, and what it leaves to decide", () =>
    inEngine(({ docker }) =>
      Effect.gen(function* () {
        makeCloud(docker)
        const { text, undecided } = Result.getOrThrow(wrapText(yield* runningProject("cloud"), options))
        yield* Effect.promise(() => expect(text).toMatchFileSnapshot("golden/cloud-wrap.yaml"))
        expect(undecided).toEqual([
          expect.stringMatching(/^cloud-backup-1 873:873: it is not on cloud_front, /),
          expect.stringMatching(/^cloud-web-1 80: Docker takes any port that is free; /)
        ])
      })
    ))

  it("prints the override", () =>
    inEngine(({ docker }) =>
      Effect.gen(function* () {
        makeCloud(docker)
        const { text } = Result.getOrThrow(wrapText(yield* runningProject("cloud"), { ...options, override: true }))
        yield* Effect.promise(() => expect(text).toMatchFileSnapshot("golden/cloud-override.yaml"))
      })
    ))

  it("only reads, and looks at nobody else's containers", () => {
    const inspected: Array<string> = []
    return inEngine(
      ({ docker }) =>
        Effect.gen(function* () {
          makeCloud(docker)
          runOther(docker)
          yield* runningProject("cloud")
          const names = inspected.map((ref) => docker.find(ref)?.name).toSorted()
          expect(names).toEqual(["cloud-backup-1", "cloud-db-1", "cloud-media-1", "cloud-web-1"])
        }),
      ({ inspect, ...others }) => {
        const refused = Object.keys(others).map((call) => [call, () => Effect.die(`${call} is not for reading`)])
        return {
          ...(Object.fromEntries(refused) as typeof others),
          inspect: (ref) => {
            inspected.push(ref)
            return inspect(ref)
          }
        }
      }
    )
  })

  it("leaves out what docker compose run started, and what is gone when it is looked at", () =>
    inEngine(
      ({ docker }) =>
        Effect.gen(function* () {
          makeCloud(docker)
          run(docker, "task", { "1/tcp": on("1") }, { cloud_front: {} }, { "com.docker.compose.oneoff": "True" })
          const { containers } = yield* runningProject("cloud")
          expect(containers.map(({ name }) => name).toSorted()).toEqual(["cloud-db-1", "cloud-media-1", "cloud-web-1"])
        }),
      (lifecycle) => ({
        ...lifecycle,
        inspect: (ref) =>
          Effect.flatMap(lifecycle.inspect(ref), (found) =>
            found.Name === "/cloud-backup-1"
              ? Effect.fail(new DockerError({ endpoint: "GET", reason: "not-found", message: "gone" }))
              : Effect.succeed(found)
          )
      })
    ))

  it("names the projects that there are when it is asked for none of them", () =>
    inEngine(({ docker }) =>
      Effect.gen(function* () {
        expect(yield* failureOf(runningProject("clowd"))).toBe("there is no Compose project on this host")
        makeCloud(docker)
        runOther(docker)
        expect(yield* failureOf(runningProject("clowd"))).toBe(
          'there is no Compose project "clowd"; the nearest is cloud; there are: cloud, other'
        )
        expect(yield* failureOf(runningProject("mail"))).toBe(
          'there is no Compose project "mail"; there are: cloud, other'
        )
        expect(yield* failureOf(runningProject(undefined))).toBe("name the project to wrap; there are: cloud, other")
      })
    ))

  it("says so when nothing is published, and when nothing that is can be wrapped", () =>
    inEngine(({ docker }) =>
      Effect.gen(function* () {
        docker.createNetwork({ name: "front", v4: "172.30.1.0/24" })
        run(docker, "db", {}, { front: {} })
        const nothing = Result.getOrThrow(Result.flip(wrapText(yield* runningProject("cloud"), options)))
        expect(nothing).toMatchObject({ message: expect.stringContaining("publishes no port"), details: [] })
        run(docker, "web", { "80/tcp": on("") }, { front: {} })
        const none = Result.getOrThrow(Result.flip(wrapText(yield* runningProject("cloud"), options)))
        expect(none).toMatchObject({
          message: expect.stringContaining("none of the ports"),
          details: [expect.stringMatching(/^cloud-web-1 80: /)]
        })
      })
    ))

  it("tells what Docker, or a proxy before it, refuses", () =>
    inEngine((engine) =>
      Effect.gen(function* () {
        makeCloud(engine.docker)
        engine.forbid("GET /networks/{id}")
        expect(yield* failureOf(runningProject("cloud"))).toBe("cannot look at the project: a socket proxy forbids it")
        engine.down()
        expect(yield* failureOf(runningProject("cloud"))).toContain("ECONNREFUSED")
      })
    ))
})

describe("anchord wrap, of what docker compose config printed", () => {
  const inFile = (text: string, project?: string) => {
    const path = join(makeFolder(), "config.yaml")
    writeFileSync(path, text)
    return { path, look: projectInFile(path, project) }
  }
  const config = `name: cloud
services:
  web:
    networks: { default: null }
    ports: [{ target: 443, published: "8443", protocol: tcp }]
networks:
  default: { name: cloud_default, ipam: {} }
`

  it("reads YAML and JSON", async () => {
    const json = JSON.stringify({ name: "cloud", services: { web: { ports: [{ target: 80, published: "80" }] } } })
    expect((await Effect.runPromise(inFile(config).look)).containers).toHaveLength(1)
    expect((await Effect.runPromise(inFile(json, "cloud").look)).containers).toHaveLength(1)
  })

  it("names the file, and what is wrong with it", async () => {
    const message = async (text: string, project?: string) => {
      const { path, look } = inFile(text, project)
      return (await Effect.runPromise(failureOf(look))).replace(path, "FILE")
    }
    expect(await message("a: [1")).toMatch(/^FILE is no YAML: [^\n]* at line 1, column 6$/)
    expect(await message("services: {}")).toMatch(/^cannot use FILE: it is not what "docker compose config" prints: /)
    expect(await message(config, "other")).toBe("FILE is of the project cloud, not other")
    expect(await Effect.runPromise(failureOf(projectInFile("/nowhere", undefined)))).toMatch(/^cannot read \/nowhere: /)
  })
})
