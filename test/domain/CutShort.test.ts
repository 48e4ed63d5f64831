import { expect, it } from "vitest"
import { cutShort, isNetworkAnchors } from "../../src/domain/CutShort.ts"
import type { LifecycleContainer, LifecycleState } from "../../src/domain/LifecycleState.ts"
import { nameAway } from "../../src/domain/Recreation.ts"
import { container, joins, listing, scope, serviceAnchor, type Given } from "./lifecycleListings.ts"

const settings = {
  target: "ldap",
  name: "ldap-sa",
  image: undefined,
  gateway: undefined,
  environment: {},
  labels: {}
}

const away = (one: LifecycleContainer): LifecycleContainer => ({
  ...one,
  name: nameAway(one.name, one.id),
  status: "exited"
})

const ldap = container("ldap", { project: "authentik" })
const managed = (given: Given = {}) => serviceAnchor("ldap-sa", "ldap", { project: "", ...given })
const inside = (given: Given = {}) => container("exporter", { networkMode: joins("ldap-sa"), project: "", ...given })

const names = (managedAnchor: typeof settings | undefined, ...containers: ReadonlyArray<LifecycleContainer>) =>
  namesIn(listing(containers), managedAnchor)

const namesIn = (state: LifecycleState, managedAnchor?: typeof settings) =>
  cutShort(state, isNetworkAnchors(state, scope, managedAnchor)).map(({ name }) => name)

it("what is renamed away in the project is anchord's to look after, and nothing that has its name", () => {
  const web = away(container("web"))
  expect(names(undefined, web, container("web", { nth: 2 }), container("other"))).toEqual([web.name])
  expect(names(undefined, { ...web, name: "web-anchord-old-0123456789ab" })).toEqual([])
})

it("so is the managed service-anchor, wherever its target is by now", () => {
  const old = away(managed())
  expect(names(settings, ldap, old, managed({ nth: 2 }))).toEqual([old.name])
  expect(names(settings, old)).toEqual([old.name])
  expect(names(undefined, ldap, old)).toEqual([])
})

it("and what is nobody's and lives in its namespace, or does so with its successor", () => {
  const old = away(inside())
  expect(names(settings, ldap, managed(), old)).toEqual([old.name])
  const anew = managed({ nth: 2 })
  expect(names(settings, ldap, anew, old, inside({ nth: 2, networkMode: joins("ldap-sa", 2) }))).toEqual([old.name])
  expect(names(settings, ldap, anew, old)).toEqual([])
  expect(names(undefined, ldap, managed(), old)).toEqual([])
})

it("but nothing of another project, whose own anchord may be at it", () => {
  expect(
    names(settings, ldap, managed(), away(inside({ project: "shop" })), away(container("x", { project: "shop" })))
  ).toEqual([])
  expect(names(settings, away(managed({ project: "shop" })))).toEqual([])
})

it("what another container's process has begun is left to that one while it runs, however long that takes", () => {
  const other = container("rebinder")
  const web = container("web")
  const begun = { ...web, name: nameAway(web.name, web.id, other.id) }
  expect(names(undefined, begun, other)).toEqual([])
  expect(names(undefined, begun, { ...other, status: "exited" })).toEqual([begun.name])
  expect(names(undefined, begun)).toEqual([begun.name])
})

it("what this container's process has begun before it was started again is its own, in whatever project", () => {
  const foreign = container("x", { project: "shop" })
  const { selfId } = listing([])
  const begun = { ...foreign, name: nameAway(foreign.name, foreign.id, selfId) }
  expect(names(undefined, begun)).toEqual([begun.name])
})
