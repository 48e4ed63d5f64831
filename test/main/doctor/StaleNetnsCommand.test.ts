import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import { StaleReport } from "../../../src/domain/StaleReport.ts"
import * as SimContainerLifecycle from "../../../src/layers/sim/docker/SimContainerLifecycle.ts"
import type { SimDocker } from "../../../src/layers/sim/docker/SimDocker.ts"
import { make, type SimDockerEngine } from "../../../src/layers/sim/docker/SimDockerEngine.ts"
import { staleNetnsCommand } from "../../../src/main/doctor/StaleNetnsCommand.ts"
import { ContainerLifecycle } from "../../../src/services/ContainerLifecycle.ts"
import { DockerError } from "../../../src/services/DockerEngine.ts"

type Lifecycle = ContainerLifecycle["Service"]

const inEngine = <A>(body: (engine: SimDockerEngine) => Effect.Effect<A>): Promise<A> =>
  Effect.runPromise(Effect.provide(Effect.flatMap(make, body), TestClock.layer()))

/** The command's answer; `change` makes what inspects another. */
const ask = ({ docker, layer }: SimDockerEngine, json: boolean, change: (lifecycle: Lifecycle) => Lifecycle) =>
  Effect.result(staleNetnsCommand({ json })).pipe(
    Effect.provide(
      Layer.merge(
        layer,
        Layer.effect(ContainerLifecycle)(Effect.map(ContainerLifecycle, change)).pipe(
          Layer.provide(SimContainerLifecycle.layer(docker))
        )
      )
    )
  )

const asIs = (lifecycle: Lifecycle): Lifecycle => lifecycle

const look = (engine: SimDockerEngine, json = false, change = asIs) =>
  Effect.map(ask(engine, json, change), Result.getOrThrow)

const failure = (engine: SimDockerEngine, change = asIs) =>
  Effect.map(ask(engine, false, change), (answer) => Result.getOrThrow(Result.flip(answer)).message)

const compose = (project: string, service: string, more: Readonly<Record<string, string>> = {}) => ({
  "com.docker.compose.project": project,
  "com.docker.compose.service": service,
  "com.docker.compose.project.working_dir": `/srv/${project}`,
  "com.docker.compose.project.config_files": `/srv/${project}/compose.yaml`,
  ...more
})

const owner = (project: string) => ({ name: `${project}-own-1`, labels: compose(project, "own") })

const joining = (project: string, service: string) => ({
  name: `${project}-${service}-1`,
  network: `container:${project}-own-1`,
  labels: compose(project, service, { "com.docker.compose.depends_on": "own:service_started:true" })
})

const runProject = (docker: SimDocker, project: string) => {
  docker.run(owner(project))
  docker.run(joining(project, "web"))
  docker.run(joining(project, "log"))
}

const makeAnew = (docker: SimDocker, project: string) => {
  docker.remove(`${project}-own-1`)
  docker.run(owner(project))
}

const NONE = { text: "No container is in a dead network namespace.", found: false }

