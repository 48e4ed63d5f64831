import * as Effect from "effect/Effect"
import { configuredNetwork, firstNetwork, firstNetworkId, type FirstNetwork } from "../../domain/FollowedEndpoint.ts"
import type { Inspection } from "../../domain/Inspection.ts"
import { observed } from "../../domain/LifecycleObservation.ts"
import type { LifecycleContainer, LifecycleState } from "../../domain/LifecycleState.ts"
import { followerOf, type FollowedNetwork } from "../../domain/NetworkFollow.ts"
import type { ExternalRebinderSettings } from "../../domain/Settings.ts"
import { ContainerLifecycle } from "../../services/ContainerLifecycle.ts"
import { DockerEngine, type DockerError, type OwnContainer } from "../../services/DockerEngine.ts"

export interface Follower {
  readonly container: LifecycleContainer
  readonly inspection: Inspection
  /** What its own configuration has for the network ({@link configuredNetwork}). */
  readonly configured: string | undefined
  readonly first?: FirstNetwork
}

export interface Seen {
  readonly state: LifecycleState
  readonly found: FollowedNetwork | undefined
  readonly follower: Follower | undefined
  /** The follower was there, and is not any more: whoever removes it makes another one, or an event tells of its end. */
  readonly hasVanished: boolean
}

const orAbsent = <A>(effect: Effect.Effect<A, DockerError>): Effect.Effect<A | undefined, DockerError> =>
  Effect.catchIf(
    effect,
    ({ reason }) => reason === "not-found",
    () => Effect.succeed(undefined)
  )

/** Looks at the follower and at the network. */
export const makeFollowObserver = Effect.fnUntraced(function* (
  { network, target }: ExternalRebinderSettings,
  self: OwnContainer
) {
  const engine = yield* DockerEngine
  const lifecycle = yield* ContainerLifecycle

  /** Docker takes the beginning of an ID for a name, too. */
  const find = Effect.map(orAbsent(engine.network(network)), (found): FollowedNetwork | undefined =>
    found?.name === network ? { id: found.id, members: new Set(found.members.keys()) } : undefined
  )

  const lookAt = Effect.fnUntraced(function* (
    container: LifecycleContainer,
    inspection: Inspection,
    found: FollowedNetwork | undefined
  ) {
    const id = firstNetworkId(inspection)
    const isThere = id === undefined || id === found?.id || (yield* orAbsent(engine.network(id))) !== undefined
    const first = firstNetwork(inspection, network, isThere)
    const configured = configuredNetwork(inspection, network)
    return { container, inspection, configured, ...(first === undefined ? {} : { first }) } satisfies Follower
  })

  // First who runs, then who is on the network: who has been started in between is on it already.
  const look: Effect.Effect<Seen, DockerError> = Effect.gen(function* () {
    const listed = yield* engine.containers
    const state = observed({ self, listed, inspections: new Map(), names: new Map() })
    const container = followerOf(state, target)
    const [found, inspection] = yield* Effect.all(
      [find, container === undefined ? Effect.succeed(undefined) : orAbsent(lifecycle.inspect(container.id))],
      { concurrency: 2 }
    )
    const follower = container && inspection && (yield* lookAt(container, inspection, found))
    return { state, found, follower, hasVanished: container !== undefined && inspection === undefined }
  })
  return look
})
