import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    disableConsoleIntercept: true,
    projects: [
      { test: { name: "test", include: ["test/**/*.test.ts"] } },
      { test: { name: "property-tests", include: ["property-tests/**/*.test.ts"], testTimeout: 60_000 } },
      {
        test: {
          name: "e2e",
          include: ["e2e/scenarios/**/*.test.ts", "e2e/contracts/**/*.test.ts"],
          globalSetup: ["e2e/lab/globalSetup.ts"],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 300_000,
          retry: 0
        }
      }
    ]
  }
})
