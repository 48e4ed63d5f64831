import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import { unpainted } from "../../../src/domain/Columns.ts"
import { ProjectPlan } from "../../../src/domain/ProjectPlan.ts"
import * as SimContainerLifecycle from "../../../src/layers/sim/docker/SimContainerLifecycle.ts"
import type { SimDocker } from "../../../src/layers/sim/docker/SimDocker.ts"
import { make } from "../../../src/layers/sim/docker/SimDockerEngine.ts"
import * as SimNetlink from "../../../src/layers/sim/kernel/SimNetlink.ts"
import { SimNetns } from "../../../src/layers/sim/kernel/SimNetns.ts"
import { planCommand, type PlanOptions } from "../../../src/main/plan/PlanCommand.ts"

const NOWHERE = "some-host"

/** Two projects, each with a network-anchor and a backend; what belongs to neither is not asked. */
const makeProject = (
  docker: SimDocker,
  project: string,
  subnet: number,
  env: Readonly<Record<string, string>> = {}
) => {
  const labels = { "com.docker.compose.project": project }
  const network = `${project}_transit`
  docker.createNetwork({ name: network, v4: `172.${subnet}.0.0/16`, v6: `fd${subnet}::/64` })
  docker.run({
    name: `${project}-anchord-1`,
    image: "anchord",
    command: ["network-anchor"],
    network,
    also: ["dmz"],
    labels,
    env: Object.entries({ ANCHORD_PROJECT: project, ANCHORD_EXT_NETWORK: "dmz", ...env }).map(
      ([key, value]) => `${key}=${value}`
    )
  })
  docker.run({ name: `${project}-web-1`, network, labels: { ...labels, "anchord.expose": "tcp/80" } })
}

const inHost = <A>(
  body: (
    docker: SimDocker,
    plan: (options?: Partial<PlanOptions>, ownRef?: string) => Effect.Effect<Result.Result<string, string>>
  ) => Effect.Effect<A>
): Promise<A> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const { docker, layer } = yield* make
      docker.addImage("anchord", { Entrypoint: ["tini", "--", "anchord"] })
      docker.createNetwork({
        name: "dmz",
        driver: "macvlan",
        v4: "10.99.0.0/24",
        v6: "fd99::/64",
        gateway: { v4: "10.99.0.1", v6: "fd99::1" }
      })
      const layers = Layer.mergeAll(layer, SimContainerLifecycle.layer(docker), SimNetlink.layer(new SimNetns()))
      return yield* body(docker, (options = {}, ownRef = NOWHERE) =>
        planCommand({ target: undefined, json: false, nft: false, ...options }, ownRef, unpainted).pipe(
          Effect.provide(layers),
          Effect.result,
          Effect.map(Result.mapError(({ message }) => message))
        )
      )
    }).pipe(Effect.provide(TestClock.layer()))
  )

const said = (answer: Result.Result<string, string>) => Result.getOrThrow(answer)
const refused = (answer: Result.Result<string, string>) => Result.getOrThrow(Result.flip(answer))

const anchorsIn = (text: string) => [...text.matchAll(/^network-anchor +(\S+)$/gm)].map(([, name]) => name)

describe("the plan command", () => {
  it("plans every network-anchor of the host, with its own settings", () =>
    inHost((docker, plan) =>
      Effect.gen(function* () {
        makeProject(docker, "mail", 20)
        makeProject(docker, "shop", 21, { ANCHORD_EXT_GATEWAY_IP: "10.99.0.9" })
        const text = said(yield* plan())
        expect(anchorsIn(text)).toEqual(["mail-anchord-1", "shop-anchord-1"])
        expect(text).toMatch(/mail-web-1 +mapped +tcp\/80 +172\.20\.0\.\d+, fd20::\w+/)
        expect(text).toMatch(/shop-web-1 +mapped +tcp\/80 +172\.21\.0\.\d+, fd21::\w+/)
        expect(text).toContain("10.99.0.9: ANCHORD_EXT_GATEWAY_IP names it")
      })
    ))

  it("plans the one that is named: by container, ID or project", () =>
    inHost((docker, plan) =>
      Effect.gen(function* () {
        makeProject(docker, "mail", 20)
        makeProject(docker, "shop", 21)
        const id = docker.find("shop-anchord-1")?.id ?? ""
        for (const target of ["shop", "shop-anchord-1", id, id.slice(0, 12)])
          expect(anchorsIn(said(yield* plan({ target })))).toEqual(["shop-anchord-1"])
      })
    ))

  it("plans the one in whose container it runs", () =>
    inHost((docker, plan) =>
      Effect.gen(function* () {
        makeProject(docker, "mail", 20)
        makeProject(docker, "shop", 21)
        const own = docker.find("mail-anchord-1")?.id ?? ""
        expect(anchorsIn(said(yield* plan({}, own)))).toEqual(["mail-anchord-1"])
      })
    ))

  it("does not take a service-anchor, or a container with the variable alone, for a network-anchor", () =>
    inHost((docker, plan) =>
      Effect.gen(function* () {
        docker.run({ name: "sa", image: "anchord", command: ["service-anchor"] })
        docker.run({ name: "app", env: ["ANCHORD_MODE=network-anchor"] })
        expect(refused(yield* plan())).toContain("there is no network-anchor on this host")
      })
    ))

  it("answers with JSON of the published form, one entry for each", () =>
    inHost((docker, plan) =>
      Effect.gen(function* () {
        makeProject(docker, "mail", 20)
        const [one, ...more] = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Array(ProjectPlan)))(
          said(yield* plan({ json: true }))
        )
        expect(more).toEqual([])
        expect(one).toMatchObject({ anchor: "mail-anchord-1", scope: "project mail", entries: 2 })
      })
    ))

  it("prints the ruleset of one, and of no more than one", () =>
    inHost((docker, plan) =>
      Effect.gen(function* () {
        makeProject(docker, "mail", 20)
        expect(JSON.parse(said(yield* plan({ nft: true })))).toHaveProperty("nftables")
        makeProject(docker, "shop", 21)
        expect(refused(yield* plan({ nft: true }))).toBe(
          "--nft is for one network-anchor; name one of: mail-anchord-1, shop-anchord-1"
        )
      })
    ))

  it("names those that there are when the one that is asked for is not", () =>
    inHost((docker, plan) =>
      Effect.gen(function* () {
        makeProject(docker, "mail", 20)
        expect(refused(yield* plan({ target: "mial" }))).toBe(
          "no network-anchor is called mial or serves that project; there are: mail-anchord-1"
        )
      })
    ))

  it("tells what is wrong with a network-anchor's configuration", () =>
    inHost((docker, plan) =>
      Effect.gen(function* () {
        makeProject(docker, "mail", 20, { ANCHORD_POLL_INTERVAL: "soon" })
        expect(refused(yield* plan())).toMatch(
          /^mail-anchord-1 has a wrong configuration\n {2}ANCHORD_POLL_INTERVAL="soon": must be a positive duration/
        )
      })
    ))
})
