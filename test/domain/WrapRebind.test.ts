import { describe, expect, it } from "vitest"
import type { LifecycleContainer } from "../../src/domain/LifecycleState.ts"
import { rememberRepairs, type RepairTimes } from "../../src/domain/RepairPace.ts"
import { decideWrapRebind, steadiness } from "../../src/domain/WrapRebind.ts"
import { differing } from "./inspections.ts"
import { anchord, container, EPOCH, idOf, joins, listing, NOW, serviceAnchor, type Given } from "./lifecycleListings.ts"

const app = (given: Given = {}) => container("app", { project: "upstream", ...given })
const anew = app({ nth: 2, startedAt: 30 })
const sa = serviceAnchor("sa", "app")

const decide = (
  containers: ReadonlyArray<LifecycleContainer>,
  before: ReadonlyArray<LifecycleContainer> = [],
  { times = new Map() as RepairTimes, now = NOW } = {}
) => decideWrapRebind(listing(containers, before), times, now)

const recreated = (containers: ReadonlyArray<LifecycleContainer>, before: ReadonlyArray<LifecycleContainer> = []) =>
  decide(containers, before).actions.map((action) =>
    action._tag === "Recreate" ? `${action.name} in ${action.networkMode}` : action._tag
  )

const nothing = { actions: [], problems: [] }

describe("a container that is to be joined", () => {
  const looked = (StartedAt: string, RestartCount: number, Status = "running") =>
    steadiness(differing("plain", { State: { StartedAt, Status }, RestartCount }), Date.parse("2026-01-01T00:00:10Z"))

  it("is joined at once when it runs for the first time", () => {
    expect(looked("2026-01-01T00:00:09.9Z", 0)).toEqual({ running: true })
    expect(looked("2026-01-01T00:00:09.9Z", 0, "exited")).toEqual({ running: false })
  })

  it("is given ten seconds when it has crashed, whatever the engine's clock says", () => {
    const at = (seconds: number) => Date.parse("2026-01-01T00:00:00Z") + seconds * 1_000
    expect(looked("2026-01-01T00:00:01Z", 1)).toEqual({ running: true, unsteadyUntil: at(11) })
    expect(looked("2026-01-01T00:00:00Z", 1)).toEqual({ running: true })
    expect(looked("2026-01-01T01:00:00Z", 1)).toEqual({ running: true, unsteadyUntil: at(20) })
  })
})

describe("a container that is to be joined by a service-anchor", () => {
  const looked = (StartedAt: string, yields: boolean, RestartCount = 0) =>
    steadiness(
      differing("plain", { State: { StartedAt, Status: "running" }, RestartCount }),
      Date.parse("2026-01-01T00:00:10Z"),
      yields
    )
  const at = (seconds: number) => Date.parse("2026-01-01T00:00:00Z") + seconds * 1_000

  it("is left to a network-anchor of the project for two seconds, which is quicker where there is one", () => {
    expect(looked("2026-01-01T00:00:09Z", true)).toEqual({ running: true, unsteadyUntil: at(11) })
    expect(looked("2026-01-01T00:00:08Z", true)).toEqual({ running: true })
    expect(looked("2026-01-01T00:00:09Z", false)).toEqual({ running: true })
  })

  it("has to be steady all the same", () => {
    expect(looked("2026-01-01T00:00:08Z", true, 1)).toEqual({ running: true, unsteadyUntil: at(18) })
  })
})

