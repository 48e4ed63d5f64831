import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { families, type Family } from "../../domain/Address.ts"
import { series } from "./Series.ts"

const remaining = series((attributes: { readonly family: Family }) =>
  Metric.gauge("anchord_dhcp_lease_remaining_seconds", {
    description: "Until the lease ends, computed at scrape; 0 without one",
    attributes
  })
)

const acquiredCount = series((attributes: { readonly family: Family; readonly outcome: "ok" | "error" }) =>
  Metric.counter("anchord_dhcp_acquired_total", {
    description: "Leases given or renewed, and requests that nobody answered",
    incremental: true,
    attributes
  })
)

export const acquired = (family: Family, outcome: "ok" | "error") =>
  Metric.update(acquiredCount({ family, outcome }), 1)

const restartCount = series((attributes: { readonly family: Family }) =>
  Metric.counter("anchord_dhcp_client_restarts_total", {
    description: "Times that the DHCP client ended and was started again",
    incremental: true,
    attributes
  })
)

export const restarted = (family: Family) => Metric.update(restartCount({ family }), 1)

const ends = new Map<Family, number>()

/** Notes when a family's lease ends, in milliseconds of Unix time. */
export const leaseHeld = (family: Family, expiresAt: number | undefined): void => {
  if (expiresAt === undefined) ends.delete(family)
  else ends.set(family, expiresAt)
}

/** Brings the gauge up to date, before each scrape. */
export const beforeScrape: Effect.Effect<void> = Effect.gen(function* () {
  const now = yield* Clock.currentTimeMillis
  for (const family of families) {
    const left = Math.max(0, (ends.get(family) ?? now) - now)
    yield* Metric.update(remaining({ family }), Math.round(left / 1_000))
  }
})

/** Registers every series at zero. */
export const initialise: Effect.Effect<void> = Effect.gen(function* () {
  for (const family of families) {
    yield* Metric.update(restartCount({ family }), 0)
    for (const outcome of ["ok", "error"] as const) {
      yield* Metric.update(acquiredCount({ family, outcome }), 0)
    }
  }
  yield* beforeScrape
})
