import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import * as Readiness from "../../../src/layers/observability/Readiness.ts"
import { serve } from "../../../src/layers/observability/StatusSocket.ts"

const folder = mkdtempSync(join(tmpdir(), "anchord-status-"))
afterAll(() => rmSync(folder, { recursive: true }))

const ask = (path: string) =>
  new Promise<unknown>((resolve, reject) => {
    let text = ""
    connect(path)
      .on("data", (data) => (text += String(data)))
      .on("end", () => resolve(JSON.parse(text)))
      .on("error", reject)
  })

describe("the status socket", () => {
  it("answers whoever connects with what is missing, and is gone with its scope", async () => {
    const path = join(folder, "deep", "status.sock")
    const readiness = Readiness.make({ route: "none" })
    await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          yield* serve(path, readiness)
          expect(yield* Effect.promise(() => ask(path))).toEqual({ ready: false, missing: ["route: none"] })
          readiness.set("route", undefined)
          expect(yield* Effect.promise(() => ask(path))).toEqual({ ready: true, missing: [] })
        })
      )
    )
    expect(existsSync(path)).toBe(false)
  })

  it("takes the place of a file that a killed predecessor left", async () => {
    const path = join(folder, "left.sock")
    writeFileSync(path, "")
    await Effect.runPromise(
      Effect.scoped(
        Effect.andThen(
          serve(path, Readiness.make({})),
          Effect.promise(() => ask(path))
        )
      ).pipe(Effect.tap((answer) => Effect.sync(() => expect(answer).toEqual({ ready: true, missing: [] }))))
    )
  })

  it("that cannot be made is one WARN that says what to mount", async () => {
    const lines: Array<string> = []
    const collect = Logger.layer([
      Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${String(message)}`))
    ])
    writeFileSync(join(folder, "file"), "")
    await Effect.runPromise(
      Effect.scoped(serve(join(folder, "file", "status.sock"), Readiness.make({}))).pipe(Effect.provide(collect))
    )
    expect(lines).toEqual(["Warn: cannot open the status socket, which the health check asks; mount a tmpfs on /run"])
  })
})
