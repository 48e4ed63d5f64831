import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it, vi } from "vitest"
import { run, type RunOptions } from "../../../src/layers/process/CommandRunner.ts"
import { makeFolder, patience, withoutDescriptors } from "./scripts.ts"

const succeed = (command: ReadonlyArray<string>, options?: RunOptions) => Effect.runPromise(run(command, options))

const fail = (command: ReadonlyArray<string>, options?: RunOptions) =>
  Effect.runPromise(Effect.flip(run(command, options)))

const shell = (script: string): ReadonlyArray<string> => ["sh", "-c", script]

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A child that writes its process ID into a file and then waits for ever. */
const waiting = () => {
  const file = join(makeFolder(), "pid")
  const pid = () => Number(readFileSync(file, "utf8"))
  return {
    command: shell(`echo $$ > ${file}.new; mv ${file}.new ${file}; exec sleep 1000`),
    started: () => vi.waitFor(() => expect(existsSync(file)).toBe(true), patience),
    gone: () => vi.waitFor(() => expect(isAlive(pid())).toBe(false), patience)
  }
}

describe("a command that ends well", () => {
  it("answers with its whole standard output, and not with its standard error", async () => {
    expect(await succeed(shell("echo one; echo two >&2; printf three"))).toBe("one\nthree")
  })

  it("gets the input and its end", async () => {
    expect(await succeed(["cat"], { input: "route del default\nü\n" })).toBe("route del default\nü\n")
    expect(await succeed(["cat"])).toBe("")
  })

  it("need not read its input", async () => {
    expect(await succeed(shell("exec <&-; echo done"), { input: "x".repeat(1_000_000) })).toBe("done\n")
  })

  it("may print more than a pipe holds, with characters across its borders", async () => {
    const printed = await succeed([process.execPath, "-e", 'process.stdout.write("aü€".repeat(200000))'])
    expect(printed === "aü€".repeat(200_000)).toBe(true)
  })

  it("gets its arguments as they are, without a shell", async () => {
    expect(await succeed(["printf", "%s|", "a b", "$HOME", "*"])).toBe("a b|$HOME|*|")
  })

  it("runs behind a prefix", async () => {
    expect(await succeed(["sh", "-c", 'echo "$ANCHORD_WHERE"'], { prefix: ["env", "ANCHORD_WHERE=netns"] })).toBe(
      "netns\n"
    )
  })
})

describe("a command that fails", () => {
  it("tells its status, what it had printed and what it said", async () => {
    expect(await fail(shell("echo part; echo ' no route ' >&2; exit 3"))).toMatchObject({
      _tag: "CommandError",
      command: "sh -c echo part; echo ' no route ' >&2; exit 3",
      status: 3,
      stdout: "part\n",
      message: "no route"
    })
  })

  it("tells its status when it said nothing", async () => {
    expect(await fail(["false"])).toMatchObject({ status: 1, message: "ended with status 1" })
  })

  it("tells the signal that it was ended by, and has no status then", async () => {
    const error = await fail(shell("kill -SEGV $$"))
    expect(error).toMatchObject({ message: "was ended by SIGSEGV" })
    expect(error).not.toHaveProperty("status")
  })

  it("is named without the prefix", async () => {
    expect(await fail(["false"], { prefix: ["env"] })).toMatchObject({ command: "false", status: 1 })
  })

  it("has no status when it could not be started", async () => {
    const error = await fail(["anchord-no-such-program", "-x"])
    expect(error).toMatchObject({ command: "anchord-no-such-program -x", stdout: "" })
    expect(error.message).toContain("ENOENT")
    expect(error.status).toBeUndefined()
  })

  it("has no status when the system would not take its arguments", async () => {
    for (const argument of ["a\0b", "x".repeat(10_000_000)]) {
      const error = await fail(["true", argument])
      expect(error).toMatchObject({ _tag: "CommandError", command: `true ${argument}`, stdout: "" })
      expect(error.message).toMatch(/null bytes|E2BIG/)
      expect(error.status).toBeUndefined()
    }
  })

  it("has no status when no descriptors are left to start it", async () => {
    const ended = await withoutDescriptors(`
      import * as Effect from "effect/Effect"
      import { run } from "./src/layers/process/CommandRunner.ts"
      const failing = () => Effect.runPromise(Effect.flip(run(["true"])))
    `)
    expect(ended).toMatchObject({ status: 0, stdout: expect.stringMatching(/^CommandError .*EMFILE/) })
  })

  it("has no status when a signal ended it", async () => {
    expect((await fail(shell("kill -TERM $$"))).status).toBeUndefined()
  })

  it("does not take standard error without limit", async () => {
    const { message } = await fail([
      process.execPath,
      "-e",
      'process.stderr.write("x".repeat(5000000)); process.exitCode = 1'
    ])
    expect(message.length).toBeLessThan(200_000)
  })
})

describe("a command that does not end", () => {
  it("is killed after its time, and says so", async () => {
    const { command, gone } = waiting()
    const error = await fail(command, { timeoutMillis: 500 })
    expect(error).toMatchObject({ _tag: "CommandError", message: "took longer than 500 ms" })
    expect(error.status).toBeUndefined()
    await gone()
  })

  it("is killed when it prints without end", async () => {
    expect(await fail(["yes", "anchord"])).toMatchObject({ message: "printed too much" })
  })

  it("is killed when the caller gives up", async () => {
    const { command, started, gone } = waiting()
    const fiber = Effect.runFork(run(command))
    await started()
    await Effect.runPromise(Fiber.interrupt(fiber))
    await gone()
  })

  it("takes no longer than its time when a child of its own holds the output open", async () => {
    const before = performance.now()
    await Effect.runPromise(Effect.exit(run(shell("sleep 4 & exit 0"), { timeoutMillis: 300 })))
    expect(performance.now() - before).toBeLessThan(3_000)
  })
})
