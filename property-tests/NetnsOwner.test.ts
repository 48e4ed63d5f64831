import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { dependentsOf, namespaceReference, refersByName, resolveReference } from "../src/domain/NetnsOwner.ts"
import { shuffled } from "./arbitraries/backends.ts"
import { confusable, confusableIds, type Referred } from "./arbitraries/references.ts"

const numRuns = 500

const listing = (all: ReadonlyArray<Referred>) => new Map(all.map((one) => [one.id, one]))

const twoOrders = confusable.chain((all) =>
  fc.record({ all: fc.constant(all), other: shuffled(all), one: fc.constantFrom(...all) })
)

describe("a reference", () => {
  it("by full ID leads to that container, whatever the others are called", () => {
    fc.assert(
      fc.property(twoOrders, ({ all, one }) => {
        for (const ref of [one.id, `/${one.id}`]) expect(resolveReference(listing(all), ref)).toBe(one)
      }),
      { numRuns }
    )
  })

  it("by name leads to that container, unless the name is another's full ID", () => {
    fc.assert(
      fc.property(twoOrders, ({ all, one }) => {
        const whole = all.find(({ id }) => id === one.name)
        for (const ref of [one.name, `/${one.name}`]) expect(resolveReference(listing(all), ref)).toBe(whole ?? one)
      }),
      { numRuns }
    )
  })

  it("by the beginning of an ID leads to the one container it fits, unless it is a name", () => {
    const beginnings = fc.tuple(twoOrders, fc.integer({ min: 1, max: 63 }))
    fc.assert(
      fc.property(beginnings, ([{ all, one }, length]) => {
        const ref = one.id.slice(0, length)
        const named = all.find(({ name }) => name === ref)
        const fitting = all.filter(({ id }) => id.startsWith(ref))
        const expected = length >= 12 && fitting.length === 1 ? one : undefined
        expect(resolveReference(listing(all), ref)).toBe(named ?? expected)
      }),
      { numRuns }
    )
  })

  it("means the same in whatever order the containers are listed", () => {
    fc.assert(
      fc.property(twoOrders, ({ all, other }) => {
        for (const { networkMode } of all) {
          const ref = namespaceReference({ networkMode })
          if (ref === undefined) continue
          expect(resolveReference(listing(other), ref)).toBe(resolveReference(listing(all), ref))
          expect(refersByName(listing(other), ref)).toBe(refersByName(listing(all), ref))
        }
      }),
      { numRuns }
    )
  })

  it("by name follows the name when the container is made anew under another ID; by ID it does not", () => {
    fc.assert(
      fc.property(twoOrders, ({ all, one }) => {
        fc.pre(!all.some(({ id }) => id.startsWith(one.name)))
        const anew = { ...one, id: "f".repeat(64) }
        const after = listing([...all.filter((each) => each !== one), anew])
        expect(refersByName(listing(all), one.name)).toBe(true)
        expect(resolveReference(after, one.name)).toBe(anew)
        fc.pre(!all.some(({ name }) => name === one.id))
        expect(refersByName(listing(all), one.id)).toBe(false)
        expect(resolveReference(after, one.id)).toBeUndefined()
      }),
      { numRuns }
    )
  })
})

describe("the dependents of a container", () => {
  it("are exactly those whose references lead to it, directly or by others, nearest first, in any order of the listing", () => {
    fc.assert(
      fc.property(twoOrders, ({ all, other, one }) => {
        const found = dependentsOf(listing(all), one)
        const distance = (from: Referred): number => {
          let current: Referred | undefined = from
          for (let steps = 1; steps <= confusableIds.length; steps += 1) {
            const ref = namespaceReference(current)
            current = ref === undefined ? undefined : resolveReference(listing(all), ref)
            if (current === undefined) return Number.NaN
            if (current === one) return steps
          }
          return Number.NaN
        }
        const expected = all.filter((each) => each !== one && distance(each) > 0)
        expect(new Set(found)).toEqual(new Set(expected))
        expect(found).toHaveLength(expected.length)
        expect(found.map(distance)).toEqual(found.map(distance).toSorted((a, b) => a - b))
        expect(dependentsOf(listing(other), one)).toEqual(found)
      }),
      { numRuns }
    )
  })
})
