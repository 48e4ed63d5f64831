import type { LifecycleAction } from "./LifecycleAction.ts"

/** The attempts to repair one container. */
interface Attempts {
  /** Unix milliseconds, of the last minute. */
  readonly at: ReadonlyArray<number>
  /** How many of them failed one after another, up to the last one. */
  readonly failures: number
}

/**
 * When each container was last acted on, by name: a re-created one has another ID. The first of two guards against an owner that keeps coming
 * and going; the other is that nothing is done before the owner runs.
 */
export type RepairTimes = ReadonlyMap<string, Attempts>

/** Two wishes to repair one container within this many milliseconds are one (SPEC §11.7). */
const GAP = 1_000

/** More often than this within a minute is a storm: whoever makes it is not helped by more of the same. */
const BUDGET = 20
const WINDOW = 60_000

/** What failed is tried again after one second, then two, four, …, at last every 30: as often as somebody looks anyway. */
const LONGEST_GAP = 30_000

const recentOf = (all: ReadonlyArray<number>, now: number): ReadonlyArray<number> =>
  all.filter((time) => time <= now && now - time < WINDOW)

const gapAfter = (failures: number): number => Math.min(GAP * 2 ** Math.max(0, failures - 1), LONGEST_GAP)

export type Pace =
  | { readonly _tag: "Now" }
  /** `at`: Unix milliseconds. `storm`: the budget is used up. */
  | { readonly _tag: "Later"; readonly at: number; readonly storm: boolean }

/** Whether a container may be acted on now. A clock that was set back does not hold anything up. */
export const paceOf = (times: RepairTimes, name: string, now: number): Pace => {
  const { at, failures } = times.get(name) ?? { at: [], failures: 0 }
  const recent = recentOf(at, now)
  const last = recent.at(-1)
  const oldest = recent.at(-BUDGET)
  if (oldest !== undefined) return { _tag: "Later", at: oldest + WINDOW, storm: true }
  const gap = gapAfter(failures)
  return last !== undefined && now - last < gap ? { _tag: "Later", at: last + gap, storm: false } : { _tag: "Now" }
}

const nameOf = (action: LifecycleAction): string => (action._tag === "CreateManaged" ? action.spec.name : action.name)

/** Whether an action was not even tried, because the one before it was not done. */
const wasHeldUp = (action: LifecycleAction, left: ReadonlyArray<LifecycleAction>): boolean =>
  action._tag !== "CreateManaged" &&
  action.after !== undefined &&
  left.some((one) => one !== action && one._tag !== "CreateManaged" && one.id === action.after)

/** The memory after some actions, of which those that are `left` were not done. What is older than a minute is forgotten. */
export const rememberRepairs = (
  times: RepairTimes,
  actions: ReadonlyArray<LifecycleAction>,
  now: number,
  left: ReadonlyArray<LifecycleAction> = []
): RepairTimes => {
  const next = new Map<string, Attempts>()
  for (const [name, { at, failures }] of times) {
    const recent = recentOf(at, now)
    if (recent.length > 0) next.set(name, { at: recent, failures })
  }
  const failed = new Set(left.filter((action) => !wasHeldUp(action, left)).map(nameOf))
  for (const name of new Set(actions.map(nameOf))) {
    const { at, failures } = next.get(name) ?? { at: [], failures: 0 }
    next.set(name, { at: [...at, now].slice(-BUDGET), failures: failed.has(name) ? failures + 1 : 0 })
  }
  return next
}
