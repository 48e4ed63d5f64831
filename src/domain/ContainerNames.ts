import { meansId, namespaceReference, resolveReference, type Joining, type Named } from "./NetnsOwner.ts"
import { lastingName } from "./ReplacementName.ts"

/**
 * The names that a container has had, by its ID, the latest first. Docker keeps only the ID of what a dependent joined
 * (`network_mode: container:app` becomes `container:<id of app>` when the dependent is created), so when the owner is made anew under
 * another ID, nobody but who has seen it knows what it was called.
 */
export type ContainerNames = ReadonlyMap<string, ReadonlyArray<string>>

/** More names than a container has while it is being replaced: its own, and the two it gets out of the way under. */
const REMEMBERED = 4

const withLatest = (before: ReadonlyArray<string>, name: string): ReadonlyArray<string> =>
  [name, ...before.filter((one) => one !== name)].slice(0, REMEMBERED)

/** So many that are gone, and that nobody refers to, are remembered: who refers to one may be seen late. */
const MOST_GONE = 200

/** The memory after one more look at all containers. Of those that are neither there nor referred to the ones that went first are forgotten. */
export const rememberNames = <C extends Named & Joining>(
  names: ContainerNames,
  containers: ReadonlyMap<string, C>
): ContainerNames => {
  const next = new Map<string, ReadonlyArray<string>>()
  for (const one of containers.values()) {
    const before = names.get(one.id) ?? []
    next.set(one.id, withLatest(before, one.name))
  }
  for (const one of containers.values()) {
    for (const id of namesakesOf(names, namespaceReference(one))) {
      const known = names.get(id)
      if (known !== undefined && !next.has(id)) next.set(id, known)
    }
  }
  const gone = [...names].filter(([id]) => !next.has(id)).slice(-MOST_GONE)
  return new Map([...gone, ...next])
}

/** The memory after an event about a container, whose name Docker tells also when it is gone by the time one looks. */
export const rememberName = (names: ContainerNames, id: string, name: string): ContainerNames => {
  const before = names.get(id) ?? []
  return before[0] === name ? names : new Map(names).set(id, withLatest(before, name))
}

/** The IDs that a reference may stand for, among those remembered. */
const namesakesOf = (names: ContainerNames, ref: string | undefined): ReadonlyArray<string> => {
  const wanted = (ref ?? "").replace(/^\//, "")
  if (names.has(wanted)) return [wanted]
  return [...names.keys()].filter((id) => meansId(wanted, id))
}

/** What the container that `ref` refers to was called, the latest name first; nothing when it was never seen. */
export const namesOf = (names: ContainerNames, ref: string): ReadonlyArray<string> => {
  const [id, ...more] = namesakesOf(names, ref)
  return id === undefined || more.length > 0 ? [] : (names.get(id) ?? [])
}

/**
 * The container that now has a name of the one that `ref` refers to, if that is another one: who took its place. A container that only
 * was renamed has no successor until somebody takes one of its former names. One that was left with the name of a replacement, because that was
 * interrupted, is followed by who gets the name that it was to have.
 */
export const successorOf = <C extends Named>(
  names: ContainerNames,
  containers: ReadonlyMap<string, C>,
  ref: string
): C | undefined => {
  const owner = resolveReference(containers, ref)
  for (const name of namesOf(names, ref).flatMap((one) => [one, lastingName(one)])) {
    const named = [...containers.values()].find((one) => one.name === name)
    if (named !== undefined && named.id !== owner?.id) return named
  }
  return undefined
}
