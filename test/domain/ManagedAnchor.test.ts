import { describe, expect, it } from "vitest"
import {
  awaitsUpdate,
  decideManaged,
  managedContainer,
  managedSpec,
  type ManagedInput
} from "../../src/domain/ManagedAnchor.ts"
import type { LifecycleContainer } from "../../src/domain/LifecycleState.ts"
import type { ManagedAnchorSettings } from "../../src/domain/Settings.ts"
import {
  anchord,
  container,
  EPOCH,
  idOf,
  joins,
  listing,
  NOW,
  scope,
  serviceAnchor,
  type Given
} from "./lifecycleListings.ts"

const settings: ManagedAnchorSettings = {
  target: "ldap",
  name: "ldap-service-anchor",
  image: undefined,
  gateway: undefined,
  environment: {},
  labels: {}
}

const ldap = (given: Given = {}) => container("ldap", { project: "authentik", ...given })

const managed = (given: Given = {}) =>
  serviceAnchor("ldap-service-anchor", "ldap", {
    project: "",
    ...given,
    labels: { "anchord.managed-by": "f45", ...given.labels },
    environment: { ANCHORD_GATEWAY_IP: "172.20.0.2", ...given.environment }
  })

const decide = (containers: ReadonlyArray<LifecycleContainer>, more: Partial<ManagedInput> = {}) =>
  decideManaged({
    state: listing(containers),
    scope,
    settings,
    logLevel: "info",
    own: { v4: "172.20.0.2" },
    startUp: false,
    now: NOW,
    ...more
  })

const nothing = { problems: [] }

