import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import { Status } from "../../../src/domain/Status.ts"
import { backend, EXTERNAL, GATEWAY, inWorld, OWN, settle, start, TRANSIT, type World } from "./world.ts"

/** What the anchor tells, through the published form. */
const told = ({ board }: World) => {
  const line = Schema.fromJsonString(Status)
  const { networkAnchor } = Schema.decodeUnknownSync(line)(Schema.encodeUnknownSync(line)(board.status()))
  if (networkAnchor === undefined) throw new Error("the network-anchor tells nothing")
  return networkAnchor
}

describe("the status of a network-anchor", () => {
  it("has its addresses, gateways, networks and containers", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        yield* TestClock.adjust("2 seconds")
        world.docker.run(backend("spare", "tcp/25"))
        const running = yield* start(world)
        expect(told(world)).toMatchObject({
          docker: { connected: true },
          external: { interface: "eth0", network: EXTERNAL, ...OWN },
          leases: [],
          gateways: [
            { family: "v4", address: GATEWAY.v4 },
            { family: "v6", address: GATEWAY.v6 }
          ],
          shared: { network: TRANSIT, settled: true },
          containers: [
            { name: "mail", verdict: "mapped", ports: [{ ports: "tcp/25", verdict: "mapped" }] },
            { name: "spare", verdict: "standby", ports: [{ ports: "tcp/25", verdict: "standby", holder: "mail" }] }
          ],
          entries: 2,
          lastReconcile: { ok: true }
        })
        yield* running.stop
      })
    ))

  it("says that Docker is away, since when, and what was the last that was known", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.docker.run(backend("mail", "tcp/25"))
        const running = yield* start(world)
        const before = Date.parse(told(world).docker.since)
        yield* TestClock.adjust("1 minute")
        world.engine.down()
        yield* settle
        const { docker, containers } = told(world)
        expect(docker.connected).toBe(false)
        expect(Date.parse(docker.since) - before).toBeGreaterThanOrEqual(60_000)
        expect(containers).toHaveLength(1)
        yield* running.stop
      })
    ))
})
