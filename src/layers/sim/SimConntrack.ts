import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Family } from "../../domain/Address.ts"
import type { Flow, FlowSelector } from "../../domain/Dnat.ts"
import { selectorMatches } from "../../domain/FlowConsistency.ts"
import { Conntrack, ConntrackError } from "../../services/Conntrack.ts"

/** The two tuples that a flow is found by, one for each direction. */
const tuplesOf = (flow: Flow): ReadonlyArray<string> => {
  const { family, protocol, source, sourcePort, destination, destinationPort, replySource, replySourcePort } = flow
  return [
    [family, protocol, source, sourcePort, destination, destinationPort],
    [family, protocol, replySource, replySourcePort, source, sourcePort]
  ].map((tuple) => tuple.join(" "))
}

/** The connection tracking table of a simulated namespace: flows come and go by themselves, and the tool that reads it can be broken. */
export class SimConntrack {
  #flows: ReadonlyArray<Flow> = []
  #flushes = 0
  /** Set: the tool fails with this message, whatever it is asked. */
  failure: string | undefined

  /** A flow begins; like the kernel, it refuses one whose packets could not be told from another's. */
  add(flow: Flow): void {
    const known = new Set(this.#flows.flatMap(tuplesOf))
    if (tuplesOf(flow).some((tuple) => known.has(tuple))) throw new Error("Operation failed: such conntrack exists")
    this.#flows = [...this.#flows, flow]
  }

  flows(): ReadonlyArray<Flow> {
    return this.#flows
  }

  /** How often a flush was asked for since the last time this was, failed ones included. */
  takeFlushes(): number {
    const flushes = this.#flushes
    this.#flushes = 0
    return flushes
  }

  #flush(selectors: ReadonlyArray<FlowSelector>): number {
    const before = this.#flows.length
    this.#flows = this.#flows.filter((flow) => !selectors.some((selector) => selectorMatches(selector, flow)))
    return before - this.#flows.length
  }

  #ask<A>(command: string, answer: () => A): Effect.Effect<A, ConntrackError> {
    return Effect.suspend(() =>
      this.failure === undefined
        ? Effect.sync(answer)
        : Effect.fail(new ConntrackError({ command, message: this.failure }))
    )
  }

  readonly layer: Layer.Layer<Conntrack> = Layer.succeed(Conntrack)({
    flush: (selectors) =>
      Effect.suspend(() => {
        this.#flushes += 1
        return this.#ask("conntrack -D", () => this.#flush(selectors))
      }),
    flows: (family: Family) => this.#ask("conntrack -L", () => this.#flows.filter((flow) => flow.family === family))
  })
}
