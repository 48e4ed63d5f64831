import { describe, expect, it } from "vitest"
import {
  namesOf,
  rememberName,
  rememberNames,
  successorOf,
  type ContainerNames
} from "../../src/domain/ContainerNames.ts"
import { container, idOf, joins } from "./lifecycleListings.ts"

const asMap = (...all: ReadonlyArray<ReturnType<typeof container>>) => new Map(all.map((one) => [one.id, one]))

const seen = (...looks: ReadonlyArray<ReturnType<typeof asMap>>): ContainerNames =>
  looks.reduce<ContainerNames>((names, look) => rememberNames(names, look), new Map())

const app = container("app")
const sa = container("sa", { networkMode: joins("app") })
const newApp = container("app", { nth: 2 })

describe("the names of containers", () => {
  it("are remembered of what is gone as long as somebody refers to it", () => {
    const names = seen(asMap(app, sa), asMap(sa))
    expect(namesOf(names, app.id)).toEqual(["app"])
    expect(namesOf(names, `/${app.id}`)).toEqual(["app"])
    expect(namesOf(names, app.id.slice(0, 12))).toEqual(["app"])
  })

  it("are remembered of two hundred that are gone, in case that somebody who refers to one is seen late", () => {
    const passing = Array.from({ length: 201 }, (_, nth) => asMap(container("passing", { nth: nth + 10 }), newApp))
    expect(namesOf(seen(asMap(app), ...passing.slice(0, 200)), app.id)).toEqual(["app"])
    expect(namesOf(seen(asMap(app), ...passing), app.id)).toEqual([])
    expect(
      namesOf(seen(asMap(app, sa), asMap(sa), ...passing.map((one) => new Map([...one, [sa.id, sa]]))), app.id)
    ).toEqual(["app"])
  })

  it("are nothing where nothing was seen", () => {
    expect(namesOf(new Map(), app.id)).toEqual([])
    expect(namesOf(seen(asMap(app)), "app")).toEqual([])
    expect(namesOf(seen(asMap(app)), app.id.slice(0, 11))).toEqual([])
    const alike = container("other", { id: `${app.id.slice(0, 12)}${"0".repeat(52)}` })
    expect(namesOf(seen(asMap(app, alike)), app.id.slice(0, 12))).toEqual([])
  })

  it("follow a container that is renamed, the latest first, and are bounded", () => {
    const called = (...all: ReadonlyArray<string>) => seen(...all.map((name) => asMap({ ...app, name })))
    expect(namesOf(called("app", "app-old"), app.id)).toEqual(["app-old", "app"])
    expect(namesOf(called("app", "app-old", "app"), app.id)).toEqual(["app", "app-old"])
    expect(namesOf(called("a", "b", "c", "d", "e", "f"), app.id)).toEqual(["f", "e", "d", "c"])
    expect(namesOf(seen(asMap(app, sa), asMap({ ...app, name: "app-old" }, sa)), app.id)).toEqual(["app-old", "app"])
  })

  it("may be told by an event, also of a container that is gone by then", () => {
    const told = rememberName(rememberName(new Map(), app.id, "x"), app.id, "app")
    expect(namesOf(told, app.id)).toEqual(["app", "x"])
    expect(rememberName(told, app.id, "app")).toBe(told)
    const byEvents = (...all: ReadonlyArray<string>) =>
      namesOf(
        all.reduce((names, name) => rememberName(names, app.id, name), new Map() as ContainerNames),
        app.id
      )
    expect(byEvents("app", "x", "app")).toEqual(["app", "x"])
    expect(byEvents("a", "b", "c", "d", "e", "f")).toEqual(["f", "e", "d", "c"])
    expect(namesOf(rememberNames(told, asMap(sa)), app.id)).toEqual(["app", "x"])
  })
})

describe("the successor of a container", () => {
  it("is who has its name now", () => {
    expect(successorOf(seen(asMap(app, sa)), asMap(sa, newApp), app.id)).toBe(newApp)
    expect(successorOf(seen(asMap(app, sa)), asMap(sa), app.id)).toBeUndefined()
    expect(successorOf(seen(asMap(app, sa)), asMap(sa, app), app.id)).toBeUndefined()
    expect(successorOf(new Map(), asMap(sa, newApp), app.id)).toBeUndefined()
  })

  it("is not the container itself under another name, until somebody takes the former one", () => {
    const renamed = { ...app, name: "app-old" }
    const names = seen(asMap(app, sa), asMap(renamed, sa))
    expect(successorOf(names, asMap(renamed, sa), app.id)).toBeUndefined()
    expect(successorOf(names, asMap(renamed, sa, newApp), app.id)).toBe(newApp)
    expect(successorOf(names, asMap(sa, newApp), app.id)?.id).toBe(idOf("app", 2))
  })

  it("is who gets the name that it was to have, when its own replacement was interrupted", () => {
    for (const name of ["0123456789ab_app", "app-anchord-old-0123456789ab"]) {
      const left = { ...app, name }
      expect(successorOf(seen(asMap(left, sa)), asMap(sa, newApp), app.id)).toBe(newApp)
      expect(successorOf(seen(asMap(left, sa)), asMap(left, sa), app.id)).toBeUndefined()
    }
  })
})
