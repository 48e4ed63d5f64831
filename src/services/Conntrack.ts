import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Family } from "../domain/Address.ts"
import type { Flow, FlowSelector } from "../domain/Dnat.ts"

/** The conntrack tool failed. That there was no such flow is not a failure. */
export class ConntrackError extends Schema.TaggedError<ConntrackError>()("ConntrackError", {
  command: Schema.String,
  message: Schema.String
}) {}

/** The connection tracking table of this network namespace (SPEC §7). */
export class Conntrack extends Context.Service<
  Conntrack,
  {
    /** Deletes every flow that a selector matches and no other; the answer is how many there were. */
    readonly flush: (selectors: ReadonlyArray<FlowSelector>) => Effect.Effect<number, ConntrackError>
    /** All TCP and UDP flows of a family. */
    readonly flows: (family: Family) => Effect.Effect<ReadonlyArray<Flow>, ConntrackError>
  }
>()("anchord/services/Conntrack") {}
