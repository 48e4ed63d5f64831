import * as Effect from "effect/Effect"
import { DockerError } from "../../../services/DockerEngine.ts"
import type { SimDocker } from "./SimDocker.ts"
import { type SimCall, type SimDockerFaults, unreachable } from "./SimDockerFaults.ts"
import { SimRefusal } from "./SimRefusal.ts"

/** Calls back with the answer to a call, or with what it is refused for. */
export type Answer<A> = (answer: A | SimRefused) => void

/** What a call is refused for. */
export class SimRefused {
  readonly why: unknown
  constructor(why: unknown) {
    this.why = why
  }
}

const errorOf = (endpoint: SimCall, why: unknown): DockerError => {
  if (why instanceof DockerError) return why
  const status = why instanceof SimRefusal ? why.status : 500
  if (status === 0) return new DockerError({ endpoint, reason: "unreachable", message: "socket hang up" })
  const message = `${endpoint}: HTTP ${status}: ${why instanceof Error ? why.message : String(why)}`
  return new DockerError({ endpoint, reason: status === 404 ? "not-found" : "failed", status, message })
}

/** One who calls a simulated engine: its calls, counted, with all that goes wrong on their way. */
export class SimDockerClient {
  readonly docker: SimDocker
  readonly #faults: ReadonlyArray<SimDockerFaults>
  readonly #counts = new Map<SimCall, number>()

  /** The faults of this client, and those that it shares with others. */
  constructor(docker: SimDocker, ...faults: ReadonlyArray<SimDockerFaults>) {
    this.docker = docker
    this.#faults = faults
  }

  /** How often it called, failed calls included. */
  calls(endpoint: SimCall): number {
    return this.#counts.get(endpoint) ?? 0
  }

  get faults(): ReadonlyArray<SimDockerFaults> {
    return this.#faults
  }

  /** A call that the engine answers at once. */
  ask<A>(endpoint: SimCall, use: () => A): Effect.Effect<A, DockerError> {
    return Effect.suspend(() => {
      const refusal = this.#begin(endpoint)
      if (refusal !== undefined) return Effect.fail(refusal)
      if (this.#faults.some(({ any }) => any)) return this.#faulty(endpoint, (answer) => answer(this.attempt(use)))
      try {
        return Effect.succeed(use())
      } catch (error) {
        return Effect.fail(errorOf(endpoint, error))
      }
    })
  }

  /** A call that the engine answers when it is done. */
  tell<A>(endpoint: SimCall, use: (answer: Answer<A>) => void): Effect.Effect<A, DockerError> {
    return Effect.suspend(() => {
      const refusal = this.#begin(endpoint)
      if (refusal !== undefined) return Effect.fail(refusal)
      return this.#faults.some(({ any }) => any) ? this.#faulty(endpoint, use) : this.#done(endpoint, use)
    })
  }

  /** What comes of it, or what it throws. */
  attempt<A>(use: () => A): A | SimRefused {
    try {
      return use()
    } catch (error) {
      return new SimRefused(error)
    }
  }

  /** Lets it answer, unless it throws. */
  answering<A>(answer: Answer<A>, use: (answer: Answer<A>) => void): void {
    try {
      use(answer)
    } catch (error) {
      answer(new SimRefused(error))
    }
  }

  /** Calls back when the connections are cut, or the engine ends; the answer gives that up. */
  whenCut(go: () => void): () => void {
    const offs = [...this.#faults.map((faults) => faults.whenCut(go)), this.docker.whenAway(go)]
    return () => {
      for (const off of offs) off()
    }
  }

  /** Fails when the call does not get through. */
  open(endpoint: SimCall): Effect.Effect<void, DockerError> {
    return this.ask(endpoint, () => {})
  }

  #begin(endpoint: SimCall): DockerError | undefined {
    this.#counts.set(endpoint, this.calls(endpoint) + 1)
    if (this.docker.isAway) return unreachable(endpoint)
    for (const faults of this.#faults) {
      const refusal = faults.refusal(endpoint)
      if (refusal !== undefined) return refusal
    }
    return undefined
  }

  #faulty<A>(endpoint: SimCall, use: (answer: Answer<A>) => void): Effect.Effect<A, DockerError> {
    const total = (of: (faults: SimDockerFaults) => number) => this.#faults.reduce((sum, each) => sum + of(each), 0)
    const wait = (millis: number) => (millis === 0 ? Effect.void : Effect.sleep(millis))
    const call = wait(total((faults) => faults.slowness(endpoint))).pipe(
      Effect.andThen(this.#unblocked(endpoint)),
      Effect.andThen(this.#done(endpoint, use)),
      Effect.tap(() => wait(total((faults) => faults.lagOf(endpoint))))
    )
    return Effect.raceFirst(call, this.#cut(endpoint))
  }

  /** Waits for the answer, unless it comes at once; when what is open is cut, it never comes. */
  #done<A>(endpoint: SimCall, use: (answer: Answer<A>) => void): Effect.Effect<A, DockerError> {
    return Effect.suspend(() => {
      let result: Effect.Effect<A, DockerError> | undefined
      let resume = (answered: Effect.Effect<A, DockerError>) => {
        result = answered
      }
      use((answer) => resume(this.#result(endpoint, answer)))
      if (result !== undefined) return result
      return Effect.callback<A, DockerError>((go) => {
        const off = this.whenCut(() => go(Effect.fail(unreachable(endpoint))))
        resume = (answered) => {
          off()
          go(answered)
        }
        return Effect.sync(off)
      })
    })
  }

  #result<A>(endpoint: SimCall, answer: A | SimRefused): Effect.Effect<A, DockerError> {
    for (const faults of this.#faults) faults.answered(endpoint)
    if (this.#faults.some((faults) => faults.losesAnswer(endpoint))) {
      return Effect.fail(new DockerError({ endpoint, reason: "unreachable", message: "socket hang up" }))
    }
    return answer instanceof SimRefused ? Effect.fail(errorOf(endpoint, answer.why)) : Effect.succeed(answer)
  }

  #unblocked(endpoint: SimCall): Effect.Effect<void> {
    return Effect.suspend(() => {
      const blocking = this.#faults.find((faults) => faults.blocks(endpoint))
      if (blocking === undefined) return Effect.void
      return Effect.callback<void>((resume) => {
        const off = blocking.whenUnblocked(() => resume(this.#unblocked(endpoint)))
        return Effect.sync(off)
      })
    })
  }

  #cut(endpoint: SimCall): Effect.Effect<never, DockerError> {
    return Effect.callback<never, DockerError>((resume) => {
      const off = this.whenCut(() => resume(Effect.fail(unreachable(endpoint))))
      return Effect.sync(off)
    })
  }
}
