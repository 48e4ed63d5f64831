import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Address, Family } from "../../../domain/Address.ts"
import { NameResolver, ResolveError } from "../../../services/NameResolver.ts"
import type { SimDocker } from "../docker/SimDocker.ts"
import type { SimRandom } from "../docker/SimSurroundings.ts"

/** The name server that a simulated engine is to its containers; what goes wrong with it, goes wrong for all of them. */
export class SimDns {
  readonly #docker: SimDocker
  readonly #random: SimRandom
  /** Every question remains without an answer. */
  isAway = false
  /** Milliseconds until an answer. */
  lagMillis = 0
  /** Which part of the questions, by chance, remains without an answer. */
  flapping = 0
  #failures = 0
  #lookups = 0

  /** Chance decides on who is first among several of one name, and on which questions a flapping server answers. */
  constructor(docker: SimDocker, random: SimRandom) {
    this.#docker = docker
    this.#random = random
  }

  /** The next questions remain without an answer. */
  failNext(times: number): void {
    this.#failures = times
  }

  /** Ends everything that goes wrong. */
  clear(): void {
    this.isAway = false
    this.lagMillis = 0
    this.flapping = 0
    this.#failures = 0
  }

  /** How many questions were asked. */
  get lookups(): number {
    return this.#lookups
  }

  /** The server as it is asked from inside a container, or whatever container is called that by then. */
  layer(containerRef: string): Layer.Layer<NameResolver> {
    return Layer.succeed(NameResolver)({
      resolve: (hostname, family) =>
        Effect.suspend(() => {
          this.#lookups += 1
          const answer = Effect.suspend(() => this.#answer(containerRef, hostname, family))
          return this.lagMillis === 0 ? answer : Effect.delay(answer, this.lagMillis)
        })
    })
  }

  #answer(ref: string, hostname: string, family: Family): Effect.Effect<Address, ResolveError> {
    const fail = (reason: ResolveError["reason"]) =>
      Effect.fail(new ResolveError({ hostname, family, reason, message: `${hostname}: ${reason}` }))
    const records = this.#fails() ? undefined : this.#docker.lookUp(ref, hostname)
    if (records === undefined) return fail("unavailable")
    const addresses = records.flatMap((pair) => pair[family] ?? [])
    const first = addresses.length > 1 ? Math.floor(this.#random.next() * addresses.length) : 0
    const address = addresses[first]
    return address === undefined ? fail("no-record") : Effect.succeed(address)
  }

  #fails(): boolean {
    if (this.isAway || this.#docker.isAway) return true
    if (this.#failures > 0) {
      this.#failures -= 1
      return true
    }
    return this.flapping > 0 && this.#random.next() < this.flapping
  }
}
