import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { abandonedAttempts, type SeenAway } from "../../domain/AbandonedAttempts.ts"
import type { ContainerSnapshot } from "../../domain/DockerState.ts"
import { ownProject, projectOf } from "../../domain/LifecycleState.ts"
import { rememberRepairs, type RepairTimes } from "../../domain/RepairPace.ts"
import type { WrapRebinderSettings } from "../../domain/Settings.ts"
import { decideWrapRebind } from "../../domain/WrapRebind.ts"
import * as Metrics from "../../layers/observability/DockerMetrics.ts"
import type { Readiness } from "../../layers/observability/Readiness.ts"
import type { StatusBoard } from "../../layers/observability/StatusBoard.ts"
import type { ContainerLifecycle } from "../../services/ContainerLifecycle.ts"
import { DockerEngine, type OwnContainer } from "../../services/DockerEngine.ts"
import { awaitDocker } from "../docker/DockerStart.ts"
import { watchDocker } from "../docker/DockerWatch.ts"
import type { FatalError } from "../FatalError.ts"
import { makeLifecycleObserver } from "../lifecycle/LifecycleObserver.ts"
import { makeRepairsWith } from "../lifecycle/Repairs.ts"
import { makeNotices } from "../Notices.ts"

export { conditions } from "../docker/DockerWatch.ts"

const secondsOf = (duration: Duration.Duration): number => Math.ceil(Duration.toSeconds(duration))

const makeLook = Effect.fnUntraced(function* ({ stopTimeout }: WrapRebinderSettings, self: OwnContainer) {
  const engine = yield* DockerEngine
  let containers: ReadonlyMap<string, ContainerSnapshot> = new Map()
  const observer = yield* makeLifecycleObserver({ self, containers: () => containers, alsoInspected: [] })
  const repairs = yield* makeRepairsWith({ graceSeconds: secondsOf(stopTimeout) })
  const notices = makeNotices()
  let times: RepairTimes = new Map()
  let seenAway: SeenAway | undefined

  const recover = Effect.fnUntraced(function* (own: ReadonlyArray<ContainerSnapshot>) {
    const abandoned = abandonedAttempts(own, seenAway, yield* Clock.currentTimeMillis)
    seenAway = abandoned.seen
    yield* repairs.recover(abandoned.containers)
    return abandoned.again
  })

  const look = Effect.fn("containers.rebind")(function* () {
    containers = new Map((yield* engine.containers).map((container) => [container.id, container]))
    const { listed, state } = yield* observer.look()
    const project = ownProject(state)
    const own = listed.filter((container) => project !== undefined && projectOf(container) === project)
    const again = yield* recover(own)
    const now = yield* Clock.currentTimeMillis
    const decision = decideWrapRebind(state, times, now)
    yield* notices(decision.problems)
    yield* repairs.carryOutAll(decision.actions)
    times = rememberRepairs(times, decision.actions, now)
    return earliest(decision.again, again)
  })
  return { look, observer }
})

const earliest = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b)

/**
 * The wrap-rebinder: re-creates the containers of its own Compose project that are in the namespace of a container that was re-created, for as long
 * as it runs (SPEC §11.7).
 */
export const wrapRebinder = Effect.fnUntraced(function* (
  settings: WrapRebinderSettings,
  selfRef: string,
  readiness: Readiness,
  tell?: StatusBoard["tell"]
): Effect.fn.Return<never, FatalError, DockerEngine | ContainerLifecycle> {
  yield* Metrics.initialise
  const self = yield* awaitDocker(selfRef)
  readiness.set("docker", undefined)
  const { look, observer } = yield* makeLook(settings, self)
  return yield* watchDocker({
    readiness,
    tell,
    pollInterval: settings.pollInterval,
    onEvent: (event) => {
      observer.note(event)
      return event.type === "container" && event.containerId !== self.id
    },
    onResync: observer.forget,
    look: Effect.suspend(look)
  })
})