describe("a look for dead network namespaces", () => {
  it("finds nothing on an empty host, and where all is well", () =>
    inEngine((engine) =>
      Effect.gen(function* () {
        expect(yield* look(engine)).toEqual(NONE)
        runProject(engine.docker, "mail")
        engine.docker.run({ name: "host", network: "host" })
        expect(yield* look(engine)).toEqual(NONE)
        expect(yield* look(engine, true)).toEqual({ text: "[]", found: false })
      })
    ))

  it("finds the victims of all projects and of none, without anchord being there", () =>
    inEngine((engine) =>
      Effect.gen(function* () {
        const { docker } = engine
        for (const project of ["mail", "shop"]) runProject(docker, project)
        docker.run({ name: "hand-made", network: "container:mail-own-1" })
        const gone = docker.find("mail-own-1")?.id
        makeAnew(docker, "mail")
        docker.restart("shop-own-1")
        const call = "docker compose -p mail up -d --no-deps --force-recreate"
        const { text, found } = yield* look(engine)
        expect({ found, lines: text.split("\n") }).toEqual({
          found: true,
          lines: [
            "Found 5 containers in dead network namespaces, of 2 targets; repair them in this order:",
            "",
            `dead target: mail-own-1 (${gone?.slice(0, 12)}), which does not exist any more; 3 victims:`,
            "  hand-made",
            "    → make it anew with the command that made it",
            "  mail-log-1",
            `    → ${call} log   (in /srv/mail)`,
            "  mail-web-1",
            `    → ${call} web   (in /srv/mail)`,
            "",
            `dead target: shop-own-1 (${docker.find("shop-own-1")?.id.slice(0, 12)}), which has been restarted since; 2 victims:`,
            "  shop-log-1",
            "    → docker restart shop-log-1",
            "  shop-web-1",
            "    → docker restart shop-web-1"
          ]
        })
        const json = Schema.decodeUnknownSync(Schema.fromJsonString(StaleReport))((yield* look(engine, true)).text)
        expect(json.map(({ victims }) => victims.map(({ name }) => name))).toEqual([
          ["hand-made", "mail-log-1", "mail-web-1"],
          ["shop-log-1", "shop-web-1"]
        ])
        expect(json[0]?.victims[0]).toEqual({ id: docker.find("hand-made")?.id, name: "hand-made", kind: "gone" })
      })
    ))

  it("asks for the list, and inspects who shares a namespace and nobody else", () =>
    inEngine((engine) =>
      Effect.gen(function* () {
        runProject(engine.docker, "mail")
        engine.docker.run({ name: "alone" })
        const inspected: Array<string> = []
        yield* look(engine, false, (lifecycle) => ({
          ...lifecycle,
          inspect: (ref) =>
            Effect.suspend(() => {
              inspected.push(engine.docker.find(ref)?.name ?? "")
              return lifecycle.inspect(ref)
            })
        }))
        expect(inspected.toSorted()).toEqual(["mail-log-1", "mail-own-1", "mail-web-1"])
        expect(engine.calls("GET /containers/json")).toBe(1)
        const others = ["GET /_ping", "GET /containers/json?id", "GET /networks/{id}", "GET /events"] as const
        expect(others.map(engine.calls)).toEqual([0, 0, 0, 0])
      })
    ))
})

describe("a container that goes away while one looks", () => {
  const removing =
    (docker: SimDocker, name: string) =>
    (lifecycle: Lifecycle): Lifecycle => ({
      ...lifecycle,
      inspect: (ref) =>
        Effect.suspend(() => {
          if (docker.find(name) !== undefined) docker.remove(name)
          return lifecycle.inspect(ref)
        })
    })

  it("is no failure, and no victim", () =>
    inEngine((engine) =>
      Effect.gen(function* () {
        runProject(engine.docker, "mail")
        makeAnew(engine.docker, "mail")
        const { text } = yield* look(engine, false, removing(engine.docker, "mail-web-1"))
        expect(text).toContain("mail-log-1")
        expect(text).not.toContain("mail-web-1")
      })
    ))

  it("is not there any more for who shares its namespace", () =>
    inEngine((engine) =>
      Effect.gen(function* () {
        runProject(engine.docker, "mail")
        const { text } = yield* look(engine, false, removing(engine.docker, "mail-own-1"))
        expect(text).toContain("Found 2 containers")
        expect(text).toContain("dead target: mail-own-1 (")
        expect(text).toContain("up -d --no-deps own && docker compose -p mail up -d --no-deps --force-recreate web")
      })
    ))
})

describe("a look that cannot be had", () => {
  const CANNOT = "cannot look for dead network namespaces: "

  it("says where Docker should be, and how to say so", () =>
    inEngine((engine) =>
      Effect.gen(function* () {
        engine.down()
        expect(yield* failure(engine)).toMatch(
          new RegExp(`^${CANNOT}connect ECONNREFUSED; DOCKER_HOST says where Docker is .* mount the socket`)
        )
      })
    ))

  it("says what is forbidden", () =>
    inEngine((engine) =>
      Effect.gen(function* () {
        engine.forbid("GET /containers/json")
        expect(yield* failure(engine)).toBe(`${CANNOT}a socket proxy forbids it`)
      })
    ))

  const refusing =
    (error: Pick<DockerError, "reason" | "message">) =>
    (lifecycle: Lifecycle): Lifecycle => ({
      ...lifecycle,
      inspect: () => Effect.fail(new DockerError({ endpoint: "GET /containers/1/json", ...error }))
    })

  it("names the container that it fails with, and does not take a part for the whole", () =>
    inEngine((engine) =>
      Effect.gen(function* () {
        engine.docker.run({ name: "own" })
        engine.docker.create({ name: "web", network: "container:own" })
        expect(yield* failure(engine, refusing({ reason: "unreachable", message: "no answer within 60 s" }))).toMatch(
          /^cannot look for dead network namespaces: cannot inspect container (own|web): no answer within 60 s; Docker does not answer about a container that is being started: look again later$/
        )
        expect(yield* failure(engine, refusing({ reason: "forbidden", message: "HTTP 403: no" }))).toMatch(
          /: cannot inspect container (own|web): HTTP 403: no$/
        )
      })
    ))
})
