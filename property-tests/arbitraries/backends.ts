import * as fc from "fast-check"
import type { Backend } from "../../src/domain/DesiredDnat.ts"
import { addressPairs } from "./addresses.ts"
import { mappings } from "./mappings.ts"

const ids = fc.constantFrom(..."abcdefghij").map((letter) => letter.repeat(64))

const backend: fc.Arbitrary<Backend> = ids.chain((id) =>
  fc.record({
    id: fc.constant(id),
    name: fc.constant(`c-${id.slice(0, 1)}`),
    createdAt: fc.integer({ min: 1, max: 4 }),
    mappings,
    address: addressPairs
  })
)

/** Backends of one project whose ports often collide, some of them created in the same second. */
export const backends: fc.Arbitrary<ReadonlyArray<Backend>> = fc.uniqueArray(backend, {
  selector: ({ id }) => id,
  maxLength: 6
})

/** The same in another order. */
export const shuffled = <A>(all: ReadonlyArray<A>): fc.Arbitrary<ReadonlyArray<A>> =>
  fc.shuffledSubarray([...all], { minLength: all.length })
