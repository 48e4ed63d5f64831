import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { DockerEvent } from "../../domain/DockerState.ts"
import { watchedWithSignals } from "../../domain/EventScope.ts"
import type { Inspection, Json } from "../../domain/Inspection.ts"
import { rememberLeaving, type Leaving } from "../../domain/Leaving.ts"
import type { LifecycleAction } from "../../domain/LifecycleAction.ts"
import { observed } from "../../domain/LifecycleObservation.ts"
import type { LifecycleContainer } from "../../domain/LifecycleState.ts"
import {
  concernsFollow,
  decideFollow,
  emptyFollow,
  followAfresh,
  followFailed,
  followerOf,
  type FollowedNetwork
} from "../../domain/NetworkFollow.ts"
import {
  configuredNetwork,
  defaultEndpoint,
  rememberEndpoint,
  type KnownEndpoint
} from "../../domain/FollowedEndpoint.ts"
import { graceOf } from "../../domain/Recreation.ts"
import type { ExternalRebinderSettings } from "../../domain/Settings.ts"
import * as Metrics from "../../layers/observability/DockerMetrics.ts"
import type { Readiness } from "../../layers/observability/Readiness.ts"
import { ContainerLifecycle } from "../../services/ContainerLifecycle.ts"
import { DockerEngine, type DockerError, type OwnContainer } from "../../services/DockerEngine.ts"
import { awaitDocker } from "../docker/DockerStart.ts"
import { watchDocker } from "../docker/DockerWatch.ts"
import type { FatalError } from "../FatalError.ts"
import { makeRepairs } from "../lifecycle/Repairs.ts"
import { makeNotices } from "../Notices.ts"

export { conditions } from "../docker/DockerWatch.ts"

/** A safety net: what matters is told by events. */
const POLL_INTERVAL = Duration.seconds(30)

interface Seen {
  readonly follower: LifecycleContainer
  readonly inspection: Inspection
}

const orAbsent = <A>(effect: Effect.Effect<A, DockerError>): Effect.Effect<A | undefined, DockerError> =>
  Effect.catchIf(
    effect,
    ({ reason }) => reason === "not-found",
    () => Effect.succeed(undefined)
  )

/** Looks at the follower and the network; nothing is remembered here. */
const makeObserver = Effect.fnUntraced(function* ({ network, target }: ExternalRebinderSettings, self: OwnContainer) {
  const engine = yield* DockerEngine
  const lifecycle = yield* ContainerLifecycle

  /** Docker takes the beginning of an ID for a name, too. */
  const find = Effect.map(orAbsent(engine.network(network)), (found): FollowedNetwork | undefined =>
    found?.name === network ? { id: found.id, members: new Set(found.members.keys()) } : undefined
  )

  // First who runs, then who is on the network: who has been started in between is on it already.
  return Effect.gen(function* () {
    const listed = yield* engine.containers
    const state = observed({ self, listed, inspections: new Map(), names: new Map() })
    const follower = followerOf(state, target)
    const [found, inspection] = yield* Effect.all(
      [find, follower === undefined ? Effect.succeed(undefined) : orAbsent(lifecycle.inspect(follower.id))],
      { concurrency: 2 }
    )
    const seen: Seen | undefined = follower && inspection && { follower, inspection }
    return { state, found, seen, hasVanished: follower !== undefined && inspection === undefined }
  })
})

/** What is done to the follower, with what it had on the network, and with the time that it takes to stop. */
const completed = (
  actions: ReadonlyArray<LifecycleAction>,
  inspection: Inspection,
  endpoint: Json
): ReadonlyArray<LifecycleAction> =>
  actions.map((action) => {
    if (action._tag === "Connect") return { ...action, endpoint }
    return action._tag === "Restart" ? { ...action, graceSeconds: graceOf(inspection) } : action
  })

const tellDefault = ({ name }: LifecycleContainer, network: string) =>
  Effect.logInfo(
    `what ${name} asks for on ${network} is not known, because it was not there since this process began; it gets what Compose gives by default. If it shall have a fixed address or other aliases, re-create it while ${network} is there`
  )

const makeLook = Effect.fnUntraced(function* (settings: ExternalRebinderSettings, self: OwnContainer) {
  const { network, target, restart, backoff } = settings
  const observe = yield* makeObserver(settings, self)
  const repairs = yield* makeRepairs
  const notices = makeNotices()
  let memory = emptyFollow
  let known: KnownEndpoint | undefined
  let follower: string | undefined
  let members: ReadonlySet<string> = new Set()
  let leaving: Leaving = new Map()
  let afresh = false

  /** What it asked for when it was there. */
  const endpointFor = Effect.fnUntraced(function* (container: LifecycleContainer) {
    if (known?.follower === container.id) return known.settings
    yield* tellDefault(container, network)
    known = { follower: container.id, settings: defaultEndpoint(container) }
    return known.settings
  })

  const act = Effect.fnUntraced(function* (actions: ReadonlyArray<LifecycleAction>, seen: Seen) {
    const connects = actions.some(({ _tag }) => _tag === "Connect")
    const endpoint = connects ? yield* endpointFor(seen.follower) : {}
    return yield* repairs.carryOutAll(completed(actions, seen.inspection, endpoint))
  }, Effect.uninterruptible)

  const look = Effect.fn("network.follow")(function* () {
    const { state, found, seen, hasVanished } = yield* observe
    if (hasVanished) return undefined
    follower = seen?.follower.id
    members = found?.members ?? new Set()
    if (seen !== undefined) known = rememberEndpoint(known, seen.inspection, network)
    if (afresh) memory = followAfresh(memory)
    afresh = false
    const now = yield* Clock.currentTimeMillis
    const configured = seen && configuredNetwork(seen.inspection, network)
    const times = { backoff: Duration.toMillis(backoff), now }
    const decision = decideFollow({ state, network, target, restart, found, configured, memory, leaving, ...times })
    memory = decision.memory
    yield* notices(decision.problems)
    if (seen === undefined || decision.actions.length === 0) return decision.again
    const left = yield* act(decision.actions, seen)
    if (!left.some(({ _tag }) => _tag === "Connect")) return decision.again
    memory = followFailed(memory, yield* Clock.currentTimeMillis)
    return now
  })

  return {
    look,
    /** Answers whether it is a reason to look. */
    onEvent: (event: DockerEvent, now: number): boolean => {
      const before = leaving
      leaving = rememberLeaving(leaving, event, now)
      if (event.action === "kill") return leaving !== before && members.has(event.containerId ?? "")
      return concernsFollow(event, { network, target, ...(follower === undefined ? {} : { follower }) })
    },
    /** The next look tries again what was given up. */
    lookAfresh: () => {
      afresh = true
    }
  }
})

/** The external-rebinder: keeps one container on the network that has a name, for as long as it runs (SPEC §11.6). */
export const externalRebinder = Effect.fnUntraced(function* (
  settings: ExternalRebinderSettings,
  selfRef: string,
  readiness: Readiness
): Effect.fn.Return<never, FatalError, DockerEngine | ContainerLifecycle> {
  yield* Metrics.initialise
  const self = yield* awaitDocker(selfRef)
  readiness.set("docker", undefined)
  const { look, onEvent, lookAfresh } = yield* makeLook(settings, self)
  return yield* watchDocker({
    readiness,
    pollInterval: POLL_INTERVAL,
    actions: watchedWithSignals,
    onEvent,
    onResync: (source) => {
      if (source === "reconnect") lookAfresh()
    },
    look: Effect.suspend(look)
  })
})
