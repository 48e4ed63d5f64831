import { parseArgs } from "node:util"
import { allFaults } from "../chance.ts"
import { search, type Script } from "../play.ts"

/** What a hunt tells on standard output, as one line of JSON. */
export interface Hunted {
  readonly histories: number
  readonly steps: number
  /** Of processor time. */
  readonly seconds: number
  readonly found?: { readonly seed: number; readonly message: string; readonly script: Script }
}

const secondsUsed = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

const attempt = (seed: number, steps: number): ReturnType<typeof search> => {
  try {
    return search({ seed, steps, faults: allFaults, shrinkMillis: 0 })
  } catch (error) {
    // The programs or the world itself have broken down: there is no script of that, but the seed tells it all.
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    const script: Script = { casting: undefined as never, steps: [] }
    return { steps: 0, histories: [], found: { seed, message, script } }
  }
}

/** Plays one seed after the other until something is found, or so much processor time is used up. */
const hunt = (first: number, steps: number, budget: number): Hunted => {
  let [seed, taken] = [first, 0]
  const began = secondsUsed()
  for (;;) {
    const searched = attempt(seed, steps)
    taken += searched.steps
    seed += 1
    const seconds = secondsUsed() - began
    const told = { histories: seed - first, steps: taken, seconds }
    if (searched.found !== undefined) return { ...told, found: searched.found }
    if (seconds >= budget) return told
  }
}

const { seed, steps, seconds } = parseArgs({
  options: { seed: { type: "string" }, steps: { type: "string" }, seconds: { type: "string" } }
}).values

process.stdout.write(`${JSON.stringify(hunt(Number(seed), Number(steps), Number(seconds)))}\n`)
