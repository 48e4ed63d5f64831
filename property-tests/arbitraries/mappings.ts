import * as fc from "fast-check"
import { protocols, type PortMapping } from "../../src/domain/Dnat.ts"
import { MAX_TRANSLATED_RANGE } from "../../src/domain/ExposeLabel.ts"

/** Few enough that backends collide, and the ends of the port space. */
export const busyPorts = fc.oneof(
  { arbitrary: fc.integer({ min: 1, max: 24 }), weight: 8 },
  { arbitrary: fc.integer({ min: 65_520, max: 65_535 }), weight: 1 }
)

const widths = fc.oneof(
  { arbitrary: fc.constant(1), weight: 4 },
  { arbitrary: fc.integer({ min: 2, max: 12 }), weight: 4 },
  { arbitrary: fc.constantFrom(MAX_TRANSLATED_RANGE, 16_384, 65_535), weight: 1 }
)

/** A mapping that the label may hold: single or range, kept or translated. */
export const mapping: fc.Arbitrary<PortMapping> = fc
  .record({
    protocol: fc.constantFrom(...protocols),
    from: busyPorts,
    width: widths,
    backend: busyPorts,
    kept: fc.boolean()
  })
  .map(({ protocol, from, width, backend, kept }) => {
    const to = Math.min(65_535, from + width - 1)
    const translated = !kept && to - from < 64 && backend + to - from <= 65_535
    return { protocol, from, to, backendFrom: translated ? backend : from }
  })

export const overlap = (a: PortMapping, b: PortMapping): boolean =>
  a.protocol === b.protocol && a.from <= b.to && b.from <= a.to

/** The mappings of one container: they may touch, but not overlap. */
export const mappings: fc.Arbitrary<ReadonlyArray<PortMapping>> = fc
  .array(mapping, { minLength: 1, maxLength: 5 })
  .map((all) => all.filter((one, index) => !all.slice(0, index).some((earlier) => overlap(earlier, one))))

/** Every port at which something can begin or end, and its neighbours; between two of them nothing changes. */
export const telling = (ranges: ReadonlyArray<{ readonly from: number; readonly to: number }>): ReadonlyArray<number> =>
  [...new Set(ranges.flatMap(({ from, to }) => [from - 1, from, from + 1, to - 1, to, to + 1]))].filter(
    (port) => port >= 1 && port <= 65_535
  )
