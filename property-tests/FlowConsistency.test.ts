import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { DnatTable, Flow } from "../src/domain/Dnat.ts"
import { planDnat } from "../src/domain/DnatPlan.ts"
import { flowsMeant, isDnated, ownersIn, selectorMatches, staleFlows } from "../src/domain/FlowConsistency.ts"
import { shuffled } from "./arbitraries/backends.ts"
import { flowsOf, ourAddresses, passingFlows } from "./arbitraries/flows.ts"
import { tablePairs } from "./arbitraries/tables.ts"

const numRuns = 500

/** The kernel's maps, flows that these or earlier maps made, and flows that pass through. */
const situations = tablePairs.chain(([earlier, table]) =>
  fc.record({
    earlier: fc.constant(earlier),
    table: fc.constant(table),
    ours: flowsOf(earlier, table),
    passing: passingFlows(earlier, table)
  })
)

const untouched = (flow: Flow): boolean =>
  flow.replySource === flow.destination && flow.replySourcePort === flow.destinationPort

/** What the rules do: they ask the map of single ports first, and the map of ranges when that has no answer. */
const lookedUp = (table: DnatTable, flow: Flow): string | undefined => {
  const entries = [...table.values()].filter(
    (entry) => entry.family === flow.family && entry.protocol === flow.protocol
  )
  const port = flow.destinationPort
  for (const entry of entries)
    if (entry._tag === "Port" && entry.port === port) return `${entry.address} ${entry.backendPort}`
  for (const entry of entries)
    if (entry._tag === "Range" && entry.from <= port && port <= entry.to) return `${entry.address} ${port}`
  return undefined
}

const named = (flows: ReadonlyArray<Flow>, selectors: ReturnType<typeof staleFlows>) =>
  flows.filter((flow) => selectors.some((selector) => selectorMatches(selector, flow)))

describe("a flow", () => {
  it("is sent where the rules look it up, and is DNATed when it is not where it was sent to", () => {
    fc.assert(
      fc.property(situations, ({ table, ours, passing }) => {
        const ownerOf = ownersIn(table)
        for (const flow of [...ours, ...passing]) {
          const owner = ownerOf(flow)
          expect(owner && `${owner.address} ${owner.port}`).toBe(lookedUp(table, flow))
          expect(isDnated(flow)).toBe(!untouched(flow))
        }
      }),
      { numRuns }
    )
  })
})

describe("the flows that selectors mean", () => {
  it("are those that at least one of them matches, in the order in which they are listed", () => {
    fc.assert(
      fc.property(situations, ({ earlier, table, ours, passing }) => {
        const flows = [...ours, ...passing]
        const selectors = [...planDnat(earlier, table).flush, ...staleFlows(flows, table, ourAddresses)]
        expect(flowsMeant(flows, selectors)).toEqual(named(flows, selectors))
      }),
      { numRuns }
    )
  })
})

describe("stale flows", () => {
  it("are none after those that were named are gone", () => {
    fc.assert(
      fc.property(situations, ({ table, ours, passing }) => {
        const flows = [...ours, ...passing]
        const gone = new Set(named(flows, staleFlows(flows, table, ourAddresses)))
        expect(
          staleFlows(
            flows.filter((flow) => !gone.has(flow)),
            table,
            ourAddresses
          )
        ).toEqual([])
      }),
      { numRuns }
    )
  })

  it("are exactly those to anchord's own addresses that do not go where the maps say", () => {
    fc.assert(
      fc.property(situations, ({ table, ours, passing }) => {
        const flows = [...ours, ...passing]
        const wrong = ours.filter((flow) => {
          const wanted = lookedUp(table, flow)
          if (untouched(flow)) return wanted !== undefined && flow.protocol === "udp"
          return wanted !== `${flow.replySource} ${flow.replySourcePort}`
        })
        expect(named(flows, staleFlows(flows, table, ourAddresses))).toEqual(wrong)
      }),
      { numRuns }
    )
  })

  it("are never flows that pass through, on whatever port", () => {
    fc.assert(
      fc.property(situations, ({ table, ours, passing }) => {
        expect(staleFlows(passing, table, ourAddresses)).toEqual([])
        expect(named(passing, staleFlows([...ours, ...passing], table, ourAddresses))).toEqual([])
      }),
      { numRuns }
    )
  })

  it("are the same in whatever order flows are listed, and however often", () => {
    const listed = situations.chain(({ table, ours }) =>
      shuffled([...ours, ...ours]).map((other) => ({ table, ours, other }))
    )
    fc.assert(
      fc.property(listed, ({ table, ours, other }) => {
        const texts = (flows: ReadonlyArray<Flow>) =>
          staleFlows(flows, table, ourAddresses)
            .map((selector) => JSON.stringify(selector))
            .toSorted()
        expect(texts(other)).toEqual(texts(ours))
      })
    )
  })

  it("are none that the flush of the change itself would have left", () => {
    fc.assert(
      fc.property(situations, ({ earlier, table, ours }) => {
        const made = ours.filter((flow) => {
          const wanted = lookedUp(earlier, flow)
          return wanted === (untouched(flow) ? undefined : `${flow.replySource} ${flow.replySourcePort}`)
        })
        const { flush } = planDnat(earlier, table)
        const left = made.filter((flow) => !flush.some((selector) => selectorMatches(selector, flow)))
        expect(staleFlows(left, table, ourAddresses)).toEqual([])
      }),
      { numRuns }
    )
  })
})
