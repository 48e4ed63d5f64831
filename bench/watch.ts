import { spawn } from "node:child_process"

export interface Watched {
  readonly stop: () => void
}

/** Runs a command and hands over each line it prints, with the time in milliseconds of Unix time at which it came. */
export const watch = (command: ReadonlyArray<string>, onLine: (line: string, at: number) => void): Watched => {
  const [program = "", ...args] = command
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] })
  let rest = ""
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const at = performance.timeOrigin + performance.now()
    const lines = (rest + chunk).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) onLine(line, at)
  })
  return { stop: () => void child.kill("SIGTERM") }
}
