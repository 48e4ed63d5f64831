import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { describe, expect, it } from "vitest"
import { jsonLine } from "../../../src/layers/observability/JsonLogger.ts"

/** The lines that an effect logs at any level. */
const linesOf = async (effect: Effect.Effect<unknown>): Promise<ReadonlyArray<string>> => {
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>((options) => void lines.push(jsonLine.log(options)))
  await Effect.runPromise(
    effect.pipe(Effect.provide(Logger.layer([logger])), Effect.provideService(References.MinimumLogLevel, "All"))
  )
  return lines
}

const oneOf = async (effect: Effect.Effect<unknown>): Promise<Record<string, unknown>> => {
  const lines = await linesOf(effect)
  expect(lines).toHaveLength(1)
  expect(lines[0]).not.toContain("\n")
  return JSON.parse(lines[0] ?? "")
}

describe("a log line", () => {
  it("is one JSON object that begins with time, level and msg, in that order", async () => {
    const line = await oneOf(Effect.logInfo("anchord starts").pipe(Effect.annotateLogs({ mode: "x" })))
    expect(Object.keys(line)).toEqual(["time", "level", "msg", "mode"])
    expect(line).toMatchObject({ level: "INFO", msg: "anchord starts", mode: "x" })
  })

  it("has its time in RFC 3339 with fractions of a second, as UTC", async () => {
    const before = Date.now()
    const { time } = await oneOf(Effect.logInfo("now"))
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,}Z$/)
    expect(Date.parse(String(time))).toBeGreaterThanOrEqual(before)
    expect(Date.parse(String(time))).toBeLessThanOrEqual(Date.now())
  })

  it("knows four levels", async () => {
    const levelOf = async (effect: Effect.Effect<void>) => (await oneOf(effect))["level"]
    expect(await levelOf(Effect.logTrace("x"))).toBe("DEBUG")
    expect(await levelOf(Effect.logDebug("x"))).toBe("DEBUG")
    expect(await levelOf(Effect.logInfo("x"))).toBe("INFO")
    expect(await levelOf(Effect.logWarning("x"))).toBe("WARN")
    expect(await levelOf(Effect.logError("x"))).toBe("ERROR")
    expect(await levelOf(Effect.logFatal("x"))).toBe("ERROR")
  })

  it("stays one line whatever is in the message", async () => {
    const message = 'two\nlines, "quotes", a \\ and \u2028 \u0000 ü'
    expect(await oneOf(Effect.logInfo(message))).toMatchObject({ msg: message })
  })

  it("joins several parts of a message", async () => {
    const { msg } = await oneOf(Effect.logInfo("ports", 25, { proto: "tcp" }, new Error("no route"), 7n))
    expect(msg).toBe('ports 25 {"proto":"tcp"} "no route" 7')
  })

  it("has an empty message when there is none", async () => {
    expect(await oneOf(Effect.logInfo())).toMatchObject({ level: "INFO", msg: "" })
  })

  it("keeps numbers and booleans, and makes an error its message and a large integer a number", async () => {
    const fields = { port: 25, ready: false, nothing: null, error: new Error("refused"), nanos: 1_700_000_000n }
    const { time: _time, ...line } = await oneOf(Effect.logInfo("x").pipe(Effect.annotateLogs(fields)))
    expect(line).toEqual({
      level: "INFO",
      msg: "x",
      port: 25,
      ready: false,
      nothing: null,
      error: "refused",
      nanos: 1_700_000_000
    })
  })

  it("never lets a field overwrite time, level or msg", async () => {
    const fields = { time: "yesterday", level: "NONE", msg: "other", kept: 1 }
    const line = await oneOf(Effect.logWarning("mine").pipe(Effect.annotateLogs(fields)))
    expect(line).toMatchObject({ level: "WARN", msg: "mine", kept: 1 })
    expect(line["time"]).not.toBe("yesterday")
  })

  it("takes the innermost of two annotations of one name", async () => {
    const line = Effect.logInfo("x").pipe(
      Effect.annotateLogs({ family: "v4" }),
      Effect.annotateLogs({ family: "v6", link: "ext" })
    )
    expect(await oneOf(line)).toMatchObject({ family: "v4", link: "ext" })
  })

  it("has the cause as a text field, with its trace when it is a defect", async () => {
    const error = new Error("ouch")
    const { msg, cause } = await oneOf(Effect.logError("failed", Cause.die(error)))
    expect(msg).toBe("failed")
    expect(cause).toContain("ouch")
    expect(cause).toContain("JsonLogger.test.ts")
  })

  it("has no cause when there is none", async () => {
    expect(await oneOf(Effect.logError("x"))).not.toHaveProperty("cause")
  })

  it("is written whatever a field holds, and never ends the program", async () => {
    const circular: Record<string, unknown> = {}
    circular["self"] = circular
    for (const field of [circular, { nanos: 1n }, [1n], Symbol("s"), () => 1, undefined]) {
      expect(await oneOf(Effect.logInfo("x").pipe(Effect.annotateLogs({ field })))).toMatchObject({ msg: "x" })
    }
  })
})
