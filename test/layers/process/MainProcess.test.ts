import { spawnSync } from "node:child_process"
import { describe, expect, it } from "vitest"
import { jsonLines, startScript, type Running } from "./scripts.ts"

/** A process whose program is the body of a generator; failures are worth what they say. */
const program = (body: string): Running =>
  startScript(`
import * as Effect from "effect/Effect"
import { runProcess } from "./src/layers/process/MainProcess.ts"
const say = (text) => Effect.sync(() => void process.stdout.write(text + "\\n"))
runProcess(Effect.scoped(Effect.gen(function* () {
${body}
})), (error) => error.status)
`)

/** Says "up", then waits until it is interrupted; what is given is the finalizer's work. */
const waiting = (...finalizers: ReadonlyArray<string>): Running =>
  program(`${finalizers.map((one) => `yield* Effect.addFinalizer(() => ${one})`).join("\n")}
yield* say("up")
yield* Effect.never`)

const parsed = (stdout: string) =>
  jsonLines(
    stdout
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .join("\n")
  )

describe("a program that ends by itself", () => {
  it("is worth 0 when it succeeds, and says nothing of its own", async () => {
    expect(await program('yield* say("done")').ended).toEqual({ status: 0, signal: null, stdout: "done\n", stderr: "" })
  })

  it("is worth what its failure says", async () => {
    for (const status of [1, 2]) {
      const ended = await program(`return yield* Effect.fail({ status: ${status} })`).ended
      expect(ended).toMatchObject({ status, stdout: "", stderr: "" })
    }
  })

  it("has closed its scope before", async () => {
    const { status, stdout } = await program(`
yield* Effect.addFinalizer(() => Effect.andThen(Effect.sleep("50 millis"), say("tidied")))
return yield* Effect.fail({ status: 1 })`).ended
    expect({ status, stdout }).toEqual({ status: 1, stdout: "tidied\n" })
  })

  it("gets out all that it has written", async () => {
    const { status, stdout } = await program(
      'yield* say("x".repeat(3_000_000))\nreturn yield* Effect.fail({ status: 2 })'
    ).ended
    expect({ status, length: stdout.length }).toEqual({ status: 2, length: 3_000_001 })
  })
})

describe("a defect", () => {
  const defects: ReadonlyArray<readonly [what: string, body: string]> = [
    ["of the program", 'throw new Error("ouch")'],
    ["that is declared one", 'return yield* Effect.die(new Error("ouch"))'],
    ["in a callback", 'setTimeout(() => { throw new Error("ouch") })\nyield* Effect.never'],
    ["in a promise that nobody waits for", 'void Promise.reject(new Error("ouch"))\nyield* Effect.never']
  ]
  for (const [what, body] of defects) {
    it(`${what} is worth 70, and one JSON line tells its cause and trace`, async () => {
      const { status, stdout, stderr } = await program(body).ended
      expect({ status, stderr }).toEqual({ status: 70, stderr: "" })
      const lines = jsonLines(stdout)
      expect(lines).toEqual([
        {
          time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/),
          level: "ERROR",
          msg: expect.stringContaining("defect"),
          cause: expect.stringContaining("ouch")
        }
      ])
      expect(lines[0]?.["cause"]).toContain("script.mts")
    })
  }

  it("may be anything", async () => {
    const { status, stdout } = await program('return yield* Effect.die("a text")').ended
    expect(status).toBe(70)
    expect(parsed(stdout)).toMatchObject([{ level: "ERROR", cause: expect.stringContaining("a text") }])
  })
})

describe("the first signal", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`${signal} interrupts the program, waits for what it tidies up, and is worth 0`, async () => {
      const running = waiting('say("second")', 'Effect.andThen(Effect.sleep("100 millis"), say("first"))')
      await running.says("up")
      running.signal(signal)
      const { status, stdout, stderr } = await running.ended
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
      expect(parsed(stdout)).toMatchObject([{ level: "INFO", msg: "stopping", signal }])
      expect(stdout.split("\n").filter((line) => !line.startsWith("{"))).toEqual(["up", "first", "second", ""])
    })
  }

  it("does not let a finalizer that fails keep the next from its work, and tells it as a defect", async () => {
    const running = waiting('say("tidied")', 'Effect.die(new Error("ouch"))')
    await running.says("up")
    running.signal("SIGTERM")
    const { status, stdout } = await running.ended
    expect(status).toBe(70)
    expect(stdout).toContain("tidied")
    expect(parsed(stdout).at(-1)).toMatchObject({ level: "ERROR", cause: expect.stringContaining("ouch") })
  })
})

