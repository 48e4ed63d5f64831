import * as Result from "effect/Result"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { PortMapping } from "../src/domain/Dnat.ts"
import { parseExpose, printMapping } from "../src/domain/ExposeLabel.ts"
import { badLabels } from "./arbitraries/dockerStates.ts"
import { mapping, mappings, overlap, telling } from "./arbitraries/mappings.ts"

const label = (all: ReadonlyArray<PortMapping>) => all.map(printMapping).join(",")

const sorted = (all: ReadonlyArray<PortMapping>) =>
  all.toSorted((a, b) => (a.protocol === b.protocol ? a.from - b.from : a.protocol < b.protocol ? -1 : 1))

const targetOf = (all: ReadonlyArray<PortMapping>, protocol: string, port: number): number | undefined => {
  const found = all.find((one) => one.protocol === protocol && one.from <= port && port <= one.to)
  return found && found.backendFrom + port - found.from
}

const blank = fc.constantFrom("", " ", "\t", "  ", "\n")

/** A label in which blanks, empty entries and capitals are strewn about. */
const untidy = (text: string): fc.Arbitrary<string> => {
  const pieces = text.split(/([,/:-])/)
  return fc
    .record({
      blanks: fc.array(blank, { minLength: pieces.length + 1, maxLength: pieces.length + 1 }),
      empties: fc.array(fc.constantFrom("", ",", " , ,"), { minLength: pieces.length, maxLength: pieces.length }),
      loud: fc.boolean()
    })
    .map(({ blanks, empties, loud }) => {
      const strewn = pieces.map((piece, index) => (piece === "," ? `,${empties[index]}` : piece) + blanks[index])
      return (loud ? (one: string) => one.toUpperCase() : String)(`${blanks.at(-1)},${strewn.join("")},`)
    })
}

describe("anchord.expose", () => {
  it("reads back what was printed", () => {
    fc.assert(
      fc.property(mappings, (all) => {
        expect(parseExpose(label(all))).toEqual(Result.succeed(sorted(all)))
      })
    )
  })

  it("reads one mapping back, whichever it is", () => {
    fc.assert(
      fc.property(mapping, (one) => {
        expect(parseExpose(printMapping(one))).toEqual(Result.succeed([one]))
      })
    )
  })

  it("does not mind blanks, empty entries, capitals, or the order of entries", () => {
    const written = mappings.chain((all) =>
      fc
        .shuffledSubarray([...all], { minLength: all.length })
        .chain((shuffled) => untidy(label(shuffled)))
        .map((text) => [label(all), text] as const)
    )
    fc.assert(
      fc.property(written, ([tidy, text]) => {
        expect(parseExpose(text)).toEqual(parseExpose(tidy))
      })
    )
  })

  it("says a thing twice as it says it once", () => {
    const repeated = mappings.chain((all) =>
      fc.subarray([...all]).map((again) => [label(all), label([...all, ...again])] as const)
    )
    fc.assert(
      fc.property(repeated, ([once, twice]) => {
        expect(parseExpose(twice)).toEqual(parseExpose(once))
      })
    )
  })

  it("is refused as a whole for one bad entry, wherever it stands", () => {
    fc.assert(
      fc.property(mappings, badLabels, fc.nat(), (all, bad, at) => {
        const entries = all.map(printMapping)
        const whole = entries.toSpliced(at % (entries.length + 1), 0, bad).join(",")
        expect(Result.isFailure(parseExpose(whole))).toBe(true)
      })
    )
  })

  it("is refused when a port has two targets, and only then", () => {
    const single = fc
      .array(mapping, { minLength: 1, maxLength: 5 })
      .filter((all) => all.every((one) => one.to - one.from < 64))
    fc.assert(
      fc.property(single, (all) => {
        const contradicts = all.some((a) =>
          all.some((b) => overlap(a, b) && a.backendFrom - a.from !== b.backendFrom - b.from)
        )
        expect(Result.isFailure(parseExpose(label(all)))).toBe(contradicts)
      }),
      { numRuns: 300 }
    )
  })

  it("answers with disjoint mappings that send every port where its entry says", () => {
    fc.assert(
      fc.property(fc.array(mapping, { maxLength: 6 }), (all) => {
        const parsed = parseExpose(label(all))
        fc.pre(Result.isSuccess(parsed))
        const read = parsed.success
        for (const [index, one] of read.entries())
          expect(read.slice(index + 1).some((other) => overlap(one, other))).toBe(false)
        for (const protocol of ["tcp", "udp"])
          for (const port of telling([...all, ...read]))
            expect(targetOf(read, protocol, port)).toBe(targetOf(all, protocol, port))
      }),
      { numRuns: 300 }
    )
  })

  it("never throws, and never answers with a port that does not exist", () => {
    const scraps = fc.array(fc.constantFrom("tcp", "udp", "/", ":", "-", ",", " ", "0", "25", "65535", "65536", "x"), {
      maxLength: 14
    })
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          scraps.map((all) => all.join(""))
        ),
        (text) => {
          const parsed = parseExpose(text)
          for (const { from, to, backendFrom } of Result.isSuccess(parsed) ? parsed.success : []) {
            expect(1 <= from && from <= to && to <= 65_535).toBe(true)
            expect(1 <= backendFrom && backendFrom + to - from <= 65_535).toBe(true)
          }
        }
      ),
      { numRuns: 1_000 }
    )
  })
})
