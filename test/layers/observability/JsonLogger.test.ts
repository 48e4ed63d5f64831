import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { describe, expect, it } from "vitest"
import { jsonLine } from "../../../src/layers/observability/JsonLogger.ts"

const logged = (effect: Effect.Effect<unknown>) => {
  const lines: Array<string> = []
  const collect = Logger.make<unknown, void>((options) => void lines.push(jsonLine.log(options)))
  Effect.runSync(
    effect.pipe(Effect.provide(Logger.layer([collect])), Effect.provideService(References.MinimumLogLevel, "Trace"))
  )
  return lines.map((line): Record<string, unknown> => JSON.parse(line))
}

describe("a log line", () => {
  it("is one JSON object: time with fractions, level and msg first, then flat fields", () => {
    const [line = {}] = logged(Effect.annotateLogs(Effect.logInfo("two\nlines"), { added: 2, container: "web" }))
    expect(Object.keys(line)).toEqual(["time", "level", "msg", "added", "container"])
    expect(line).toMatchObject({ level: "INFO", msg: "two\nlines", added: 2, container: "web" })
    expect(line["time"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })

  it("knows four levels", () => {
    const lines = logged(
      Effect.all([
        Effect.logDebug("a"),
        Effect.logInfo("b"),
        Effect.logWarning("c"),
        Effect.logError("d"),
        Effect.logFatal("e")
      ])
    )
    expect(lines.map(({ level }) => level)).toEqual(["DEBUG", "INFO", "WARN", "ERROR", "ERROR"])
  })

  it("never lets a field overwrite time, level or msg", () => {
    const [line] = logged(Effect.annotateLogs(Effect.logInfo("said"), { msg: "other", level: "ERROR", time: "never" }))
    expect(line).toMatchObject({ level: "INFO", msg: "said" })
    expect(line?.["time"]).not.toBe("never")
  })

  it("has the cause of a defect, with its trace", () => {
    const [line] = logged(Effect.logError("broken", Cause.die(new Error("no such thing"))))
    expect(String(line?.["cause"])).toContain("no such thing")
  })

  it("writes times in nanoseconds as numbers", () => {
    expect(logged(Effect.annotateLogs(Effect.logInfo("at"), { at: 12n }))[0]).toMatchObject({ at: 12 })
  })
})
