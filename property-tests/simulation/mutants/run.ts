import { execFile, type ChildProcess } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { allFaults } from "../chance.ts"
import { play, search } from "../play.ts"
import type { Hunted } from "./hunt.ts"
import { mutants } from "./list.ts"
import { mutated, type Mutant } from "./Mutant.ts"

const USAGE = `Plants one bug after the other in a copy of the source, and measures how soon the simulation finds it.

  node property-tests/simulation/mutants/run.ts [--minutes 2] [--only NAME[,NAME…]] [--jobs 1] [--seed 1] [--steps 300]

  --minutes M    processor time for each mutant
  --only NAME    only these mutants
  --jobs N       so many at a time
  --seed S       the first seed of each search
  --steps N      the longest history
`

const ROOT = fileURLToPath(new URL("../../../", import.meta.url))

/** A search that takes so many times its budget by the clock on the wall goes round and round. */
const PATIENCE = 40

const options = parseArgs({
  options: {
    minutes: { type: "string", default: "2" },
    only: { type: "string" },
    jobs: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    steps: { type: "string", default: "300" },
    help: { type: "boolean", default: false }
  }
}).values

/** What became of one mutant. */
interface Outcome {
  readonly mutant: Mutant
  readonly steps: number
  readonly seconds: number
  /** The violation; nothing when it was not found. */
  readonly by?: string
  readonly seed?: number
}

const folders = new Set<string>()
const children = new Set<ChildProcess>()

const cleanUp = (): void => {
  for (const child of children) child.kill("SIGKILL")
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}

const makeFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "anchord-mutant-"))
  folders.add(folder)
  return folder
}

const copy = (from: string, to: string): void => {
  for (const part of ["src", "property-tests", "test", "package.json"]) {
    cpSync(join(from, part), join(to, part), { recursive: true })
  }
}

/** The source as it was at the start, whatever is done to it meanwhile. */
const pristine = makeFolder()

/** A copy of what the simulation consists of, with a bug in it. */
const plant = (mutant: Mutant): string => {
  const folder = makeFolder()
  copy(pristine, folder)
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"))
  const read = (file: string) => readFileSync(join(folder, file), "utf8")
  for (const [file, text] of mutated(mutant, read)) writeFileSync(join(folder, file), text)
  return folder
}

const hunt = (folder: string, seed: number, seconds: number): Promise<Hunted> => {
  const script = join(folder, "property-tests/simulation/mutants/hunt.ts")
  const words = [script, "--seed", `${seed}`, "--steps", options.steps, "--seconds", `${seconds}`]
  const limits = {
    timeout: Math.ceil(seconds * PATIENCE + 120) * 1_000,
    killSignal: "SIGKILL" as const,
    maxBuffer: 64e6
  }
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, words, limits, (error, stdout, stderr) => {
      children.delete(child)
      if (error === null) return resolve(JSON.parse(stdout) as Hunted)
      if (error.killed !== true) return reject(new Error(stderr))
      const message = "the simulation does not come to an end"
      resolve({
        histories: 0,
        steps: 0,
        seconds,
        found: { seed, message, script: { casting: undefined as never, steps: [] } }
      })
    })
    children.add(child)
  })
}

/** Whether the same history is wrong in the program as it is: then it says nothing about the mutant. */
const isWrongAnyway = ({ seed, script }: NonNullable<Hunted["found"]>): boolean => {
  try {
    if (script.casting !== undefined) return play(script).violation !== undefined
    const steps = Number(options.steps)
    return search({ seed, steps, faults: allFaults, shrinkMillis: 0 }).found !== undefined
  } catch {
    return true
  }
}

const judge = async (mutant: Mutant, budget: number): Promise<Outcome> => {
  const folder = plant(mutant)
  let [seed, steps, seconds] = [Number(options.seed), 0, 0]
  try {
    for (;;) {
      const { found, ...taken } = await hunt(folder, seed, budget - seconds)
      steps += taken.steps
      seconds += taken.seconds
      if (found === undefined) return { mutant, steps, seconds }
      if (!isWrongAnyway(found)) return { mutant, steps, seconds, by: found.message, seed: found.seed }
      process.stderr.write(`${mutant.name}: seed ${found.seed} is wrong without it as well: ${found.message}\n`)
      if (seconds >= budget) return { mutant, steps, seconds }
      seed = found.seed + 1
    }
  } finally {
    folders.delete(folder)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** In few words, without what differs from one run to the next. */
const inShort = (message: string): string => {
  const line = (message.split("\n")[0] ?? "").replace(/ \([^)]*:eth.*$/, "").replaceAll("|", "/")
  return line.length > 140 ? `${line.slice(0, 139)}…` : line
}

const row = ({ mutant: { name, about }, steps, seconds, by, seed }: Outcome): string => {
  const found = by === undefined ? "not found" : `${seconds.toFixed(1)} s`
  return `| ${name} | ${about} | ${found} | ${steps} | ${seed ?? ""} | ${by === undefined ? "" : inShort(by)} |`
}

const chosen = (): ReadonlyArray<Mutant> => {
  const only = options.only?.split(",")
  const unknown = only?.find((name) => !mutants.some((one) => one.name === name))
  if (unknown !== undefined) throw new Error(`--only ${unknown}: there is no such mutant`)
  return only === undefined ? mutants : mutants.filter(({ name }) => only.includes(name))
}

const main = async (): Promise<void> => {
  if (options.help) return void process.stdout.write(USAGE)
  copy(ROOT, pristine)
  const waiting = [...chosen()]
  const outcomes = new Map<string, Outcome>()
  const all = [...waiting]
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const outcome = await judge(next, Number(options.minutes) * 60)
      outcomes.set(next.name, outcome)
      const { seconds, steps, by, seed } = outcome
      const what = by === undefined ? "NOT FOUND" : `found by seed ${seed}: ${inShort(by)}`
      process.stderr.write(`${next.name}: ${seconds.toFixed(1)} s, ${steps} steps, ${what}\n`)
    }
  }
  await Promise.all(Array.from({ length: Number(options.jobs) }, work))
  const told = all.flatMap(({ name }) => outcomes.get(name) ?? [])
  const found = told.filter(({ by }) => by !== undefined)
  const table = [
    "| mutant | the bug | found after | steps | seed | by |",
    "|---|---|---|---|---|---|",
    ...told.map(row)
  ]
  process.stdout.write(
    `${table.join("\n")}\n\n${found.length} of ${told.length} found within ${options.minutes} minutes of processor time each.\n`
  )
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    cleanUp()
    process.exit(130)
  })
}
try {
  await main()
} finally {
  cleanUp()
}
