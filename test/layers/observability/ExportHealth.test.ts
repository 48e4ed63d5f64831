import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { describe, expect, it } from "vitest"
import { makeExportHealth, type ExportHealth } from "../../../src/layers/observability/ExportHealth.ts"

/** The lines at INFO and above that come of it. */
const told = async (body: (health: ExportHealth) => void): Promise<ReadonlyArray<string>> => {
  const lines: Array<string> = []
  const logger = Logger.make(({ fiber, logLevel, message }) => {
    const { error } = fiber.getRef(References.CurrentLogAnnotations)
    lines.push(`${logLevel}: ${String(message)}${error === undefined ? "" : ` (${String(error)})`}`)
  })
  await Effect.runPromise(Effect.map(makeExportHealth, body).pipe(Effect.provide(Logger.layer([logger]))))
  return lines
}

describe("whether spans get out", () => {
  it("is told once when it ends, and once when it begins again", async () => {
    const lines = await told(({ works, fails }) => {
      works()
      for (const reason of ["connect ECONNREFUSED", "another", "a third"]) fails(new Error(reason))
      works()
      works()
      fails(new Error("again"))
    })
    expect(lines).toEqual([
      "Warn: spans cannot be exported, and are dropped until they can; nothing else is affected (connect ECONNREFUSED)",
      "Info: spans are exported again",
      "Warn: spans cannot be exported, and are dropped until they can; nothing else is affected (again)"
    ])
  })

  it.each([
    ["a list, of a flush", [new Error("first"), new Error("second")], "first"],
    [
      "one error for each address",
      new AggregateError([new Error("connect ECONNREFUSED ::1:4318")]),
      "ECONNREFUSED ::1"
    ],
    ["an HTTP status", Object.assign(new Error("Unauthorized"), { code: 401 }), "HTTP 401 Unauthorized"],
    ["a status without words", Object.assign(new Error(""), { code: 404 }), "(HTTP 404)"],
    ["an error of the system", Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" }), "(getaddrinfo)"],
    ["no error at all", "something", "something"]
  ])("has a reason out of %s", async (_, error, reason) => {
    const [line] = await told(({ fails }) => fails(error))
    expect(line).toContain(reason)
  })
})

describe("what else the SDK has to say", () => {
  it("is told once, whatever the numbers in it", async () => {
    const lines = await told(({ remark }) => {
      for (const count of [3, 50, 1_000]) remark(`Dropped ${count} spans because maxQueueSize reached`)
      remark("OTEL_TRACES_SAMPLER value invalid")
    })
    expect(lines).toEqual([
      "Warn: traces: Dropped 3 spans because maxQueueSize reached",
      "Warn: traces: OTEL_TRACES_SAMPLER value invalid"
    ])
  })

  it("is not told while exports fail: it follows from that", async () => {
    const lines = await told(({ fails, remark }) => {
      fails(new Error("down"))
      remark("Dropped 3 spans because maxQueueSize reached")
    })
    expect(lines).toHaveLength(1)
  })

  it("has an end, even if a server always answers something else", async () => {
    const texts = Array.from({ length: 1_000 }, (_, index) => `Received ${String.fromCodePoint(0x4e00 + index)}`)
    expect(await told(({ remark }) => texts.forEach((text) => remark(text)))).toHaveLength(20)
  })
})
