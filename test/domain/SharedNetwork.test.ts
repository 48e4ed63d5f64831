import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import type { ContainerSnapshot, DockerState, NetworkSnapshot } from "../../src/domain/DockerState.ts"
import {
  chooseShared,
  ONLY_EXTERNAL,
  type SharedNetwork,
  type SharedNetworkInput
} from "../../src/domain/SharedNetwork.ts"

interface Plan {
  /** The networks that anchord is on, each with how many backends are attached. */
  readonly networks: Readonly<Record<string, number>>
}

const idOf = (name: string) => `id-of-${name}`

const stateOf = ({ networks }: Plan): DockerState => {
  const backends = Object.entries(networks).flatMap(([network, count]) =>
    Array.from({ length: count }, (_, index) => ({ network, id: `${network}-${index}` }))
  )
  const containers = backends.map(({ network, id }): ContainerSnapshot => ({
    id,
    name: id,
    createdAt: 1,
    status: "running",
    labels: { "com.docker.compose.project": "mail", "anchord.expose": "tcp/25" },
    networkMode: network,
    networks: [network]
  }))
  const snapshot = (name: string): NetworkSnapshot => ({
    id: idOf(name),
    name,
    gateway: {},
    members: new Map(
      backends.filter(({ network }) => network === name).map(({ id }) => [id, { containerId: id, v4: "172.20.0.9" }])
    )
  })
  return {
    selfId: "self",
    own: Object.keys(networks).map((name) => ({ networkId: idOf(name), networkName: name })),
    containers: new Map(containers.map((one) => [one.id, one])),
    networks: new Map(Object.keys(networks).map((name) => [idOf(name), snapshot(name)]))
  }
}

const choose = (networks: Plan["networks"], rest: Partial<SharedNetworkInput> = {}) =>
  chooseShared({
    state: stateOf({ networks }),
    scope: { _tag: "Project", project: "mail" },
    externalNetworkId: idOf("dmz"),
    ...rest
  })

const chosen = (...of: Parameters<typeof choose>) => {
  const { name, settled } = Result.getOrThrow(choose(...of))
  return `${name}${settled ? " settled" : ""}`
}

const failure = (...of: Parameters<typeof choose>) => Result.getOrThrow(Result.flip(choose(...of)))

const previous = (name: string, settled: boolean): SharedNetwork => ({
  networkId: idOf(name),
  name,
  settled,
  reason: "earlier"
})

describe("the shared network", () => {
  it("is the one with the most backends, and settled", () => {
    expect(chosen({ dmz: 0, front: 1, back: 2 })).toBe("back settled")
    expect(Result.getOrThrow(choose({ dmz: 0, front: 1, back: 2 }))).toEqual({
      networkId: idOf("back"),
      name: "back",
      settled: true,
      reason: "it has the most backends attached (2)"
    })
  })

  it("is not the external one, however many backends are on it", () => {
    expect(chosen({ dmz: 5, back: 1 })).toBe("back settled")
  })

  it("counts only what is a backend: in scope, exposing, with a label that is right", () => {
    const networks = { front: 1, back: 2 }
    expect(chosen(networks, { scope: { _tag: "Project", project: "shop" } })).toBe("back")
    const state = stateOf({ networks })
    const wrong = [...state.containers].map(([id, one]): [string, ContainerSnapshot] =>
      id.startsWith("back") ? [id, { ...one, labels: { ...one.labels, "anchord.expose": "tcp/0" } }] : [id, one]
    )
    expect(chosen(networks, { state: { ...state, containers: new Map(wrong) } })).toBe("front settled")
  })

  it("has transit in its name when several have equally many backends", () => {
    expect(chosen({ dmz: 0, back: 1, mail_TransIt: 1 })).toBe("mail_TransIt settled")
  })

  it("is the first of the alphabet when the name does not tell either", () => {
    expect(chosen({ dmz: 0, front: 1, back: 1 })).toBe("back settled")
    expect(chosen({ b_transit: 1, a_transit: 1 })).toBe("a_transit settled")
    expect(chosen({ a_transit: 1, b_transit: 1 })).toBe("a_transit settled")
  })

  it("is chosen by name alone, and not settled, where there is no backend at all", () => {
    expect(chosen({ dmz: 0, back: 0, z_transit: 0 })).toBe("z_transit")
    expect(chosen({ dmz: 0, front: 0, back: 0 })).toBe("back")
    expect(chosen({ dmz: 0, back: 0 })).toBe("back")
  })

  it("says why it was chosen", () => {
    const reason = (networks: Plan["networks"]) => Result.getOrThrow(choose(networks)).reason
    expect(reason({ dmz: 0, back: 0 })).toBe("it is the only network besides the external one")
    expect(reason({ dmz: 0, back: 0, transit: 0 })).toBe(
      "no backend is attached anywhere yet; its name contains transit"
    )
    expect(reason({ dmz: 0, back: 0, front: 0 })).toBe("no backend is attached anywhere yet; it is the first by name")
  })

  it("is any of anchord's own when the external one is not known", () => {
    expect(chosen({ a: 0, b: 1 }, { externalNetworkId: undefined })).toBe("b settled")
  })
})

