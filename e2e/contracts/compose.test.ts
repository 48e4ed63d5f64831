import * as Effect from "effect/Effect"
import { afterAll, describe, expect, it } from "vitest"
import { SimCompose } from "../../src/layers/sim/docker/SimCompose.ts"
import { SimDocker } from "../../src/layers/sim/docker/SimDocker.ts"
import { apiOf } from "../../src/layers/sim/docker/SimDockerEngine.ts"
import type { SimProject } from "../../src/layers/sim/docker/SimProject.ts"
import { SimTime } from "../../src/layers/sim/SimTime.ts"
import { inOrder, type RawEvent, type SeenEvent } from "../../test/contracts/operatedDocker.ts"
import { attachLab } from "../lab/attach.ts"
import { composeProject, idle } from "../lab/composeProject.ts"
import { eventually } from "../lab/steps.ts"
import { follow } from "./rawApi.ts"

const lab = attachLab()
const NAME = "composed"

const simulated: SimProject = {
  name: NAME,
  services: {
    anchor: { image: "idle", networks: { front: {} } },
    app: { image: "idle", networkMode: "service:anchor" },
    side: { image: "idle", networks: { front: {} }, dependsOn: ["app"] }
  },
  networks: { front: { v4: "10.78.1.0/24" } }
}
const real = composeProject(lab, NAME, {
  services: {
    anchor: idle(lab, { networks: { front: {} } }),
    app: idle(lab, { networks: undefined, network_mode: "service:anchor" }),
    side: idle(lab, { networks: { front: {} }, depends_on: ["app"] })
  },
  networks: { front: { ipam: { config: [{ subnet: "10.78.1.0/24" }] } } }
})

/** Events by the names of containers: what a container is called when something happens to it. */
const makeTold = () => {
  const called = new Map<string, string>()
  let told: Array<SeenEvent> = []
  const short = (name = "") => name.replace(/^\/?[0-9a-f]{12}_/, "OLD_")
  return {
    tell: ({ type, action, containerId, attributes: { name = "", project = "", ...labels } }: RawEvent): void => {
      const own = labels["com.docker.compose.project"] ?? (type === "network" ? name.split("_")[0] : project)
      if (own !== NAME) return
      if (type === "container") called.set(containerId, name)
      const who = short(called.get(containerId))
      told.push({ type, action, who, network: type === "network" ? name : "", words: short(labels["oldName"]) })
    },
    take: () => {
      const taken = told
      told = []
      return taken
    },
    seen: () => [inOrder(told, "container"), inOrder(told, "network")]
  }
}

const makeSimulation = () => {
  const time = new SimTime(1_700_000_000_000)
  const docker: SimDocker = new SimDocker(time.nowNanos, { timers: time })
  docker.addImage("idle", { Cmd: ["sleep"] })
  const { layer } = apiOf(docker).access()
  const told = makeTold()
  docker.log.listen(({ type, action, containerId = "", attributes }) =>
    told.tell({ type, action, containerId, attributes })
  )
  const compose = new SimCompose(docker, simulated)
  const run = (operation: SimCompose["down"]) => {
    time.fork(Effect.provide(operation, layer))
    time.advance(60_000)
  }
  return { compose, run, told }
}

afterAll(real.down)

describe("the simulation of docker compose", () => {
  it("has the engine tell the same, in the same order, as the real one", async () => {
    const { compose, run, told } = makeSimulation()
    const truth = makeTold()
    const stop = follow(lab.socket, truth.tell)
    const both: ReadonlyArray<readonly [SimCompose["down"], ReadonlyArray<string>]> = [
      [compose.up(), ["up", "-d"]],
      [compose.up(), ["up", "-d"]],
      [compose.up({ services: ["anchor"], forceRecreate: true }), ["up", "-d", "--force-recreate", "anchor"]],
      [compose.up(), ["up", "-d"]],
      [compose.up({ forceRecreate: true }), ["up", "-d", "--force-recreate"]],
      [
        compose.up({ services: ["app"], forceRecreate: true, noDeps: true }),
        ["up", "-d", "--force-recreate", "--no-deps", "app"]
      ],
      [compose.restart(["anchor"]), ["restart", "anchor"]],
      [compose.stop(["app"]), ["stop", "app"]],
      [compose.up(), ["up", "-d"]],
      [compose.stop(), ["stop"]],
      [compose.start(), ["start"]],
      [compose.down, ["down"]]
    ]
    try {
      for (const [operation, words] of both) {
        told.take()
        truth.take()
        run(operation)
        await real.compose(...words)
        await eventually(words.join(" "), 10_000, () => expect(told.seen()).toEqual(truth.seen()))
      }
    } finally {
      stop()
    }
  })
})
