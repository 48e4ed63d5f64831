import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type { Family } from "../domain/Address.ts"
import type { Flow, FlowSelector } from "../domain/Dnat.ts"

/** The conntrack tool failed. That there was no such flow is not a failure. */
export class ConntrackError extends Data.TaggedError("ConntrackError")<{
  readonly command: string
  readonly message: string
}> {}

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
