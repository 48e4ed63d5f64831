import { describe, expect, it } from "vitest"
import { isForeign, isSibling, namesBeingReplaced, runsServiceAnchor } from "../../src/domain/LifecycleState.ts"
import { nameAway } from "../../src/domain/Recreation.ts"
import { anchord, container, EPOCH, idOf, listing, scope, selector } from "./lifecycleListings.ts"

const runs = (words: ReadonlyArray<string>, mode?: string) =>
  runsServiceAnchor(container("x", { words, environment: mode === undefined ? {} : { ANCHORD_MODE: mode } }))

describe("a service-anchor", () => {
  it("is anchord with that mode on its command line, else in ANCHORD_MODE", () => {
    expect(runs(["tini", "--", "anchord"], "service-anchor")).toBe(true)
    expect(runs(["/usr/local/bin/anchord"], " service-anchor ")).toBe(true)
    expect(runs(["tini", "--", "anchord", "service-anchor"])).toBe(true)
    expect(runs(["anchord", "--verbose", "service-anchor"], "network-anchor")).toBe(true)
    expect(runs(["anchord", "network-anchor"], "service-anchor")).toBe(false)
    expect(runs(["tini", "--", "anchord"])).toBe(false)
  })

  it("is not whatever has the variable, nor what nobody has looked at", () => {
    expect(runs(["nginx", "-g", "daemon off;"], "service-anchor")).toBe(false)
    expect(runs(["sh", "-c", "anchord service-anchor"], "service-anchor")).toBe(false)
    const { inspected: _, ...unseen } = container("x")
    expect(runsServiceAnchor(unseen)).toBe(false)
  })
})

describe("a container", () => {
  const state = listing([])
  const of = (project: string, labels = {}) => container("x", { project, labels })

  it("is a sibling in scope or in anchord's own project, and foreign in any other", () => {
    expect([isSibling(of("mail"), state, scope), isForeign(of("mail"), state, scope)]).toEqual([true, false])
    expect([isSibling(of("shop"), state, scope), isForeign(of("shop"), state, scope)]).toEqual([false, true])
    expect([isSibling(of(""), state, scope), isForeign(of(""), state, scope)]).toEqual([false, false])
    expect(isSibling(of("shop", { role: "mail" }), state, selector)).toBe(true)
    expect(isForeign(of("shop", { role: "mail" }), state, selector)).toBe(false)
    expect(isSibling(of("mail"), state, { _tag: "Project", project: "shop" })).toBe(true)
  })

  it("of no project is no sibling of an anchord that is of none, either", () => {
    const own = { ...anchord, labels: {} }
    const alone = { ...state, containers: new Map([[own.id, own]]) }
    expect([isSibling(of(""), alone, selector), isSibling(of("mail"), alone, selector)]).toEqual([false, false])
  })
})

describe("what is being replaced", () => {
  it("is the old and the new one, when anchord does it", () => {
    const old = container("web", {})
    const aside = { ...old, name: nameAway(old.name, old.id) }
    expect(aside.name).toBe(`web-anchord-old-${idOf("web").slice(0, 12)}`)
    expect(namesBeingReplaced(listing([aside]), EPOCH)).toEqual(new Set([aside.name, "web"]))
  })

  it("is not the new one any more that runs, when the old one was stopped and is only left behind", () => {
    const old = container("web", { status: "exited" })
    const aside = { ...old, name: nameAway(old.name, old.id) }
    const replaced = (one: typeof aside, successor: typeof aside) =>
      namesBeingReplaced(listing([one, successor]), EPOCH)
    for (const status of ["running", "restarting", "paused"] as const) {
      const successor = container("web", { nth: 2, status })
      expect(replaced(aside, successor)).toEqual(new Set([aside.name]))
      expect(replaced({ ...aside, status }, successor)).toEqual(new Set([aside.name, "web"]))
    }
    for (const status of ["created", "exited"] as const)
      expect(replaced(aside, container("web", { nth: 2, status }))).toEqual(new Set([aside.name, "web"]))
  })

  it("is the old and the new one, when Compose does it; not the old one when it seems to have given up", () => {
    const interim = container("0123456789ab_web", { status: "created" })
    expect(namesBeingReplaced(listing([interim]), EPOCH + 119_999)).toEqual(new Set([interim.name, "web"]))
    expect(namesBeingReplaced(listing([interim]), EPOCH + 120_000)).toEqual(new Set([interim.name]))
  })

  it("is nothing that is only called alike", () => {
    const alike = ["anchord-old", "web-anchord-old-x", "0123_web", "0123456789AB_web", "0123456789ab-web"]
    expect(namesBeingReplaced(listing(alike.map((name) => container(name))), EPOCH)).toEqual(new Set())
  })
})
