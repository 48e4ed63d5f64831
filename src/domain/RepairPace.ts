import type { LifecycleAction } from "./LifecycleAction.ts"
import { startOf, type LifecycleState } from "./LifecycleState.ts"
import { namespaceReference, resolveReference } from "./NetnsOwner.ts"

/** The attempts to repair one container. */
interface Attempts {
  /** Unix milliseconds, of the last minute. */
  readonly at: ReadonlyArray<number>
  /** How many of them failed one after another, up to the last one. */
  readonly failures: number
  /** The owner's start at which they failed: what failed for an earlier one says nothing about the next. */
  readonly ownerStart: string | undefined
}

/** The start of the container whose namespace an action is to lead into, as it is before that. */
export const ownerStartIn =
  ({ containers }: LifecycleState) =>
  (action: LifecycleAction): string | undefined => {
    const joining =
      action._tag === "CreateManaged" ? action.spec : action._tag === "Recreate" ? action : containers.get(action.id)
    const ref = joining && namespaceReference(joining)
    return ref === undefined ? undefined : startOf(resolveReference(containers, ref))
  }

const none: Attempts = { at: [], failures: 0, ownerStart: undefined }

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

/**
 * Whether a container may be acted on now; `ownerStart` tells one start of the owner of its namespace from another. A clock that was set back does
 * not hold anything up.
 */
export const paceOf = (times: RepairTimes, name: string, now: number, ownerStart?: string): Pace => {
  const { at, ...before } = times.get(name) ?? none
  const failures = before.ownerStart === ownerStart ? before.failures : 0
  const recent = recentOf(at, now)
  const last = recent.at(-1)
  const oldest = recent.at(-BUDGET)
  if (oldest !== undefined) return { _tag: "Later", at: oldest + WINDOW, storm: true }
  const gap = gapAfter(failures)
  return last !== undefined && now - last < gap ? { _tag: "Later", at: last + gap, storm: false } : { _tag: "Now" }
}

/** Whether the last attempt to repair a container failed, at whatever start of its owner. */
export const hasFailed = (times: RepairTimes, name: string): boolean => (times.get(name)?.failures ?? 0) > 0

const nameOf = (action: LifecycleAction): string => (action._tag === "CreateManaged" ? action.spec.name : action.name)

/** Whether an action was not even tried, because the one before it was not done. */
const wasHeldUp = (action: LifecycleAction, left: ReadonlyArray<LifecycleAction>): boolean =>
  action._tag !== "CreateManaged" &&
  action.after !== undefined &&
  left.some((one) => one !== action && one._tag !== "CreateManaged" && one.id === action.after)

/** What became of actions: those that are `left` were not done. */
export interface Outcome {
  readonly left: ReadonlyArray<LifecycleAction>
  /** See {@link paceOf}. */
  readonly ownerStart?: (action: LifecycleAction) => string | undefined
}

/** The memory after some actions. What is older than a minute is forgotten. */
export const rememberRepairs = (
  times: RepairTimes,
  actions: ReadonlyArray<LifecycleAction>,
  now: number,
  { left, ownerStart = () => undefined }: Outcome = { left: [] }
): RepairTimes => {
  const next = new Map<string, Attempts>()
  for (const [name, attempts] of times) {
    const recent = recentOf(attempts.at, now)
    if (recent.length > 0) next.set(name, { ...attempts, at: recent })
  }
  const failed = new Set(left.filter((action) => !wasHeldUp(action, left)).map(nameOf))
  for (const [name, action] of new Map(actions.map((one) => [nameOf(one), one]))) {
    const before = next.get(name) ?? none
    const start = ownerStart(action)
    const failures = start === before.ownerStart ? before.failures : 0
    next.set(name, {
      at: [...before.at, now].slice(-BUDGET),
      failures: failed.has(name) ? failures + 1 : 0,
      ownerStart: start
    })
  }
  return next
}
