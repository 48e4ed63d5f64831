import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { afterEach, describe, expect, it } from "vitest"
import { beforeScrape, initialise, leaseHeld } from "../../../src/layers/observability/DhcpMetrics.ts"
import { scrapeAfter } from "./scrape.ts"

const NAME = "anchord_dhcp_lease_remaining_seconds"
const HOUR = 3_600_000

/** What two scrapes show of leases that were noted at the time 0, the second after some time in which nothing is noted. */
const scrapes = (millis: number) =>
  scrapeAfter(
    Effect.gen(function* () {
      yield* initialise
      yield* TestClock.adjust(millis)
      yield* beforeScrape
    }).pipe(Effect.provide(TestClock.layer()))
  ).then((scraped) => scraped[NAME]?.values)

afterEach(() => {
  for (const family of ["v4", "v6"] as const) leaseHeld(family, undefined)
})

describe("what is left of a lease", () => {
  it("is computed when it is asked for", async () => {
    leaseHeld("v4", HOUR)
    expect(await scrapes(0)).toEqual({ 'family="v4"': 3_600, 'family="v6"': 0 })
    expect(await scrapes(600_000)).toEqual({ 'family="v4"': 3_000, 'family="v6"': 0 })
  })

  it("is nothing when the lease has run out or is lost, and never less", async () => {
    leaseHeld("v4", HOUR)
    leaseHeld("v6", HOUR)
    leaseHeld("v6", undefined)
    expect(await scrapes(2 * HOUR)).toEqual({ 'family="v4"': 0, 'family="v6"': 0 })
  })
})
