import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Semaphore from "effect/Semaphore"
import type { Recreate } from "../../domain/LifecycleAction.ts"

/** Of a project that is updated all containers are made anew at once, and Docker has other things to do as well. */
const AT_ONCE = 4

/** Carries one out; `ownerStart` is that of the container whose namespace it leads into, as it was decided on (RepairPace). */
type CarryOut = (action: Recreate, ownerStart: string | undefined) => Effect.Effect<void>

/**
 * The re-creations under way: whoever takes long to stop does not keep the others waiting. When the scope closes they are interrupted, as far as
 * they can be.
 */
export const makeRecreations = Effect.fnUntraced(function* (carryOut: CarryOut) {
  const fibers = yield* FiberSet.make<void, never>()
  const permits = yield* Semaphore.make(AT_ONCE)
  const names = new Set<string>()
  return {
    /** The names of the containers that one is under way for. */
    names: (): ReadonlySet<string> => names,
    begin: (action: Recreate, ownerStart: string | undefined) =>
      Effect.suspend(() => {
        names.add(action.name)
        const done = Effect.sync(() => names.delete(action.name))
        return FiberSet.run(fibers, permits.withPermits(1)(carryOut(action, ownerStart)).pipe(Effect.ensuring(done)))
      }),
    /** Ends only by a defect in one of them. */
    keep: FiberSet.join(fibers)
  }
})
