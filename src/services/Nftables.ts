import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type { NftCommand, TableContent } from "../domain/NftJson.ts"
import type { Family } from "../domain/Address.ts"

/**
 * `refused`: the kernel or nft said no, and nothing of the transaction holds. `session-lost`: the nft process died or
 * did not answer; whether the transaction was committed is unknown, so the caller reads the kernel again before the next change.
 */
export class NftError extends Data.TaggedError("NftError")<{
  readonly reason: "refused" | "session-lost"
  readonly commands: string
  readonly message: string
}> {}

/** The nftables rule set of this network namespace; only anchord's own two tables are ever touched (SPEC §6). */
export class Nftables extends Context.Service<
  Nftables,
  {
    /** Carries out all commands as one transaction: all of it or nothing. An empty list does nothing. */
    readonly transaction: (commands: ReadonlyArray<NftCommand>) => Effect.Effect<void, NftError>
    /** What anchord's table of this family holds in the kernel; `undefined` when there is no such table. */
    readonly readTable: (family: Family) => Effect.Effect<TableContent | undefined, NftError>
    /** Grows by one whenever an nft session has ended: what a caller believed about the kernel under an older one must be read again. */
    readonly generation: Effect.Effect<number>
  }
>()("anchord/services/Nftables") {}
