import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { families, type Family } from "../../src/domain/Address.ts"
import type { Flow, FlowSelector } from "../../src/domain/Dnat.ts"
import { Conntrack } from "../../src/services/Conntrack.ts"

export interface ConntrackWorld {
  /** A flow that lives long enough for a test. */
  readonly begin: (flow: Flow) => Promise<void>
}

export interface ConntrackSetup {
  readonly layer: Layer.Layer<Conntrack>
  readonly world: ConntrackWorld
  readonly dispose: () => Promise<void>
}

const own: Readonly<Record<Family, string>> = { v4: "10.99.0.7", v6: "fd99::7" }
const client: Readonly<Record<Family, string>> = { v4: "10.99.0.201", v6: "fd99::201" }
const backend: Readonly<Record<Family, string>> = { v4: "172.20.0.5", v6: "fd20::5" }
const other: Readonly<Record<Family, string>> = { v4: "172.20.0.6", v6: "fd20::6" }
const internet: Readonly<Record<Family, string>> = { v4: "203.0.113.1", v6: "2001:db8::1" }

let sourcePort = 20_000

/** A client's flow to the external address, without DNAT unless `more` says where replies come from. */
const flow = (family: Family, protocol: Flow["protocol"], destinationPort: number, more: Partial<Flow> = {}): Flow => {
  sourcePort += 1
  const destination = more.destination ?? own[family]
  return {
    family,
    protocol,
    source: client[family],
    sourcePort,
    destination,
    destinationPort,
    replySource: destination,
    replySourcePort: destinationPort,
    ...more
  }
}

const dnated = (
  family: Family,
  protocol: Flow["protocol"],
  destinationPort: number,
  replySource = backend[family],
  replySourcePort = destinationPort
): Flow => flow(family, protocol, destinationPort, { replySource, replySourcePort })

const text = (one: Flow): string =>
  `${one.family} ${one.protocol} ${one.source} ${one.sourcePort} > ${one.destination} ${one.destinationPort} < ${one.replySource} ${one.replySourcePort}`

const texts = (flows: ReadonlyArray<Flow>) => flows.map(text).toSorted()

