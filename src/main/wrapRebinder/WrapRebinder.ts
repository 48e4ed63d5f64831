import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { cutShort } from "../../domain/CutShort.ts"
import type { ContainerSnapshot } from "../../domain/DockerState.ts"
import type { Recreate } from "../../domain/LifecycleAction.ts"
import { isOfOwnProject, type LifecycleContainer } from "../../domain/LifecycleState.ts"
import { nameBefore } from "../../domain/Recreation.ts"
import { ownerStartIn, rememberRepairs, type RepairTimes } from "../../domain/RepairPace.ts"
import type { WrapRebinderSettings } from "../../domain/Settings.ts"
import { decideWrapRebind, steadiness, type Rebind } from "../../domain/WrapRebind.ts"
import * as Metrics from "../../layers/observability/DockerMetrics.ts"
import type { Readiness } from "../../layers/observability/Readiness.ts"
import type { StatusBoard } from "../../layers/observability/StatusBoard.ts"
import { ContainerLifecycle } from "../../services/ContainerLifecycle.ts"
import { DockerEngine, type OwnContainer } from "../../services/DockerEngine.ts"
import { awaitDocker } from "../docker/DockerStart.ts"
import { watchDocker } from "../docker/DockerWatch.ts"
import type { FatalError } from "../FatalError.ts"
import { makeLifecycleObserver } from "../lifecycle/LifecycleObserver.ts"
import { makeRepairsWith } from "../lifecycle/Repairs.ts"
import { makeNotices } from "../Notices.ts"
import { makeRecreations } from "./Recreations.ts"

export { conditions } from "../docker/DockerWatch.ts"

const secondsOf = (duration: Duration.Duration): number => Math.ceil(Duration.toSeconds(duration))

const earliest = (...times: ReadonlyArray<number | undefined>): number | undefined => {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

/** The one that is joined, as it is at this moment; nothing when it is gone. */
const makeHeirs = Effect.fnUntraced(function* () {
  const lifecycle = yield* ContainerLifecycle
  const heirOf = ({ networkMode }: Recreate) =>
    lifecycle.inspect(networkMode.slice("container:".length)).pipe(
      Effect.catchIf(
        ({ reason }) => reason === "not-found",
        () => Effect.succeed(undefined)
      )
    )

  /** Those of the actions that can be done now, and when to look again for the sake of the others. */
  return Effect.fnUntraced(function* (actions: ReadonlyArray<Rebind>, now: number) {
    const ready: Array<Rebind> = []
    const later: Array<number> = []
    for (const action of actions) {
      const heir = yield* heirOf(action)
      const { running, unsteadyUntil } = heir === undefined ? { running: false } : steadiness(heir, now, action.yields)
      if (unsteadyUntil !== undefined) later.push(unsteadyUntil)
      else if (running) ready.push(action)
    }
    return { ready, again: earliest(...later) }
  })
})

const makeRebinding = Effect.fnUntraced(function* ({ stopTimeout }: WrapRebinderSettings, self: OwnContainer) {
  const engine = yield* DockerEngine
  let containers: ReadonlyMap<string, ContainerSnapshot> = new Map()
  const observer = yield* makeLifecycleObserver({
    self,
    containers: () => containers,
    alsoInspected: [],
    past: engine.pastEvents
  })
  const steady = yield* makeHeirs()
  const repairs = yield* makeRepairsWith({ graceSeconds: secondsOf(stopTimeout), by: self.id })
  const notices = makeNotices()
  let times: RepairTimes = new Map()

  const recreations = yield* makeRecreations(
    Effect.fnUntraced(function* (action, ownerStart) {
      const { left } = yield* repairs.carryOutAll([action])
      times = rememberRepairs(times, [action], yield* Clock.currentTimeMillis, { left, ownerStart: () => ownerStart })
    })
  )

  const look = Effect.fn("containers.rebind")(function* () {
    containers = new Map((yield* engine.containers).map((container) => [container.id, container]))
    const { state } = yield* observer.look()
    const isOwn = (container: LifecycleContainer) => isOfOwnProject(container, state)
    const isUnderWay = (container: LifecycleContainer) => recreations.names().has(nameBefore(container) ?? "")
    yield* repairs.recover(cutShort(state, isOwn).filter((container) => !isUnderWay(container)))
    const now = yield* Clock.currentTimeMillis
    const decision = decideWrapRebind(state, times, now)
    yield* notices(decision.problems)
    const { ready, again } = yield* steady(
      decision.actions.filter(({ name }) => !recreations.names().has(name)),
      now
    )
    yield* Effect.forEach(ready, (action) => recreations.begin(action, ownerStartIn(state)(action)), { discard: true })
    return earliest(decision.again, again)
  })
  return { look, observer, recreations }
})

/**
 * The wrap-rebinder: re-creates the containers of its own Compose project that are in the namespace of a container that was re-created, for as long
 * as it runs (SPEC §11.7).
 */
export const wrapRebinder = Effect.fnUntraced(function* (
  settings: WrapRebinderSettings,
  selfRef: string,
  readiness: Readiness,
  tell?: StatusBoard["tell"]
): Effect.fn.Return<never, FatalError, DockerEngine | ContainerLifecycle | Scope.Scope> {
  yield* Metrics.initialise
  const self = yield* awaitDocker(selfRef)
  readiness.set("docker", undefined)
  const { look, observer, recreations } = yield* makeRebinding(settings, self)
  const watch = watchDocker({
    readiness,
    tell,
    pollInterval: settings.pollInterval,
    onEvent: (event) => {
      observer.note(event)
      return event.type === "container" && event.containerId !== self.id
    },
    onResync: () => observer.forget(),
    look: Effect.suspend(look)
  })
  yield* Effect.all([watch, recreations.keep], { concurrency: "unbounded", discard: true })
  return yield* Effect.never
})
