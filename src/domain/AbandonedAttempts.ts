import type { ContainerSnapshot } from "./DockerState.ts"
import { nameBefore } from "./Recreation.ts"

/** Since when (Unix milliseconds) containers are seen renamed away, by ID. */
export type SeenAway = ReadonlyMap<string, number>

export interface Abandoned {
  readonly containers: ReadonlyArray<ContainerSnapshot>
  readonly seen: SeenAway
  /** Unix milliseconds: when the next of them will be taken for abandoned. */
  readonly again?: number
}

/** Milliseconds: longer than anchord takes to stop the old container, start the new one, and undo that for about a minute. */
const LONGEST_ATTEMPT = 120_000

/**
 * The containers whose re-creation nobody carries on. At the first look, without `before`, that is every one that is renamed away: whoever began it was
 * the process before this one. Later it may be that of another process, such as a network-anchor in the same project, which looks just
 * the same; so it is given the time that the longest one takes.
 */
export const abandonedAttempts = (
  containers: ReadonlyArray<ContainerSnapshot>,
  before: SeenAway | undefined,
  now: number
): Abandoned => {
  const away = containers.filter((container) => nameBefore(container) !== undefined)
  const sinceOf = (id: string): number => before?.get(id) ?? (before === undefined ? now - LONGEST_ATTEMPT : now)
  const seen = new Map(away.map(({ id }) => [id, sinceOf(id)]))
  const isOver = ({ id }: ContainerSnapshot) => now - sinceOf(id) >= LONGEST_ATTEMPT
  const waiting = away.filter((one) => !isOver(one)).map(({ id }) => sinceOf(id) + LONGEST_ATTEMPT)
  return {
    containers: away.filter(isOver),
    seen,
    ...(waiting.length === 0 ? {} : { again: Math.min(...waiting) })
  }
}
