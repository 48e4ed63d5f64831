import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { spawned } from "./spawned.ts"

/** A program could not be started, took too long, or ended with a status other than zero. */
export class CommandError extends Data.TaggedError("CommandError")<{
  readonly command: string
  /** Absent when the program did not end by itself. */
  readonly status?: number
  readonly stdout: string
  readonly message: string
}> {}

export interface RunOptions {
  /** Put before the command: another namespace or another root. */
  readonly prefix?: ReadonlyArray<string>
  readonly input?: string
  readonly timeoutMillis?: number
}

const OUTPUT_LIMIT = 64 * 1024 * 1024

/** Runs a program to its end and answers with its standard output. It is killed after the time limit (10 s), or when the caller gives up. */
export const run = (
  command: ReadonlyArray<string>,
  { prefix = [], input, timeoutMillis = 10_000 }: RunOptions = {}
): Effect.Effect<string, CommandError> =>
  Effect.callback((resume) => {
    const [program = "", ...args] = [...prefix, ...command]
    const text = command.join(" ")
    const child = spawned(() => spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] }))
    if (child instanceof Error) {
      return resume(Effect.fail(new CommandError({ command: text, stdout: "", message: child.message })))
    }
    let stdout = ""
    let stderr = ""
    let stopped: string | undefined
    const fail = (message: string, status: number | null) =>
      resume(Effect.fail(new CommandError({ command: text, stdout, message, ...(status === null ? {} : { status }) })))
    // A child of its own may hold the output open: who is killed is not waited for.
    const stop = (why: string) => {
      stopped ??= why
      child.kill("SIGKILL")
      child.stdout.destroy()
      child.stderr.destroy()
      fail(stopped, null)
    }
    const timer = setTimeout(() => stop(`took longer than ${timeoutMillis} ms`), timeoutMillis)
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk
      if (stdout.length > OUTPUT_LIMIT) stop("printed too much")
    })
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      if (stderr.length < 10_000) stderr += chunk
    })
    child.stdin.on("error", () => {})
    child.on("error", (error) => {
      clearTimeout(timer)
      fail(error.message, null)
    })
    child.on("close", (status, signal) => {
      clearTimeout(timer)
      if (status === 0) return resume(Effect.succeed(stdout))
      const end = signal === null ? `ended with status ${status}` : `was ended by ${signal}`
      fail(stopped ?? (stderr.trim() || end), status)
    })
    child.stdin.end(input ?? "")
    return Effect.sync(() => {
      clearTimeout(timer)
      child.kill("SIGKILL")
    })
  })
