import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { describe, expect, it, vi } from "vitest"

const source = fileURLToPath(new URL("../../../src/layers/process/", import.meta.url))

/** Runs a program as a process of its own; its body is an expression of type Effect. */
const begin = (body: string) => {
  const text = `
    import * as Effect from "effect/Effect"
    import { runProcess } from "${source}MainProcess.ts"
    const say = (text) => Effect.sync(() => console.log(text))
    runProcess(${body}, (error) => error)`
  const child = spawn(process.execPath, ["--input-type=module", "-e", text], { cwd: source })
  let output = ""
  child.stdout.on("data", (data) => (output += String(data)))
  const ended = new Promise<number | null>((resolve) => {
    child.on("close", resolve)
  })
  return { child, ended, output: () => output }
}

describe("the program as a process", () => {
  it("ends with 0 when it is done, and with what its failure is worth", async () => {
    expect(await begin("Effect.void").ended).toBe(0)
    expect(await begin("Effect.fail(2)").ended).toBe(2)
  })

  it("ends with 70 after a defect, and logs its cause", async () => {
    const { ended, output } = begin('Effect.die(new Error("a bug"))')
    expect(await ended).toBe(70)
    expect(JSON.parse(output())).toMatchObject({ level: "ERROR", cause: expect.stringContaining("a bug") })
  })

  it("ends with 70 after a defect outside of any fiber", async () => {
    const { ended } = begin(
      'Effect.andThen(Effect.sync(() => setTimeout(() => { throw new Error("x") }, 1)), Effect.never)'
    )
    expect(await ended).toBe(70)
  })

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`ends with 0 after ${signal}, when its finalizers are through`, async () => {
      const { child, ended, output } = begin(
        'Effect.scoped(Effect.addFinalizer(() => Effect.andThen(Effect.sleep(100), say("tidied"))).pipe(Effect.andThen(say("up")), Effect.andThen(Effect.never)))'
      )
      await vi.waitFor(() => expect(output()).toContain("up"), { timeout: 10_000 })
      child.kill(signal)
      expect(await ended).toBe(0)
      expect(output()).toContain("tidied")
    })
  }

  it("ends at once with a second signal", async () => {
    const { child, ended, output } = begin(
      'Effect.scoped(Effect.addFinalizer(() => Effect.never).pipe(Effect.andThen(say("up")), Effect.andThen(Effect.never)))'
    )
    await vi.waitFor(() => expect(output()).toContain("up"), { timeout: 10_000 })
    child.kill("SIGTERM")
    await vi.waitFor(() => expect(output()).toContain("stopping"), { timeout: 10_000 })
    child.kill("SIGTERM")
    expect(await ended).toBe(128 + 15)
  })

  it("does not wait for ever for a finalizer that hangs", async () => {
    const { child, ended, output } = begin(
      'Effect.scoped(Effect.addFinalizer(() => Effect.never).pipe(Effect.andThen(say("up")), Effect.andThen(Effect.never)))'
    )
    await vi.waitFor(() => expect(output()).toContain("up"), { timeout: 10_000 })
    child.kill("SIGTERM")
    expect(await ended).toBe(1)
    expect(output()).toContain("stopping took too long")
  }, 20_000)
})
