import { describe, expect, it } from "vitest"
import { allFaults } from "./chance.ts"
import { told } from "./History.ts"
import { search } from "./play.ts"

/** For how many seconds histories that nobody has seen are played; a longer search is `npm run simulate -- --minutes M`. */
const SECONDS = Number(process.env["SIMULATE_SECONDS"] ?? (process.env["CI"] === undefined ? 10 : 120))
const STEPS = 1_000

describe("the whole program in a simulated world", () => {
  it("keeps what must hold through histories that nobody has seen before", { timeout: (SECONDS + 120) * 1_000 }, () => {
    const end = performance.now() + SECONDS * 1_000
    const first = Date.now() % 1_000_000_000
    let [seed, steps] = [first, 0]
    for (; performance.now() < end; seed++) {
      const searched = search({ seed, steps: STEPS, faults: allFaults, shrinkMillis: 60_000 })
      steps += searched.steps
      if (searched.found === undefined) continue
      const { message, script } = searched.found
      const history = script.steps.map(({ action, thenMillis }) => `${told(action)}, then ${thenMillis} ms`).join("\n")
      const replay = `npm run simulate -- --seed ${seed} --steps ${STEPS}`
      expect.fail(`${message}\n${history}\n${JSON.stringify({ about: message, ...script })}\n${replay}`)
    }
    console.log(`simulated: seeds ${first} to ${seed - 1}, ${steps} steps, nothing found`)
    expect(steps).toBeGreaterThan(0)
  })
})
