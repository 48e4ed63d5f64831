import type * as FastCheck from "fast-check"
import { vi } from "vitest"

/** What a property may cost while mutants run: few cases, the same ones each time, no shrinking. */
const few = { numRuns: Number(process.env["MUTATION_RUNS"] ?? 100), seed: 1, endOnFailure: true }

vi.mock("fast-check", async (actual) => {
  const fastCheck = await actual<typeof FastCheck>()
  const assert = (property: FastCheck.IProperty<unknown>, asked: FastCheck.Parameters<unknown> = {}) =>
    fastCheck.assert(property, { ...asked, ...few, numRuns: Math.min(asked.numRuns ?? few.numRuns, few.numRuns) })
  return { ...fastCheck, assert }
})
