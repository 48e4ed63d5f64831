import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { describe, expect, it } from "vitest"
import { makeRecentLines } from "../../../src/layers/observability/RecentLines.ts"

const after = async (...lines: ReadonlyArray<Effect.Effect<void>>) => {
  const recent = makeRecentLines()
  await Effect.runPromise(Effect.all(lines, { discard: true }).pipe(Effect.provide(Logger.layer([recent.logger]))))
  return recent.lines()
}

describe("the recent lines", () => {
  it("are those from INFO on, with time, level and text, the newest last", async () => {
    const lines = await after(
      Effect.logDebug("no"),
      Effect.logInfo("a"),
      Effect.logWarning("b", 2),
      Effect.logError("c")
    )
    expect(lines.map(({ level, message }) => `${level} ${message}`)).toEqual(["INFO a", "WARN b 2", "ERROR c"])
    for (const { time } of lines) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })

  it("are the last ten, however many there were", async () => {
    const lines = await after(...Array.from({ length: 25 }, (_, index) => Effect.logInfo(`line ${index + 1}`)))
    expect(lines.map(({ message }) => message)).toEqual(Array.from({ length: 10 }, (_, index) => `line ${index + 16}`))
  })
})
