import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { DockerState } from "../src/domain/DockerState.ts"
import {
  emptyRefresh,
  isEmptyRefresh,
  mergeObserved,
  mergeRefresh,
  refreshFor,
  watchedActions
} from "../src/domain/EventScope.ts"
import { containerIds, dockerStates, networkIdOf, networkNames } from "./arbitraries/dockerStates.ts"
import { events, noise, observations, refreshes } from "./arbitraries/events.ts"

const isOn = (state: DockerState, id: string) => state.own.some(({ networkId }) => networkId === id)

describe("merging refreshes", () => {
  it("does not depend on how they are grouped", () => {
    fc.assert(
      fc.property(refreshes, refreshes, refreshes, (a, b, c) => {
        expect(mergeRefresh(mergeRefresh(a, b), c)).toEqual(mergeRefresh(a, mergeRefresh(b, c)))
      })
    )
  })

  it("does not depend on their order", () => {
    fc.assert(
      fc.property(refreshes, refreshes, (a, b) => {
        expect(mergeRefresh(a, b)).toEqual(mergeRefresh(b, a))
      })
    )
  })

  it("with itself, or with nothing, changes nothing", () => {
    fc.assert(
      fc.property(refreshes, (a) => {
        expect(mergeRefresh(a, a)).toEqual(a)
        expect(mergeRefresh(a, emptyRefresh)).toEqual(a)
      })
    )
  })

  it("loses nothing that either names", () => {
    fc.assert(
      fc.property(refreshes, refreshes, (a, b) => {
        const both = mergeRefresh(a, b)
        for (const one of [a, b]) {
          expect(both.full || (!one.full && (both.self || !one.self))).toBe(true)
          expect(both.full || both.containers.isSupersetOf(one.containers)).toBe(true)
          expect(both.full || both.networks.isSupersetOf(one.networks)).toBe(true)
        }
        expect(isEmptyRefresh(both)).toBe(isEmptyRefresh(a) && isEmptyRefresh(b))
      })
    )
  })
})

describe("an event", () => {
  it("leads to nothing but what it names, and never to a full listing", () => {
    fc.assert(
      fc.property(dockerStates, events, (state, event) => {
        const { full, self, containers, networks } = refreshFor(event, state)
        expect(full).toBe(false)
        expect([...containers].every((id) => id === event.containerId && id !== state.selfId)).toBe(true)
        expect([...networks].every((id) => id === event.networkId && state.networks.has(id))).toBe(true)
        expect(self && event.containerId !== state.selfId).toBe(false)
      }),
      { numRuns: 500 }
    )
  })

  it("costs nothing when it is one of those that a project is full of, or that anchord does not ask for", () => {
    fc.assert(
      fc.property(dockerStates, events, fc.constantFrom(...noise), (state, event, action) => {
        expect(isEmptyRefresh(refreshFor({ ...event, action }, state))).toBe(true)
        expect(watchedActions.includes(event.action) || isEmptyRefresh(refreshFor(event, state))).toBe(true)
      }),
      { numRuns: 500 }
    )
  })

  it("about a container that joins one of anchord's networks makes both known", () => {
    const joins = dockerStates
      .filter(({ networks }) => networks.size > 0)
      .chain((state) =>
        fc.record({
          state: fc.constant(state),
          networkId: fc.constantFrom(...state.networks.keys()),
          containerId: fc.constantFrom(...containerIds)
        })
      )
    fc.assert(
      fc.property(joins, ({ state, networkId, containerId }) => {
        const event = {
          type: "network" as const,
          action: "connect",
          attributes: {},
          timeNano: 1n,
          networkId,
          containerId
        }
        const { networks, containers } = refreshFor(event, state)
        expect(networks.has(networkId)).toBe(true)
        expect(containers.has(containerId) || state.containers.has(containerId)).toBe(true)
      })
    )
  })
})

describe("the state after looking", () => {
  it("is the same after looking twice as after looking once", () => {
    fc.assert(
      fc.property(dockerStates, observations, (state, observed) => {
        const once = mergeObserved(state, observed)
        expect(mergeObserved(once, observed)).toEqual(once)
      })
    )
  })

  it("keeps what was not asked for", () => {
    fc.assert(
      fc.property(dockerStates, observations, (state, observed) => {
        const next = mergeObserved(state, observed)
        const asked = new Set([...(observed.containers?.asked ?? []), ...(observed.networks?.asked ?? [])])
        expect(next.selfId).toBe(state.selfId)
        expect(next.own).toEqual(observed.self ?? state.own)
        const kept = observed.all === undefined ? [...state.containers.values()] : []
        for (const container of kept.filter(({ id }) => !asked.has(id)))
          expect(next.containers.get(container.id)).toBe(container)
        for (const network of [...state.networks.values()].filter(({ id }) => !asked.has(id) && isOn(next, id)))
          expect(next.networks.get(network.id)).toBe(network)
      }),
      { numRuns: 300 }
    )
  })

  it("has of what was asked for exactly what was found", () => {
    fc.assert(
      fc.property(dockerStates, observations, (state, observed) => {
        const next = mergeObserved(state, observed)
        const { all, containers, networks } = observed
        for (const id of (all === undefined ? containers?.asked : undefined) ?? [])
          expect(next.containers.get(id)).toBe(containers?.found.find((one) => one.id === id))
        expect([...next.containers.values()]).toEqual(all ?? [...next.containers.values()])
        for (const id of (networks?.asked ?? []).filter((one) => isOn(next, one)))
          expect(next.networks.get(id)).toBe(networks?.found.find((one) => one.id === id))
      }),
      { numRuns: 300 }
    )
  })

  it("has no network that anchord is not on", () => {
    fc.assert(
      fc.property(dockerStates, observations, (state, observed) => {
        const next = mergeObserved(state, observed)
        expect([...next.networks.keys()].every((id) => isOn(next, id))).toBe(true)
      })
    )
  })

  it("does not depend on the order of two looks at different things", () => {
    const apart = fc
      .tuple(dockerStates, observations, observations, fc.subarray(containerIds), fc.subarray(networkNames))
      .map(([state, one, other, ids, names]) => {
        const nets = names.map(networkIdOf)
        const part = ({ containers, networks }: typeof one, mine: boolean) => ({
          containers: {
            asked: (containers?.asked ?? []).filter((id) => ids.includes(id) === mine),
            found: (containers?.found ?? []).filter(({ id }) => ids.includes(id) === mine)
          },
          networks: {
            asked: (networks?.asked ?? []).filter((id) => nets.includes(id) === mine),
            found: (networks?.found ?? []).filter(({ id }) => nets.includes(id) === mine)
          }
        })
        return { state, one: part(one, true), other: part(other, false) }
      })
    fc.assert(
      fc.property(apart, ({ state, one, other }) => {
        expect(mergeObserved(mergeObserved(state, one), other)).toEqual(mergeObserved(mergeObserved(state, other), one))
      })
    )
  })
})
