import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { describe, expect, it } from "vitest"
import type { AddressPair, Family } from "../../src/domain/Address.ts"
import { NameResolver } from "../../src/services/NameResolver.ts"

/** What the suite does to the name server behind a resolver. */
export interface ResolverWorld {
  /** Gives a name its addresses, or with none takes it away. */
  readonly set: (hostname: string, addresses: AddressPair | undefined) => void
  /** From now on the server does not answer, or does again. */
  readonly silence: (silent: boolean) => void
}

export interface ResolverUnderTest {
  readonly layer: Layer.Layer<NameResolver>
  readonly world: ResolverWorld
}

const BOTH: Required<AddressPair> = { v4: "172.20.0.2", v6: "fd20::2" }

/** What every NameResolver does, whatever answers its questions. */
export const resolverContract = (name: string, make: () => Promise<ResolverUnderTest>): void => {
  const asking = ({ layer }: ResolverUnderTest) => {
    const resolving = (hostname: string, family: Family) =>
      Effect.flatMap(NameResolver, ({ resolve }) => resolve(hostname, family)).pipe(Effect.provide(layer))
    return {
      resolve: (hostname: string, family: Family) => Effect.runPromise(resolving(hostname, family)),
      failure: (hostname: string, family: Family) => Effect.runPromise(Effect.flip(resolving(hostname, family)))
    }
  }

  describe(`${name}: the contract of NameResolver`, () => {
    it("answers with the address of the family that is asked for, in its canonical form", async () => {
      const tested = await make()
      tested.world.set("anchord", BOTH)
      const { resolve } = asking(tested)
      expect(await resolve("anchord", "v4")).toBe(BOTH.v4)
      expect(await resolve("anchord", "v6")).toBe(BOTH.v6)
    })

    it("says no-record of a name that there is not, and of a family that a name does not have", async () => {
      const tested = await make()
      tested.world.set("four", { v4: BOTH.v4 })
      const { resolve, failure } = asking(tested)
      expect(await resolve("four", "v4")).toBe(BOTH.v4)
      expect(await failure("four", "v6")).toMatchObject({ hostname: "four", family: "v6", reason: "no-record" })
      expect(await failure("nobody", "v4")).toMatchObject({ hostname: "nobody", family: "v4", reason: "no-record" })
    })

    it("keeps nothing: a name that changes, goes and comes back is told as it is", async () => {
      const tested = await make()
      const { resolve, failure } = asking(tested)
      tested.world.set("anchord", BOTH)
      expect(await resolve("anchord", "v4")).toBe(BOTH.v4)
      tested.world.set("anchord", { v4: "172.20.0.7" })
      expect(await resolve("anchord", "v4")).toBe("172.20.0.7")
      tested.world.set("anchord", undefined)
      expect(await failure("anchord", "v4")).toMatchObject({ reason: "no-record" })
      tested.world.set("anchord", BOTH)
      expect(await resolve("anchord", "v4")).toBe(BOTH.v4)
    })

    it("says unavailable while nobody answers, and answers when somebody does again", async () => {
      const tested = await make()
      const { resolve, failure } = asking(tested)
      tested.world.set("anchord", BOTH)
      tested.world.silence(true)
      expect(await failure("anchord", "v4")).toMatchObject({ hostname: "anchord", reason: "unavailable" })
      tested.world.silence(false)
      expect(await resolve("anchord", "v4")).toBe(BOTH.v4)
    })
  })
}
