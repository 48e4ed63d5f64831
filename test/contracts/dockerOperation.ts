import * as fc from "fast-check"

/** How something is named in a call: by its name, or by the ID (or its beginning) of the last one of that name, which may be gone. */
export interface Ref {
  readonly name: string
  readonly by: "name" | "id" | "short"
}

export type Policy = "no" | "on-failure" | "on-failure:2" | "always" | "unless-stopped"

/** A change that somebody makes to an engine, or that happens in it. */
export type Operation =
  | {
      readonly _tag: "create"
      readonly name: string
      /** `none`, `host`, a network, or the container whose namespace it joins. */
      readonly mode: "none" | "host" | { readonly network: Ref } | { readonly container: Ref }
      /** The last number of the addresses that it asks for on its network. */
      readonly fixed: number | undefined
      readonly policy: Policy
      readonly autoRemove: boolean
      /** Does not end by SIGTERM. */
      readonly stubborn: boolean
    }
  | { readonly _tag: "start" | "stop" | "restart" | "pause" | "unpause"; readonly container: Ref }
  | { readonly _tag: "kill"; readonly container: Ref; readonly signal: "SIGTERM" | "SIGKILL" }
  | { readonly _tag: "remove"; readonly container: Ref; readonly force: boolean }
  | { readonly _tag: "rename"; readonly container: Ref; readonly to: string }
  | { readonly _tag: "update"; readonly container: Ref; readonly policy: Policy }
  /** Its main process ends by itself. */
  | { readonly _tag: "end"; readonly container: Ref; readonly status: 0 | 138 }
  | { readonly _tag: "connect"; readonly network: Ref; readonly container: Ref; readonly fixed: number | undefined }
  | { readonly _tag: "disconnect"; readonly network: Ref; readonly container: Ref; readonly force: boolean }
  | { readonly _tag: "createNetwork"; readonly name: string }
  | { readonly _tag: "removeNetwork"; readonly network: Ref }

/** Networks that operations make, by name: `ops-over` overlaps with `ops-four`, and `ops-pool` asks for no subnet. */
export const networkShapes = {
  "ops-dual": { v4: "10.77.0.0/24", v6: "fd00:770::/64", internal: false },
  "ops-four": { v4: "10.77.1.0/24", v6: undefined, internal: false },
  "ops-inner": { v4: "10.77.2.0/29", v6: undefined, internal: true },
  "ops-over": { v4: "10.77.1.0/25", v6: undefined, internal: false },
  "ops-pool": { v4: undefined, v6: undefined, internal: false }
} as const

export type NetworkName = keyof typeof networkShapes

export const networkNames = Object.keys(networkShapes) as ReadonlyArray<NetworkName>
export const containerNames = ["ops-a", "ops-b", "ops-c", "ops-d", "ops-e"] as const

const by = fc.oneof(
  { arbitrary: fc.constant("name" as const), weight: 3 },
  { arbitrary: fc.constantFrom("id" as const, "short" as const), weight: 2 }
)
const container = fc.record({ name: fc.constantFrom(...containerNames), by })
const network = fc.oneof(
  { arbitrary: fc.record({ name: fc.constantFrom(...networkNames), by }), weight: 6 },
  { arbitrary: fc.constant({ name: "bridge", by: "name" as const }), weight: 1 }
)
const policy = fc.constantFrom<Policy>("no", "no", "on-failure", "on-failure:2", "always", "unless-stopped")
const fixed = fc.option(fc.integer({ min: 2, max: 6 }), { nil: undefined, freq: 3 })
const rarely = fc.oneof({ arbitrary: fc.constant(false), weight: 7 }, { arbitrary: fc.constant(true), weight: 1 })
const tagged = <T extends string>(...tags: ReadonlyArray<T>) => fc.constantFrom(...tags)

const create = fc.record({
  _tag: tagged("create"),
  name: fc.constantFrom(...containerNames),
  // By the beginning of a network's ID an engine takes a container for one on two networks, which nobody can mean.
  mode: fc.oneof(
    { arbitrary: fc.record({ network: network.filter((ref) => ref.by !== "short") }), weight: 6 },
    { arbitrary: fc.record({ container }), weight: 5 },
    { arbitrary: fc.constantFrom("none" as const, "host" as const), weight: 1 }
  ),
  fixed,
  policy,
  autoRemove: rarely,
  stubborn: rarely
})

const weighted: ReadonlyArray<readonly [number, fc.Arbitrary<Operation>]> = [
  [9, create],
  [10, fc.record({ _tag: tagged("start"), container })],
  [4, fc.record({ _tag: tagged("stop"), container })],
  [3, fc.record({ _tag: tagged("restart"), container })],
  [4, fc.record({ _tag: tagged("pause", "unpause", "unpause"), container })],
  [3, fc.record({ _tag: tagged("kill"), container, signal: fc.constantFrom("SIGTERM" as const, "SIGKILL" as const) })],
  [3, fc.record({ _tag: tagged("remove"), container, force: fc.boolean() })],
  [2, fc.record({ _tag: tagged("rename"), container, to: fc.constantFrom(...containerNames) })],
  [2, fc.record({ _tag: tagged("update"), container, policy })],
  [6, fc.record({ _tag: tagged("end"), container, status: fc.constantFrom(0 as const, 138 as const) })],
  [6, fc.record({ _tag: tagged("connect"), network, container, fixed })],
  [4, fc.record({ _tag: tagged("disconnect"), network, container, force: rarely })],
  [6, fc.record({ _tag: tagged("createNetwork"), name: fc.constantFrom(...networkNames) })],
  [2, fc.record({ _tag: tagged("removeNetwork"), network })]
]

/** Any operation, on few containers and networks, so that they meet. */
export const operation: fc.Arbitrary<Operation> = fc.oneof(
  ...weighted.map(([weight, arbitrary]) => ({ arbitrary, weight }))
)

const named = (name: string): Ref => ({ name, by: "name" })

/** What random operations begin with, so that there is something to operate on. */
export const beginning: ReadonlyArray<Operation> = [
  ...networkNames.map((name): Operation => ({ _tag: "createNetwork", name })),
  ...containerNames.slice(0, 3).map((name, index): Operation => {
    const mode = index === 1 ? { container: named("ops-a") } : { network: named("ops-dual") }
    return { _tag: "create", name, mode, fixed: undefined, policy: "no", autoRemove: false, stubborn: false }
  }),
  ...containerNames.slice(0, 3).map((name): Operation => ({ _tag: "start", container: named(name) }))
]

const refText = ({ name, by: how }: Ref): string =>
  how === "name" ? name : `${name}'s ${how === "id" ? "" : "short "}ID`

/** An operation in a line, for a history. */
export const operationText = (done: Operation): string => {
  const { _tag, ...rest } = done
  const words = Object.entries(rest).flatMap(([key, value]): ReadonlyArray<string> => {
    if (value === undefined || value === false) return []
    if (value === true) return [key]
    if (typeof value !== "object") return [`${key} ${value}`]
    if ("by" in value) return [`${key === "container" ? "" : `${key} `}${refText(value)}`]
    const [[what, ref] = ["", { name: "", by: "name" as const }]] = Object.entries<Ref>(value)
    return [`in ${what} ${refText(ref)}`]
  })
  return [_tag, ...words].join(" ")
}
