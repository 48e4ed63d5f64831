import type { Reporter, TestModule } from "vitest/node"

const statesOf = (module: TestModule): ReadonlyArray<string> =>
  [...module.children.allTests()].map((test) => test.result().state)

/** A file that cannot be loaded, or whose set-up fails, has failed without a test of its own that did. */
const isBroken = (module: TestModule): boolean => module.state() === "failed" && !statesOf(module).includes("failed")

/** Ends a run with a plain line that says how many tests passed and failed, whatever else has been printed. */
export default class PlainSummary implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, errors: ReadonlyArray<unknown>): void {
    const states = modules.flatMap(statesOf)
    const count = (state: string) => states.filter((one) => one === state).length
    const failed = count("failed") + modules.filter(isBroken).length + errors.length
    if (count("skipped") > 0) process.stdout.write(`${count("skipped")} skipped\n`)
    process.stdout.write(`${count("passed")} passed, ${failed} failed\n`)
  }
}
