import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { series } from "./Series.ts"

const events = series((attributes: { readonly source: "event" | "poll" | "start" }) =>
  Metric.counter("anchord_docker_events_total", {
    description: "What made anchord look at Docker, by source",
    incremental: true,
    attributes
  })
)

/** Names, types and labels are SPEC §12's. */
export const dockerEvent = (source: "event" | "poll" | "start") => Metric.update(events({ source }), 1)

const connectedGauge = Metric.gauge("anchord_docker_connected", {
  description: "1 while the Docker event stream is open"
})

export const connected = (isOpen: boolean) => Metric.update(connectedGauge, isOpen ? 1 : 0)

/** Registers every series at zero, so that a scrape before the first event already shows them. */
export const initialise: Effect.Effect<void> = Effect.gen(function* () {
  for (const source of ["event", "poll", "start"] as const) yield* Metric.update(events({ source }), 0)
  yield* connected(false)
})