/** The contract of {@link Conntrack}: what holds for conntrack(8), and must hold for everything that stands in for it. */
export const conntrackContract = (title: string, setUp: () => Promise<ConntrackSetup>): void => {
  describe(`${title}: the contract of Conntrack`, () => {
    let setup: ConntrackSetup
    beforeEach(async () => {
      setup = await setUp()
    })
    afterEach(() => setup.dispose())

    const ask = <A, E>(use: (conntrack: Conntrack["Service"]) => Effect.Effect<A, E>): Promise<A> =>
      Effect.runPromise(Effect.flatMap(Conntrack, use).pipe(Effect.provide(setup.layer)))
    const begin = async (...flows: ReadonlyArray<Flow>) => {
      for (const one of flows) await setup.world.begin(one)
    }
    const flush = (...selectors: ReadonlyArray<FlowSelector>) => ask((conntrack) => conntrack.flush(selectors))
    const flows = async () =>
      texts((await Promise.all(families.map((family) => ask((conntrack) => conntrack.flows(family))))).flat())

    /** Begins all of them, flushes, and expects exactly `gone` to be gone. */
    const flushed = async (
      gone: ReadonlyArray<Flow>,
      kept: ReadonlyArray<Flow>,
      ...selectors: ReadonlyArray<FlowSelector>
    ) => {
      await begin(...gone, ...kept)
      expect(await flows()).toEqual(texts([...gone, ...kept]))
      expect(await flush(...selectors)).toBe(gone.length)
      expect(await flows()).toEqual(texts(kept))
      expect(await flush(...selectors)).toBe(0)
    }

    it("reads the flows of one family, with and without DNAT", async () => {
      const all = families.flatMap((family) => [
        flow(family, "udp", 53),
        flow(family, "tcp", 25),
        dnated(family, "udp", 53, backend[family], 5_353),
        dnated(family, "tcp", 25, other[family])
      ])
      await begin(...all)
      for (const family of families) {
        expect(texts(await ask((conntrack) => conntrack.flows(family)))).toEqual(
          texts(all.filter((one) => one.family === family))
        )
      }
    })

    it("is empty where there is no flow, and flushing that is no failure", async () => {
      expect(await flows()).toEqual([])
      const selector = { _tag: "DnatedTo", protocol: "udp", from: 1, to: 65_535 } as const
      expect(await flush({ ...selector, family: "v4", address: backend.v4 })).toBe(0)
      expect(await flush({ ...selector, family: "v6", address: backend.v6 })).toBe(0)
    })

    it("deletes nothing when nothing is selected", async () => {
      await begin(flow("v4", "udp", 53))
      expect(await flush()).toBe(0)
      expect(await flows()).toHaveLength(1)
    })

    it.each(families)(
      "%s: deletes what was DNATed to an address that the port has left, and nothing else",
      (family) => {
        const otherFamily = family === "v4" ? "v6" : "v4"
        return flushed(
          [dnated(family, "tcp", 25), dnated(family, "tcp", 25, backend[family], 2_525)],
          [
            dnated(family, "tcp", 25, other[family]),
            dnated(family, "tcp", 26),
            dnated(family, "udp", 25),
            flow(family, "tcp", 25),
            flow(family, "tcp", 25, { destination: backend[family] }),
            dnated(otherFamily, "tcp", 25)
          ],
          { _tag: "DnatedTo", family, protocol: "tcp", from: 25, to: 25, address: backend[family] }
        )
      }
    )

    it("deletes only flows to one port of the backend when that is what changed", () =>
      flushed(
        [dnated("v4", "tcp", 636, backend.v4, 6_636)],
        [dnated("v4", "tcp", 636, backend.v4, 7_636), dnated("v4", "tcp", 636, other.v4, 6_636)],
        { _tag: "DnatedTo", family: "v4", protocol: "tcp", from: 636, to: 636, address: backend.v4, backendPort: 6_636 }
      ))

    it("deletes a range of ports with both of its ends", () =>
      flushed(
        [dnated("v6", "udp", 8_000), dnated("v6", "udp", 8_005), dnated("v6", "udp", 8_010)],
        [dnated("v6", "udp", 7_999), dnated("v6", "udp", 8_011)],
        { _tag: "DnatedTo", family: "v6", protocol: "udp", from: 8_000, to: 8_010, address: backend.v6 }
      ))

    it.each(families)("%s: deletes UDP flows to its own address that began before their port was mapped", (family) =>
      flushed(
        [flow(family, "udp", 53)],
        [
          flow(family, "udp", 53, { destination: internet[family] }),
          flow(family, "udp", 54),
          flow(family, "tcp", 53),
          dnated(family, "udp", 53)
        ],
        { _tag: "NotDnated", family, protocol: "udp", from: 53, to: 53, destinations: [own[family]] }
      )
    )

    it("deletes UDP flows to any address when none is named", () =>
      flushed([flow("v4", "udp", 53), flow("v4", "udp", 53, { destination: internet.v4 })], [dnated("v4", "udp", 53)], {
        _tag: "NotDnated",
        family: "v4",
        protocol: "udp",
        from: 53,
        to: 53
      }))

    it("deletes for several selectors of both families at once, a flow of two selectors once", () =>
      flushed(
        [dnated("v4", "tcp", 25), dnated("v6", "tcp", 25), flow("v6", "udp", 53), dnated("v4", "udp", 53, other.v4)],
        [dnated("v4", "tcp", 26), dnated("v6", "tcp", 25, other.v6)],
        { _tag: "DnatedTo", family: "v4", protocol: "tcp", from: 25, to: 25, address: backend.v4 },
        { _tag: "DnatedTo", family: "v4", protocol: "tcp", from: 20, to: 25, address: backend.v4 },
        { _tag: "DnatedTo", family: "v6", protocol: "tcp", from: 25, to: 25, address: backend.v6 },
        { _tag: "NotDnated", family: "v6", protocol: "udp", from: 53, to: 53 },
        { _tag: "DnatedTo", family: "v4", protocol: "udp", from: 53, to: 53, address: other.v4 }
      ))

    it("deletes many flows of one port", async () => {
      const gone = Array.from({ length: 60 }, () => dnated("v4", "udp", 53))
      await flushed(gone, [dnated("v4", "udp", 54)], {
        _tag: "DnatedTo",
        family: "v4",
        protocol: "udp",
        from: 53,
        to: 53,
        address: backend.v4
      })
    })
  })
}
