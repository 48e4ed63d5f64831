import { readdirSync, readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { allFaults } from "./chance.ts"
import { play, search, type Script } from "./play.ts"

const REGRESSIONS = new URL("regressions/", import.meta.url)

interface Regression extends Script {
  /** What went wrong. */
  readonly about: string
}

const regressions = readdirSync(REGRESSIONS).filter((file) => file.endsWith(".json"))

describe("a history", () => {
  it("is the same in every run of its seed, byte for byte", () => {
    const once = () => search({ seed: 117, steps: 150, faults: allFaults, shrinkMillis: 0 })
    const [first, second] = [once(), once()]
    expect(first.histories.join().split("\n").length).toBeGreaterThan(50)
    expect(second.histories).toEqual(first.histories)
  })

  it("is another one for another seed", () => {
    const of = (seed: number) => search({ seed, steps: 100, faults: allFaults, shrinkMillis: 0 }).histories
    expect(of(1)).not.toEqual(of(2))
  })
})

describe("a history that went wrong once", () => {
  it.each(regressions)("%s", (file) => {
    const script: Regression = JSON.parse(readFileSync(new URL(file, REGRESSIONS), "utf8"))
    const { sim, violation } = play(script)
    expect(violation?.message, `${script.about}\n${sim.history.text()}`).toBeUndefined()
  })
})
