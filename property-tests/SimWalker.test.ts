import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { families, type Family } from "../src/domain/Address.ts"
import { protocols, tableOf, type DnatEntry, type Flow } from "../src/domain/Dnat.ts"
import { ownersIn } from "../src/domain/FlowConsistency.ts"
import { nftFamily, parseTable, planCommands, tableName } from "../src/domain/NftJson.ts"
import { exchange, send, type SimPacket } from "../src/layers/sim/lan/SimWalker.ts"
import { CLIENT, FIRST, INSIDE, makeLan, OTHER_CLIENT, OWN, SECOND, type Lan } from "../test/layers/sim/lan/lan.ts"

const family = fc.constantFrom(...families)
const protocol = fc.constantFrom(...protocols)
const port = fc.constantFrom(25, 26, 27, 28)

type Place = Readonly<Record<Family, string>>
type Host = "client" | "otherClient" | "anchor" | "first" | "second"

const senders: ReadonlyArray<readonly [Host, Place]> = [
  ["client", CLIENT],
  ["otherClient", OTHER_CLIENT],
  ["anchor", OWN],
  ["anchor", INSIDE],
  ["first", FIRST],
  ["second", SECOND]
]

interface Sent {
  readonly host: Host
  readonly packet: SimPacket
}

const sent: fc.Arbitrary<Sent> = fc
  .record({
    family,
    protocol,
    sender: fc.constantFrom(...senders),
    to: fc.constantFrom<Place>(OWN, OWN, OWN, INSIDE, CLIENT, FIRST, SECOND),
    sourcePort: fc.constantFrom(40_000, 40_001, 700, 500),
    destinationPort: port
  })
  .map(({ family: of, protocol: by, sender: [host, source], to, sourcePort, destinationPort }) => ({
    host,
    packet: { family: of, protocol: by, source: source[of], sourcePort, destination: to[of], destinationPort }
  }))

const entry: fc.Arbitrary<DnatEntry> = fc
  .record({ family, protocol, from: port, to: port, second: fc.boolean(), wide: fc.boolean() })
  .map(({ family: of, protocol: by, from, to, second, wide }) => {
    const address = (second ? SECOND : FIRST)[of]
    return wide && from !== to
      ? { _tag: "Range", family: of, protocol: by, from: Math.min(from, to), to: Math.max(from, to), address }
      : { _tag: "Port", family: of, protocol: by, port: from, address, backendPort: to }
  })

type Step =
  | ({ readonly _tag: "Send" } & Sent)
  | { readonly _tag: "Plan"; readonly going: ReadonlyArray<number>; readonly coming: ReadonlyArray<DnatEntry> }
  | { readonly _tag: "Forget"; readonly which: number }
  | { readonly _tag: "Pass"; readonly millis: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: sent.map((one): Step => ({ _tag: "Send", ...one })) },
  {
    weight: 3,
    arbitrary: fc
      .record({ going: fc.array(fc.nat(), { maxLength: 3 }), coming: fc.array(entry, { maxLength: 3 }) })
      .map((plan): Step => ({ _tag: "Plan", ...plan }))
  },
  { weight: 1, arbitrary: fc.nat().map((which): Step => ({ _tag: "Forget", which })) },
  { weight: 1, arbitrary: fc.constantFrom(1_000, 31_000, 200_000).map((millis): Step => ({ _tag: "Pass", millis })) }
)

const entriesIn = ({ anchor }: Lan): ReadonlyArray<DnatEntry> =>
  families.flatMap((of) => parseTable(anchor.ruleset.list(nftFamily[of], tableName[of]), of).entries)

