import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import { describe, expect, it } from "vitest"
import { backend, inWorld, mapped, settle, start } from "./world.ts"

const series = (text: string): ReadonlyArray<string> =>
  text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.slice(0, line.lastIndexOf(" ")))
    .toSorted()

describe("the series of a network-anchor", () => {
  it("are the same with a hundred containers as with one, also in conflict and after they are gone", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("first", "tcp/1, udp/1"))
        const running = yield* start(world)
        const atFirst = series(yield* PrometheusMetrics.format())
        for (let n = 2; n <= 100; n += 1) world.docker.run(backend(`b${n}`, `tcp/${n}, udp/${n}, tcp/9999`))
        yield* settle
        expect(mapped(world)).toHaveLength(2 * (100 * 2 + 1))
        expect(series(yield* PrometheusMetrics.format())).toEqual(atFirst)
        for (let n = 2; n <= 100; n += 1) world.docker.remove(`b${n}`)
        yield* settle
        expect(series(yield* PrometheusMetrics.format())).toEqual(atFirst)
        yield* running.stop
      }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
    ))
})
