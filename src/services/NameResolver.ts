import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type { Address, Family } from "../domain/Address.ts"

/** A look-up got no usable answer: no such name, no record of that family, or no server. */
export class ResolveError extends Data.TaggedError("ResolveError")<{
  readonly hostname: string
  readonly family: "v4" | "v6"
  readonly reason: "no-record" | "unavailable"
  readonly message: string
}> {}

/** A and AAAA look-ups through the resolver of this namespace (Docker's embedded DNS). */
export class NameResolver extends Context.Service<
  NameResolver,
  {
    /** The first address of this family, canonical. Nothing is cached. */
    readonly resolve: (hostname: string, family: Family) => Effect.Effect<Address, ResolveError>
  }
>()("anchord/services/NameResolver") {}
