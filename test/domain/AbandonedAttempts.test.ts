import { describe, expect, it } from "vitest"
import { abandonedAttempts, type SeenAway } from "../../src/domain/AbandonedAttempts.ts"
import { nameAway } from "../../src/domain/Recreation.ts"
import { container, idOf, NOW } from "./lifecycleListings.ts"

const away = container(nameAway("web", idOf("web")), { id: idOf("web") })
const others = [container("web", { nth: 2 }), container("web-anchord-old-000000000000")]

const look = (before: SeenAway | undefined, now: number, containers = [away, ...others]) => {
  const { containers: abandoned, seen, again } = abandonedAttempts(containers, before, now)
  return { names: abandoned.map(({ id }) => id), seen, again }
}

describe("a container that is renamed away by its own ID", () => {
  it("is left over from the process before when it is there at the first look, and stays so", () => {
    const first = look(undefined, NOW)
    expect([first.names, first.again]).toEqual([[away.id], undefined])
    expect(look(first.seen, NOW + 1).names).toEqual([away.id])
  })

  it("is given two minutes when it comes later: another process may be at it", () => {
    const { seen } = look(new Map(), NOW)
    for (const now of [NOW, NOW + 119_999]) expect(look(seen, now)).toEqual({ names: [], seen, again: NOW + 120_000 })
    expect(look(seen, NOW + 120_000)).toEqual({ names: [away.id], seen, again: undefined })
  })

  it("is forgotten when it is gone", () => {
    const { seen } = look(look(new Map(), NOW).seen, NOW + 100_000, others)
    expect([...seen]).toEqual([])
    expect(look(seen, NOW + 200_000).names).toEqual([])
  })
})
