import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { CreateRequest } from "../domain/CreateRequest.ts"
import type { ImageConfig, Inspection, Json, RestartPolicy } from "../domain/Inspection.ts"
import type { DockerError } from "./DockerEngine.ts"

/**
 * The part of the Docker Engine API that changes containers (SPEC §11). A `ref` is an ID or a name. What a container already is, it can be
 * asked to become without an error. No call is made twice: when the answer is lost, it is not known whether it had an effect.
 */
export class ContainerLifecycle extends Context.Service<
  ContainerLifecycle,
  {
    /** `GET /containers/{id}/json`, in full. Blocks while the container is being started. */
    readonly inspect: (ref: string) => Effect.Effect<Inspection, DockerError>
    /** What `GET /images/{name}/json` says that containers of the image are configured with. */
    readonly imageConfig: (ref: string) => Effect.Effect<ImageConfig, DockerError>
    /**
     * `POST /containers/create`, and what it takes for the container to be on exactly the networks of the request; when that fails, the
     * container is removed. Answers with the ID. `status` of the error is 409 when the name is taken.
     */
    readonly create: (name: string, request: CreateRequest) => Effect.Effect<string, DockerError>
    /** Answers with whether this call has started it: false when it ran already (HTTP 304). */
    readonly start: (ref: string) => Effect.Effect<boolean, DockerError>
    /** Answers when it has ended; the engine kills it after the grace. */
    readonly stop: (ref: string, graceSeconds: number) => Effect.Effect<void, DockerError>
    readonly restart: (ref: string, graceSeconds: number) => Effect.Effect<void, DockerError>
    readonly rename: (ref: string, name: string) => Effect.Effect<void, DockerError>
    /** Without its volumes. Fails when it runs. */
    readonly remove: (ref: string) => Effect.Effect<void, DockerError>
    readonly setRestartPolicy: (ref: string, policy: RestartPolicy) => Effect.Effect<void, DockerError>
    /**
     * `endpoint` is what it asks for on the network (`EndpointSettings` of the Docker API). What is refused stays configured, for its next start.
     * A container that does not run keeps what it asked for on that network before, unless the network has been made anew since.
     */
    readonly connect: (network: string, ref: string, endpoint?: Json) => Effect.Effect<void, DockerError>
    /**
     * Fails when there is nothing to leave. By `force`, and by the network's name, a container that runs also leaves a network that is gone, of
     * which there is only the name left.
     */
    readonly disconnect: (network: string, ref: string, force?: boolean) => Effect.Effect<void, DockerError>
  }
>()("anchord/services/ContainerLifecycle") {}
