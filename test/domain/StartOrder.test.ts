import { describe, expect, it } from "vitest"
import type { LifecycleAction, Restart } from "../../src/domain/LifecycleAction.ts"
import { startOf, type LifecycleContainer } from "../../src/domain/LifecycleState.ts"
import { inOrder, rememberOrder, type StartOrder } from "../../src/domain/StartOrder.ts"
import { staleNetns } from "../../src/domain/StaleNetns.ts"
import { container, joins, listing, serviceAnchor } from "./lifecycleListings.ts"

const app = container("app", { startedAt: 7_200 })
const sa = serviceAnchor("sa", "app")
const web = container("web", { networkMode: joins("sa"), startedAt: 25 })

const restart = ({ id, name }: LifecycleContainer): Restart => ({ _tag: "Restart", id, name, reason: "" })

const after = (done: ReadonlyArray<LifecycleAction>, seen = [app, sa, web]) =>
  rememberOrder(new Map(), listing(seen), done)

const stale = (order: StartOrder, seen = [app, sa, web]) =>
  staleNetns(inOrder(listing(seen), order)).map(({ container: { name } }) => name)

describe("what was started after its owner", () => {
  it("is in that one's namespace, whatever the clock says", () => {
    expect(stale(new Map())).toEqual(["sa", "web"])
    expect(stale(after([restart(sa)]))).toEqual(["web"])
    expect(stale(after([restart(sa), restart(web)]))).toEqual([])
  })

  it("is not, once the owner was started again or is another container", () => {
    const order = after([restart(sa), restart(web)])
    expect(stale(order, [container("app", { startedAt: 7_201 }), sa, web])).toEqual(["sa", "web"])
    const anew = container("app", { nth: 2, startedAt: 7_200 })
    expect(stale(order, [anew, serviceAnchor("sa", "app", { networkMode: joins("app", 2) }), web])).toEqual([
      "sa",
      "web"
    ])
  })

  it("is not where its owner itself was in a dead namespace at that time", () => {
    const order = after([restart(web)])
    expect(stale(order, [app, serviceAnchor("sa", "app", { startedAt: 7_300 }), web])).toEqual(["web"])
  })

  it("is known of one that was made anew as well, and of one that was created", () => {
    const gone = serviceAnchor("sa", "app", { networkMode: joins("app", 9) })
    const recreate = { ...restart(gone), _tag: "Recreate", networkMode: "container:app", start: true } as const
    expect(stale(after([recreate], [app, gone]), [app, serviceAnchor("sa", "app", { nth: 2 })])).toEqual([])
    const spec = { name: "sa", networkMode: "container:app" }
    const create = { _tag: "CreateManaged", spec, reason: "" } as LifecycleAction
    expect(stale(after([create], [app]), [app, sa])).toEqual([])
  })

  it("counts as no older than the youngest owner that it was started after", () => {
    const startedAt = (order: StartOrder, seen = [app, sa, web]) =>
      [...inOrder(listing(seen), order).containers.values()].find(({ name }) => name === "web")?.inspected?.startedAt
    const younger = serviceAnchor("sa", "app", { startedAt: 7_100 })
    expect(startedAt(after([restart(web)], [app, younger, web]), [app, younger, web])).toBe(
      younger.inspected?.startedAt
    )
    expect(startedAt(after([restart(sa), restart(web)]))).toBe(app.inspected?.startedAt)
    const old = serviceAnchor("sa", "app", { startedAt: 5 })
    expect(startedAt(after([restart(web)], [app, old, web]), [app, old, web])).toBe(web.inspected?.startedAt)
  })

  it("is known of its owners up to the first that is in a dead namespace itself", () => {
    const side = container("side", { networkMode: joins("web"), startedAt: 26 })
    const order = after([restart(side)], [app, sa, web, side])
    expect(order.get("side")).toEqual(new Set([startOf(web)]))
  })

  it("says nothing of what nobody has inspected", () => {
    const { inspected: _, ...unseen } = web
    const { inspected: _owner, ...owner } = app
    const order = after([restart(sa), restart(web)], [owner, sa, unseen])
    expect(stale(order, [app, sa, unseen])).toEqual(["sa", "web"])
    expect(stale(order, [owner, sa, unseen])).toEqual([])
  })

  it("is known for as long as there is a container of that name", () => {
    const order = after([restart(sa), restart(web)])
    expect([...rememberOrder(order, listing([app, web]), []).keys()]).toEqual(["web"])
  })
})
