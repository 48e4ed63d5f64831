import { describe, expect, it } from "vitest"
import type { ContainerSnapshot, DockerEvent, DockerState, NetworkSnapshot } from "../../src/domain/DockerState.ts"
import {
  emptyRefresh,
  fullRefresh,
  isEmptyRefresh,
  mergeObserved,
  mergeRefresh,
  refreshFor,
  watchedActions
} from "../../src/domain/EventScope.ts"

const container = (id: string, name = id): ContainerSnapshot => ({
  id,
  name,
  createdAt: 1,
  status: "running",
  labels: {},
  networkMode: "transit"
})

const network = (id: string, ...members: ReadonlyArray<string>): NetworkSnapshot => ({
  id,
  name: id,
  gateway: {},
  members: new Map(members.map((containerId) => [containerId, { containerId }]))
})

const mapOf = <A extends { readonly id: string }>(...all: ReadonlyArray<A>) => new Map(all.map((one) => [one.id, one]))

const state: DockerState = {
  selfId: "self",
  own: [
    { networkId: "transit", networkName: "transit" },
    { networkId: "lan", networkName: "lan" }
  ],
  containers: mapOf(container("self"), container("mta"), container("web")),
  networks: mapOf(network("transit", "mta", "web"), network("lan"))
}

const event = (type: DockerEvent["type"], action: string, containerId?: string, networkId?: string): DockerEvent => ({
  type,
  action,
  attributes: {},
  timeNano: 1n,
  ...(containerId === undefined ? {} : { containerId }),
  ...(networkId === undefined ? {} : { networkId })
})

const refresh = (...of: Parameters<typeof event>) => refreshFor(event(...of), state)

describe("an event of a container", () => {
  it.each(["create", "start", "die", "stop", "destroy", "rename", "pause", "unpause"])(
    "is worth a look at that container when it is %s",
    (action) => {
      for (const id of ["mta", "new"])
        expect(refresh("container", action, id)).toEqual({ ...emptyRefresh, containers: new Set([id]) })
    }
  )

  it.each([
    "exec_create: sh -c true",
    "exec_start: sh -c true",
    "exec_die",
    "exec_detach",
    "health_status",
    "health_status: healthy",
    "top",
    "attach",
    "detach",
    "resize",
    "kill",
    "copy",
    "commit",
    "export",
    "update",
    "oom",
    "archive-path"
  ])("costs nothing when it is %s", (action) => {
    expect(isEmptyRefresh(refresh("container", action, "mta"))).toBe(true)
  })

  it("costs nothing when it is anchord's own, or names none", () => {
    expect(isEmptyRefresh(refresh("container", "start", "self"))).toBe(true)
    expect(isEmptyRefresh(refresh("container", "start"))).toBe(true)
  })
})

describe("an event of a network", () => {
  it("is worth a look at that network when a known container joins or leaves", () => {
    for (const action of ["connect", "disconnect"])
      expect(refresh("network", action, "mta", "transit")).toEqual({ ...emptyRefresh, networks: new Set(["transit"]) })
  })

  it("is worth a look at the container as well when it is not known: its labels are needed before it starts", () => {
    expect(refresh("network", "connect", "new", "transit")).toEqual({
      ...emptyRefresh,
      networks: new Set(["transit"]),
      containers: new Set(["new"])
    })
  })

  it("is worth a look at the network alone when it does not say which container", () => {
    expect(refresh("network", "disconnect", undefined, "transit")).toEqual({
      ...emptyRefresh,
      networks: new Set(["transit"])
    })
  })

  it("is worth a look at anchord's own container when that joins or leaves, whatever the network", () => {
    for (const action of ["connect", "disconnect"])
      expect(refresh("network", action, "self", "another")).toEqual({ ...emptyRefresh, self: true })
  })

  it("costs nothing on a network that anchord is not on, or when it names none", () => {
    expect(isEmptyRefresh(refresh("network", "connect", "mta", "another"))).toBe(true)
    expect(isEmptyRefresh(refresh("network", "connect", "mta"))).toBe(true)
  })

  it("costs nothing when nothing joins or leaves", () => {
    for (const action of ["create", "destroy", "prune", "remove", "start"])
      expect(isEmptyRefresh(refresh("network", action, undefined, "transit"))).toBe(true)
  })
})

