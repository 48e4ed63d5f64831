import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { DockerEvent } from "../../domain/DockerState.ts"
import { watchedWithSignals } from "../../domain/EventScope.ts"
import { rememberLeaving, type Leaving } from "../../domain/Leaving.ts"
import { concernsFollow, decideFollow, emptyFollow, followAfresh, followFailed } from "../../domain/NetworkFollow.ts"
import { cutShort } from "../../domain/CutShort.ts"
import { isOfOwnProject } from "../../domain/LifecycleState.ts"
import type { ExternalRebinderSettings } from "../../domain/Settings.ts"
import * as Metrics from "../../layers/observability/DockerMetrics.ts"
import type { Readiness } from "../../layers/observability/Readiness.ts"
import type { StatusBoard } from "../../layers/observability/StatusBoard.ts"
import type { ContainerLifecycle } from "../../services/ContainerLifecycle.ts"
import type { DockerEngine, OwnContainer } from "../../services/DockerEngine.ts"
import { awaitDocker } from "../docker/DockerStart.ts"
import { watchDocker } from "../docker/DockerWatch.ts"
import type { FatalError } from "../FatalError.ts"
import { makeNotices } from "../Notices.ts"
import { makeFollowerMoves } from "./FollowerMoves.ts"
import { makeFollowObserver } from "./FollowObserver.ts"

export { conditions } from "../docker/DockerWatch.ts"

/** A safety net: what matters is told by events. */
const POLL_INTERVAL = Duration.seconds(30)

const makeFollowing = Effect.fnUntraced(function* (settings: ExternalRebinderSettings, self: OwnContainer) {
  const { network, target } = settings
  const backoff = Duration.toMillis(settings.backoff)
  const observe = yield* makeFollowObserver(settings, self)
  const moves = yield* makeFollowerMoves(network, self.id)
  const notices = makeNotices()
  let memory = emptyFollow
  let leaving: Leaving = new Map()
  let last: { readonly follower?: string; readonly members: ReadonlySet<string> } = { members: new Set() }
  let isAfresh = false

  const look = Effect.fn("network.follow")(function* () {
    const { state, found, follower, hasVanished } = yield* observe
    yield* moves.recover(cutShort(state, (container) => isOfOwnProject(container, state)))
    if (hasVanished) return undefined
    last = { members: found?.members ?? new Set(), ...(follower && { follower: follower.container.id }) }
    if (follower !== undefined) moves.note(follower)
    if (isAfresh) memory = followAfresh(memory)
    isAfresh = false
    const now = yield* Clock.currentTimeMillis
    const { configured, first } = follower ?? {}
    const seen = { state, found, configured, leaving, memory, now, ...(first && { first }) }
    const decision = decideFollow({ ...settings, backoff, ...seen })
    memory = decision.memory
    yield* notices(decision.problems)
    if (follower === undefined || decision.actions.length === 0) return decision.again
    if (yield* moves.carryOut(decision.actions, follower)) return decision.again
    memory = followFailed(memory, yield* Clock.currentTimeMillis)
    return now
  })

  const onEvent = (event: DockerEvent, now: number): boolean => {
    const before = leaving
    leaving = rememberLeaving(leaving, event, now)
    if (event.action === "kill") return leaving !== before && last.members.has(event.containerId ?? "")
    return concernsFollow(event, { network, target, ...last })
  }

  /** The next look tries again what was given up. */
  const lookAfresh = (): void => {
    isAfresh = true
  }
  return { look, onEvent, lookAfresh }
})

/** The external-rebinder: keeps one container on the network that has a name, for as long as it runs (SPEC §11.6). */
export const externalRebinder = Effect.fnUntraced(function* (
  settings: ExternalRebinderSettings,
  selfRef: string,
  readiness: Readiness,
  tell?: StatusBoard["tell"]
): Effect.fn.Return<never, FatalError, DockerEngine | ContainerLifecycle> {
  yield* Metrics.initialise
  const self = yield* awaitDocker(selfRef)
  readiness.set("docker", undefined)
  const { look, onEvent, lookAfresh } = yield* makeFollowing(settings, self)
  return yield* watchDocker({
    readiness,
    tell,
    pollInterval: POLL_INTERVAL,
    actions: watchedWithSignals,
    onEvent,
    onResync: (source) => {
      if (source === "reconnect") lookAfresh()
    },
    look: Effect.suspend(look)
  })
})
