import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { families, type Family } from "../src/domain/Address.ts"
import { statusOf } from "../src/domain/Findings.ts"
import {
  foreignAddress,
  foreignFindings,
  type AskedWitness,
  type ForeignFacts,
  type ProbeAnswer
} from "../src/domain/ForeignSource.ts"
import { holds, networkOf } from "../src/domain/Network.ts"
import type { LinkAddress } from "../src/domain/Routing.ts"

const numRuns = 1_000

/** Near the networks for documentation as often as anywhere. */
const v4 = fc
  .tuple(
    fc.constantFrom("192.0.2", "198.51.100", "203.0.113", "10.1.2", "192.0.3", "203.0.112"),
    fc.nat(255),
    fc.integer({ min: 8, max: 32 })
  )
  .map(([net, host, prefixLength]) => ({ family: "v4" as Family, address: `${net}.${host}`, prefixLength }))

const v6 = fc
  .tuple(
    fc.constantFrom("2001:db8:a2c0", "3fff:a2c:a2c0", "fd99", "2001:db8:a2c1", "2001:db8"),
    fc.nat(65_535),
    fc.integer({ min: 8, max: 128 })
  )
  .map(([net, host, prefixLength]) => ({
    family: "v6" as Family,
    address: `${net}::${host.toString(16)}`,
    prefixLength
  }))

const present: fc.Arbitrary<ReadonlyArray<LinkAddress>> = fc
  .array(fc.oneof(v4, v6), { maxLength: 4 })
  .map((all) => all.map((one) => ({ ...one, link: "eth0", scope: "global", tentative: false })))

const answers = fc.constantFrom<ProbeAnswer>(
  { _tag: "Answered" },
  { _tag: "Silent" },
  { _tag: "Unreachable", message: "EHOSTUNREACH" }
)

const witnesses: fc.Arbitrary<ReadonlyArray<AskedWitness>> = fc
  .array(fc.tuple(answers, answers), { minLength: 1, maxLength: 5 })
  .map((all) =>
    all.map(([own, foreign], index) => ({
      name: `web-${index}`,
      address: `172.20.0.${index + 3}`,
      own,
      foreign: own._tag === "Answered" ? foreign : undefined
    }))
  )

const facts: fc.Arbitrary<ForeignFacts> = fc.record({
  family: fc.constantFrom(...families),
  network: fc.record({ name: fc.constant("shop_transit"), internal: fc.boolean() }),
  source: fc.constant("192.0.2.1"),
  asked: witnesses
})

describe("a foreign address", () => {
  it("lies in no network of the namespace", () => {
    fc.assert(
      fc.property(fc.constantFrom(...families), present, fc.integer({ min: 1, max: 254 }), (family, own, host) => {
        const address = foreignAddress(family, own, host)
        if (address === undefined) return
        for (const one of own) expect(holds(networkOf(one) ?? one, address)).toBe(false)
      }),
      { numRuns }
    )
  })
})

describe("the judgement on foreign sources", () => {
  const isAnswered = (answer: ProbeAnswer | undefined) => answer?._tag === "Answered"

  it("fails exactly when a backend is away, or answers its own network and not a stranger", () => {
    fc.assert(
      fc.property(facts, (one) => {
        const wrong = one.asked.some(
          ({ own, foreign }) => own._tag === "Unreachable" || (isAnswered(own) && !isAnswered(foreign))
        )
        expect(statusOf({ findings: foreignFindings([one]) })).toBe(wrong ? 1 : 0)
      }),
      { numRuns }
    )
  })

  it("blames the network only when nobody answers a stranger", () => {
    fc.assert(
      fc.property(facts, (one) => {
        const said = foreignFindings([one]).map(({ finding }) => finding)
        const blamed = said.some((text) => /the network is internal|the host drops such packets/.test(text))
        expect(blamed && one.asked.some(({ foreign }) => isAnswered(foreign))).toBe(false)
      }),
      { numRuns }
    )
  })

  it("names every backend that was asked", () => {
    fc.assert(
      fc.property(facts, (one) => {
        const said = foreignFindings([one])
          .map(({ finding }) => finding)
          .join("\n")
        for (const { name } of one.asked) expect(said).toContain(name)
      }),
      { numRuns }
    )
  })
})
