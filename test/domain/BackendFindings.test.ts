import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { portFindings, sharedFindings, sharingBackends, type PortFacts } from "../../src/domain/BackendFindings.ts"
import { sentence } from "../../src/domain/Sentence.ts"
import type { ContainerSnapshot, DockerState } from "../../src/domain/DockerState.ts"
import { ok, saidIn, verdictsOf, warn } from "./doctorSettings.ts"

const scope = { _tag: "Project", project: "mail" } as const
const shared = { networkId: "transit", name: "mail_transit", settled: true, reason: "it has the most backends" }

const container = (name: string, expose?: string, more: Partial<ContainerSnapshot> = {}): ContainerSnapshot => ({
  id: name.padEnd(64, "0"),
  name,
  createdAt: 100,
  status: "running",
  networkMode: "mail_transit",
  networks: ["mail_transit"],
  ...more,
  labels: {
    "com.docker.compose.project": "mail",
    ...(expose === undefined ? {} : { "anchord.expose": expose })
  }
})

const joining = (owner: string): Partial<ContainerSnapshot> => ({ networkMode: `container:${owner}`, networks: [] })

const facts = (...containers: ReadonlyArray<ContainerSnapshot>): PortFacts => {
  const state: DockerState = {
    selfId: "anchord".padEnd(64, "0"),
    own: [],
    containers: new Map(containers.map((one) => [one.id, one])),
    networks: new Map([
      [
        "transit",
        {
          id: "transit",
          name: "mail_transit",
          gateway: {},
          members: new Map(
            containers
              .filter(({ status, networkMode }) => status === "running" && networkMode === "mail_transit")
              .map(({ id }, index) => [id, { containerId: id, v4: `172.20.0.${index + 3}` }])
          )
        }
      ]
    ])
  }
  return { state, scope, shared, serviceAnchors: new Set() }
}

const look = (...containers: ReadonlyArray<ContainerSnapshot>) => portFindings(facts(...containers))

const smtp = container("smtp", "tcp/25")

describe("the shared network", () => {
  it("is right when it is settled", () => {
    expect(sharedFindings(Result.succeed(shared))).toEqual([
      ok("shared-network", "mail_transit: it has the most backends")
    ])
  })

  it("is worth a warning while no backend is on it", () => {
    const found = sharedFindings(Result.succeed({ ...shared, settled: false, reason: "it is the only one" }))
    expect(verdictsOf(found)).toEqual(["warn"])
    expect(saidIn(found)).toMatch(/^mail_transit: it is the only one; not settled yet → .*ANCHORD_SHARED_NETWORK/)
  })

  it("fails when there is none, and is not looked at while Docker does not tell", () => {
    const found = sharedFindings(Result.fail(sentence`only the external network is attached`))
    expect(verdictsOf(found)).toEqual(["fail"])
    expect(saidIn(found)).toMatch(/^only the external network is attached → attach the service to a network/)
    expect(verdictsOf(sharedFindings(undefined))).toEqual(["warn"])
  })
})

describe("containers that ask for ports", () => {
  it("are right when they get them", () => {
    expect(look(smtp, container("db"))).toEqual([ok("ports", "smtp can be reached from outside")])
    expect(look(smtp, container("imap", "tcp/143"))).toEqual([ok("ports", "imap, smtp can be reached from outside")])
  })

  it("are worth a warning when there are none, or nothing is in scope", () => {
    expect(look(container("db"))).toEqual([
      warn("ports", "no container in scope asks for ports", "put anchord.expose on the service-anchors")
    ])
    const foreign = { ...smtp, labels: { ...smtp.labels, "com.docker.compose.project": "shop" } }
    for (const none of [[], [foreign, container("anchord")]])
      expect(saidIn(look(...none))).toMatch(/^no container is in scope → check ANCHORD_PROJECT/)
    expect(verdictsOf(portFindings(undefined))).toEqual(["warn"])
  })

  it("are worth a warning when one does not run; one without the label is nobody's concern", () => {
    const found = look(
      smtp,
      container("imap", "tcp/143", { status: "exited" }),
      container("db", undefined, { status: "exited" })
    )
    expect(verdictsOf(found)).toEqual(["ok", "warn"])
    expect(found[1]).toEqual(warn("ports", "imap has no ports: imap is exited", "start it: docker start imap"))
  })

  it("are worth a warning when an older container has a port, or all of them", () => {
    const partly = look(smtp, container("young", "tcp/25, tcp/26", { createdAt: 200 }))
    expect(verdictsOf(partly)).toEqual(["ok", "warn"])
    expect(saidIn(partly)).toContain("young: smtp was created first, and has tcp/25")
    const wholly = look(smtp, container("young", "tcp/25", { createdAt: 200 }))
    expect(verdictsOf(wholly)).toEqual(["ok", "warn"])
    expect(saidIn(wholly)).toContain("young has none of its ports: smtp was created first, and has its ports")
  })

  it("fail when the label is wrong, and the others are told all the same", () => {
    const found = look(smtp, container("bad", "tcp/0"))
    expect(verdictsOf(found)).toEqual(["ok", "fail"])
    expect(verdictsOf(look(container("bad", "tcp/0")))).toEqual(["fail"])
    expect(saidIn(found)).toMatch(/bad: label anchord\.expose, entry "tcp\/0": .* → mend the label/)
  })

  it("fail when they are not on the shared network, with what to put on it", () => {
    const found = look(smtp, container("web", "tcp/80", { networkMode: "mail_back", networks: ["mail_back"] }))
    expect(verdictsOf(found)).toEqual(["ok", "fail"])
    expect(saidIn(found)).toContain("→ put web on mail_transit, or anchord on a network of it")
  })

  it("fail when the label is on one that shares the namespace of another, which is not on the shared network", () => {
    const owner = container("owner", undefined, { networkMode: "mail_back", networks: ["mail_back"] })
    const found = look(smtp, owner, container("guest", "tcp/80", joining(owner.id)))
    expect(verdictsOf(found)).toEqual(["ok", "fail"])
    expect(saidIn(found)).toContain(
      "guest: it is on mail_back through owner, without a usable address on the shared network mail_transit; its ports are not mapped"
    )
    expect(saidIn(found)).toContain("guest shares that of owner: put owner on mail_transit, or move the label")
  })

  it("fail when the namespace that they share is gone", () => {
    const found = look(smtp, container("guest", "tcp/80", joining("f".repeat(64))))
    expect(verdictsOf(found)).toEqual(["ok", "fail"])
    expect(saidIn(found)).toMatch(/which does not exist; put anchord\.expose on .* → anchord doctor stale-netns/)
  })

  it("are worth a warning when the label is on one that shares the namespace of another, which has the address", () => {
    const owner = container("owner")
    const guest = container("guest", "tcp/80", joining(owner.id))
    const found = look(owner, guest)
    expect(verdictsOf(found)).toEqual(["ok", "warn"])
    expect(saidIn(found)).toMatch(
      /guest has anchord\.expose, and shares the network namespace of owner: .* → move the label to owner/
    )
    expect(sharingBackends(facts(owner, guest, smtp).state, scope)).toEqual([guest])
  })

  it("are right when it is a service-anchor that shares the namespace of another: the wrap pattern", () => {
    const owner = container("owner")
    const anchor = container("owner-anchor", "tcp/80", joining(owner.id))
    expect(portFindings({ ...facts(owner, anchor), serviceAnchors: new Set([anchor.id]) })).toEqual([
      ok("ports", "owner-anchor can be reached from outside")
    ])
  })
})
