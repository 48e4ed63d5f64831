import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { nftFamily, parseTable, tableName, type NftCommand, type TableContent } from "../../../domain/NftJson.ts"
import { Nftables, NftError } from "../../../services/Nftables.ts"
import type { SimRuleset } from "./SimRuleset.ts"

/** Read once, as they are listed once: until something changes. */
const parsed = new WeakMap<object, TableContent>()

/**
 * nft on a simulated rule set: a session that opens with the first question, and can be made to die. What others do to the rule set is done to
 * {@link SimNftables.ruleset} itself. It has no delay: a transaction is done when it is asked for.
 */
export class SimNftables {
  readonly ruleset: SimRuleset
  #generation = 1
  #alive = false
  #transactions: ReadonlyArray<ReadonlyArray<NftCommand>> = []
  readonly #deaths: Array<"before" | "after"> = []

  constructor(ruleset: SimRuleset) {
    this.ruleset = ruleset
  }

  /** The session dies while nobody asks it anything; the next question opens another. */
  kill(): void {
    if (this.#alive) this.#generation += 1
    this.#alive = false
  }

  /** The session dies in the next transaction: before it is committed, or after it, so that only the answer is lost. */
  dieInNext(when: "before" | "after"): void {
    this.#deaths.push(when)
  }

  /** The transactions that were asked for since the last time this was, refused ones included. */
  takeTransactions(): ReadonlyArray<ReadonlyArray<NftCommand>> {
    const transactions = this.#transactions
    this.#transactions = []
    return transactions
  }

  #open(): void {
    this.#alive = true
  }

  #transaction(commands: ReadonlyArray<NftCommand>): NftError | undefined {
    this.#open()
    this.#transactions = [...this.#transactions, commands]
    const death = this.#deaths.shift()
    const refusal = death === "before" ? undefined : this.ruleset.execute(commands)
    if (death === undefined && refusal === undefined) return undefined
    if (death !== undefined) this.kill()
    return new NftError({
      reason: death === undefined ? "refused" : "session-lost",
      commands: JSON.stringify(commands).slice(0, 2_000),
      message: refusal ?? "nft was ended by SIGKILL"
    })
  }

  readonly layer: Layer.Layer<Nftables> = Layer.succeed(Nftables)({
    transaction: (commands) =>
      Effect.suspend(() => {
        const failure = commands.length === 0 ? undefined : this.#transaction(commands)
        return failure === undefined ? Effect.void : Effect.fail(failure)
      }),
    readTable: (family) =>
      Effect.sync(() => {
        this.#open()
        const answer = this.ruleset.list(nftFamily[family], tableName[family])
        if (answer === undefined) return undefined
        const known = parsed.get(answer) ?? parseTable(answer, family)
        parsed.set(answer, known)
        return known
      }),
    generation: Effect.sync(() => this.#generation)
  })
}
