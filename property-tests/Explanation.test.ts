import * as Result from "effect/Result"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { backendsOf, inScope } from "../src/domain/Backends.ts"
import { desiredDnat } from "../src/domain/DesiredDnat.ts"
import type { DockerState } from "../src/domain/DockerState.ts"
import { explain, type ExplainedContainer } from "../src/domain/Explanation.ts"
import { parseExpose } from "../src/domain/ExposeLabel.ts"
import { shuffled } from "./arbitraries/backends.ts"
import { dockerStates, networkIdOf, scope } from "./arbitraries/dockerStates.ts"

const shared = networkIdOf("mail_Transit")

const numRuns = 500

const told = (state: DockerState) => explain(state, scope, shared)

/** `protocol/port address:port`, one for each port and family. */
const leadsOf = ({ ports, v4, v6 }: ExplainedContainer): ReadonlyArray<string> =>
  ports
    .filter(({ verdict }) => verdict === "mapped")
    .flatMap((one) => Result.getOrElse(parseExpose(one.ports), () => []))
    .flatMap(({ protocol, from, to, backendFrom }) =>
      Array.from({ length: to - from + 1 }, (_, n) =>
        [v4, v6].flatMap((address) =>
          address === undefined ? [] : [`${protocol}/${from + n} ${address} ${backendFrom + n}`]
        )
      ).flat()
    )

const tableOf = (state: DockerState): ReadonlyArray<string> =>
  [...desiredDnat(backendsOf(state, scope, shared).backends).table.values()].flatMap((entry) =>
    entry._tag === "Port"
      ? [`${entry.protocol}/${entry.port} ${entry.address} ${entry.backendPort}`]
      : Array.from(
          { length: entry.to - entry.from + 1 },
          (_, n) => `${entry.protocol}/${entry.from + n} ${entry.address} ${entry.from + n}`
        )
  )

describe("the explanation of a state", () => {
  it("calls mapped exactly what the maps hold", () => {
    fc.assert(
      fc.property(dockerStates, (state) => {
        expect(told(state).flatMap(leadsOf).toSorted()).toEqual(tableOf(state).toSorted())
      }),
      { numRuns }
    )
  })

  it("names every container in scope once, and no other", () => {
    fc.assert(
      fc.property(dockerStates, (state) => {
        const wanted = [...state.containers.values()].filter(
          ({ id, labels }) => id !== state.selfId && inScope(labels, scope)
        )
        expect(
          told(state)
            .map(({ id }) => id)
            .toSorted()
        ).toEqual(wanted.map(({ id }) => id).toSorted())
      }),
      { numRuns }
    )
  })

  it("gives a reason for whatever is not mapped, and only for that", () => {
    fc.assert(
      fc.property(dockerStates, (state) => {
        for (const { verdict, why, ports } of told(state)) {
          expect(why === undefined).toBe(verdict === "mapped")
          expect(ports.some((one) => one.verdict === "mapped")).toBe(verdict === "mapped")
          expect(ports.every((one) => (one.holder === undefined) === (one.verdict === "mapped"))).toBe(true)
        }
      }),
      { numRuns }
    )
  })

  it("does not depend on the order of the listing", () => {
    const orders = dockerStates.chain((state) =>
      fc.record({ state: fc.constant(state), containers: shuffled([...state.containers.values()]) })
    )
    fc.assert(
      fc.property(orders, ({ state, containers }) => {
        const other = { ...state, containers: new Map(containers.map((one) => [one.id, one])) }
        expect(told(other)).toEqual(told(state))
      }),
      { numRuns }
    )
  })
})
