import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { likelyMeant, nearest } from "../src/domain/Nearest.ts"
import { definitionsOf, modes, type Mode } from "../src/domain/SettingDefinitions.ts"
import { boolean, duration } from "../src/domain/SettingValues.ts"
import { parseSettings, type Environment, type Violation } from "../src/domain/Settings.ts"
import { environments, needed, valuesOf } from "./arbitraries/environments.ts"

const violationsOf = (mode: Mode, env: Environment): ReadonlyArray<Violation> => {
  const parsed = parseSettings(mode, env)
  return Result.isFailure(parsed) ? parsed.failure : []
}

/** How a value that was refused is repeated: what may hold a password is not. */
const shown = (variable: string, value: string): string =>
  ["ANCHORD_MANAGED_SA_EXTRA_ENV", "ANCHORD_MANAGED_SA_LABELS"].includes(variable) ? "(not shown)" : value

const byVariable = (violations: ReadonlyArray<Violation>) =>
  new Map(violations.map(({ variable, value }) => [variable, value]))

describe.each(modes)("the settings of %s mode", (mode) => {
  it("have no violation when every value is good", () => {
    fc.assert(
      fc.property(environments(mode, ["absent", "good"]), ({ env }) => {
        expect(violationsOf(mode, env)).toEqual([])
      })
    )
  })

  it("have a violation for each bad value, and no other, whatever the rest is", () => {
    fc.assert(
      fc.property(environments(mode, ["absent", "good", "bad"]), ({ env, bad }) => {
        const violations = violationsOf(mode, env)
        expect(violations).toHaveLength(bad.size)
        expect(byVariable(violations)).toEqual(
          new Map([...bad].map(([variable, value]) => [variable, shown(variable, value)]))
        )
      }),
      { numRuns: 300 }
    )
  })

  it("have exactly one violation more for one bad value more, and the others as they were", () => {
    const variables = Object.entries(valuesOf[mode]).flatMap(([variable, { bad }]) =>
      bad.map((value) => [variable, value] as const)
    )
    fc.assert(
      fc.property(
        environments(mode, ["absent", "good", "bad"]),
        fc.constantFrom(...variables),
        ({ env }, [variable, value]) => {
          const { [variable]: _without, ...rest } = env
          const before = violationsOf(mode, { ...needed[mode], ...rest })
          const after = violationsOf(mode, { ...rest, [variable]: value })
          expect(after.filter((one) => one.variable !== variable)).toEqual(before)
          const [only, ...more] = after.filter((one) => one.variable === variable)
          expect([only?.value, more]).toEqual([shown(variable, value), []])
          expect(only?.rule).not.toBe("")
        }
      ),
      { numRuns: 300 }
    )
  })

  it("do not change with blanks around the values", () => {
    fc.assert(
      fc.property(environments(mode, ["absent", "good", "bad"]), ({ env }) => {
        const tidy = Object.fromEntries(Object.entries(env).map(([variable, value]) => [variable, value.trim()]))
        expect(parseSettings(mode, env)).toEqual(parseSettings(mode, tidy))
      })
    )
  })

  it("do not tell an empty value from none, the listener's address aside", () => {
    const withEmpty = fc.tuple(
      environments(mode, ["absent", "good", "bad"]),
      fc.subarray(Object.keys(definitionsOf(mode)).filter((variable) => variable !== "ANCHORD_METRICS_ADDR"))
    )
    fc.assert(
      fc.property(withEmpty, ([{ env }, empty]) => {
        const unset = Object.fromEntries(Object.entries(env).filter(([variable]) => !empty.includes(variable)))
        const blank = { ...env, ...Object.fromEntries(empty.map((variable) => [variable, " "])) }
        expect(parseSettings(mode, blank)).toEqual(parseSettings(mode, unset))
      })
    )
  })

  it("do not mind variables that the mode does not know: one warning for each, that names the nearest", () => {
    const known = Object.keys(definitionsOf(mode)).filter((variable) => variable.startsWith("ANCHORD_"))
    const misspelt = fc
      .tuple(fc.constantFrom(...known), fc.constantFrom("X", "_", "S"))
      .map(([one, more]) => one + more)
    fc.assert(
      fc.property(
        environments(mode, ["absent", "good"]),
        fc.uniqueArray(misspelt, { maxLength: 3 }),
        ({ env }, strange) => {
          const parsed = Result.getOrThrow(
            parseSettings(mode, { ...env, ...Object.fromEntries(strange.map((one) => [one, "x"])) })
          )
          const plain = Result.getOrThrow(parseSettings(mode, env))
          expect(parsed.settings).toEqual(plain.settings)
          const more = parsed.warnings.filter((warning) => !plain.warnings.includes(warning))
          expect(more).toEqual(
            strange.toSorted().map((one) => `${one} is not a variable of anchord; the nearest is ${one.slice(0, -1)}`)
          )
        }
      )
    )
  })
})

