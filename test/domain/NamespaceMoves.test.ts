import { describe, expect, it } from "vitest"
import { startOf, type LifecycleContainer } from "../../src/domain/LifecycleState.ts"
import { movesIn, noMoves, rememberMoves, type NamespaceMoves } from "../../src/domain/NamespaceMoves.ts"
import { staleNetns } from "../../src/domain/StaleNetns.ts"
import { container, EPOCH, joins, listing, serviceAnchor } from "./lifecycleListings.ts"

const app = container("app", { startedAt: 30 })
const sa = serviceAnchor("sa", "app")
const saMoved = serviceAnchor("sa", "app", { startedAt: 32 })
/** Started after `app`, and before `sa` has followed it. */
const web = container("web", { networkMode: joins("sa"), startedAt: 31 })

const seeing = (before: NamespaceMoves, containers: ReadonlyArray<LifecycleContainer>) => {
  const seen = listing(containers)
  const stale = staleNetns({ ...seen, moved: movesIn(before, seen) })
  return {
    names: stale.map(({ container: { name } }) => name),
    moves: rememberMoves(before, seen, new Set(stale.map(({ container: { id } }) => id)))
  }
}

const names = (before: NamespaceMoves, containers: ReadonlyArray<LifecycleContainer>) =>
  seeing(before, containers).names

describe("a container that has come out of a dead namespace", () => {
  const sawDead = () => seeing(noMoves, [app, sa]).moves
  const sawMoved = () => seeing(sawDead(), [app, saMoved]).moves

  it("has left whoever was started before that, also if it was after the start that made the new one", () => {
    expect(names(noMoves, [app, saMoved, web])).toEqual([])
    expect(names(sawDead(), [app, saMoved, web])).toEqual(["web"])
    expect(names(sawMoved(), [app, saMoved, web])).toEqual(["web"])
  })

  it("has not left who was started after that, however often it is started itself", () => {
    const later = { ...web, inspected: container("web", { startedAt: 33 }).inspected } as LifecycleContainer
    const again = serviceAnchor("sa", "app", { startedAt: 40 })
    expect(names(sawMoved(), [app, saMoved, later])).toEqual([])
    expect(names(sawMoved(), [app, again, later])).toEqual([])
    expect(names(sawMoved(), [app, again, web])).toEqual(["web"])
  })

  it("is not one that was only seen in order", () => {
    const { moves } = seeing(noMoves, [app, saMoved])
    expect(names(moves, [app, serviceAnchor("sa", "app", { startedAt: 40 }), web])).toEqual([])
  })

  it("has not come out while nobody knows of another start of it", () => {
    expect(movesIn(sawDead(), listing([app, sa]))).toEqual(new Map())
    expect(movesIn(sawDead(), listing([app]))).toEqual(new Map())
    const { inspected: _, ...unseen } = sa
    expect(movesIn(sawDead(), listing([app, unseen]))).toEqual(new Map())
    expect(sawDead().dead).toEqual(new Map([[sa.id, startOf(sa)]]))
  })

  it("is remembered while it does not run, and for as long as it is there", () => {
    const ended = serviceAnchor("sa", "app", { status: "exited" })
    const { moves } = seeing(sawDead(), [app, ended])
    expect(movesIn(moves, listing([app, saMoved]))).toEqual(new Map([[sa.id, EPOCH + 32_000]]))
    expect(seeing(sawMoved(), [app]).moves).toEqual(noMoves)
  })
})
