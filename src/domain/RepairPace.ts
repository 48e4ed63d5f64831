import type { LifecycleAction } from "./LifecycleAction.ts"

/**
 * When each container was last acted on, in Unix milliseconds, by name: a re-created one has another ID. The first of two guards against
 * an owner that keeps coming and going; the other is that nothing is done before the owner runs.
 */
export type RepairTimes = ReadonlyMap<string, ReadonlyArray<number>>

/** Two wishes to repair one container within this many milliseconds are one (SPEC §11.7). */
const GAP = 1_000

/** More often than this within a minute is a storm: whoever makes it is not helped by more of the same. */
const BUDGET = 20
const WINDOW = 60_000

export type Pace =
  | { readonly _tag: "Now" }
  /** `at`: Unix milliseconds. `storm`: the budget is used up. */
  | { readonly _tag: "Later"; readonly at: number; readonly storm: boolean }

/** Whether a container may be acted on now. A clock that was set back does not hold anything up. */
export const paceOf = (times: RepairTimes, name: string, now: number): Pace => {
  const recent = (times.get(name) ?? []).filter((time) => time <= now && now - time < WINDOW)
  const last = recent.at(-1)
  const oldest = recent.at(-BUDGET)
  if (oldest !== undefined) return { _tag: "Later", at: oldest + WINDOW, storm: true }
  return last !== undefined && now - last < GAP ? { _tag: "Later", at: last + GAP, storm: false } : { _tag: "Now" }
}

/** The memory after some actions were tried, whatever came of them. What is older than the window is forgotten. */
export const rememberRepairs = (
  times: RepairTimes,
  actions: ReadonlyArray<LifecycleAction>,
  now: number
): RepairTimes => {
  const next = new Map<string, ReadonlyArray<number>>()
  for (const [name, all] of times) {
    const recent = all.filter((time) => time <= now && now - time < WINDOW)
    if (recent.length > 0) next.set(name, recent)
  }
  const acted = new Set(actions.map((action) => (action._tag === "CreateManaged" ? action.spec.name : action.name)))
  for (const name of acted) next.set(name, [...(next.get(name) ?? []), now].slice(-BUDGET))
  return next
}
