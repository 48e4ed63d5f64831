import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { families, type Address, type Family } from "../../domain/Address.ts"
import type { ExplainedContainer } from "../../domain/Explanation.ts"
import {
  borrowing,
  foreignAddress,
  witnessesOf,
  type AskedWitness,
  type ForeignFacts,
  type ProbeAnswer
} from "../../domain/ForeignSource.ts"
import type { LinkAddress } from "../../domain/Routing.ts"
import { Netlink } from "../../services/Netlink.ts"
import { LocalSystem } from "../../services/LocalSystem.ts"

export interface Trial {
  readonly network: ForeignFacts["network"]
  readonly explained: ReadonlyArray<ExplainedContainer>
  /** The addresses of this namespace. */
  readonly addresses: ReadonlyArray<LinkAddress>
}

/** Runs it while the namespace has the address, which is gone afterwards, however it ends. */
const withAddress = <A, E, R>(family: Family, address: Address, use: Effect.Effect<A, E, R>) => {
  const { take, giveBack } = borrowing(family, address)
  const apply = (step: typeof take) => Effect.flatMap(Netlink, ({ applyAddresses }) => applyAddresses([step]))
  return Effect.acquireUseRelease(
    apply(take),
    () => use,
    () => Effect.ignore(apply(giveBack))
  )
}

const isAnswered = ({ _tag }: ProbeAnswer): boolean => _tag === "Answered"

const tryFamily = Effect.fnUntraced(function* (family: Family, { network, explained, addresses }: Trial) {
  const { probe } = yield* LocalSystem
  const all = { concurrency: "unbounded" } as const
  const asked = yield* Effect.forEach(
    witnessesOf(explained, family),
    (witness) => Effect.map(probe(witness.address), (own): AskedWitness => ({ ...witness, own, foreign: undefined })),
    all
  )
  const source = foreignAddress(family, addresses, yield* Random.nextIntBetween(1, 254))
  if (source === undefined || !asked.some(({ own }) => isAnswered(own)))
    return { family, network, source, asked } satisfies ForeignFacts
  const foreign = yield* withAddress(
    family,
    source,
    Effect.forEach(
      asked,
      (witness) =>
        isAnswered(witness.own)
          ? Effect.map(probe(witness.address, source), (answer): AskedWitness => ({ ...witness, foreign: answer }))
          : Effect.succeed(witness),
      all
    )
  )
  return { family, network, source, asked: foreign } satisfies ForeignFacts
})

/**
 * Really sends packets with a foreign source address to the backends, from an address that the namespace has for these seconds (SPEC §13). The
 * backends' kernels answer, and no application hears of it.
 */
export const tryForeignSources = (trial: Trial) =>
  Effect.forEach(families, (family) => tryFamily(family, trial), { concurrency: "unbounded" })
