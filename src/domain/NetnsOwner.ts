/** What it takes to be referred to: Docker finds a container by its ID or by its name. */
export interface Named {
  readonly id: string
  /** Without the leading slash. */
  readonly name: string
}

/** `HostConfig.NetworkMode`: `bridge`, `host`, `none`, a network's name, or `container:<ref>`. */
export interface Joining {
  readonly networkMode: string
}

const JOINED = /^container:(.+)$/

/** What `network_mode: container:<ref>` of a container refers to, if it is of that kind. */
export const namespaceReference = ({ networkMode }: Joining): string | undefined => JOINED.exec(networkMode)?.[1]

const plain = (ref: string): string => ref.replace(/^\//, "")

const SHORT_ID = /^[0-9a-f]{12,64}$/

/** Whether a reference is an ID, or at least 12 characters of its beginning, with or without a leading slash. */
export const meansId = (ref: string, id: string): boolean => {
  const wanted = plain(ref)
  return SHORT_ID.test(wanted) && id.startsWith(wanted)
}

/**
 * The container that `ref` of `network_mode: container:<ref>` names: a full ID, a name, or at least 12 characters of an ID, with or
 * without a leading slash (SPEC §11). That is Docker's own order: the exact ID, then the exact name, then the one ID that begins like
 * it; a beginning that fits several IDs names none. (Docker takes shorter beginnings too; the contract does not.)
 */
export const resolveReference = <C extends Named>(containers: ReadonlyMap<string, C>, ref: string): C | undefined => {
  const wanted = plain(ref)
  const exact = containers.get(wanted)
  if (exact) return exact
  const all = [...containers.values()]
  const named = all.find(({ name }) => name === wanted)
  if (named) return named
  const fitting = all.filter(({ id }) => meansId(wanted, id))
  return fitting.length === 1 ? fitting[0] : undefined
}

/**
 * Whether a reference is resolved anew at each start of the dependent. Docker replaces a name by the ID of what it means when the
 * dependent is created, whoever asks; it stays a name only if nothing had that name then. What refers by a name follows it with a
 * restart; what refers by an ID does not, and must be re-created.
 */
export const refersByName = <C extends Named>(containers: ReadonlyMap<string, C>, ref: string): boolean => {
  const wanted = plain(ref)
  return !SHORT_ID.test(wanted) || resolveReference(containers, wanted)?.name === wanted
}

/** Every dependent of a container, the direct ones first, each once; it is not a dependent of its own. */
export const dependentsOf = <C extends Named & Joining>(
  containers: ReadonlyMap<string, C>,
  owner: Named
): ReadonlyArray<C> => {
  const joined = new Map<string, Array<C>>()
  for (const one of containers.values()) {
    const ref = namespaceReference(one)
    const to = ref === undefined ? undefined : resolveReference(containers, ref)
    if (to !== undefined) joined.set(to.id, [...(joined.get(to.id) ?? []), one])
  }
  const found: Array<C> = []
  let level: ReadonlyArray<Named> = [owner]
  while (level.length > 0) {
    // Each has one owner, so that nothing but the owner itself can be met again.
    const next = level
      .flatMap(({ id }) => joined.get(id) ?? [])
      .filter(({ id }) => id !== owner.id)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    found.push(...next)
    level = next
  }
  return found
}
