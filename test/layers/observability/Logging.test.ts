import { describe, expect, it } from "vitest"
import { jsonLines, startScript } from "../process/scripts.ts"
import type { LoggingOptions } from "../../../src/layers/observability/Logging.ts"

const script = `
import * as Effect from "effect/Effect"
import { layer } from "./src/layers/observability/Logging.ts"
const lines = Effect.all([Effect.logDebug("d"), Effect.logInfo("i"), Effect.logWarning("w"), Effect.logError("e")])
for (const options of JSON.parse(process.argv[2])) {
  await Effect.runPromise(lines.pipe(Effect.annotateLogs({ family: "v4" }), Effect.provide(layer(options))))
  console.log("{}")
}
`

/** What each of several settings writes to standard output; nothing may come on standard error. */
const outputs = async (...options: ReadonlyArray<Partial<LoggingOptions>>): Promise<ReadonlyArray<string>> => {
  const args = [JSON.stringify(options.map((one) => Object.assign({ level: "info", terminal: false }, one)))]
  const { status, stdout, stderr } = await startScript(script, { args }).ended
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
  return stdout.split("{}\n").slice(0, -1)
}

const isJson = (output: string): boolean => output.startsWith('{"time":')

describe("the log of the program", () => {
  it("holds what is at or above its level, each once", async () => {
    const written = await outputs({ level: "debug" }, { level: "info" }, { level: "warn" }, { level: "error" })
    expect(
      written.map((output) => jsonLines(output).map(({ level, msg }) => `${String(level)} ${String(msg)}`))
    ).toEqual([
      ["DEBUG d", "INFO i", "WARN w", "ERROR e"],
      ["INFO i", "WARN w", "ERROR e"],
      ["WARN w", "ERROR e"],
      ["ERROR e"]
    ])
  })

  it("is JSON, and for people on a terminal or when they ask for it", async () => {
    const written = await outputs(
      {},
      { terminal: true },
      { format: "pretty" },
      { format: "pretty", terminal: true },
      { format: "json" },
      { format: "json", terminal: true }
    )
    expect(written.map(isJson)).toEqual([true, false, false, false, true, true])
  })

  it("shows people the level, the message and the fields", async () => {
    const [output = ""] = await outputs({ format: "pretty", level: "warn" })
    expect(output).toMatch(/WARN.*w/)
    expect(output).toMatch(/ERROR.*e/)
    expect(output).toMatch(/family.*v4/)
    expect(output).not.toContain("INFO")
  })
})