describe("the managed service-anchor", () => {
  it("is created when the target runs and there is none", () => {
    expect(decide([ldap()])).toEqual({
      action: {
        _tag: "CreateManaged",
        spec: {
          name: "ldap-service-anchor",
          image: "sha256:anchord-1",
          networkMode: "container:ldap",
          environment: ["ANCHORD_GATEWAY_IP=172.20.0.2", "ANCHORD_LOG_LEVEL=info", "ANCHORD_MODE=service-anchor"],
          labels: { "anchord.managed-by": "f45" },
          capAdd: ["NET_ADMIN"],
          capDrop: ["ALL"],
          securityOpt: ["no-new-privileges"],
          readOnly: true,
          tmpfs: ["/run"],
          restartPolicy: "unless-stopped"
        },
        reason: "ldap runs, and has no service-anchor ldap-service-anchor"
      },
      problems: []
    })
  })

  it("is not created while the target does not run, or when it is gone", () => {
    expect(decide([])).toEqual(nothing)
    for (const status of ["created", "exited", "paused", "restarting", "removing", "dead"] as const)
      expect(decide([ldap({ status })])).toEqual(nothing)
  })

  it("finds its target by name, full ID and short ID, and refers to it by its name", () => {
    for (const target of ["ldap", idOf("ldap"), idOf("ldap").slice(0, 12)])
      expect(decide([ldap()], { settings: { ...settings, target } }).action).toMatchObject({
        spec: { networkMode: "container:ldap" }
      })
  })

  it("waits for an address to route to, unless it is given one", () => {
    const waiting = decide([ldap()], { own: undefined })
    expect(waiting.action).toBeUndefined()
    expect(waiting.problems).toEqual([
      { key: "managed:gateway", level: "INFO", message: expect.stringContaining("settled") }
    ])
    expect(decide([ldap()], { own: {} }).action).toBeUndefined()
    const pinned = { ...settings, gateway: { v6: "fd00::9" } }
    expect(decide([ldap()], { own: undefined, settings: pinned }).action).toMatchObject({
      spec: { environment: expect.arrayContaining(["ANCHORD_GATEWAY_IP=fd00::9"]) }
    })
    const told = { ...settings, environment: { ANCHORD_GATEWAY_IP: "10.0.0.9" } }
    expect(decide([ldap()], { own: undefined, settings: told }).action).toMatchObject({
      spec: { environment: expect.arrayContaining(["ANCHORD_GATEWAY_IP=10.0.0.9"]) }
    })
  })

  it("has the operator's variables before anchord's, in the order of the alphabet, and anchord's label before the operator's", () => {
    const spec = managedSpec(
      {
        ...settings,
        image: "anchord:2",
        environment: { TZ: "UTC", ANCHORD_LOG_LEVEL: "debug", ANCHORD_METRICS_ADDR: "" },
        labels: { "anchord.expose": "tcp/636:6636", "anchord.managed-by": "me" }
      },
      { target: "ldap", image: "sha256:x", gateway: "10.0.0.2,fd00::2", logLevel: "warn" }
    )
    expect(spec.environment).toEqual([
      "ANCHORD_GATEWAY_IP=10.0.0.2,fd00::2",
      "ANCHORD_LOG_LEVEL=debug",
      "ANCHORD_METRICS_ADDR=",
      "ANCHORD_MODE=service-anchor",
      "TZ=UTC"
    ])
    expect(spec.labels).toEqual({ "anchord.expose": "tcp/636:6636", "anchord.managed-by": "f45" })
    expect(spec.image).toBe("anchord:2")
  })

  it("is left alone in the right namespace", () => {
    for (const status of ["running", "paused", "restarting", "removing", "dead"] as const)
      expect(decide([ldap(), managed({ status })])).toEqual(nothing)
    for (const status of ["paused", "removing", "dead"] as const)
      expect(decide([ldap({ nth: 2 }), managed({ status })])).toEqual(nothing)
  })

  it("is started when it was stopped or never started", () => {
    for (const status of ["exited", "created"] as const)
      expect(decide([ldap(), managed({ status })])).toEqual({
        action: {
          _tag: "Start",
          id: idOf("ldap-service-anchor"),
          name: "ldap-service-anchor",
          reason: "ldap runs, and ldap-service-anchor does not"
        },
        problems: []
      })
  })

  it("is left where it is while the target does not run", () => {
    for (const status of ["running", "exited"] as const) {
      expect(decide([managed({ status })])).toEqual(nothing)
      expect(decide([ldap({ status: "exited" }), managed({ status })])).toEqual(nothing)
    }
  })

  it("is re-created against the name of a target that was made anew, running or not", () => {
    const anew = ldap({ nth: 2, startedAt: 30 })
    for (const status of ["running", "exited", "created"] as const)
      expect(decide([anew, managed({ status })]).action).toEqual({
        _tag: "Recreate",
        id: idOf("ldap-service-anchor"),
        name: "ldap-service-anchor",
        networkMode: "container:ldap",
        start: true,
        reason: "ldap-service-anchor is not in the namespace of ldap, which was made anew"
      })
  })

  it("is restarted when the target was", () => {
    expect(decide([ldap({ startedAt: 21 }), managed()]).action).toMatchObject({ _tag: "Restart" })
    expect(decide([ldap({ startedAt: 20 }), managed()])).toEqual(nothing)
  })

  it("is re-created at the start of anchord when its image is not anchord's own, and not later; when its gateway is not, always", () => {
    const drifted = (given: Given, more: Partial<ManagedInput> = {}) =>
      decide([ldap(), managed(given)], { startUp: true, ...more }).action
    expect(drifted({})).toBeUndefined()
    expect(drifted({ imageId: "sha256:old" })).toMatchObject({
      _tag: "Recreate",
      image: "sha256:anchord-1",
      networkMode: "container:ldap",
      reason: "ldap-service-anchor runs another image than anchord"
    })
    expect(drifted({ imageId: "sha256:old" }, { startUp: false })).toBeUndefined()
    expect(drifted({ imageId: "sha256:old" }, { settings: { ...settings, image: "anchord:2" } })).toBeUndefined()
    const moved = { own: { v4: "172.20.0.9", v6: "fd20::9" } }
    expect(drifted({}, moved)).toMatchObject({
      _tag: "Recreate",
      environment: { ANCHORD_GATEWAY_IP: "172.20.0.9,fd20::9" },
      reason: "ldap-service-anchor routes to 172.20.0.2, and anchord is 172.20.0.9,fd20::9"
    })
    expect(drifted({}, { ...moved, startUp: false })).toEqual(drifted({}, moved))
    expect(drifted({}, { own: undefined })).toBeUndefined()
    const told = { ...settings, environment: { ANCHORD_GATEWAY_IP: "172.20.0.2" } }
    expect(drifted({}, { ...moved, settings: told })).toBeUndefined()
  })

  it("may run an earlier image until that could be looked at, and what followed was done", () => {
    const old = managed({ imageId: "sha256:old" })
    const awaits = (containers: ReadonlyArray<LifecycleContainer>, isDone = false) => {
      const state = listing(containers)
      const input = { state, scope, settings, logLevel: "info", own: undefined, startUp: true, now: EPOCH } as const
      const { action } = decideManaged(input)
      return awaitsUpdate(input, isDone && action !== undefined ? [action] : [])
    }
    expect(awaits([old])).toBe(true)
    for (const status of ["created", "exited", "restarting"] as const)
      expect(awaits([ldap({ status }), old])).toBe(true)
    expect(awaits([ldap(), { ...old, status: "paused" }], true)).toBe(true)
    expect(awaits([ldap(), { ...old, name: `${old.name}-anchord-old-0123456789ab` }], true)).toBe(true)
    expect(awaits([ldap({ nth: 2 }), { ...old, name: `${old.name}-anchord-old-0123456789ab` }], true)).toBe(true)
    expect(awaits([ldap(), managed({ imageId: "sha256:old", refusal: "it was started with --rm" })], true)).toBe(true)
    expect(awaits([ldap(), old])).toBe(true)
    expect(awaits([ldap(), old], true)).toBe(false)
    expect(awaits([ldap(), managed()])).toBe(false)
    expect(awaits([ldap()])).toBe(false)
  })

  it("may run an earlier image also after something else was done", () => {
    const old = managed({ imageId: "sha256:old" })
    const input = {
      state: listing([ldap(), old]),
      scope,
      settings,
      logLevel: "info",
      own: undefined,
      startUp: true
    } as const
    const on = { id: old.id, name: old.name, reason: "" }
    const restart = { ...on, _tag: "Restart" } as const
    const other = { ...on, _tag: "Recreate", id: idOf("web"), networkMode: "container:ldap", start: true } as const
    for (const done of [restart, other]) expect(awaitsUpdate({ ...input, now: NOW }, [done])).toBe(true)
  })

  it("is not judged by what nobody has looked at yet", () => {
    const { inspected: _, ...unseen } = managed()
    const { inspected: _target, ...target } = ldap({ startedAt: 30 })
    expect(decide([ldap({ startedAt: 30 }), unseen])).toEqual(nothing)
    expect(decide([target, managed()])).toEqual(nothing)
    expect(decide([ldap({ nth: 2 }), unseen]).action).toMatchObject({ _tag: "Recreate" })
  })

  it("is neither made nor made anew of an image that is not known", () => {
    const without = (...all: ReadonlyArray<LifecycleContainer>) => {
      const state = listing(all)
      return { ...state, containers: new Map([...state.containers].filter(([id]) => id !== anchord.id)) }
    }
    expect(decide([], { state: without(ldap()) })).toEqual(nothing)
    const pinned = { ...settings, image: "anchord:2" }
    expect(decide([], { state: without(ldap()), settings: pinned }).action).toMatchObject({
      spec: { image: "anchord:2" }
    })
    expect(decide([], { state: without(ldap(), managed()), startUp: true })).toEqual(nothing)
  })

  it("is repaired with its new image at once", () => {
    const both = decide([ldap({ nth: 2 }), managed({ imageId: "sha256:old" })], { startUp: true }).action
    expect(both).toMatchObject({ _tag: "Recreate", image: "sha256:anchord-1" })
    expect(both?.reason).toMatch(/made anew; .*another image/)
  })

  it("may be one that the operator made: it is adopted, and keeps its image and gateway", () => {
    const theirs = (given: Given = {}) =>
      serviceAnchor("ldap-service-anchor", "ldap", { imageId: "sha256:other", ...given })
    expect(decide([ldap(), theirs()], { startUp: true })).toEqual(nothing)
    expect(decide([ldap({ nth: 2 }), theirs()]).action).toMatchObject({ _tag: "Recreate" })
  })

  it("is left, and spoken of, where making it anew would lose something", () => {
    const refusal = "it was started with --rm"
    expect(decide([ldap({ nth: 2 }), managed({ refusal })])).toEqual({
      problems: [
        {
          key: "managed:refused",
          level: "ERROR",
          message: `ldap-service-anchor is not in the namespace of ldap, which was made anew; it is not made anew itself: ${refusal}`
        }
      ]
    })
    expect(decide([ldap(), managed({ refusal })])).toEqual(nothing)
  })

  it("is never something else of that name", () => {
    const warned = {
      problems: [{ key: "managed:name", level: "WARN", message: expect.stringContaining("not a service-anchor") }]
    }
    expect(decide([ldap(), container("ldap-service-anchor")])).toEqual(warned)
    expect(decide([ldap(), managed({ project: "shop" })])).toEqual(warned)
    expect(decide([ldap()], { settings: { ...settings, name: "anchord" } })).toEqual(warned)
    expect(decide([managed()], { settings: { ...settings, target: "ldap-service-anchor" } })).toEqual(warned)
    const labelled = { ...anchord, labels: { ...anchord.labels, "anchord.managed-by": "f45" } }
    expect(decide([ldap(), labelled], { settings: { ...settings, name: "anchord" } })).toEqual(warned)
  })

  it("is known under another name by its label and its namespace, so that there are never two", () => {
    const renamed = { ...managed(), name: "something" }
    expect(decide([ldap(), renamed])).toEqual(nothing)
    const anew = ldap({ nth: 2, startedAt: 30 })
    const state = listing([anew, renamed], [ldap(), renamed])
    expect(decide([], { state }).action).toMatchObject({ _tag: "Recreate", name: "something" })
    expect(managedContainer(listing([renamed]), settings)).toBeUndefined()
    const others = serviceAnchor("imap-anchor", "imap", { labels: { "anchord.managed-by": "f45" } })
    expect(decide([ldap(), others, container("imap")]).action).toMatchObject({ _tag: "CreateManaged" })
  })

  it("is left while somebody is replacing it or its target", () => {
    const now = EPOCH + 1_000
    const interim = container(`${idOf("ldap").slice(0, 12)}_ldap`, { status: "created" })
    expect(decide([ldap(), interim], { now })).toEqual(nothing)
    expect(decide([ldap(), interim]).action).toBeDefined()
    const renamed = { ...managed({ status: "exited" }), name: "something" }
    const anew = container(`${renamed.id.slice(0, 12)}_something`, { status: "created" })
    expect(decide([ldap(), renamed, anew], { now })).toEqual(nothing)
    const aside = managed({ status: "exited" })
    expect(decide([ldap(), { ...aside, name: `${aside.name}-anchord-old-0123456789ab` }])).toEqual(nothing)
  })

  it("is also looked for under a reference by name", () => {
    expect(decide([ldap(), managed({ networkMode: "container:/ldap" })])).toEqual(nothing)
    expect(decide([ldap(), managed({ networkMode: "bridge" })]).action).toMatchObject({ _tag: "Recreate" })
    expect(decide([ldap(), managed({ networkMode: joins("other") })]).action).toMatchObject({ _tag: "Recreate" })
  })
})
