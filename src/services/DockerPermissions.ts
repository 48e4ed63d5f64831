import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Permission } from "../domain/DockerFindings.ts"
import type { Endpoint } from "../domain/NeededEndpoints.ts"

/** What stands between anchord and the Docker API: a socket proxy, or an authorization plugin (SPEC §15). */
export class DockerPermissions extends Context.Service<
  DockerPermissions,
  {
    /**
     * Whether a call is let through. It is really made, in a way that can have no effect: on an object that is not there, or with a body that is none.
     * Never fails: what cannot be told is an answer as well.
     */
    readonly ask: (endpoint: Endpoint) => Effect.Effect<Permission>
  }
>()("anchord/services/DockerPermissions") {}
