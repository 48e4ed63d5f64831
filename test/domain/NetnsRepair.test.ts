import { describe, expect, it } from "vitest"
import { autostart } from "../../src/domain/Autostart.ts"
import type { Repair } from "../../src/domain/LifecycleAction.ts"
import type { LifecycleContainer } from "../../src/domain/LifecycleState.ts"
import { planRepairs, type RepairPolicy, type Unrepaired } from "../../src/domain/NetnsRepair.ts"
import { container, idOf, joins, listing, NOW, scope, serviceAnchor } from "./lifecycleListings.ts"

const plan = (
  containers: ReadonlyArray<LifecycleContainer>,
  before: ReadonlyArray<LifecycleContainer> = [],
  more: Partial<RepairPolicy> = {}
) =>
  planRepairs(listing(containers, before), [], {
    scope,
    autofix: "own",
    managedTarget: undefined,
    managed: undefined,
    owed: new Set(),
    restarts: new Map(),
    starts: [],
    times: new Map(),
    now: NOW,
    ...more
  })

const started = (containers: ReadonlyArray<LifecycleContainer>) => autostart(listing(containers), scope, NOW)

const brief = (repair: Repair): string => {
  const stays = repair._tag === "Recreate" && !repair.start ? ", stopped" : ""
  const after = repair.after === undefined ? "" : ` after ${repair.after.slice(0, 4)}`
  return `${repair._tag.toLowerCase()} ${repair.name}${after}${stays}`
}

const reasons = (all: ReadonlyArray<Unrepaired>) => all.map(({ stale, why }) => `${stale.container.name}: ${why}`)

const after = (name: string) => idOf(name).slice(0, 4)

const app = container("app")
const appAnew = container("app", { nth: 2, startedAt: 30 })
const appRestarted = container("app", { startedAt: 30 })
const sa = serviceAnchor("sa", "app")
const web = container("web", { networkMode: joins("sa"), startedAt: 25 })

const interimOf = ({ id, name }: LifecycleContainer) =>
  container(`${id.slice(0, 12)}_${name}`, { status: "created", createdAt: NOW / 1_000 })

describe("a dependent of what is re-created", () => {
  const recreated = (...dependents: ReadonlyArray<LifecycleContainer>) => {
    const all = [appAnew, sa, ...dependents]
    return plan(all, [app], { starts: started(all) }).repairs.map(brief)
  }

  it("stays stopped, though another container waits to be started", () => {
    const stopped = container("web", { networkMode: joins("sa"), status: "exited" })
    const waiting = container("other", { networkMode: joins("app", 2), status: "created" })
    expect(recreated(stopped, waiting)).toEqual([
      "recreate sa",
      `recreate web after ${after("sa")}, stopped`,
      "start other"
    ])
  })

  it("has what waits to be started in its own namespace re-created as well, whose reference would lead nowhere", () => {
    const waiting = container("side", { networkMode: joins("web"), status: "created" })
    expect(recreated(web, waiting)).toEqual([
      "recreate sa",
      `recreate web after ${after("sa")}`,
      `recreate side after ${after("web")}`
    ])
  })

  it("is left when it is about to be gone itself", () => {
    for (const status of ["removing", "dead"] as const)
      expect(recreated(container("web", { networkMode: joins("sa"), status }))).toEqual(["recreate sa"])
  })

  it("is re-created also when nobody has inspected it yet", () => {
    const { inspected: _, ...unseen } = web
    expect(recreated(unseen)).toEqual(["recreate sa", `recreate web after ${after("sa")}`])
  })
})

describe("a dependent that missed its namespace", () => {
  it("is started after its owner is restarted, whether autostart is on or not", () => {
    const startError = "cannot join network of a non running container: 1"
    const missed = container("web", { networkMode: joins("sa"), status: "exited", startError })
    expect(plan([appRestarted, sa, missed]).repairs.map(brief)).toEqual([
      "restart sa",
      `start web after ${after("sa")}`
    ])
  })
})

describe("what is not repaired", () => {
  it("is a container of which nobody knows where it belongs", () => {
    const lost = plan([web])
    expect([lost.repairs, reasons(lost.unrepaired)]).toEqual([[], ["web: not-ours"]])
  })

  it("is what would join a container that is being replaced once more", () => {
    const again = plan([appAnew, sa, interimOf(appAnew)], [app])
    expect([again.repairs, reasons(again.unrepaired)]).toEqual([[], ["sa: being-replaced"]])
  })
})

describe("what is tried again", () => {
  it("is told with everything that waits for it, however far below", () => {
    const side = container("side", { networkMode: joins("web"), startedAt: 26 })
    const times = new Map([["sa", { at: [NOW - 5_000], failures: 1, ownerStart: undefined }]])
    const again = plan([appRestarted, sa, web, side], [], { times })
    expect(again.repairs).toHaveLength(3)
    expect(reasons(again.retried)).toEqual(["sa: failed", "web: waits-for-owner", "side: waits-for-owner"])
  })
})
