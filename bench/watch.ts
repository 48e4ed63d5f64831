import { spawn } from "node:child_process"
import { request } from "node:http"
import type { Readable } from "node:stream"
import type { Engine } from "../e2e/lab/engine.ts"

export interface Watched {
  readonly stop: () => void
}

/** Takes a line, and the time at which it came in milliseconds of Unix time. */
type OnLine = (line: string, at: number) => void

const handOver = (output: Readable, onLine: OnLine): void => {
  let rest = ""
  output.setEncoding("utf8").on("data", (chunk: string) => {
    const at = performance.timeOrigin + performance.now()
    const lines = (rest + chunk).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) onLine(line, at)
  })
}

/** Runs a command and hands over each line that it prints. */
const watch = (command: ReadonlyArray<string>, onLine: OnLine): Watched => {
  const [program = "", ...args] = command
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] })
  handOver(child.stdout, onLine)
  return { stop: () => void child.kill("SIGTERM") }
}

/** Asks a server behind a unix socket, and hands over each line of an answer that has no end; it has begun when this is over. */
export const watchAnswer = (socketPath: string, path: string, onLine: OnLine): Promise<Watched> =>
  new Promise((resolve, reject) => {
    const asking = request({ socketPath, path }, (answer) => {
      if (answer.statusCode !== 200) return reject(new Error(`${path}: status ${answer.statusCode}`))
      answer.on("error", () => {})
      handOver(answer, onLine)
      resolve({ stop: () => void asking.destroy() })
    })
    asking.on("error", reject).end()
  })

/** Tells of each change of a network-anchor's DNAT elements, from the network namespace of a process of the engine. */
export const watchElements = (engine: Engine, pid: string, onLine: OnLine): Watched =>
  // The command that enters the engine's namespaces has this as its child, which is to end with it.
  watch(
    engine.within([
      ...["nsenter", "-t", pid, "-n", "setpriv", "--pdeathsig", "KILL"],
      ...["nft", "monitor", "elements"]
    ]),
    onLine
  )
