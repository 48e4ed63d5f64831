import { describe, expect, it } from "vitest"
import { startOf, type LifecycleContainer } from "../../src/domain/LifecycleState.ts"
import { ownRestartsIn, rememberOwnRestarts } from "../../src/domain/OwnRestarts.ts"
import { listing, serviceAnchor } from "./lifecycleListings.ts"

const startedAt = (seconds: number): LifecycleContainer => serviceAnchor("sa", "app", { startedAt: seconds })
const sa = startedAt(20)
const restart = { _tag: "Restart", id: sa.id, name: "sa", reason: "" } as const
const done = rememberOwnRestarts(new Map(), listing([sa]), [restart])

describe("a restart of anchord's own", () => {
  it("is known before and after it is seen", () => {
    expect([...ownRestartsIn(done, listing([sa])).keys()]).toEqual([sa.id])
    const seen = ownRestartsIn(done, listing([startedAt(30)]))
    expect(seen.get(sa.id)?.start).toBe(startOf(startedAt(30)))
    expect(ownRestartsIn(seen, listing([startedAt(30)]))).toEqual(seen)
  })

  it("is over when somebody else has started the container since, or has removed it", () => {
    const seen = rememberOwnRestarts(done, listing([startedAt(30)]), [])
    expect(ownRestartsIn(seen, listing([startedAt(40)])).size).toBe(0)
    expect(ownRestartsIn(seen, listing([])).size).toBe(0)
  })

  it("begins anew with the next one", () => {
    const seen = rememberOwnRestarts(done, listing([startedAt(30)]), [restart])
    expect([...ownRestartsIn(seen, listing([startedAt(40)])).keys()]).toEqual([sa.id])
  })

  it("is neither a start nor a re-creation", () => {
    const others = [
      { ...restart, _tag: "Start" },
      { ...restart, _tag: "Recreate", networkMode: "container:app", start: true }
    ] as const
    expect(rememberOwnRestarts(new Map(), listing([sa]), others).size).toBe(0)
  })
})
