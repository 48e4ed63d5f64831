import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { onTestFinished, vi } from "vitest"

const root = fileURLToPath(new URL("../../..", import.meta.url))

export const patience = { timeout: 10_000, interval: 10 }

export interface Ended {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly ended: Promise<Ended>
  readonly signal: (signal: NodeJS.Signals) => void
  /** Standard output up to now. */
  readonly output: () => string
  /** Waits until standard output holds a text. */
  readonly says: (text: string) => Promise<void>
}

export interface NodeOptions {
  readonly args?: ReadonlyArray<string>
  /** The whole environment. */
  readonly env?: Readonly<Record<string, string>>
}

/** Runs Node with these arguments. It is killed with the test, if it still runs then. */
export const startNode = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}): Running => {
  const child = spawn(process.execPath, args, { cwd: root, env: { ...env }, stdio: ["ignore", "pipe", "pipe"] })
  onTestFinished(() => void child.kill("SIGKILL"))
  let stdout = ""
  let stderr = ""
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => void (stdout += chunk))
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => void (stderr += chunk))
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (status, signal) => resolve({ status, signal, stdout, stderr }))
  })
  return {
    ended,
    signal: (signal) => void child.kill(signal),
    output: () => stdout,
    says: (text) =>
      vi.waitFor(() => {
        if (!stdout.includes(text)) throw new Error(`no "${text}" in: ${stdout}${stderr}`)
      }, patience)
  }
}

/** A folder that goes with the test. */
export const makeFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "anchord-test-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Runs a TypeScript module that may import `./src/…` and `effect/…`. */
export const startScript = (code: string, { args = [], env = {} }: NodeOptions = {}): Running => {
  const folder = makeFolder()
  for (const name of ["src", "node_modules"]) symlinkSync(join(root, name), join(folder, name))
  const file = join(folder, "script.mts")
  writeFileSync(file, code)
  return startNode([file, ...args], env)
}

/**
 * Runs a TypeScript module that defines `failing`, takes every file descriptor that is left, and prints what `failing` then answers: its
 * tag and its message.
 */
export const withoutDescriptors = async (code: string): Promise<Ended> => {
  const rest = `
    import { spawnSync } from "node:child_process"
    import { openSync } from "node:fs"
    spawnSync("prlimit", ["--pid", String(process.pid), "--nofile=100"])
    try { while (true) openSync("/dev/null", "r") } catch {}
    const { _tag, message } = await failing()
    process.stdout.write(_tag + " " + message)
  `
  return startScript(code + rest).ended
}

/** The JSON objects among the lines of a text. */
export const jsonLines = (text: string): ReadonlyArray<Readonly<Record<string, unknown>>> =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line): Readonly<Record<string, unknown>> => JSON.parse(line))