/** Carries out everything but a packet. A plan that is refused changes nothing. */
const prepare = (lan: Lan, one: Exclude<Step, { readonly _tag: "Send" }>): void => {
  switch (one._tag) {
    case "Plan": {
      const there = entriesIn(lan)
      const remove = new Set(one.going.flatMap((index) => there[index % there.length] ?? []))
      lan.anchor.ruleset.execute(planCommands({ remove: [...remove], add: one.coming }))
      return
    }
    case "Forget": {
      const flows = lan.anchor.conntrack.tracked()
      const flow = flows[one.which % flows.length]
      if (flow !== undefined) lan.anchor.conntrack.remove(flow)
      return
    }
    case "Pass":
      return lan.time.advance(one.millis)
  }
}

/** The other client knows a way to the project's network, past the maps. */
const makeWorld = (): Lan => {
  const lan = makeLan()
  for (const of of families) lan.otherClient.netns.add({ family: of, gateway: OWN[of] })
  return lan
}

/** Lets everything happen, and looks at every packet. */
const each = (steps: ReadonlyArray<Step>, look: (lan: Lan, one: Sent) => void): void => {
  const lan = makeWorld()
  for (const one of steps) {
    if (one._tag === "Send") look(lan, one)
    else prepare(lan, one)
  }
}

const steps = fc.array(step, { maxLength: 60, size: "max" })

describe("a packet that came through", () => {
  it("is answered, from where it was sent to, whatever happened before", () => {
    let delivered = 0
    fc.assert(
      fc.property(steps, (all) =>
        each(all, (lan, { host, packet }) => {
          const { there, answered } = exchange(lan[host], packet)
          if (there._tag === "Delivered") delivered += 1
          expect(answered).toBe(there._tag === "Delivered")
        })
      ),
      { numRuns: 150 }
    )
    expect(delivered).toBeGreaterThan(500)
  })

  it("comes out where the maps send a new flow to, with the source that it was sent with", () => {
    fc.assert(
      fc.property(steps, sent, (all, last) => {
        const lan = makeWorld()
        for (const one of all) if (one._tag !== "Send") prepare(lan, one)
        const packet = { ...last.packet, source: CLIENT[last.packet.family], destination: OWN[last.packet.family] }
        const flow: Flow = { ...packet, replySource: packet.destination, replySourcePort: packet.destinationPort }
        const owner = ownersIn(tableOf(entriesIn(lan)))(flow)
        expect(send(lan.client, packet)).toMatchObject({
          _tag: "Delivered",
          packet: {
            ...packet,
            destination: owner?.address ?? packet.destination,
            destinationPort: owner?.port ?? packet.destinationPort
          }
        })
      }),
      { numRuns: 300 }
    )
  })

  it("comes to the same place again while nothing but the maps changes, as the same packet", () => {
    fc.assert(
      fc.property(steps, (all) => {
        const seen = new Map<string, unknown>()
        const lan = makeWorld()
        for (const one of all) {
          if (one._tag === "Plan") prepare(lan, one)
          if (one._tag !== "Send") continue
          const walk = send(lan[one.host], one.packet)
          const key = JSON.stringify([one.host, one.packet])
          const arrival = walk._tag === "Delivered" ? JSON.stringify([walk.kernel.name, walk.packet]) : "lost"
          expect(arrival).toBe(seen.get(key) ?? arrival)
          seen.set(key, arrival)
        }
      }),
      { numRuns: 150 }
    )
  })
})

describe("the flows of a namespace", () => {
  it("are told apart by the tuples of both of their directions", () => {
    fc.assert(
      fc.property(steps, (all) =>
        each(all, (lan, { host, packet }) => {
          exchange(lan[host], packet)
          const { conntrack } = lan.anchor
          const flows = conntrack.tracked()
          const tuples = flows.flatMap((flow) => [
            JSON.stringify([flow.protocol, flow.original]),
            JSON.stringify([flow.protocol, flow.reply])
          ])
          expect(new Set(tuples).size).toBe(tuples.length)
          for (const flow of flows) {
            expect(conntrack.find(flow.protocol, flow.original)).toBe(flow)
            expect(conntrack.find(flow.protocol, flow.reply)).toBe(flow)
          }
        })
      ),
      { numRuns: 100 }
    )
  })
})
