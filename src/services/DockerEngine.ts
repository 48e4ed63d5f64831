import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { ContainerSnapshot, DockerEvent, NetworkSnapshot, OwnAttachment } from "../domain/DockerState.ts"
import type { NetworkConfiguration } from "../domain/ProjectToWrap.ts"

/**
 * A call to the Docker API failed. `status` is the HTTP status (absent when no answer came); `endpoint` is method and path.
 * `reason` tells what an operator can act on: `unreachable` (nothing there or refused), `not-permitted` (the socket's file
 * mode), `forbidden` (a socket proxy said no: 403), `not-found`, `failed` (anything else).
 */
export class DockerError extends Data.TaggedError("DockerError")<{
  readonly endpoint: string
  readonly reason: "unreachable" | "not-permitted" | "forbidden" | "not-found" | "failed"
  readonly status?: number
  readonly message: string
}> {}

/** anchord's own container, as inspecting it reports it. */
export interface OwnContainer {
  readonly id: string
  readonly name: string
  readonly imageId: string
  readonly attachments: ReadonlyArray<OwnAttachment>
}

/** The part of the Docker Engine API that anchord reads (API 1.41 and later, SPEC §15). */
export class DockerEngine extends Context.Service<
  DockerEngine,
  {
    /** `GET /_ping`; the API version that the engine offers, unless a proxy hides it. */
    readonly ping: Effect.Effect<string | undefined, DockerError>
    /** `GET /containers/{id}/json` of anchord's own container; `ref` is an ID or a name. Never used on another container: it blocks until that has started. */
    readonly inspectSelf: (ref: string) => Effect.Effect<OwnContainer, DockerError>
    /** `GET /containers/json?all=1`. */
    readonly containers: Effect.Effect<ReadonlyArray<ContainerSnapshot>, DockerError>
    /** The same with an `id` filter; an ID that is gone is simply not in the answer. */
    readonly containersById: (
      ids: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<ContainerSnapshot>, DockerError>
    /** `GET /networks/{id}`, by ID or name. */
    readonly network: (ref: string) => Effect.Effect<NetworkSnapshot, DockerError>
    /** The same question; how the network is set up. */
    readonly networkConfiguration: (ref: string) => Effect.Effect<NetworkConfiguration, DockerError>
    /**
     * `GET /events`, filtered by type and event on the engine's side. Emits until the connection ends; then it ends or fails.
     * `sinceNano` replays what happened after that time; `actions` are those asked for, left out: the ones that can cause work everywhere.
     */
    readonly events: (sinceNano?: bigint, actions?: ReadonlyArray<string>) => Stream.Stream<DockerEvent, DockerError>
    /** `GET /events` until now: what the engine still remembers, the oldest first. That is a few hundred events, none from before its own start. */
    readonly pastEvents: Effect.Effect<ReadonlyArray<DockerEvent>, DockerError>
  }
>()("anchord/services/DockerEngine") {}
