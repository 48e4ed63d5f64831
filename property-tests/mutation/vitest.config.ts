import { defineConfig } from "vitest/config"

/** The property tests that judge, by name: `none`, `DnatPlan,Backends`; all of the decisions' if it is not set. */
const chosen = process.env["MUTATION_PROPERTIES"]

const properties =
  chosen === undefined
    ? ["property-tests/*.test.ts"]
    : chosen.split(",").map((name) => `property-tests/${name}.test.ts`)

/** They compare with whole files what `anchord wrap` prints, which is made in `WrapFiles`. */
const goldenFiles = "test/main/wrap/WrapCommand.test.ts"

export default defineConfig({
  test: {
    include: ["test/domain/**/*.test.ts", goldenFiles, ...properties],
    // These judge the simulation, not a decision.
    exclude: ["property-tests/SimWalker.test.ts", "property-tests/leaseLife.test.ts"],
    setupFiles: ["property-tests/mutation/fewRuns.ts"],
    // Loading effect takes longer than the tests; a mutant is switched by a global, so the modules may be shared.
    isolate: false,
    testTimeout: 60_000
  }
})
