import type { Reporter, TestModule } from "vitest/node"

/** Ends a run with a plain line that says how many tests passed and failed, whatever else has been printed. */
export default class PlainSummary implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, errors: ReadonlyArray<unknown>): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const count = (state: string) => tests.filter((test) => test.result().state === state).length
    // A file that cannot be loaded, or a hook that fails, has tests that never ran.
    const broken = modules.filter((module) => module.state() === "failed" && count("failed") === 0).length
    const failed = count("failed") + errors.length + broken
    const skipped = count("skipped")
    if (skipped > 0) process.stdout.write(`${skipped} skipped\n`)
    process.stdout.write(`${count("passed")} passed, ${failed} failed\n`)
  }
}
