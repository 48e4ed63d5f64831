import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { AddressPair, Family } from "../../../domain/Address.ts"
import { NameResolver, ResolveError } from "../../../services/NameResolver.ts"

/** A name server: what it knows can be changed at any time, and it can be taken away. */
export class SimResolver {
  readonly #names = new Map<string, AddressPair>()
  #lookups = 0
  /** Without it every look-up fails as `unavailable`. */
  available = true

  /** Gives a name its addresses, or with none takes it away. */
  set(hostname: string, addresses: AddressPair | undefined): this {
    if (addresses === undefined) this.#names.delete(hostname)
    else this.#names.set(hostname, addresses)
    return this
  }

  /** How many questions were asked since the last time this was. */
  takeLookups(): number {
    const lookups = this.#lookups
    this.#lookups = 0
    return lookups
  }

  readonly layer: Layer.Layer<NameResolver> = Layer.succeed(NameResolver)({
    resolve: (hostname: string, family: Family) =>
      Effect.suspend(() => {
        this.#lookups += 1
        const address = this.#names.get(hostname)?.[family]
        if (this.available && address !== undefined) return Effect.succeed(address)
        const reason = this.available ? "no-record" : "unavailable"
        return Effect.fail(new ResolveError({ hostname, family, reason, message: `${hostname}: ${reason}` }))
      })
  })
}