describe("the values", () => {
  it("of durations are read back from Go's notation", () => {
    const parts = fc.record({
      h: fc.integer({ min: 0, max: 99 }),
      m: fc.integer({ min: 0, max: 59 }),
      s: fc.integer({ min: 0, max: 59 }),
      ms: fc.integer({ min: 1, max: 999 })
    })
    fc.assert(
      fc.property(parts, ({ h, m, s, ms }) => {
        const written = Result.getOrThrow(duration(`${h}h${m}m${s}s${ms}ms`))
        expect(Duration.toMillis(written)).toBe(((h * 60 + m) * 60 + s) * 1_000 + ms)
        expect(Duration.toMillis(Result.getOrThrow(duration(`${ms}`)))).toBe(ms * 1_000)
      })
    )
  })

  it("of durations are positive when they are accepted, and never cause an exception", () => {
    const scraps = fc.array(fc.constantFrom("0", "1", "15", ".", "ns", "us", "ms", "s", "m", "h", "-", " "), {
      maxLength: 8
    })
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.constantFrom("0.1ns", ".0001us"),
          scraps.map((all) => all.join(""))
        ),
        (text) => {
          const parsed = duration(text)
          expect(Result.isFailure(parsed) || Duration.isGreaterThan(parsed.success, Duration.zero)).toBe(true)
        }
      ),
      { numRuns: 2_000 }
    )
  })

  it("of booleans are nothing but booleans", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom("constructor", "__proto__", "toString", "TRUE")), (text) => {
        const parsed = boolean(text)
        expect(Result.isFailure(parsed) || typeof parsed.success === "boolean").toBe(true)
      })
    )
  })

  it("are never answered with an exception, whatever stands in a variable", () => {
    const rubbish = fc.oneof(
      fc.string(),
      fc.constantFrom("[", "{}", "null", "=", ",", ":", "::", "://", "%s", "\u0000")
    )
    for (const mode of modes)
      for (const variable of Object.keys(definitionsOf(mode)))
        fc.assert(
          fc.property(rubbish, (value) => {
            const violations = violationsOf(mode, { ...needed[mode], [variable]: value })
            expect(violations.every((one) => one.variable === variable)).toBe(true)
          })
        )
  })
})

describe("the nearest variable", () => {
  it("is the word itself when it is there, and always one of the candidates", () => {
    const words = fc.uniqueArray(fc.stringMatching(/^[A-C]{1,6}$/), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(words, fc.stringMatching(/^[A-C]{1,6}$/), (candidates, word) => {
        const found = nearest(word, candidates)
        expect(candidates).toContain(found)
        expect(nearest(found ?? "", candidates)).toBe(found)
        expect(candidates.includes(word)).toBe(found === word)
      })
    )
  })

  it("is likely meant by the word itself, and by nothing that shares no letter with it", () => {
    const words = fc.uniqueArray(fc.stringMatching(/^[A-C]{1,6}$/), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(
        words,
        fc.stringMatching(/^[A-C]{1,6}$/),
        fc.stringMatching(/^[X-Z]{0,6}$/),
        (candidates, word, other) => {
          expect([nearest(word, candidates), undefined]).toContain(likelyMeant(word, candidates))
          expect(likelyMeant(word, [...candidates, word])).toBe(word)
          expect(likelyMeant(other, candidates)).toBeUndefined()
        }
      )
    )
  })
})
