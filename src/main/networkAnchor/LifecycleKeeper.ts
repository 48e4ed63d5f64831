import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { AddressPair } from "../../domain/Address.ts"
import type { ContainerSnapshot } from "../../domain/DockerState.ts"
import { cutShort, isNetworkAnchors } from "../../domain/CutShort.ts"
import { lastingProblems, type ProblemTimes } from "../../domain/LastingProblems.ts"
import { decideLifecycle, isStillStartUp } from "../../domain/Lifecycle.ts"
import { emptyMemory, rememberDecision, type LifecycleMemory } from "../../domain/LifecycleMemory.ts"
import { emptyRefresh, fullRefresh, type Refresh } from "../../domain/EventScope.ts"
import type { LifecycleAction } from "../../domain/LifecycleAction.ts"
import type { NetworkAnchorSettings } from "../../domain/Settings.ts"
import { DockerEngine, type OwnContainer } from "../../services/DockerEngine.ts"
import { makeRounds } from "../docker/Rounds.ts"
import { makeLifecycleObserver } from "../lifecycle/LifecycleObserver.ts"
import { makeRepairsWith } from "../lifecycle/Repairs.ts"
import { makeNotices } from "../Notices.ts"
import { sentence } from "../../domain/Sentence.ts"

export interface LifecycleKeeperInput {
  readonly settings: NetworkAnchorSettings
  readonly self: OwnContainer
  /** All containers of the host, as they were listed last. */
  readonly containers: () => ReadonlyMap<string, ContainerSnapshot>
  /** anchord's own addresses on the shared network, once that is settled. */
  readonly own: () => AddressPair | undefined
  /** Asks for a new look at some of the containers, of which the list is evidently old. */
  readonly lookAgain: (refresh: Refresh) => Effect.Effect<void>
}

const soonest = (...times: ReadonlyArray<number | undefined>): number | undefined => {
  const given = times.filter((time) => time !== undefined)
  return given.length === 0 ? undefined : Math.min(...given)
}

/** What to look at again when somebody else had done already what was to be done. */
const refreshAfter = (found: ReadonlyArray<LifecycleAction>): Refresh =>
  found.some(({ _tag }) => _tag === "CreateManaged")
    ? fullRefresh
    : { ...emptyRefresh, containers: new Set(found.flatMap((action) => ("id" in action ? [action.id] : []))) }

/** One look at the containers, what follows from it, and the doing; answers with when to look again although nothing happens. */
const makeRound = Effect.fnUntraced(function* (input: LifecycleKeeperInput) {
  const { settings, self, containers, own, lookAgain } = input
  const { scope, project, lifecycle, logLevel } = settings
  const alsoInspected = lifecycle.managed === undefined ? [] : [lifecycle.managed.name, lifecycle.managed.target]
  const { pastEvents: past } = yield* DockerEngine
  const observer = yield* makeLifecycleObserver({ self, containers, alsoInspected, past })
  const repairs = yield* makeRepairsWith({ by: self.id })
  const notices = makeNotices()
  let memory: LifecycleMemory = emptyMemory
  let standing: ProblemTimes = new Map()
  let startUp = true

  const round = Effect.fn("containers.round")(function* () {
    const { state } = yield* observer.look()
    yield* repairs.recover(cutShort(state, isNetworkAnchors(state, scope, lifecycle.managed)))
    const now = yield* Clock.currentTimeMillis
    const given = { state, scope, project, settings: lifecycle, logLevel, own: own(), startUp, memory, now }
    const decision = decideLifecycle(given)
    const { told, since, again } = lastingProblems(decision.problems, standing, now)
    standing = since
    yield* notices(told)
    const { left, found } = yield* repairs.carryOutAll(decision.actions)
    memory = rememberDecision(memory, state, decision, now, { left, found })
    startUp = isStillStartUp(given, decision, left)
    if (found.length > 0) yield* lookAgain(refreshAfter(found))
    return soonest(decision.again, again)
  })
  return { round, observer }
})

/**
 * Starts, restarts and re-creates the containers that live in other containers' namespaces, and tells of those that it leaves (SPEC §11.1 to
 * §11.5). It looks again when the copy of Docker's state is another; what it does follows from what it sees then.
 */
export const makeLifecycleKeeper = Effect.fnUntraced(function* (input: LifecycleKeeperInput) {
  const { round, observer } = yield* makeRound(input)
  const rounds = yield* makeRounds({ cannot: sentence`cannot look after containers in shared namespaces` })
  return {
    keep: rounds.keep(Effect.suspend(round)),
    /** Looks again after the copy of Docker's state was refreshed; when all of it was, nothing that was seen before counts. */
    lookAfter: ({ full, containers }: Refresh) =>
      Effect.suspend(() => {
        observer.forget(full ? undefined : containers)
        return full || containers.size > 0 ? rounds.again : Effect.void
      }),
    note: observer.note
  }
})
