import * as Result from "effect/Result"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { backendsOf, inScope, wantsPorts, type Discovered } from "../src/domain/Backends.ts"
import type { ContainerSnapshot, DockerState } from "../src/domain/DockerState.ts"
import { parseExpose, parseExposeV6 } from "../src/domain/ExposeLabel.ts"
import { namespaceReference, resolveReference } from "../src/domain/NetnsOwner.ts"
import { shuffled } from "./arbitraries/backends.ts"
import { badLabels, containerIds, dockerStates, networkIdOf, scope } from "./arbitraries/dockerStates.ts"

const shared = networkIdOf("mail_Transit")

const numRuns = 500

const discover = (state: DockerState): Discovered => backendsOf(state, scope, shared)

const withContainers = (state: DockerState, containers: Iterable<ContainerSnapshot>): DockerState => ({
  ...state,
  containers: new Map([...containers].map((one) => [one.id, one]))
})

/** The end of a chain of references, followed at most as often as there are containers. */
const namespaceOf = (state: DockerState, container: ContainerSnapshot): ContainerSnapshot | undefined => {
  let current: ContainerSnapshot | undefined = container
  for (let step = 0; step <= state.containers.size; step += 1) {
    const ref: string | undefined = current && namespaceReference(current)
    if (current === undefined || ref === undefined) return current
    current = resolveReference(state.containers, ref)
  }
  return undefined
}

const isUp = ({ status }: ContainerSnapshot): boolean => ["running", "paused", "restarting"].includes(status)

const about = (found: Discovered, id: string) => ({
  backends: found.backends.filter((backend) => backend.id === id),
  problems: found.problems.filter(({ key }) => key === `backend:${id}`)
})

describe("discovery", () => {
  it("does not depend on the order in which containers and members are listed", () => {
    const orders = dockerStates.chain((state) =>
      fc.record({ state: fc.constant(state), containers: shuffled([...state.containers.values()]) })
    )
    fc.assert(
      fc.property(orders, ({ state, containers }) => {
        expect(discover(withContainers(state, containers))).toEqual(discover(state))
      }),
      { numRuns }
    )
  })

  it("serves only containers in scope that ask for ports, never anchord's own, and each at most once", () => {
    fc.assert(
      fc.property(dockerStates, (state) => {
        const { backends, problems } = discover(state)
        const named = [...backends.map(({ id }) => id), ...problems.map(({ key }) => key.replace("backend:", ""))]
        expect(new Set(named).size).toBe(named.length)
        for (const id of named) {
          const container = state.containers.get(id)
          expect(container && wantsPorts(container, scope) && inScope(container.labels, scope)).toBe(true)
          expect(id).not.toBe(state.selfId)
        }
      }),
      { numRuns }
    )
  })

  it("has exactly the containers that are up, whose labels keep the rules, and that have an address it may use", () => {
    fc.assert(
      fc.property(dockerStates, (state) => {
        const members = state.networks.get(shared)?.members
        const served = [...state.containers.values()].filter((one) => {
          const owner = namespaceOf(state, one)
          if (one.id === state.selfId || !wantsPorts(one, scope) || owner === undefined) return false
          const up = owner === one ? isUp(one) || members?.has(one.id) : isUp(one) && isUp(owner)
          const v6 = parseExposeV6(one.labels["anchord.expose.v6"])
          const member = members?.get(owner.id)
          const address = member?.v4 ?? (Result.getOrUndefined(v6) === "off" ? undefined : member?.v6)
          const valid = Result.isSuccess(parseExpose(one.labels["anchord.expose"] ?? "")) && Result.isSuccess(v6)
          return up === true && valid && address !== undefined
        })
        expect(discover(state).backends.map(({ id }) => id)).toEqual(served.map(({ id }) => id).toSorted())
      }),
      { numRuns }
    )
  })

  it("says why of every running container that asks for ports and does not get them, unless its namespace is down", () => {
    fc.assert(
      fc.property(dockerStates, (state) => {
        const found = discover(state)
        const asking = [...state.containers.values()].filter((one) => {
          const owner = namespaceOf(state, one)
          return isUp(one) && one.id !== state.selfId && wantsPorts(one, scope) && (owner === undefined || isUp(owner))
        })
        for (const { id } of asking) {
          const { backends, problems } = about(found, id)
          expect(backends.length + problems.length).toBe(1)
        }
      }),
      { numRuns }
    )
  })

  it("takes exactly the addresses of the namespace on the shared network, IPv6 only without the opt-out", () => {
    fc.assert(
      fc.property(dockerStates, (state) => {
        for (const { id, address } of discover(state).backends) {
          const container = state.containers.get(id)
          const owner = container && namespaceOf(state, container)
          const member = state.networks.get(shared)?.members.get(owner?.id ?? "")
          const off = container?.labels["anchord.expose.v6"] === "off"
          expect([address.v4, address.v6]).toEqual([member?.v4, off ? undefined : member?.v6])
          expect(address.v4 ?? address.v6).toBeDefined()
        }
      }),
      { numRuns }
    )
  })

  it("is for each container what it is without the others that it does not refer to", () => {
    const oneAlone = dockerStates.chain((state) =>
      fc.record({ state: fc.constant(state), id: fc.constantFrom(...containerIds) })
    )
    fc.assert(
      fc.property(oneAlone, ({ state, id }) => {
        const container = state.containers.get(id)
        fc.pre(container !== undefined && namespaceReference(container) === undefined)
        expect(discover(withContainers(state, [container]))).toEqual(about(discover(state), id))
      }),
      { numRuns }
    )
  })

  it("is not disturbed by a container whose label breaks a rule", () => {
    const broken = dockerStates.chain((state) =>
      fc.record({ state: fc.constant(state), id: fc.constantFrom(...containerIds), bad: badLabels })
    )
    fc.assert(
      fc.property(broken, ({ state, id, bad }) => {
        const good = state.containers.get(id)
        fc.pre(good !== undefined)
        const worse = { ...good, labels: { ...good.labels, "anchord.expose": bad } }
        const found = discover({ ...state, containers: new Map(state.containers).set(id, worse) })
        const without = (of: Discovered) => ({
          backends: of.backends.filter((backend) => backend.id !== id),
          problems: of.problems.filter(({ key }) => key !== `backend:${id}`)
        })
        expect(without(found)).toEqual(without(discover(state)))
        expect(about(found, id).backends).toEqual([])
      }),
      { numRuns }
    )
  })
})
