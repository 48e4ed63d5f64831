import { spawn } from "node:child_process"
import { inNetns, type Host } from "./lan.ts"

/** A line of `ip -ts monitor`: what changed, and when, in milliseconds of Unix time with fractions. */
export interface StampedLine {
  readonly at: number
  readonly text: string
}

/** Reads what `ip -ts monitor` printed under `TZ=UTC`. */
export const stampedLines = (output: string): ReadonlyArray<StampedLine> =>
  [...output.matchAll(/^\[(\S+)\.(\d{6})\] ?(.*)$/gm)].map(([, second = "", micros = "", text = ""]) => ({
    at: Date.parse(`${second}Z`) + Number(micros) / 1_000,
    text
  }))

/** Listens to the neighbour table of a host. */
export const watchNeighbours = ({ netns }: Host) => {
  const [program = "", ...args] = [
    ...["setpriv", "--pdeathsig", "KILL"],
    ...inNetns(netns, "ip", "-ts", "monitor", "neigh")
  ]
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"], env: { ...process.env, TZ: "UTC" } })
  let output = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text))
  return { lines: () => stampedLines(output), stop: () => child.kill("SIGTERM") }
}

/** The median, the 99th percentile and the greatest of some milliseconds, as text. */
export const spread = (millis: ReadonlyArray<number>): string => {
  const sorted = millis.toSorted((a, b) => a - b)
  const at = (part: number) => (sorted[Math.ceil(sorted.length * part) - 1] ?? NaN).toFixed(1)
  return `median ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} ms of ${sorted.length}`
}
