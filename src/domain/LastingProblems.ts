import type { LifecycleProblem } from "./LifecycleAction.ts"

/** Since when each problem stands, in Unix milliseconds, by its key. */
export type ProblemTimes = ReadonlyMap<string, number>

export interface LastingProblems {
  /** What is worth a line by now. */
  readonly told: ReadonlyArray<LifecycleProblem>
  readonly since: ProblemTimes
  /** Unix milliseconds: when the next of the others will be, if it still stands then. */
  readonly again?: number
}

/** Milliseconds: while Compose makes a project anew, most of what is wrong is mended by Compose itself a moment later. */
const PATIENCE = 2_000

/**
 * Keeps back the WARNs that do not stand for 2 s yet, so that an update is no false alarm; what is an ERROR or an INFO is told at once. `since` is
 * that of the decision before. A clock that was set back begins the wait anew.
 */
export const lastingProblems = (
  problems: ReadonlyArray<LifecycleProblem>,
  since: ProblemTimes,
  now: number
): LastingProblems => {
  const next = new Map(problems.map(({ key }) => [key, Math.min(since.get(key) ?? now, now)]))
  const dueAt = ({ key, level }: LifecycleProblem) => (level === "WARN" ? (next.get(key) ?? now) + PATIENCE : now)
  const later = problems.map(dueAt).filter((due) => due > now)
  return {
    told: problems.filter((problem) => dueAt(problem) <= now),
    since: next,
    ...(later.length === 0 ? {} : { again: Math.min(...later) })
  }
}