describe("the wrap-rebinder", () => {
  it("re-creates what was joined to a name that now means another container, with the name", () => {
    expect(decide([anew, sa], [app(), sa])).toEqual({
      actions: [
        {
          _tag: "Recreate",
          id: sa.id,
          name: "sa",
          networkMode: "container:app",
          start: true,
          reason: "app is another container now, and sa is in the namespace of the old one",
          yields: true
        }
      ],
      problems: []
    })
  })

  it("does it for any container of its project, and only for those that run or missed their namespace", () => {
    const plain = container("web", { networkMode: joins("app") })
    expect(recreated([anew, sa, plain], [app()])).toEqual(["sa in container:app", "web in container:app"])
    const missed = { status: "exited", startError: `No such container: ${idOf("app")}` } as const
    expect(recreated([anew, serviceAnchor("sa", "app", missed)], [app()])).toEqual(["sa in container:app"])
    for (const status of ["created", "exited", "paused", "removing", "dead"] as const)
      expect(recreated([anew, { ...sa, status }], [app()])).toEqual([])
  })

  it("does it also while the old container is there under another name", () => {
    for (const status of ["running", "exited"] as const)
      expect(recreated([{ ...app({ status }), name: "app-1.0" }, anew, sa], [app(), sa])).toEqual([
        "sa in container:app"
      ])
  })

  it("waits for the other one to run", () => {
    expect(decide([sa], [app(), sa])).toEqual(nothing)
    for (const status of ["created", "restarting", "exited", "paused"] as const)
      expect(decide([{ ...anew, status }, sa], [app(), sa])).toEqual(nothing)
  })

  it("leaves alone what is in order, and an owner that was only restarted, however often", () => {
    expect(decide([app(), sa])).toEqual(nothing)
    expect(decide([app({ startedAt: 999 }), sa])).toEqual(nothing)
    expect(decide([{ ...app(), name: "app-renamed" }, sa], [app(), sa])).toEqual(nothing)
  })

  it("leaves other projects alone, and itself", () => {
    expect(decide([anew, serviceAnchor("sa", "app", { project: "upstream" })], [app()])).toEqual(nothing)
    expect(decide([anew, serviceAnchor("sa", "app", { project: "" })], [app()])).toEqual(nothing)
    expect(decide([anew, { ...anchord, networkMode: joins("app") }], [app()])).toEqual(nothing)
  })

  it("does nothing without a project of its own, and says so", () => {
    const { labels: _, ...self } = anchord
    const decision = decide([anew, sa, { ...self, labels: {} }], [app()])
    expect([decision.actions, decision.problems.map(({ key }) => key)]).toEqual([[], ["rebind:no-project"]])
  })

  it("finds the service that Compose knows of, when it has not seen the old one", () => {
    const labels = { "com.docker.compose.depends_on": "inner:service_started:true" }
    const web = container("web", { networkMode: joins("inner"), labels })
    expect(recreated([web, container("inner", { nth: 2 })])).toEqual(["web in container:inner"])
    expect(recreated([web, container("mail-inner-1", { service: "inner" })])).toEqual(["web in container:mail-inner-1"])
    expect(decide([web, container("inner", { nth: 2 })]).problems).toEqual([])
    expect(recreated([container("web", { networkMode: joins("inner") }), container("inner", { nth: 2 })])).toEqual([])
  })

  it("needs no inspection of what runs", () => {
    const { inspected: _, ...unseen } = sa
    expect(recreated([anew, unseen], [app()])).toEqual(["sa in container:app"])
  })

  it("tells of what is in a namespace that is gone, where nobody knows whose it was, in its own project only", () => {
    const told = (dependent: LifecycleContainer, before: ReadonlyArray<LifecycleContainer> = []) =>
      decide([anew, dependent], before).problems.map(({ level, message }) => `${level} ${message}`)
    expect(told(sa)).toEqual([
      `WARN container sa has no network: it is in a namespace of ${idOf("app").slice(0, 12)}, which does not exist any more; repair it with: docker compose -p mail up -d --no-deps --force-recreate sa`
    ])
    expect(told(sa, [app()])).toEqual([])
    expect(told(serviceAnchor("sa", "app", { project: "upstream" }))).toEqual([])
    expect(told({ ...sa, status: "exited" })).toEqual([])
    expect(decide([sa], [app()])).toEqual(nothing)
    expect(decide([{ ...anchord, networkMode: joins("app") }])).toEqual(nothing)
    const keys = decide([sa, container("web", { networkMode: joins("other") })]).problems.map(({ key }) => key)
    expect(new Set(keys).size).toBe(2)
  })

  it("takes what hangs on a re-created container at the next look", () => {
    const web = container("web", { networkMode: joins("sa") })
    const saAnew = serviceAnchor("sa", "app", { nth: 2 })
    expect(recreated([anew, saAnew, web], [app(), sa])).toEqual(["sa in container:app"])
    expect(recreated([anew, sa, web], [app(), sa])).toEqual(["sa in container:app"])
    expect(recreated([anew, serviceAnchor("sa", "app", { nth: 3, networkMode: joins("app", 2) }), web], [sa])).toEqual([
      "web in container:sa"
    ])
  })

  it("never joins a container to itself, or to what hangs on it", () => {
    expect(decide([{ ...sa, name: "app" }], [app()])).toEqual(nothing)
    const inside = container("app", { nth: 2, networkMode: joins("sa"), startedAt: 30 })
    expect(decide([sa, inside], [app(), sa])).toEqual(nothing)
  })

  it("keeps away from what Compose is replacing", () => {
    const interim = container(`${sa.id.slice(0, 12)}_sa`, { status: "created" })
    expect(decide([anew, sa, interim], [app()], { now: EPOCH })).toEqual(nothing)
    const again = container(`${anew.id.slice(0, 12)}_app`, { status: "created" })
    expect(decide([anew, sa, again], [app()], { now: EPOCH })).toEqual(nothing)
  })

  it("says of what it cannot re-create without a loss that it does not, and is in no storm over it", () => {
    const refusal = "it was started with --rm"
    const problem = {
      key: "refused:sa",
      level: "ERROR",
      message: `app is another container now, and sa is in the namespace of the old one; it is not re-created: ${refusal}`
    }
    expect(decide([anew, serviceAnchor("sa", "app", { refusal })], [app()])).toEqual({
      actions: [],
      problems: [problem]
    })
  })

  it("looks again when the first of several is due", () => {
    const web = container("web", { networkMode: joins("app") })
    const done = decide([anew, sa, web], [app()]).actions
    const [first, second] = [done.slice(0, 1), done.slice(1)]
    const times = rememberRepairs(rememberRepairs(new Map(), second, NOW - 400), first, NOW)
    expect(decide([anew, sa, web], [app()], { times, now: NOW })).toEqual({ ...nothing, again: NOW + 600 })
  })

  it("makes one of two re-creations within a second, and stops in a storm", () => {
    const done = decide([anew, sa], [app()]).actions
    const once = rememberRepairs(new Map(), done, NOW)
    expect(decide([anew, sa], [app()], { times: once, now: NOW + 999 })).toEqual({ ...nothing, again: NOW + 1_000 })
    expect(decide([anew, sa], [app()], { times: once, now: NOW + 1_000 }).actions).toEqual(done)
    const often = Array.from({ length: 20 }, (_, nth) => NOW + nth * 1_500).reduce(
      (times, time) => rememberRepairs(times, done, time),
      new Map() as RepairTimes
    )
    const storm = decide([anew, sa], [app()], { times: often, now: NOW + 30_000 })
    expect([storm.actions, storm.problems.map(({ key }) => key), storm.again]).toEqual([[], ["storm:sa"], NOW + 60_000])
  })
})
