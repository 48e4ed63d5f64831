import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { entryKey, sameEntry, type DnatPlan, type DnatTable, type Flow } from "../src/domain/Dnat.ts"
import { isEmptyPlan, planDnat } from "../src/domain/DnatPlan.ts"
import { isDnated, ownersIn, selectorMatches } from "../src/domain/FlowConsistency.ts"
import { flowsOf } from "./arbitraries/flows.ts"
import { tablePairs, tables } from "./arbitraries/tables.ts"

const numRuns = 500

/** The maps after the plan: its additions, without what it removes, and everything else as it was. */
const carriedOut = (applied: DnatTable, plan: DnatPlan): DnatTable => {
  const table = new Map(applied)
  for (const entry of plan.remove) table.delete(entryKey(entry))
  for (const entry of plan.add) table.set(entryKey(entry), entry)
  return table
}

const target = (table: DnatTable, flow: Flow): string => {
  const owner = ownersIn(table)(flow)
  return owner === undefined ? "nowhere" : `${owner.address} ${owner.port}`
}

const goesTo = (flow: Flow): string => (isDnated(flow) ? `${flow.replySource} ${flow.replySourcePort}` : "nowhere")

const pairsWithFlows = tablePairs.chain(([before, after]) =>
  fc.tuple(fc.constant(before), fc.constant(after), flowsOf(before, after))
)

describe("the plan", () => {
  it("from a table to itself is empty", () => {
    fc.assert(
      fc.property(tables, (table) => {
        const plan = planDnat(table, new Map([...table].toReversed()))
        expect(plan).toEqual({ remove: [], add: [], flush: [] })
        expect(isEmptyPlan(plan)).toBe(true)
      })
    )
  })

  it("applied to what was applied gives exactly what is desired", () => {
    fc.assert(
      fc.property(tablePairs, ([before, after]) => {
        expect(carriedOut(before, planDnat(before, after))).toEqual(after)
      }),
      { numRuns }
    )
  })

  it("is empty exactly when there is nothing to change", () => {
    fc.assert(
      fc.property(tablePairs, ([before, after]) => {
        const alike =
          before.size === after.size &&
          [...before].every(([key, entry]) => {
            const other = after.get(key)
            return other !== undefined && sameEntry(entry, other)
          })
        expect(isEmptyPlan(planDnat(before, after))).toBe(alike)
      })
    )
  })

  it("removes and adds nothing that is the same in both, and each thing once", () => {
    fc.assert(
      fc.property(tablePairs, ([before, after]) => {
        const { remove, add } = planDnat(before, after)
        for (const list of [remove, add]) {
          expect(new Set(list.map(entryKey)).size).toBe(list.length)
          for (const entry of list) {
            const [old, wanted] = [before.get(entryKey(entry)), after.get(entryKey(entry))]
            expect(old !== undefined && wanted !== undefined && sameEntry(old, wanted)).toBe(false)
          }
        }
        expect(remove.every((entry) => before.get(entryKey(entry)) === entry)).toBe(true)
      }),
      { numRuns }
    )
  })

  it("can be carried out: what is added collides with nothing that stays", () => {
    fc.assert(
      fc.property(tablePairs, ([before, after]) => {
        const { remove, add } = planDnat(before, after)
        const left = new Set(before.keys()).difference(new Set(remove.map(entryKey)))
        for (const entry of add) expect(left.has(entryKey(entry))).toBe(false)
      })
    )
  })
})

describe("the flows to flush", () => {
  it("are none of ports whose target is the same as before, however ranges were cut or joined", () => {
    fc.assert(
      fc.property(pairsWithFlows, ([before, after, flows]) => {
        const { flush } = planDnat(before, after)
        for (const flow of flows.filter((one) => target(before, one) === target(after, one)))
          expect(flush.filter((selector) => selectorMatches(selector, flow))).toEqual([])
      }),
      { numRuns }
    )
  })

  it("are all that go to the old target of a port that has another now, or none", () => {
    fc.assert(
      fc.property(pairsWithFlows, ([before, after, flows]) => {
        const { flush } = planDnat(before, after)
        const wrong = flows.filter(
          (one) => isDnated(one) && goesTo(one) === target(before, one) && target(before, one) !== target(after, one)
        )
        for (const flow of wrong) expect(flush.some((selector) => selectorMatches(selector, flow))).toBe(true)
      }),
      { numRuns }
    )
  })

  it("are all UDP flows without DNAT of ports that had no target, and no TCP flows without DNAT", () => {
    fc.assert(
      fc.property(pairsWithFlows, ([before, after, flows]) => {
        const { flush } = planDnat(before, after)
        for (const flow of flows.filter((one) => !isDnated(one))) {
          const appeared = target(before, flow) === "nowhere" && target(after, flow) !== "nowhere"
          expect(flush.some((selector) => selectorMatches(selector, flow))).toBe(appeared && flow.protocol === "udp")
        }
      }),
      { numRuns }
    )
  })

  it("are none that go where the new table sends them", () => {
    fc.assert(
      fc.property(pairsWithFlows, ([before, after, flows]) => {
        const { flush } = planDnat(before, after)
        for (const flow of flows.filter((one) => isDnated(one) && goesTo(one) === target(after, one)))
          expect(flush.some((selector) => selectorMatches(selector, flow))).toBe(false)
      }),
      { numRuns }
    )
  })
})