describe("a shut-down that hangs", () => {
  it("ends at once with a second signal", async () => {
    for (const [second, status] of [
      ["SIGTERM", 143],
      ["SIGINT", 130]
    ] as const) {
      const running = waiting('say("hanging").pipe(Effect.andThen(Effect.never))')
      await running.says("up")
      running.signal("SIGTERM")
      await running.says("hanging")
      const before = performance.now()
      running.signal(second)
      expect(await running.ended).toMatchObject({ status })
      expect(performance.now() - before).toBeLessThan(2_000)
    }
  })

  it("is cut off within 5 s, and says so", { timeout: 20_000 }, async () => {
    const running = waiting("Effect.never")
    await running.says("up")
    const before = performance.now()
    running.signal("SIGTERM")
    const { status, stdout } = await running.ended
    expect(performance.now() - before).toBeLessThan(5_000)
    expect(status).toBe(1)
    expect(parsed(stdout).at(-1)).toMatchObject({ level: "ERROR", msg: expect.stringContaining("took too long") })
  })
})

/** The process of a command that is the body of a generator. */
const commandScript = (body: string): string => `
import * as Effect from "effect/Effect"
import { runCommand } from "./src/layers/process/MainProcess.ts"
const say = (text) => Effect.sync(() => void process.stdout.write(text + "\\n"))
runCommand(Effect.gen(function* () {
${body}
}))
`
const command = (body: string): Running => startScript(commandScript(body))

describe("a command", () => {
  it("ends with the status that it answers with, and all that it has written", async () => {
    for (const answer of [0, 1, 2]) {
      const { status, stdout, stderr } = await command(`yield* say("x".repeat(1_000_000))\nreturn ${answer}`).ended
      expect({ status, length: stdout.length, stderr }).toEqual({ status: answer, length: 1_000_001, stderr: "" })
    }
  })

  it("tells of a defect on standard error, with its trace, and is worth 70", async () => {
    for (const body of [
      'throw new Error("ouch")',
      'return yield* Effect.die(new Error("ouch"))',
      'setTimeout(() => { throw new Error("ouch") })\nyield* Effect.never'
    ]) {
      const { status, stdout, stderr } = await command(body).ended
      expect({ status, stdout }).toEqual({ status: 70, stdout: "" })
      expect(stderr).toMatch(/^anchord: a defect in anchord: Error: .*ouch\n +at /s)
    }
  })

  it("ends when nobody reads on, however much it has to say, and has nothing to complain of", () => {
    const body = `while (true) {
      yield* say("x".repeat(100_000))
      yield* Effect.sleep(1)
    }`
    const script = `"$0" --input-type=module -e "$1" | head -n 1 | wc -c; exit "\${PIPESTATUS[0]}"`
    const { status, stdout, stderr } = spawnSync("bash", ["-c", script, process.execPath, commandScript(body)], {
      encoding: "utf8",
      timeout: 30_000
    })
    expect({ status, stdout: stdout.trim(), stderr }).toEqual({ status: 0, stdout: "100001", stderr: "" })
  })

  it("tells of an answer that cannot be written, once, and is not worth what it would have been", () => {
    const full = (body: string) =>
      spawnSync("bash", ["-c", `"$0" --input-type=module -e "$1" >/dev/full`, process.execPath, commandScript(body)], {
        encoding: "utf8",
        timeout: 30_000
      })
    const waits = "yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))"
    for (const body of [
      'yield* say("answer")\nreturn 0',
      'yield* say("answer")\nyield* say("more")\nreturn 1',
      `yield* say("answer")\n${waits}\nyield* say("more")\n${waits}\nreturn 0`,
      'yield* say("answer")\nyield* Effect.never\nreturn 0'
    ]) {
      const { status, stderr } = full(body)
      expect({ status, stderr }).toEqual({
        status: 74,
        stderr: "anchord: cannot write to standard output: ENOSPC: no space left on device, write\n"
      })
    }
    expect(full("return 1")).toMatchObject({ status: 1, stderr: "" })
  })

  it("lives as long as it takes, and ends by a signal like any other command, which is no answer", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const running = command('yield* say("up")\nyield* Effect.never\nreturn 0')
      await running.says("up")
      running.signal(signal)
      expect(await running.ended).toEqual({ status: null, signal, stdout: "up\n", stderr: "" })
    }
  })

  it("gives back what it has borrowed before a signal ends it", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const running = command(
        'yield* Effect.acquireUseRelease(say("up"), () => Effect.never, () => say("given back"))\nreturn 0'
      )
      await running.says("up")
      running.signal(signal)
      expect(await running.ended).toEqual({ status: null, signal, stdout: "up\ngiven back\n", stderr: "" })
    }
  })

  it("ends at once by a second signal", async () => {
    const running = command(
      'yield* Effect.acquireUseRelease(say("up"), () => Effect.never, () => Effect.andThen(say("giving back"), Effect.never))\nreturn 0'
    )
    await running.says("up")
    running.signal("SIGINT")
    await running.says("giving back")
    running.signal("SIGINT")
    expect(await running.ended).toMatchObject({ status: null, signal: "SIGINT" })
  })
})
