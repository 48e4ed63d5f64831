import { spawn } from "node:child_process"
import { interruption } from "./interruption.ts"

/** A command of the lab failed: what it was, its status, and what it said. */
export class CommandFailed extends Error {
  readonly status: number | null
  readonly output: string
  constructor(command: ReadonlyArray<string>, status: number | null, output: string) {
    super(`${command.join(" ")}\nended with ${status}:\n${output}`)
    this.status = status
    this.output = output
  }
}

export interface CommandOptions {
  readonly input?: string
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** Gets everything that the command says, as it says it. */
  readonly onOutput?: (text: string) => void
  readonly timeoutMillis?: number
}

/** Runs a command to its end and answers with its standard output; a status other than zero is a {@link CommandFailed}. */
export const run = (command: ReadonlyArray<string>, options: CommandOptions = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const signal = interruption()
    if (signal?.aborted) return reject(signal.reason)
    const [program = "", ...args] = command
    const { cwd, env, input, onOutput, timeoutMillis = 600_000 } = options
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], cwd, env, timeout: timeoutMillis })
    const giveUp = () => void child.kill("SIGTERM")
    signal?.addEventListener("abort", giveUp, { once: true })
    let stdout = ""
    let all = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text
      all += text
      onOutput?.(text)
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      all += text
      onOutput?.(text)
    })
    child.stdin.on("error", () => {})
    child.on("error", (error) => reject(new CommandFailed(command, null, error.message)))
    child.on("close", (status) => {
      signal?.removeEventListener("abort", giveUp)
      if (signal?.aborted) return reject(signal.reason)
      if (status === 0) return resolve(stdout)
      reject(new CommandFailed(command, status, all.slice(-8_000)))
    })
    child.stdin.end(input ?? "")
  })

/** The same, when failing is as good: cleaning up what may not be there. */
export const attempt = (command: ReadonlyArray<string>): Promise<void> =>
  run(command).then(
    () => undefined,
    () => undefined
  )
