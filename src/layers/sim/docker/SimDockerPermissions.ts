import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Permission } from "../../../domain/DockerFindings.ts"
import type { Endpoint } from "../../../domain/NeededEndpoints.ts"
import { DockerPermissions } from "../../../services/DockerPermissions.ts"

/** A socket proxy that lets everything through but these calls. */
export const layer = (forbidden: ReadonlySet<Endpoint>): Layer.Layer<DockerPermissions> =>
  Layer.succeed(DockerPermissions)({
    ask: (endpoint) =>
      Effect.sync((): Permission => (forbidden.has(endpoint) ? { _tag: "Forbidden" } : { _tag: "Allowed" }))
  })
