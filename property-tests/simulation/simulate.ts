import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { allFaults, faultKinds, faultsNamed } from "./chance.ts"
import { told } from "./History.ts"
import { play, search, type Found, type Script } from "./play.ts"

/** So many words on a line of the help. */
const ON_A_LINE = 5

const wrapped = (words: ReadonlyArray<string>): string =>
  words
    .map((word, index) => `${index === 0 ? "" : index % ON_A_LINE === 0 ? `,\n${" ".repeat(17)}` : ", "}${word}`)
    .join("")

const USAGE = `Runs whole programs of anchord in a simulated world, and looks at every step whether what must hold does.

  npm run simulate -- [--seed S] [--steps N] [--faults NAME,NAME…] [--minutes M] [--replay FILE] [--no-shrink]

  --seed S       where to begin (default: from the time, printed)
  --steps N      one history of at most N steps, printed (default 100)
  --faults …     what may go wrong: all (default: each history has some of it), none, or what is named:
                 a kind of ${faultKinds.join(", ")},
                 or one fault of ${wrapped(allFaults)}
  --minutes M    search for M minutes, one seed after the other, histories of at most N steps; prints what is found
  --replay FILE  plays a history from a file
`

const refuse = (message: string): never => {
  process.stderr.write(`simulate: ${message}\n\n${USAGE}`)
  process.exit(2)
}

const numberOf = (option: string, text: string, least: number): number => {
  const value = Number(text)
  if (text.trim() === "" || !Number.isFinite(value) || value < least) {
    return refuse(`--${option} ${text}: must be a number of at least ${least}`)
  }
  return value
}

const wholeNumberOf = (option: string, text: string, least: number): number => {
  const value = numberOf(option, text, least)
  return Number.isSafeInteger(value) ? value : refuse(`--${option} ${text}: must be a whole number`)
}

const faultsOf = (text: string): ReadonlyArray<string> => {
  if (text === "all") return allFaults
  if (text === "none") return []
  return text
    .split(",")
    .flatMap((name) => faultsNamed(name) ?? refuse(`--faults ${name}: there is no such fault, and no such kind`))
}

const options = () => {
  try {
    return parseArgs({
      options: {
        seed: { type: "string" },
        steps: { type: "string", default: "100" },
        faults: { type: "string", default: "all" },
        minutes: { type: "string" },
        replay: { type: "string" },
        "no-shrink": { type: "boolean", default: false },
        help: { type: "boolean", default: false }
      }
    }).values
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}

const say = (text: string): void => void process.stdout.write(text)

const tellScript = ({ casting, steps }: Script): string =>
  [
    `  cast: ${JSON.stringify(casting)}`,
    ...steps.map(({ action, thenMillis }) => `  ${told(action)}${thenMillis === 0 ? "" : `, then ${thenMillis} ms`}`)
  ].join("\n")

const tellFound = ({ seed, message, script }: Found, steps: number, faults: string): void => {
  say(play(script).sim.history.text())
  say(
    `\nVIOLATION: ${message}\n\nThe shortest history that was found, of ${script.steps.length} steps:\n${tellScript(script)}\n`
  )
  say(`\nAs a file for --replay:\n${JSON.stringify({ about: message, ...script })}\n`)
  say(`\nReplay: npm run simulate -- --seed ${seed} --steps ${steps} --faults ${faults}\n`)
}

const rate = (steps: number, since: number): string => {
  const seconds = (performance.now() - since) / 1_000
  return `${steps} steps in ${seconds.toFixed(1)} s, ${Math.round(steps / seconds)} a second`
}

const scriptIn = (file: string): Script => {
  try {
    const script: Partial<Script> | null = JSON.parse(readFileSync(file, "utf8"))
    if (script?.casting !== undefined && Array.isArray(script.steps))
      return { casting: script.casting, steps: script.steps }
  } catch (error) {
    return refuse(`--replay ${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
  return refuse(`--replay ${file}: must be a history, with "casting" and "steps"`)
}

const replay = (file: string): number => {
  const script = scriptIn(file)
  const { sim, violation } = play(script)
  say(sim.history.text())
  if (violation !== undefined) say(`\nVIOLATION: ${violation.message}\n`)
  return violation === undefined ? 0 : 1
}

const main = (): number => {
  const {
    seed: seedText,
    steps: stepsText,
    faults: faultsText,
    minutes,
    replay: file,
    help,
    "no-shrink": noShrink
  } = options()
  if (help) {
    say(USAGE)
    return 0
  }
  if (file !== undefined) return replay(file)
  const steps = wholeNumberOf("steps", stepsText, 1)
  const faults = faultsOf(faultsText)
  const shrinkMillis = noShrink ? 0 : 60_000
  let seed = seedText === undefined ? Date.now() % 1_000_000_000 : wholeNumberOf("seed", seedText, 0)
  say(`seed ${seed}, histories of at most ${steps} steps, faults: ${faultsText}\n`)
  const began = performance.now()
  const end = minutes === undefined ? 0 : began + numberOf("minutes", minutes, 0) * 60_000
  let played = 0
  for (;;) {
    const { steps: taken, histories, found } = search({ seed, steps, faults, shrinkMillis })
    played += taken
    if (minutes === undefined) say(histories.join("\n"))
    if (found !== undefined) {
      tellFound(found, steps, faultsText)
      return 1
    }
    if (performance.now() >= end) break
    seed += 1
  }
  say(`nothing found: ${rate(played, began)}; the last seed was ${seed}\n`)
  return 0
}

process.exitCode = main()
