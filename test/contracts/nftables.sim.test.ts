import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { baseRuleset } from "../../src/domain/NftJson.ts"
import { SimNftables } from "../../src/layers/sim/kernel/SimNftables.ts"
import { SimRuleset } from "../../src/layers/sim/kernel/SimRuleset.ts"
import { Nftables } from "../../src/services/Nftables.ts"
import { nftablesContract } from "./nftables.ts"

nftablesContract("SimNftables", () => {
  const nft = new SimNftables(new SimRuleset())
  return Promise.resolve({
    layer: nft.layer,
    world: {
      run: (commands) => {
        const refusal = nft.ruleset.execute(commands)
        return refusal === undefined ? Promise.resolve() : Promise.reject(new Error(refusal))
      },
      tables: () => Promise.resolve(nft.ruleset.tables()),
      killSession: () => Promise.resolve().then(() => nft.kill())
    },
    dispose: () => Promise.resolve()
  })
})

describe("a simulated nft that dies in a transaction", () => {
  it.each([
    { when: "before", made: 0 },
    { when: "after", made: 2 }
  ] as const)("$when the commit says session-lost, and is another one after", async ({ when, made }) => {
    const nft = new SimNftables(new SimRuleset())
    nft.dieInNext(when)
    const program = Effect.gen(function* () {
      const { transaction, readTable, generation } = yield* Nftables
      const lost = yield* Effect.flip(transaction(baseRuleset({ extIface: "eth0" })))
      expect(lost.reason).toBe("session-lost")
      expect(yield* generation).toBe(2)
      yield* readTable("v4")
      expect(yield* generation).toBe(2)
    })
    await Effect.runPromise(Effect.provide(program, nft.layer))
    expect(nft.ruleset.tables()).toHaveLength(made)
    expect(nft.takeTransactions()).toHaveLength(1)
  })
})
