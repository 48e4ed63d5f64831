import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { describe, expect, it, vi } from "vitest"
import { run } from "../../../src/layers/process/CommandRunner.ts"

const outcome = (...args: Parameters<typeof run>) => Effect.runPromise(Effect.result(run(...args)))

describe("a command", () => {
  it("answers with its standard output, given its input", async () => {
    expect(await Effect.runPromise(run(["cat"], { input: "héllo\n" }))).toBe("héllo\n")
  })

  it("runs behind a prefix, which the error does not repeat", async () => {
    expect(await Effect.runPromise(run(["printenv", "A"], { prefix: ["env", "A=b"] }))).toBe("b\n")
    expect(await outcome(["sh", "-c", "echo no >&2; exit 3"], { prefix: ["env", "A=b"] })).toMatchObject({
      failure: { _tag: "CommandError", command: "sh -c echo no >&2; exit 3", status: 3, message: "no" }
    })
  })

  it("that says nothing when it fails is told by its status", async () => {
    expect(await outcome(["false"])).toMatchObject({ failure: { status: 1, message: "ended with status 1" } })
  })

  it("that does not exist is an error without a status", async () => {
    const result = await outcome(["/no/such/program"])
    expect(result).toMatchObject({ failure: { message: expect.stringContaining("ENOENT") } })
    expect(result).not.toHaveProperty("failure.status")
  })

  it("that takes too long is killed", async () => {
    const result = await outcome(["sleep", "1000"], { timeoutMillis: 50 })
    expect(result).toMatchObject({ failure: { message: "took longer than 50 ms" } })
  })

  it("is killed when its caller gives up", async () => {
    const fiber = Effect.runFork(run(["sh", "-c", "echo $$; exec sleep 1000"]))
    await Effect.runPromise(Fiber.interrupt(fiber))
    await vi.waitFor(() => expect(fiber.pollUnsafe()).toBeDefined())
  })
})
