import { spawn } from "node:child_process"
import { spawned } from "./spawned.ts"

export interface LineProcessOptions {
  readonly onLine: (line: string) => void
  /** Called once, after {@link start} has returned, when the process has ended or could not be started. */
  readonly onExit: (why: string) => void
}

/** A child that lives long and speaks in lines. */
export interface LineProcess {
  readonly write: (text: string) => void
  readonly signal: (name: "SIGTERM" | "SIGUSR1") => void
  /** Ends the child at once; {@link LineProcessOptions.onExit} is still called. */
  readonly kill: () => void
}

const neverBegan: LineProcess = { write: () => {}, signal: () => {}, kill: () => {} }

/** Starts a long-lived child. Its standard error is not read: where that matters it is joined to the output by a shell. */
export const start = (command: ReadonlyArray<string>, { onLine, onExit }: LineProcessOptions): LineProcess => {
  const [program = "", ...args] = command
  const child = spawned(() => spawn(program, args, { stdio: ["pipe", "pipe", "ignore"] }))
  if (child instanceof Error) {
    queueMicrotask(() => onExit(child.message))
    return neverBegan
  }
  let rest = ""
  let ended = false
  const end = (why: string) => {
    if (ended) return
    ended = true
    onExit(why)
  }
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) onLine(line)
  })
  child.stdin.on("error", () => {})
  child.on("error", (error) => end(error.message))
  child.on("close", (status, signal) => end(signal === null ? `ended with status ${status}` : `was ended by ${signal}`))
  return {
    write: (text) => void child.stdin.write(text),
    signal: (name) => void child.kill(name),
    kill: () => void child.kill("SIGKILL")
  }
}
