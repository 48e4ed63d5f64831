import * as Result from "effect/Result"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { backendsOf } from "../src/domain/Backends.ts"
import type { DockerState } from "../src/domain/DockerState.ts"
import { chooseShared, ONLY_EXTERNAL, type SharedNetwork } from "../src/domain/SharedNetwork.ts"
import { shuffled } from "./arbitraries/backends.ts"
import { dockerStates, externalNetworkId, networkIdOf, networkNames, scope } from "./arbitraries/dockerStates.ts"

const numRuns = 300

const choose = (state: DockerState, rest: { readonly pin?: string; readonly previous?: SharedNetwork } = {}) =>
  chooseShared({ state, scope, externalNetworkId, ...rest })

const candidatesOf = (state: DockerState) => state.own.filter(({ networkId }) => networkId !== externalNetworkId)

const previousChoices: fc.Arbitrary<SharedNetwork> = fc
  .tuple(fc.constantFrom(...networkNames.filter((name) => name !== "dmz")), fc.boolean())
  .map(([name, settled]) => ({ networkId: networkIdOf(name), name, settled, reason: "earlier" }))

describe("the shared network", () => {
  it("stays once it is settled, whatever Docker says after", () => {
    fc.assert(
      fc.property(fc.array(dockerStates, { minLength: 1, maxLength: 5 }), previousChoices, (states, before) => {
        let current: SharedNetwork = { ...before, settled: true }
        for (const state of states) {
          current = Result.getOrThrow(choose(state, { previous: current }))
          expect(current).toMatchObject({ networkId: before.networkId, name: before.name, settled: true })
        }
      }),
      { numRuns }
    )
  })

  it("does not depend on the order of attachments and containers", () => {
    const orders = dockerStates.chain((state) =>
      fc.record({
        state: fc.constant(state),
        own: shuffled(state.own),
        containers: shuffled([...state.containers]),
        networks: shuffled([...state.networks])
      })
    )
    fc.assert(
      fc.property(orders, ({ state, own, containers, networks }) => {
        const other = { ...state, own, containers: new Map(containers), networks: new Map(networks) }
        expect(choose(other)).toEqual(choose(state))
      }),
      { numRuns }
    )
  })

  it("is the pinned one, whatever was chosen before and wherever backends are; a pin that is not there is an error", () => {
    const pinned = fc.record({
      state: dockerStates,
      previous: fc.option(previousChoices, { nil: undefined }),
      name: fc.constantFrom(...networkNames),
      byId: fc.boolean()
    })
    fc.assert(
      fc.property(pinned, ({ state, previous, name, byId }) => {
        const pin = byId ? networkIdOf(name) : name
        const result = choose(state, { pin, ...(previous === undefined ? {} : { previous }) })
        const there = candidatesOf(state).some(({ networkName }) => networkName === name)
        const choice = Result.getOrUndefined(result)
        expect([choice?.name, choice?.settled]).toEqual(there ? [name, true] : [undefined, undefined])
      }),
      { numRuns }
    )
  })

  it("is one of anchord's own without the external one, and is missing only when there is none", () => {
    fc.assert(
      fc.property(dockerStates, (state) => {
        const result = choose(state)
        const names = candidatesOf(state).map(({ networkName }) => networkName)
        const answer = Result.match(result, { onSuccess: ({ name }) => name, onFailure: (message) => message })
        expect(names.length === 0 ? [ONLY_EXTERNAL] : names).toContain(answer)
      }),
      { numRuns }
    )
  })

  it("has as many backends as any other, and a better name than those with as many; settled when it has one", () => {
    fc.assert(
      fc.property(dockerStates, (state) => {
        const result = choose(state)
        fc.pre(Result.isSuccess(result))
        const { name, networkId, settled } = result.success
        const countOf = (id: string) => backendsOf(state, scope, id).backends.length
        const isTransit = (text: string) => /transit/i.test(text)
        const best = countOf(networkId)
        expect(settled).toBe(best > 0)
        for (const other of candidatesOf(state).filter((one) => one.networkId !== networkId)) {
          const count = countOf(other.networkId)
          expect(count).toBeLessThanOrEqual(best)
          if (count < best) continue
          const [mine, theirs] = [isTransit(name), isTransit(other.networkName)]
          expect(mine === theirs ? name < other.networkName : mine).toBe(true)
        }
      }),
      { numRuns }
    )
  })

  it("does not depend on a choice that was not settled", () => {
    fc.assert(
      fc.property(dockerStates, previousChoices, (state, previous) => {
        expect(choose(state, { previous: { ...previous, settled: false } })).toEqual(choose(state))
      })
    )
  })
})
