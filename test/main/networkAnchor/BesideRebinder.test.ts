import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import { parseSettings } from "../../../src/domain/Settings.ts"
import * as Readiness from "../../../src/layers/observability/Readiness.ts"
import { layer } from "../../../src/layers/sim/docker/SimContainerLifecycle.ts"
import { conditions, wrapRebinder } from "../../../src/main/wrapRebinder/WrapRebinder.ts"
import { ContainerLifecycle } from "../../../src/services/ContainerLifecycle.ts"
import { inWorld, layersOf, linesWith, PROJECT, settle, start, type World } from "./world.ts"

const labels = { "com.docker.compose.project": PROJECT }
const upstream = { name: "app", labels: { "com.docker.compose.project": "upstream" } }

/** A wrap-rebinder in the network-anchor's project; what it stops takes its time. */
const startRebinder = Effect.fnUntraced(function* (world: World, stopTakes: Duration.Input) {
  const parsed = parseSettings("wrap-rebinder", {})
  if (Result.isFailure(parsed)) throw new Error(JSON.stringify(parsed.failure))
  const real = yield* Effect.provide(ContainerLifecycle, layer(world.docker))
  const slow: ContainerLifecycle["Service"] = {
    ...real,
    stop: (ref, grace) => Effect.andThen(Effect.sleep(stopTakes), real.stop(ref, grace))
  }
  const fiber = yield* Effect.scoped(
    wrapRebinder(parsed.success.settings, "rebinder", Readiness.make(conditions))
  ).pipe(Effect.provide(Layer.merge(layersOf(world), Layer.succeed(ContainerLifecycle)(slow))), Effect.forkDetach)
  yield* settle
  return fiber
})

describe("a network-anchor beside a wrap-rebinder", () => {
  it.each(["300 millis", "10 seconds"] as const)(
    "leaves it alone while it re-creates an application that takes %s to stop",
    (stopTakes) =>
      inWorld((world) =>
        Effect.gen(function* () {
          const { docker } = world
          docker.run(upstream)
          docker.run({ name: "web", labels, network: "container:app" })
          docker.run({ name: "rebinder", image: "anchord", command: ["wrap-rebinder"], labels })
          const anchor = yield* start(world)
          const rebinder = yield* startRebinder(world, stopTakes)
          yield* TestClock.adjust("1 minute")
          const happened: Array<string> = []
          docker.log.listen(({ action, type, attributes }) => {
            if (type === "container") happened.push(`${action} ${attributes["name"]}`)
          })
          docker.remove("app")
          docker.run(upstream)
          for (let step = 0; step < 240; step += 1) yield* TestClock.adjust("250 millis")
          expect(docker.find("web")).toMatchObject({
            status: "running",
            networkMode: `container:${docker.find("app")?.id}`
          })
          expect(happened.filter((what) => what === "create web")).toHaveLength(1)
          expect(linesWith(world, "had been cut short")).toEqual([])
          yield* Fiber.interrupt(rebinder)
          yield* anchor.stop
        })
      )
  )
})