describe("a pin", () => {
  it("wins over everything, by name or by ID", () => {
    const networks = { dmz: 0, transit: 3, back: 0 }
    for (const pin of ["back", idOf("back")]) expect(chosen(networks, { pin })).toBe("back settled")
    expect(chosen(networks, { pin: "back", previous: previous("transit", true) })).toBe("back settled")
  })

  it("must be one of anchord's own; the attached ones are named", () => {
    expect(failure({ transit: 1, dmz: 0 }, { pin: "elsewhere" })).toBe(
      "ANCHORD_SHARED_NETWORK names elsewhere, which is not a project-internal network of this container; attached are: dmz, transit"
    )
    expect(failure({}, { pin: "elsewhere" })).toContain("attached are: none")
  })

  it("cannot be the external network", () => {
    expect(failure({ transit: 1, dmz: 0 }, { pin: "dmz" })).toContain("ANCHORD_SHARED_NETWORK names dmz")
  })
})

describe("a choice that was made before", () => {
  it("stays once it is settled, whatever becomes of the others", () => {
    expect(chosen({ dmz: 0, back: 0, transit: 9 }, { previous: previous("back", true) })).toBe("back settled")
  })

  it("stays while its network is gone, and is the network of that name when it is made anew", () => {
    expect(Result.getOrThrow(choose({ dmz: 0 }, { previous: previous("back", true) })).networkId).toBe(idOf("back"))
    const before = { ...previous("back", true), networkId: "an-older-id" }
    expect(Result.getOrThrow(choose({ dmz: 0, back: 0, transit: 1 }, { previous: before }))).toMatchObject({
      networkId: idOf("back"),
      name: "back",
      settled: true
    })
  })

  it("stays while its network is gone, even when anchord is on another one", () => {
    expect(Result.getOrThrow(choose({ transit: 3 }, { previous: previous("back", true) }))).toMatchObject({
      networkId: idOf("back"),
      name: "back"
    })
  })

  it("is found by its ID before its name", () => {
    const before = { ...previous("back", true), networkId: idOf("front") }
    expect(Result.getOrThrow(choose({ back: 0, front: 0 }, { previous: before })).networkId).toBe(idOf("front"))
  })

  it("is made again while it is not settled", () => {
    expect(chosen({ dmz: 0, back: 1, transit: 0 }, { previous: previous("transit", false) })).toBe("back settled")
    expect(chosen({ dmz: 0, back: 0, transit: 0 }, { previous: previous("back", false) })).toBe("transit")
  })
})

describe("no candidate at all", () => {
  it("is fatal, in these words", () => {
    expect(ONLY_EXTERNAL).toBe("only the external network is attached; at least one project-internal network is needed")
    expect(failure({ dmz: 2 })).toBe(ONLY_EXTERNAL)
    expect(failure({})).toBe(ONLY_EXTERNAL)
    expect(failure({ dmz: 0 }, { previous: previous("back", false) })).toBe(ONLY_EXTERNAL)
  })
})
