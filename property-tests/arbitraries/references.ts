import * as fc from "fast-check"

/** IDs of which many begin alike: with the same 12, 13 or 20 characters. */
export const confusableIds: ReadonlyArray<string> = ["a", "b"].flatMap((letter) =>
  [12, 13, 20].flatMap((length) => ["1", "2"].map((other) => letter.repeat(length) + other + "0".repeat(63 - length)))
)

/** Ordinary names, one that is the beginning of another, and names that are an ID or begin one. */
const names: ReadonlyArray<string> = [
  ...["app", "app-service-anchor", "web", "db"],
  ...confusableIds.slice(0, 3),
  ...confusableIds.map((id) => id.slice(0, 13)),
  ...confusableIds.map((id) => id.slice(0, 12))
].filter((name, index, all) => all.indexOf(name) === index)

export interface Referred {
  readonly id: string
  readonly name: string
  readonly networkMode: string
}

const references = fc.constantFrom(...names, ...confusableIds, ...confusableIds.map((id) => id.slice(0, 14)), "gone")

const networkModes = fc.oneof(
  fc.constantFrom("bridge", "host", "mail_transit"),
  references.map((ref) => `container:${ref}`),
  references.map((ref) => `container:/${ref}`)
)

/** Containers whose IDs and names are easily taken for each other's, and which refer to each other. */
export const confusable: fc.Arbitrary<ReadonlyArray<Referred>> = fc
  .tuple(
    fc.shuffledSubarray([...confusableIds], { minLength: 1 }),
    fc.shuffledSubarray([...names], { minLength: confusableIds.length }),
    fc.array(networkModes, { minLength: confusableIds.length, maxLength: confusableIds.length })
  )
  .map(([ids, called, modes]) =>
    ids.map((id, index) => ({ id, name: called[index] ?? "", networkMode: modes[index] ?? "bridge" }))
  )
