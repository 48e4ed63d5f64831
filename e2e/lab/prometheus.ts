import { spawn } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { run } from "./command.ts"
import type { Lab } from "./lab.ts"
import { inNetns } from "./lan.ts"
import { eventually } from "./steps.ts"

/** A sample of an instant query: its labels, and its value as text. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

export interface Prometheus {
  readonly query: (expression: string) => Promise<ReadonlyArray<Sample>>
  readonly stop: () => Promise<void>
}

const PORT = 9099

/** Prometheus beside the engine's bridges, where it reaches the containers; scrapes the targets of one job every second. */
export const startPrometheus = async (lab: Lab, targets: ReadonlyArray<string>): Promise<Prometheus> => {
  const folder = `${lab.engine.work}/prometheus`
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const config = {
    global: { scrape_interval: "1s" },
    scrape_configs: [{ job_name: "anchord", static_configs: [{ targets }] }]
  }
  writeFileSync(`${folder}/prometheus.yml`, JSON.stringify(config))
  const options = [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${PORT}`
  ]
  const [program = "", ...args] = [
    ...["setpriv", "--pdeathsig", "KILL"],
    ...inNetns(lab.engineNetns, "prometheus", ...options)
  ]
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] })
  let log = ""
  child.stderr.on("data", (data) => (log += String(data)))
  const ended = new Promise<void>((resolve) => {
    child.on("close", () => resolve())
  })
  const ask = (path: string) =>
    run(inNetns(lab.engineNetns, "curl", "-fsS", "--get", `http://127.0.0.1:${PORT}${path}`))
  await eventually("Prometheus answers", 30_000, async () => {
    if (child.exitCode !== null) throw new Error(`it ended: ${log.slice(-3_000)}`)
    await ask("/-/ready")
  }).catch((error: unknown) => {
    child.kill("SIGKILL")
    throw error
  })
  return {
    query: async (expression) => {
      const answer: { data: { result: ReadonlyArray<Sample> } } = JSON.parse(
        await ask(`/api/v1/query?query=${encodeURIComponent(expression)}`)
      )
      return answer.data.result
    },
    stop: async () => {
      child.kill("SIGTERM")
      await ended
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