describe("events", () => {
  it("are asked for exactly when they can cause work", () => {
    for (const action of watchedActions) {
      const causes = [refresh("container", action, "mta"), refresh("network", action, "mta", "transit")]
      expect(causes.some((one) => !isEmptyRefresh(one))).toBe(true)
    }
    expect([...watchedActions].toSorted()).toEqual(
      ["create", "start", "die", "stop", "destroy", "rename", "pause", "unpause", "connect", "disconnect"].toSorted()
    )
  })
})

describe("two refreshes merged", () => {
  const one = { ...emptyRefresh, containers: new Set(["a", "b"]), networks: new Set(["n"]) }
  const other = { ...emptyRefresh, self: true, containers: new Set(["b", "c"]), networks: new Set(["m"]) }

  it("look at what either names", () => {
    expect(mergeRefresh(one, other)).toEqual({
      full: false,
      self: true,
      containers: new Set(["a", "b", "c"]),
      networks: new Set(["n", "m"])
    })
    expect(mergeRefresh(one, emptyRefresh)).toEqual(one)
  })

  it("are everything when one is", () => {
    expect(mergeRefresh(one, fullRefresh)).toEqual(fullRefresh)
    expect(mergeRefresh(fullRefresh, one)).toEqual(fullRefresh)
  })

  it("are empty only when both are", () => {
    expect(isEmptyRefresh(mergeRefresh(emptyRefresh, emptyRefresh))).toBe(true)
    for (const some of [one, other, fullRefresh]) expect(isEmptyRefresh(mergeRefresh(emptyRefresh, some))).toBe(false)
  })
})

describe("the state after looking", () => {
  const namesOf = ({ containers }: DockerState) => [...containers.values()].map(({ name }) => name).toSorted()

  it("is the same when nothing was looked at", () => {
    expect(mergeObserved(state, {})).toEqual(state)
  })

  it("has what was found of the containers that were asked for, and loses those that were not found", () => {
    const next = mergeObserved(state, {
      containers: { asked: ["mta", "web", "new"], found: [container("mta", "mta-2"), container("new")] }
    })
    expect(namesOf(next)).toEqual(["mta-2", "new", "self"])
    expect(next.networks).toEqual(state.networks)
  })

  it("has the containers of a full listing and no others", () => {
    expect(namesOf(mergeObserved(state, { all: [container("self"), container("new")] }))).toEqual(["new", "self"])
    expect(mergeObserved(state, { all: [] }).containers.size).toBe(0)
  })

  it("has the networks as they were found", () => {
    const next = mergeObserved(state, { networks: { asked: ["transit"], found: [network("transit", "web")] } })
    expect([...(next.networks.get("transit")?.members.keys() ?? [])]).toEqual(["web"])
    expect(next.networks.has("lan")).toBe(true)
    expect(mergeObserved(state, { networks: { asked: ["transit"], found: [] } }).networks.has("transit")).toBe(false)
  })

  it("forgets networks that anchord left, and does not take up those that it is not on", () => {
    const self = [{ networkId: "transit", networkName: "transit" }]
    const next = mergeObserved(state, {
      self,
      networks: { asked: ["another"], found: [network("another", "mta")] }
    })
    expect(next.own).toEqual(self)
    expect([...next.networks.keys()]).toEqual(["transit"])
  })

  it("leaves the state that it came from alone", () => {
    const before = structuredClone(state)
    mergeObserved(state, { self: [], all: [], networks: { asked: ["transit"], found: [] } })
    expect(state).toEqual(before)
  })
})
