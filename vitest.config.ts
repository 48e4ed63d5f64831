import { defineConfig } from "vitest/config"
import { cannotRun } from "./e2e/lab/machine.ts"

const isCi = process.env["CI"] !== undefined && process.env["CI"] !== "false"
const why = cannotRun()
if (why !== undefined) {
  console.error(`\n!!! THE END-TO-END TESTS DO NOT RUN: the lab ${why}. Nothing below says anything about them.\n`)
}

const endToEnd = {
  test: {
    name: "e2e",
    include: ["e2e/scenarios/**/*.test.ts", "e2e/contracts/**/*.test.ts"],
    globalSetup: ["e2e/lab/globalSetup.ts"],
    fileParallelism: false,
    testTimeout: 480_000,
    hookTimeout: 480_000,
    sequence: { groupOrder: 1 }
  }
}

export default defineConfig({
  test: {
    disableConsoleIntercept: true,
    reporters: ["default", "./e2e/plainSummary.ts"],
    projects: [
      { test: { name: "test", include: ["test/**/*.test.ts"], testTimeout: 30_000 } },
      { test: { name: "property-tests", include: ["property-tests/**/*.test.ts"], testTimeout: 60_000 } },
      // In CI the lab must run: there its set-up fails, and with it the whole run.
      ...(why === undefined || isCi ? [endToEnd] : [])
    ]
  }
})
