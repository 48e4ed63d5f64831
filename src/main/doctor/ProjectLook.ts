import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { sharingBackends, type PortFacts } from "../../domain/BackendFindings.ts"
import type { DockerState } from "../../domain/DockerState.ts"
import { fullRefresh } from "../../domain/EventScope.ts"
import { findExternal, type ExternalInterface } from "../../domain/ExternalInterface.ts"
import type { Inspection } from "../../domain/Inspection.ts"
import { inspectedOf } from "../../domain/LifecycleObservation.ts"
import { anchordMode } from "../../domain/LifecycleState.ts"
import type { Link } from "../../domain/Routing.ts"
import type { NetworkAnchorSettings } from "../../domain/Settings.ts"
import type { NetworkAnchorStatus } from "../../domain/Status.ts"
import type { Sentence } from "../../domain/Sentence.ts"
import { chooseShared, type SharedNetwork } from "../../domain/SharedNetwork.ts"
import { ContainerLifecycle } from "../../services/ContainerLifecycle.ts"
import { DockerEngine } from "../../services/DockerEngine.ts"
import { makeDockerMirror } from "../networkAnchor/DockerMirror.ts"

/** What Docker says of this container and of the project. */
export interface ProjectFacts {
  readonly inspection: Inspection
  readonly state: DockerState
  readonly external: ExternalInterface
  readonly shared: Result.Result<SharedNetwork, Sentence>
  /** Of the shared network. */
  readonly internal: boolean
  readonly ports: PortFacts | undefined
}

const AT_ONCE = 4

/** The containers with ports in shared namespaces that run a service-anchor; one that is gone by now runs none. */
const serviceAnchorsIn = Effect.fnUntraced(function* (state: DockerState, { scope }: NetworkAnchorSettings) {
  const { inspect } = yield* ContainerLifecycle
  const found = yield* Effect.forEach(
    sharingBackends(state, scope),
    ({ id }) =>
      inspect(id).pipe(
        Effect.map((inspection) => (anchordMode(inspectedOf(inspection)) === "service-anchor" ? [id] : [])),
        Effect.orElseSucceed((): ReadonlyArray<string> => [])
      ),
    { concurrency: AT_ONCE }
  )
  return new Set(found.flat())
})

/** What a running network-anchor has settled on stays, whatever a new one would choose. */
const settled = (running: NetworkAnchorStatus | undefined, { own }: DockerState): SharedNetwork | undefined => {
  const shared = running?.shared
  const attachment = own.find(({ networkName }) => networkName === shared?.network)
  if (shared?.settled !== true || attachment === undefined) return undefined
  return { networkId: attachment.networkId, name: shared.network, settled: true, reason: shared.why }
}

export interface ProjectToLookAt {
  readonly settings: NetworkAnchorSettings
  readonly ownRef: string
  readonly links: ReadonlyArray<Link>
  /** What the network-anchor in this container tells of itself, if one runs. */
  readonly running: NetworkAnchorStatus | undefined
}

/** Reads what the decisions of a network-anchor follow from, and decides as one does. Fails when Docker does not tell. */
export const lookAtProject = Effect.fnUntraced(function* ({ settings, ownRef, links, running }: ProjectToLookAt) {
  const engine = yield* DockerEngine
  const self = yield* engine.inspectSelf(ownRef)
  const inspection = yield* (yield* ContainerLifecycle).inspect(self.id)
  const state = yield* (yield* makeDockerMirror(self)).refresh(fullRefresh)
  const external = findExternal(settings.external, state.own, links)
  const externalNetworkId = external._tag === "Found" ? external.networkId : undefined
  const { scope, sharedNetwork: pin } = settings
  const shared = chooseShared({ state, scope, pin, externalNetworkId, previous: settled(running, state) })
  if (Result.isFailure(shared))
    return { inspection, state, external, shared, internal: false, ports: undefined } satisfies ProjectFacts
  const { internal } = yield* engine.networkConfiguration(shared.success.networkId)
  const serviceAnchors = yield* serviceAnchorsIn(state, settings)
  const ports = { state, scope, shared: shared.success, serviceAnchors }
  return { inspection, state, external, shared, internal, ports } satisfies ProjectFacts
})
