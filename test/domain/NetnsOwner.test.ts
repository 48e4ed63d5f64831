import { describe, expect, it } from "vitest"
import { dependentsOf, namespaceReference, refersByName, resolveReference } from "../../src/domain/NetnsOwner.ts"

const container = (name: string, id: string, networkMode = "bridge") => ({ name, id, networkMode })

const listing = (...all: ReadonlyArray<ReturnType<typeof container>>) => new Map(all.map((one) => [one.id, one]))

const first = container("first", `${"a".repeat(12)}1${"0".repeat(51)}`)
const second = container("second", `${"a".repeat(12)}2${"0".repeat(51)}`)

describe("a reference to a container", () => {
  const resolve = (ref: string, containers = listing(first, second)) => resolveReference(containers, ref)?.name

  it("is a name, a full ID or at least 12 characters of one, with or without a slash", () => {
    for (const ref of ["first", first.id, first.id.slice(0, 13), first.id.slice(0, 40)]) {
      expect(resolve(ref)).toBe("first")
      expect(resolve(`/${ref}`)).toBe("first")
    }
  })

  it("is nobody's when it is short of 12 characters, fits several, or fits none", () => {
    expect(resolve(first.id.slice(0, 11), listing(first))).toBeUndefined()
    expect(resolve(first.id.slice(0, 12), listing(first))).toBe("first")
    expect(resolve(first.id.slice(0, 12))).toBeUndefined()
    for (const ref of ["firs", "", "/", "//first", "c".repeat(64), first.id.toUpperCase()])
      expect(resolve(ref)).toBeUndefined()
  })

  it("is a name before it is the beginning of an ID", () => {
    const misleading = container("a".repeat(13), "b".repeat(64))
    const oneLonger = container("prefix", `${"a".repeat(13)}${"0".repeat(51)}`)
    expect(resolve("a".repeat(13), listing(first, oneLonger, misleading))).toBe(misleading.name)
    expect(resolve("a".repeat(13), listing(first, oneLonger))).toBe("prefix")
  })

  it("is a full ID before it is a name: a container may be named like another's ID", () => {
    const impostor = container(first.id, "d".repeat(64))
    for (const all of [listing(first, impostor), listing(impostor, first)]) expect(resolve(first.id, all)).toBe("first")
    expect(resolve(first.id, listing(impostor))).toBe(impostor.name)
  })

  it("is not settled by the listing's order when two names are beginnings of the other's ID", () => {
    const x = container("b".repeat(12), `${"c".repeat(12)}${"0".repeat(52)}`)
    const y = container("c".repeat(12), `${"b".repeat(12)}${"0".repeat(52)}`)
    for (const all of [listing(x, y), listing(y, x)]) {
      expect(resolve(x.name, all)).toBe(x.name)
      expect(resolve(y.name, all)).toBe(y.name)
      expect(resolve(x.id.slice(0, 13), all)).toBe(x.name)
    }
  })

  it("is read from network_mode", () => {
    expect(namespaceReference(container("x", "1", "container:first"))).toBe("first")
    for (const networkMode of ["bridge", "host", "none", "mail_transit", "container:", "container"])
      expect(namespaceReference(container("x", "1", networkMode))).toBeUndefined()
  })
})

describe("a reference by name", () => {
  const all = listing(first, second)

  it("is one that Docker resolves anew at each start", () => {
    for (const ref of ["first", "/first", "gone"]) expect(refersByName(all, ref)).toBe(true)
    for (const ref of [first.id, `/${first.id}`, first.id.slice(0, 14), "e".repeat(64), "e".repeat(12)])
      expect(refersByName(all, ref)).toBe(false)
  })

  it("may look like an ID", () => {
    const hex = container("e".repeat(12), "d".repeat(64))
    const full = container("e".repeat(64), "f".repeat(64))
    expect(refersByName(listing(first, hex), hex.name)).toBe(true)
    expect(refersByName(listing(first, full), full.name)).toBe(true)
  })
})

describe("the dependents of a container", () => {
  const names = (all: ReadonlyArray<{ readonly name: string }>) => all.map(({ name }) => name)
  const anchor = container("anchor", "1".repeat(64), `container:${first.id}`)
  const web = container("web", "2".repeat(64), "container:anchor")
  const api = container("api", "3".repeat(64), `container:${"1".repeat(12)}`)
  const sidecar = container("sidecar", "4".repeat(64), "container:/web")

  it("are those that refer to it in any form, and theirs, the nearest first", () => {
    for (const all of [listing(first, anchor, web, api, sidecar), listing(sidecar, api, web, anchor, second, first)]) {
      expect(names(dependentsOf(all, first))).toEqual(["anchor", "api", "web", "sidecar"])
      expect(names(dependentsOf(all, anchor))).toEqual(["api", "web", "sidecar"])
      expect(names(dependentsOf(all, second))).toEqual([])
    }
  })

  it("are each listed once, even in a circle", () => {
    const x = container("x", "5".repeat(64), "container:y")
    const y = container("y", "6".repeat(64), "container:x")
    const itself = container("z", "7".repeat(64), "container:z")
    expect(names(dependentsOf(listing(x, y, itself), x))).toEqual(["y"])
    expect(names(dependentsOf(listing(x, y, itself), itself))).toEqual([])
  })
})
