import { describe, expect, it } from "vitest"
import type { ContainerSnapshot } from "../../src/domain/DockerState.ts"
import { inspectedOf, observed, worthInspecting } from "../../src/domain/LifecycleObservation.ts"
import { differing, inspectionOf } from "./inspections.ts"
import { namesBeingReplaced } from "../../src/domain/LifecycleState.ts"
import { nameAway } from "../../src/domain/Recreation.ts"
import { container, idOf, joins } from "./lifecycleListings.ts"

const listed = (name: string, networkMode = "bridge"): ContainerSnapshot => ({
  id: idOf(name),
  name,
  createdAt: 0,
  status: "running",
  labels: {},
  networkMode
})

const byId = (...all: ReadonlyArray<ContainerSnapshot>) => new Map(all.map((one) => [one.id, one]))

describe("what an inspection tells", () => {
  it("is when the container was started, in milliseconds and their fractions, and why it could not be", () => {
    const at = (State: object) => inspectedOf(differing("plain", { State }))
    expect(at({ StartedAt: "2026-01-01T00:00:10.250999Z", Error: "" })).toMatchObject({
      startedAt: 1_767_225_610_250.999
    })
    expect(at({ StartedAt: "0001-01-01T00:00:00Z" })).not.toHaveProperty("startedAt")
    expect(at({ Error: "No such container: 1" })).toMatchObject({ startError: "No such container: 1" })
    for (const Error of ["", null, undefined]) expect(at({ Error })).not.toHaveProperty("startError")
  })

  it("is the variables: with more than one sign, with an empty value, and without any", () => {
    const environment = (Env: ReadonlyArray<string> | null) =>
      inspectedOf(differing("plain", { Config: { Env } })).environment
    expect(environment(["A=1", "B=x=y", "EMPTY=", "BARE"])).toEqual({ A: "1", B: "x=y", EMPTY: "", BARE: "" })
    expect(environment(null)).toEqual({})
  })

  it("is what it runs: path and arguments", () => {
    const words = (parts: Parameters<typeof differing>[1]) => inspectedOf(differing("plain", parts)).words
    expect(words({ Path: "tini", Args: ["--", "anchord"] })).toEqual(["tini", "--", "anchord"])
    expect(words({ Path: "", Args: ["run"] })).toEqual(["run"])
    expect(words({ Path: "run", Args: null })).toEqual(["run"])
    expect(words({ Path: undefined, Args: [1, "run"] })).toEqual(["run"])
  })

  it("is why it cannot be re-created, if that is so", () => {
    expect(inspectedOf(inspectionOf("plain"))).not.toHaveProperty("refusal")
    const refusal = (parts: Parameters<typeof differing>[1]) => inspectedOf(differing("plain", parts)).refusal
    expect(refusal({ HostConfig: { AutoRemove: true } })).toContain("--rm")
    expect(refusal({ State: { Status: "paused" } })).toContain("unpause")
  })
})

describe("the containers to inspect", () => {
  it("are those that join another, and those that they join", () => {
    const [app, sidecar, other] = [listed("app"), listed("sidecar", "container:app"), listed("other")]
    expect(worthInspecting(byId(app, sidecar, other), [])).toEqual(new Set([app.id, sidecar.id]))
    const deeper = listed("deeper", `container:${sidecar.id}`)
    expect(worthInspecting(byId(app, sidecar, other, deeper), [])).toEqual(new Set([app.id, sidecar.id, deeper.id]))
  })

  it("are also those in a namespace of what is gone", () => {
    const lost = listed("lost", `container:${idOf("gone")}`)
    expect(worthInspecting(byId(lost, listed("other")), [])).toEqual(new Set([lost.id]))
    const possible = container("own", { service: "own" })
    const waiting = container("waiting", {
      networkMode: joins("gone"),
      labels: { "com.docker.compose.depends_on": "own:service_started:true" }
    })
    const others = [container("db"), container("shop-own-1", { service: "own", project: "shop" })]
    expect(worthInspecting(byId(waiting, possible, ...others), [])).toEqual(new Set([waiting.id, possible.id]))
  })

  it("are also those that are named, by name or ID, where they are there", () => {
    const [target, managed, other] = [listed("ldap"), listed("ldap-service-anchor"), listed("other")]
    const containers = byId(target, managed, other)
    expect(worthInspecting(containers, [managed.name, target.id.slice(0, 12)])).toEqual(
      new Set([target.id, managed.id])
    )
    expect(worthInspecting(containers, ["missing"])).toEqual(new Set())
  })
})

describe("list and inspections as one", () => {
  const self = { id: idOf("anchord"), imageId: "sha256:anchord-1" }
  const [anchord, app] = [listed("anchord"), listed("app")]
  const names = new Map([[app.id, ["app"]]])

  it("tell the image of what was inspected, and of anchord itself", () => {
    const inspections = new Map([[app.id, differing("plain", { Image: "sha256:app", Name: "/app" })]])
    const state = observed({ self, listed: [anchord, app, listed("web")], inspections, names })
    expect(state.selfId).toBe(self.id)
    expect(state.names).toBe(names)
    expect([...state.containers].map(([id, { name, imageId }]) => [id, name, imageId])).toEqual([
      [anchord.id, "anchord", "sha256:anchord-1"],
      [app.id, "app", "sha256:app"],
      [idOf("web"), "web", ""]
    ])
    expect(state.containers.get(app.id)?.inspected).toEqual(inspectedOf(inspectionOf("plain")))
    expect(state.containers.get(anchord.id)).not.toHaveProperty("inspected")
  })

  it("need not be looked at from a container", () => {
    const state = observed({ listed: [anchord], inspections: new Map(), names })
    expect([state.selfId, state.containers.get(anchord.id)?.imageId]).toEqual(["", ""])
  })

  it("tell the name of the inspection: it was renamed away since it was listed", () => {
    const away = nameAway("app", app.id)
    const inspections = new Map([[app.id, differing("plain", { Id: app.id, Name: `/${away}` })]])
    const state = observed({ self, listed: [anchord, app], inspections, names })
    expect(state.containers.get(app.id)?.name).toBe(away)
    expect([...namesBeingReplaced(state, 0)].toSorted()).toEqual(["app", away])
  })

  it("tell the status of the inspection: it was started since it was listed", () => {
    const statusOf = (Status: string) => {
      const inspections = new Map([[app.id, differing("plain", { Id: app.id, State: { Status } })]])
      const created = { ...app, status: "created" as const }
      return observed({ self, listed: [anchord, created], inspections, names }).containers.get(app.id)?.status
    }
    expect(statusOf("running")).toBe("running")
    expect(statusOf("a word of the future")).toBe("created")
  })

  it("tell what was inspected of anchord, too, and nothing of what is not listed any more", () => {
    const inspections = new Map([
      [anchord.id, differing("plain", { Image: "sha256:anchord-2" })],
      [idOf("gone"), inspectionOf("plain")]
    ])
    const { containers } = observed({ self, listed: [anchord], inspections, names })
    expect([...containers.keys()]).toEqual([anchord.id])
    expect(containers.get(anchord.id)).toMatchObject({
      imageId: "sha256:anchord-2",
      inspected: { words: expect.anything() }
    })
  })
})
