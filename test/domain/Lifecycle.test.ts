import { describe, expect, it } from "vitest"
import { decideLifecycle, isStillStartUp, type LifecycleInput } from "../../src/domain/Lifecycle.ts"
import { emptyMemory, rememberDecision, type LifecycleMemory } from "../../src/domain/LifecycleMemory.ts"
import type { LifecycleAction, LifecycleDecision, LifecycleProblem } from "../../src/domain/LifecycleAction.ts"
import type { LifecycleContainer, LifecycleState } from "../../src/domain/LifecycleState.ts"
import {
  anchord,
  container,
  EPOCH,
  idOf,
  joins,
  listing,
  NOW,
  scope,
  selector,
  serviceAnchor
} from "./lifecycleListings.ts"

const settings = { autostart: true, autofix: "own", managed: undefined } as const

const inProject = { ...settings, autofix: "project" } as const

const inputOf = (state: LifecycleState, more: Partial<LifecycleInput> = {}): LifecycleInput => ({
  state,
  scope,
  project: "mail",
  settings,
  logLevel: "info",
  own: { v4: "172.20.0.2" },
  startUp: false,
  memory: emptyMemory,
  now: NOW,
  ...more
})

const decide = (
  containers: ReadonlyArray<LifecycleContainer>,
  before: ReadonlyArray<LifecycleContainer> = [],
  more: Partial<LifecycleInput> = {}
) => decideLifecycle(inputOf(listing(containers, before), more))

const brief = (action: LifecycleAction): string => {
  if (action._tag === "CreateManaged") return `create ${action.spec.name}`
  const name = action.after === undefined ? action.name : `${action.name} after ${action.after.slice(0, 4)}`
  if (action._tag !== "Recreate") return `${action._tag.toLowerCase()} ${name}`
  return `recreate ${name} in ${action.networkMode}${action.start ? "" : ", stopped"}`
}

const actions = (decision: LifecycleDecision) => decision.actions.map(brief)

const keys = (decision: LifecycleDecision) => decision.problems.map(({ key, level }) => `${level} ${key}`)

const after = (name: string) => idOf(name).slice(0, 4)

const app = container("app")
const appAnew = container("app", { nth: 2, startedAt: 30 })
const appRestarted = container("app", { startedAt: 30 })
const sa = serviceAnchor("sa", "app")
const web = container("web", { networkMode: joins("sa"), startedAt: 25 })

describe("a service-anchor in scope", () => {
  it("is re-created against the name of an owner that was made anew, and then everything that hangs on it", () => {
    const decision = decide([appAnew, sa, web], [app])
    expect(actions(decision)).toEqual([
      "recreate sa in container:app",
      `recreate web after ${after("sa")} in container:sa`
    ])
    expect(decision.problems).toEqual([])
    expect(decision.actions[0]?.reason).toBe(
      `container sa has no network: it is in a namespace of app (${idOf("app").slice(0, 12)}), which does not exist any more`
    )
  })

  it("is restarted when its owner was, and so is everything that hangs on it", () => {
    const decision = decide([appRestarted, sa, web])
    expect(actions(decision)).toEqual(["restart sa", `restart web after ${after("sa")}`])
    expect(decision.problems).toEqual([])
  })

  it("is repaired without what hangs on it when autofix is off; that gets its warning", () => {
    const off = { settings: { ...settings, autofix: "off" } } as const
    const decision = decide([appAnew, sa, web], [app], off)
    expect(actions(decision)).toEqual(["recreate sa in container:app"])
    expect(keys(decision)).toEqual([`WARN stale:${idOf("web")}`])
  })

  it("waits for its owner to run, and says that it does", () => {
    const gone = decide([sa], [app])
    expect(actions(gone)).toEqual([])
    expect(gone.problems.map(({ message }) => message)).toEqual([
      `container sa has no network: it is in a namespace of app (${idOf("app").slice(0, 12)}), which does not exist any more; anchord repairs it when app runs`
    ])
    const stopped = { ...appAnew, status: "exited" } as const
    expect(keys(decide([sa, stopped], [app]))).toEqual([`WARN stale:${sa.id}`])
    expect(actions(decide([sa, stopped], [app]))).toEqual([])
  })

  it("is not spoken of while Compose is about to start the new owner, or replaces one of the two", () => {
    const made = { ...appAnew, status: "created", createdAt: NOW / 1_000 - 60 } as const
    expect(decide([sa, made], [app])).toEqual({ actions: [], problems: [] })
    expect(keys(decide([sa, { ...made, createdAt: NOW / 1_000 - 120 }], [app]))).toHaveLength(1)
    const interim = container(`${idOf("app").slice(0, 12)}_app`, { status: "created", createdAt: NOW / 1_000 - 1 })
    expect(decide([sa, interim], [app])).toEqual({ actions: [], problems: [] })
    const interimSa = { ...sa, id: "1".repeat(64), name: `${sa.id.slice(0, 12)}_sa`, createdAt: NOW / 1_000 } as const
    expect(decide([appAnew, sa, { ...interimSa, status: "created" }], [app])).toEqual({ actions: [], problems: [] })
    expect(decide([appRestarted, sa, web, { ...interimSa, status: "created" }])).toEqual({ actions: [], problems: [] })
  })

  it("is left to the operator when nobody knows what it was joined to", () => {
    const decision = decide([sa, appAnew])
    expect(actions(decision)).toEqual([])
    expect(decision.problems[0]?.message).toMatch(
      /repair it with: docker compose -p mail up -d --no-deps --force-recreate sa$/
    )
  })

  it("of another project is not touched", () => {
    const foreign = serviceAnchor("sa", "app", { project: "shop" })
    expect(decide([appAnew, foreign], [app])).toEqual({ actions: [], problems: [] })
    expect(decide([appAnew, foreign], [app], { settings: inProject })).toEqual({ actions: [], problems: [] })
  })

  it("is found by a selector, in any project", () => {
    const labelled = serviceAnchor("sa", "app", { project: "shop", labels: { role: "mail" } })
    expect(actions(decide([appAnew, labelled], [app], { scope: selector }))).toEqual(["recreate sa in container:app"])
  })
})

describe("what anchord did not break", () => {
  const anchorAnew = serviceAnchor("sa", "app", { nth: 2, startedAt: 40 })

  it("gets a warning for each victim, with the command, when only its own doings are repaired", () => {
    const decision = decide([app, anchorAnew, web], [sa])
    expect(actions(decision)).toEqual([])
    expect(decision.problems).toEqual([
      {
        key: `stale:${web.id}`,
        level: "WARN",
        message: `container web has no network: it is in a namespace of sa (${sa.id.slice(0, 12)}), which does not exist any more; repair it with: docker compose -p mail up -d --no-deps --force-recreate web`
      }
    ])
  })

  it("is repaired in the project when that is asked for", () => {
    const decision = decide([app, anchorAnew, web], [sa], { settings: inProject })
    expect(actions(decision)).toEqual(["recreate web in container:sa"])
    expect(decision.problems).toEqual([])
    const restarted = serviceAnchor("sa", "app", { networkMode: "mail_transit", startedAt: 40 })
    expect(actions(decide([app, restarted, web], [], { settings: inProject }))).toEqual(["restart web"])
    expect(actions(decide([app, restarted, web]))).toEqual([])
    expect(keys(decide([app, restarted, web]))).toEqual([`WARN stale:${web.id}`])
  })

  it("is not looked for with a selector and no project, which is said", () => {
    const none = { scope: selector, project: undefined }
    expect(keys(decide([app, anchorAnew, web], [sa], none))).toEqual(["INFO watcher-off"])
    expect(keys(decide([app, anchorAnew, web], [sa], { scope: selector }))).toEqual([`WARN stale:${web.id}`])
  })

  it("is repaired where it hangs on the managed service-anchor, whoever made that anew", () => {
    const managed = { target: "app", name: "sa", image: undefined, gateway: undefined, environment: {}, labels: {} }
    const decision = decide([app, anchorAnew, web], [sa], { settings: { ...settings, managed } })
    expect(actions(decision)).toEqual(["recreate web in container:sa"])
  })
})

describe("the dependents of what is acted on", () => {
  const managed = { target: "app", name: "sa", image: undefined, gateway: undefined, environment: {}, labels: {} }
  const old = serviceAnchor("sa", "app", {
    project: "",
    imageId: "sha256:old",
    labels: { "anchord.managed-by": "f45" },
    environment: { ANCHORD_GATEWAY_IP: "172.20.0.2" }
  })
  const drift = (...dependents: ReadonlyArray<LifecycleContainer>) =>
    decide([app, old, ...dependents], [], { settings: { ...settings, managed }, startUp: true })

  it("are re-created after it, and theirs after them", () => {
    const sidecar = container("sidecar", { networkMode: joins("web"), startedAt: 26 })
    expect(actions(drift(web, sidecar))).toEqual([
      "recreate sa in container:app",
      `recreate web after ${after("sa")} in container:sa`,
      `recreate sidecar after ${after("web")} in container:web`
    ])
  })

  it("are re-created with it also when its target comes after anchord, or the first attempt fails", () => {
    const ofManaged = { settings: { ...settings, managed }, startUp: true }
    const looked = (target: LifecycleContainer, fails: boolean, more: Partial<LifecycleInput> = ofManaged) => {
      const input = inputOf(listing([target, old]), more)
      const decision = decideLifecycle(input)
      return [actions(decision), isStillStartUp(input, decision, fails ? decision.actions : [])]
    }
    const recreated = ["recreate sa in container:app"]
    expect(looked(container("app", { status: "exited" }), false)).toEqual([[], true])
    expect(looked(app, true)).toEqual([recreated, true])
    const times = { ...emptyMemory, times: new Map([["sa", { at: [NOW - 1], failures: 1, ownerStart: undefined }]]) }
    expect(looked(app, false, { ...ofManaged, memory: times })).toEqual([[], true])
    expect(looked(app, false)).toEqual([recreated, false])
    expect(looked(app, false, { ...ofManaged, startUp: false })).toEqual([[], false])
    expect(looked(app, false, { startUp: true })).toEqual([[], false])
  })

  it("are left in peace where they follow a name, and are in the right namespace already", () => {
    const byItsName = container("web", { networkMode: "container:/sa", startedAt: 25 })
    expect(actions(drift(byItsName))).toEqual(["recreate sa in container:app"])
  })

  it("stay stopped when they were, and can be started again", () => {
    const stopped = container("web", { networkMode: joins("sa"), status: "exited" })
    expect(actions(drift(stopped))[1]).toBe(`recreate web after ${after("sa")} in container:sa, stopped`)
    const created = container("web", { networkMode: joins("sa"), status: "created" })
    expect(actions(drift(created))[1]).toBe(`recreate web after ${after("sa")} in container:sa`)
    expect(actions(drift(container("web", { networkMode: joins("sa"), status: "removing" })))).toHaveLength(1)
    const missed = container("web", { networkMode: joins("sa"), status: "exited", startError: "No such container: 1" })
    const manual = { settings: { ...settings, autostart: false, managed }, startUp: true }
    expect(actions(decide([app, old, missed], [], manual))[1]).toBe(`recreate web after ${after("sa")} in container:sa`)
  })

  it("are restarted in a new namespace where they follow a name", () => {
    const byItsName = container("web", { networkMode: "container:/sa", startedAt: 25 })
    expect(actions(decide([appAnew, sa, byItsName], [app]))).toEqual([
      "recreate sa in container:app",
      `restart web after ${after("sa")}`
    ])
  })

  it("are tried again after longer and longer, when that fails again and again", () => {
    const anew = serviceAnchor("sa", "app", { nth: 2, networkMode: joins("app", 2), startedAt: 40 })
    const state = listing([appAnew, anew, web], [app, sa])
    let memory: LifecycleMemory = { ...emptyMemory, owed: new Set([web.id]) }
    let now = NOW
    const times: Array<number> = []
    for (let attempt = 0; attempt < 6; attempt += 1) {
      const decision = decideLifecycle(inputOf(state, { memory, now }))
      expect(actions(decision)).toEqual(["recreate web in container:sa"])
      memory = rememberDecision(memory, state, decision, now, { left: decision.actions })
      const then = decideLifecycle(inputOf(state, { memory, now }))
      expect(then.actions).toEqual([])
      times.push((then.again ?? 0) - now)
      now = then.again ?? 0
    }
    expect(times).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000])
  })

  it("have their warning from the first failure until it is mended, also in the moment of the next attempt", () => {
    const told = (state: LifecycleState, failing: boolean) => {
      let memory: LifecycleMemory = { ...emptyMemory, owed: new Set([web.id]) }
      return [0, 500, 1_000, 1_500, 3_000, 3_500].map((later) => {
        const decision = decideLifecycle(inputOf(state, { memory, now: NOW + later }))
        const left = failing ? decision.actions : []
        memory = rememberDecision(memory, state, decision, NOW + later, { left })
        return decision.problems.map(({ key, message }) => [key, message.replace(/^.*(; )/, "$1")])
      })
    }
    const command = (name: string) => `repair it with: docker compose -p mail up -d --no-deps --force-recreate ${name}`
    const failed = [`stale:${sa.id}`, `; ${command("sa")}`]
    const waiting = [`stale:${web.id}`, "; anchord repairs it when sa runs"]
    const state = listing([appAnew, sa, web], [app])
    expect(told(state, true)).toEqual([[], ...Array.from({ length: 5 }, () => [failed, waiting])])
    expect(told(listing([appAnew, sa], [app]), false)).toEqual(Array.from({ length: 6 }, () => []))
  })

  it("are repaired after a restart of their owner's if they came up meanwhile, in the namespace that it has left", () => {
    const stopped = container("web", { networkMode: joins("sa"), status: "exited" })
    const seen = listing([appRestarted, sa, stopped])
    const first = decideLifecycle(inputOf(seen))
    expect(actions(first)).toEqual(["restart sa"])
    const memory = rememberDecision(emptyMemory, seen, first, NOW)
    const came = container("web", { networkMode: joins("sa"), startedAt: 31 })
    const then = listing([appRestarted, serviceAnchor("sa", "app", { startedAt: 32 }), came])
    const second = decideLifecycle(inputOf(then, { memory, now: NOW + 500 }))
    expect(actions(second)).toEqual(["restart web"])
    const mended = container("web", { networkMode: joins("sa"), startedAt: 33 })
    const last = listing([appRestarted, serviceAnchor("sa", "app", { startedAt: 32 }), mended])
    const lastMemory = rememberDecision(memory, then, second, NOW + 500)
    expect(actions(decideLifecycle(inputOf(last, { memory: lastMemory, now: NOW + 5_000 })))).toEqual([])
  })

  it("are repaired after that also when it is seen only at a later look that they came up", () => {
    const waiting = container("web", { networkMode: joins("sa"), status: "created" })
    const seen = listing([appRestarted, sa, waiting])
    const first = decideLifecycle(inputOf(seen))
    expect(actions(first)[0]).toBe("restart sa")
    const moved = serviceAnchor("sa", "app", { startedAt: 32 })
    const nothing = { actions: [], problems: [] }
    const look = (memory: LifecycleMemory, dependent: LifecycleContainer, now: number) =>
      rememberDecision(memory, listing([appRestarted, moved, dependent]), nothing, now)
    const memory = look(rememberDecision(emptyMemory, seen, first, NOW), waiting, NOW + 500)
    const came = (startedAt: number) => container("web", { networkMode: joins("sa"), startedAt })
    const next = (dependent: LifecycleContainer, known: LifecycleMemory) =>
      actions(decideLifecycle(inputOf(listing([appRestarted, moved, dependent]), { memory: known, now: NOW + 5_000 })))
    expect(next(came(31), memory)).toEqual(["restart web"])
    expect(next(came(33), memory)).toEqual([])
  })

  it("are repaired after that also when nobody knew of them, and the answer to the restart was lost", () => {
    const seen = listing([appRestarted, sa])
    const first = decideLifecycle(inputOf(seen))
    const late = container("web", { networkMode: joins("sa"), nth: 2, startedAt: 31 })
    const state = listing([appRestarted, serviceAnchor("sa", "app", { startedAt: 32 }), late])
    const next = (left: LifecycleDecision["actions"], found: LifecycleDecision["actions"] = []) => {
      const memory = rememberDecision(emptyMemory, seen, first, NOW, { left, found })
      return actions(decideLifecycle(inputOf(state, { memory, now: NOW + 5_000 })))
    }
    expect(next([])).toEqual(["restart web"])
    expect(next(first.actions)).toEqual(["restart web"])
    expect(next([], first.actions)).toEqual([])
  })

  it("are repaired after that also when nobody knew of them, until somebody else restarts their owner", () => {
    const seen = listing([appRestarted, sa])
    const memory = rememberDecision(emptyMemory, seen, decideLifecycle(inputOf(seen)), NOW)
    const late = container("web", { networkMode: joins("sa"), nth: 2, startedAt: 31 })
    const moved = serviceAnchor("sa", "app", { startedAt: 32 })
    const next = (owner: LifecycleContainer, before: LifecycleMemory) => {
      const state = listing([appRestarted, owner, late])
      const decision = decideLifecycle(inputOf(state, { memory: before, now: NOW + 5_000 }))
      return {
        does: actions(decision),
        known: rememberDecision(before, state, decision, NOW + 5_000, { left: decision.actions })
      }
    }
    const { does, known } = next(moved, memory)
    expect(does).toEqual(["restart web"])
    expect(next(serviceAnchor("sa", "app", { startedAt: 40 }), { ...known, owed: new Set() }).does).toEqual([])
  })

  it("have that warning in whatever project they are", () => {
    const nobodys = container("web", { networkMode: joins("sa"), startedAt: 25, project: "" })
    const anew = serviceAnchor("sa", "app", { nth: 2, networkMode: joins("app", 2), startedAt: 40 })
    const state = listing([appAnew, anew, nobodys], [app, sa])
    const memory: LifecycleMemory = { ...emptyMemory, owed: new Set([nobodys.id]) }
    const first = decideLifecycle(inputOf(state, { memory }))
    expect([actions(first), keys(first)]).toEqual([["recreate web in container:sa"], []])
    const failed = rememberDecision(memory, state, first, NOW, { left: first.actions })
    for (const now of [NOW + 500, NOW + 1_000])
      expect(keys(decideLifecycle(inputOf(state, { memory: failed, now })))).toEqual([`WARN stale:${web.id}`])
  })

  it("are tried again at once when their owner was started anew meanwhile", () => {
    const anew = serviceAnchor("sa", "app", { nth: 2, networkMode: joins("app", 2), startedAt: 40 })
    const state = listing([appAnew, anew, web], [app, sa])
    const failing = (before: LifecycleMemory, now: number) => {
      const decision = decideLifecycle(inputOf(state, { memory: before, now }))
      expect(actions(decision)).toHaveLength(1)
      return rememberDecision(before, state, decision, now, { left: decision.actions })
    }
    const memory = [NOW, NOW + 1_000, NOW + 3_000].reduce(failing, { ...emptyMemory, owed: new Set([web.id]) })
    const now = NOW + 4_500
    expect(actions(decideLifecycle(inputOf(state, { memory, now })))).toEqual([])
    const again = { ...anew, inspected: { ...anew.inspected!, startedAt: NOW + 4_000 } }
    expect(actions(decideLifecycle(inputOf(listing([appAnew, again, web], [app, sa]), { memory, now })))).toContain(
      "recreate web in container:sa"
    )
  })

  it("are left while Compose replaces them", () => {
    const interim = container(`${web.id.slice(0, 12)}_web`, { status: "created", createdAt: NOW / 1_000 })
    expect(actions(decide([appAnew, sa, web, interim], [app]))).toEqual(["recreate sa in container:app"])
  })

  it("do not wait for their own second when their owner is acted on", () => {
    const times = new Map([["web", { at: [NOW - 500], failures: 0, ownerStart: undefined }]])
    const memory = { ...emptyMemory, times }
    expect(actions(decide([appAnew, sa, web], [app], { memory }))).toEqual([
      "recreate sa in container:app",
      `recreate web after ${after("sa")} in container:sa`
    ])
  })

  it("are left in foreign projects, and where autofix is off", () => {
    expect(actions(drift(container("web", { networkMode: joins("sa"), project: "shop" })))).toHaveLength(1)
    const off = { settings: { ...settings, autofix: "off", managed }, startUp: true } as const
    expect(actions(decide([app, old, web], [], off))).toEqual(["recreate sa in container:app"])
  })

  it("are not started when their owner's ID goes with it, and autofix is off", () => {
    const created = container("web", { networkMode: joins("sa"), status: "created" })
    const off = { settings: { ...settings, autofix: "off" } } as const
    expect(actions(decide([appAnew, sa, created], [app], off))).toEqual(["recreate sa in container:app"])
    const byItsName = { ...created, networkMode: "container:sa" }
    expect(actions(decide([appAnew, sa, byItsName], [app], off))).toEqual([
      "recreate sa in container:app",
      `start web after ${after("sa")}`
    ])
  })

  it("are left running below one that stays stopped", () => {
    const stopped = container("web", { networkMode: joins("sa"), status: "exited" })
    const sidecar = container("sidecar", { networkMode: joins("web"), startedAt: 26 })
    const made = container("made", { networkMode: joins("web"), status: "created" })
    const missed = container("missed", {
      networkMode: joins("web"),
      status: "exited",
      startError: "cannot join network of a non running container: 1"
    })
    expect(actions(decide([appAnew, sa, stopped, sidecar, made, missed], [app]))).toEqual([
      "recreate sa in container:app",
      `recreate web after ${after("sa")} in container:sa, stopped`,
      `recreate made after ${after("web")} in container:web, stopped`,
      `recreate missed after ${after("web")} in container:web, stopped`
    ])
  })

  it("are tried again when that failed, though their owner is in order by then", () => {
    const state = listing([appAnew, sa, web], [app])
    const decision = decideLifecycle(inputOf(state))
    const memory = rememberDecision(emptyMemory, state, decision, NOW)
    const anew = serviceAnchor("sa", "app", { nth: 2, networkMode: joins("app", 2), startedAt: 40 })
    const next = listing([appAnew, anew, web], [app, sa])
    expect(decideLifecycle(inputOf(next, { memory, now: NOW + 500 }))).toEqual({
      actions: [],
      problems: [],
      again: NOW + 1_000
    })
    const again = decideLifecycle(inputOf(next, { memory, now: NOW + 1_000 }))
    expect([actions(again), again.again]).toEqual([["recreate web in container:sa"], undefined])
    const later = rememberDecision(memory, next, again, NOW + 1_000)
    expect(actions(decideLifecycle(inputOf(next, { memory: later, now: NOW + 5_000 })))).toHaveLength(1)
    const mended = listing([appAnew, anew, container("web", { nth: 2, networkMode: joins("sa", 2), startedAt: 50 })])
    expect(rememberDecision(later, mended, { actions: [], problems: [] }, NOW + 5_000).owed.size).toBe(0)
  })

  it("are anchord's to speak of from then on, and nothing else is", () => {
    const remembered = (...dependents: ReadonlyArray<LifecycleContainer>) => {
      const state = listing([appAnew, sa, ...dependents], [app])
      const decision = decideLifecycle(inputOf(state))
      expect(actions(decision)[0]).toBe("recreate sa in container:app")
      const { owed, replaced } = rememberDecision(emptyMemory, state, decision, NOW)
      return [[...owed], replaced]
    }
    expect(remembered(web)).toEqual([[web.id], [sa.id, web.id]])
    const { inspected: _, ...unseen } = web
    for (const left of [web, unseen]) expect(remembered({ ...left, status: "paused" })).toEqual([[web.id], [sa.id]])
  })

  it("are repaired after a pause, also where they refer to an owner from before the one that was made anew", () => {
    const operators = serviceAnchor("sa", "app", { nth: 2, networkMode: joins("app"), startedAt: 26 })
    const paused: LifecycleContainer = { ...web, status: "paused" }
    const seen = listing([appAnew, operators, paused], [app, sa])
    const first = decideLifecycle(inputOf(seen))
    expect(actions(first)).toEqual(["recreate sa in container:app"])
    const memory = rememberDecision(emptyMemory, seen, first, NOW)
    const anew = serviceAnchor("sa", "app", { nth: 3, networkMode: joins("app", 2), startedAt: 40 })
    const then = (status: "paused" | "running") => listing([appAnew, anew, { ...web, status }], [app, sa, operators])
    const later = rememberDecision(memory, then("paused"), { actions: [], problems: [] }, NOW + 1_000)
    const second = decideLifecycle(inputOf(then("running"), { memory: later, now: NOW + 5_000 }))
    expect(actions(second)).toEqual(["recreate web in container:sa"])
  })

  it("are made anew, and stay stopped, if they could not be before they ended", () => {
    const paused = { ...web, status: "paused" as const }
    const state = listing([appAnew, sa, paused], [app])
    const memory = rememberDecision(emptyMemory, state, decideLifecycle(inputOf(state)), NOW)
    const anew = serviceAnchor("sa", "app", { nth: 2, networkMode: joins("app", 2), startedAt: 40 })
    const then = (status: "paused" | "exited", given: Partial<LifecycleInput> = { memory }) =>
      actions(
        decideLifecycle(
          inputOf(listing([appAnew, anew, { ...web, status }], [app, sa]), { now: NOW + 5_000, ...given })
        )
      )
    expect(then("paused")).toEqual([])
    expect(then("exited")).toEqual(["recreate web in container:sa, stopped"])
    expect(then("exited", {})).toEqual([])
    expect(then("exited", { memory, settings: { ...settings, autofix: "off" } })).toEqual([])
    const beingReplaced = {
      ...container("1234567890ab_sa", { networkMode: joins("app", 2), status: "created" }),
      createdAt: NOW / 1_000
    }
    const during = listing([appAnew, anew, beingReplaced, { ...web, status: "exited" }], [app, sa])
    expect(actions(decideLifecycle(inputOf(during, { memory, now: NOW + 5_000 })))).toEqual([])
  })

  it("wait for one that is made anew and stays stopped", () => {
    const anew = serviceAnchor("sa", "app", { nth: 2, networkMode: joins("app", 2), startedAt: 40 })
    const before = container("web", { nth: 2 })
    const side = container("side", { networkMode: joins("web", 2), startedAt: 26 })
    const memory = { ...emptyMemory, replaced: [sa.id, before.id] }
    const state = listing([appAnew, anew, { ...web, status: "exited" }, side], [app, sa, before])
    expect(actions(decideLifecycle(inputOf(state, { memory, now: NOW + 5_000 })))).toEqual([
      "recreate web in container:sa, stopped"
    ])
  })

  it("are the operator's again when the container that was to be made anew is back, however often that failed", () => {
    const state = listing([appAnew, sa], [app])
    let memory: LifecycleMemory = emptyMemory
    for (let attempt = 0; attempt < 200; attempt += 1) {
      const decision = decideLifecycle(inputOf(state, { memory, now: NOW + attempt * 60_000 }))
      memory = rememberDecision(memory, state, decision, NOW + attempt * 60_000, { left: decision.actions })
    }
    expect(memory.replaced).toEqual([sa.id])
    expect(rememberDecision(memory, state, { actions: [], problems: [] }, NOW).replaced).toEqual([])
  })

  it("are so as well if somebody makes them meanwhile for the container that is about to be gone, also when that is seen late", () => {
    const state = listing([appAnew, sa], [app])
    const memory = rememberDecision(emptyMemory, state, decideLifecycle(inputOf(state)), NOW)
    const anew = serviceAnchor("sa", "app", { nth: 2, networkMode: joins("app", 2), startedAt: 40 })
    const late = { ...container("web", { networkMode: joins("sa"), status: "created" }), createdAt: NOW / 1_000 }
    const then = listing([appAnew, anew, late], [app, sa])
    const decision = decideLifecycle(inputOf(then, { memory, now: NOW + 500 }))
    expect(actions(decision)).toEqual(["recreate web in container:sa, stopped"])
    const tried = { startError: "joining network namespace of container: No such container: sa" }
    const afterAll = listing([
      appAnew,
      anew,
      container("web", { networkMode: joins("sa"), status: "created", ...tried })
    ])
    const names = then.names
    expect(actions(decideLifecycle(inputOf({ ...afterAll, names }, { memory, now: NOW + 500 })))).toEqual([
      "recreate web in container:sa"
    ])
    const oneOff = { ...late, labels: { ...late.labels, "com.docker.compose.oneoff": "True" } }
    expect(
      actions(decideLifecycle(inputOf(listing([appAnew, anew, oneOff], [app, sa]), { memory, now: NOW + 500 })))
    ).toEqual([])
    expect(actions(decideLifecycle(inputOf(then, { now: NOW + 500 })))).toEqual([])
    const unseen = rememberDecision(memory, listing([appAnew, anew]), { actions: [], problems: [] }, NOW + 500)
    expect(actions(decideLifecycle(inputOf(then, { memory: unseen, now: NOW + 900 })))).toHaveLength(1)
  })
})

describe("what is never touched", () => {
  it("is what is paused, which gets its warning", () => {
    const paused = { ...sa, status: "paused" } as const
    expect(actions(decide([appAnew, paused], [app], { settings: inProject }))).toEqual([])
    expect(keys(decide([appAnew, paused], [app]))).toEqual([`WARN stale:${sa.id}`])
    const decision = decide([appAnew, sa, { ...web, status: "paused" }], [app])
    expect(actions(decision)).toEqual(["recreate sa in container:app"])
  })

  it("is anchord itself, which is only spoken of", () => {
    const self = { ...anchord, networkMode: joins("app") }
    const decision = decide([appRestarted, self], [], { settings: inProject })
    expect(actions(decision)).toEqual([])
    expect(keys(decision)).toEqual([`WARN stale:${anchord.id}`])
  })

  it("is the target of the managed service-anchor, even in a dead namespace", () => {
    const managed = { target: "web", name: "web-sa", image: undefined, gateway: undefined, environment: {}, labels: {} }
    const decision = decide([appAnew, sa, web, serviceAnchor("web-sa", "web", { startedAt: 26 })], [app], {
      settings: { ...inProject, managed }
    })
    expect(actions(decision)).toEqual(["recreate sa in container:app"])
  })
})

describe("what cannot be made anew without a loss", () => {
  const refusal = "it was started with --rm"
  const run = container("web", { networkMode: joins("sa"), startedAt: 25, refusal, project: "" })
  const words = (decision: LifecycleDecision) => decision.problems.map(({ key, message }) => [key, message])
  const told = [
    [
      `stale:${run.id}`,
      `container web has no network: it is in a namespace of sa (${sa.id.slice(0, 12)}), which does not exist any more; make it anew with the command that made it; anchord does not do that by itself: ${refusal}`
    ]
  ]

  it("is left where it is when its owner is re-created, and spoken of from then on, however often one looks", () => {
    const state = listing([appAnew, sa, run], [app])
    const decision = decideLifecycle(inputOf(state))
    expect(actions(decision)).toEqual(["recreate sa in container:app"])
    const memory = rememberDecision(emptyMemory, state, decision, NOW)
    const anew = serviceAnchor("sa", "app", { nth: 2, networkMode: joins("app", 2), startedAt: 40 })
    const next = listing([appAnew, anew, run], [app, sa])
    for (let look = 0, its = memory; look < 30; look += 1) {
      const now = NOW + look * 1_000
      const then = decideLifecycle(inputOf(next, { memory: its, now }))
      expect([then.actions, words(then), then.again]).toEqual([[], told, undefined])
      its = rememberDecision(its, next, then, now)
    }
  })

  it("is restarted where that is enough", () => {
    expect(actions(decide([appRestarted, sa, run]))).toEqual(["restart sa", `restart web after ${after("sa")}`])
  })

  it("is spoken of in the project as well, and as a service-anchor, but not where it is nobody's business", () => {
    const saAnew = serviceAnchor("sa", "app", { nth: 2 })
    const sibling = container("web", { networkMode: joins("sa"), refusal })
    const mine = decide([app, saAnew, sibling], [sa], { settings: inProject })
    expect([actions(mine), words(mine)]).toEqual([[], [[`stale:${run.id}`, expect.stringContaining(refusal)]]])
    const anchor = serviceAnchor("sa", "app", { refusal })
    expect(words(decide([appAnew, anchor], [app]))).toEqual([[`stale:${sa.id}`, expect.stringContaining(refusal)]])
    expect(keys(mine)).toEqual([`WARN stale:${run.id}`])
    expect(decide([app, saAnew, run], [sa])).toEqual({ actions: [], problems: [] })
  })
})

describe("an owner that comes and goes", () => {
  const state = listing([appRestarted, sa])
  const next = listing([container("app", { startedAt: 31 }), sa])
  const tried = (times: ReadonlyArray<number>) =>
    times.reduce((memory, time) => rememberDecision(memory, state, decideLifecycle(inputOf(state)), time), emptyMemory)

  it("has its dependents repaired once a second at most, and then when it is time", () => {
    expect(decideLifecycle(inputOf(next, { memory: tried([NOW - 400]) }))).toEqual({
      actions: [],
      problems: [],
      again: NOW + 600
    })
    expect(actions(decideLifecycle(inputOf(next, { memory: tried([NOW - 1_000]) })))).toEqual(["restart sa"])
  })

  it("is looked at again when the first of several is due", () => {
    const other = serviceAnchor("sb", "app")
    const at = (time: number) => ({ at: [time], failures: 0, ownerStart: undefined })
    const times = new Map([
      ["sa", at(NOW - 100)],
      ["sb", at(NOW - 700)]
    ])
    const memory = { ...emptyMemory, times }
    expect(decideLifecycle(inputOf(listing([appRestarted, sa, other]), { memory })).again).toBe(NOW + 300)
  })

  it("has them left alone after twenty repairs in a minute, which is said", () => {
    const memory = tried(Array.from({ length: 20 }, (_, index) => NOW - 40_000 + index * 2_000))
    const decision = decideLifecycle(inputOf(next, { memory }))
    expect([actions(decision), keys(decision), decision.again]).toEqual([[], ["WARN storm:sa"], NOW + 20_000])
  })
})

describe("a container that somebody else had started before anchord's start found it running", () => {
  it("is not known to be in order, and is restarted when it is in a dead namespace", () => {
    const waiting = container("web", { status: "created", networkMode: joins("sa") })
    const state = listing([app, sa, waiting])
    const first = decideLifecycle(inputOf(state, { settings: inProject }))
    expect(actions(first)).toEqual(["start web"])
    const again = (outcome: Parameters<typeof rememberDecision>[4]) => {
      const memory = rememberDecision(emptyMemory, state, first, NOW, outcome)
      const early = container("web", { networkMode: joins("sa"), startedAt: 9 })
      const then = { settings: inProject, memory, now: NOW + 5_000 }
      return actions(decideLifecycle(inputOf(listing([app, sa, early]), then)))
    }
    expect(again({})).toEqual([])
    expect(again({ found: first.actions })).toEqual(["restart web"])
  })
})

describe("an owner that was started before the clock was set back", () => {
  const settle = (owner: LifecycleContainer, before: LifecycleMemory, seconds: number, fails = false) => {
    let memory = before
    const done: Array<string> = []
    const problems: Array<LifecycleProblem> = []
    for (let second = 1; second <= seconds; second += 1) {
      const now = NOW + second * 1_000
      const startedAt = second - 1
      const state = listing([owner, serviceAnchor("sa", "app", { startedAt }), web])
      const decision = decideLifecycle(inputOf(state, { memory, now }))
      problems.push(...decision.problems)
      done.push(...actions(decision))
      memory = rememberDecision(memory, state, decision, now, { left: fails ? decision.actions : [] })
    }
    return { done, problems, memory }
  }
  const fast = container("app", { startedAt: 7_200 })

  it("has its dependents restarted once, however long the clock takes to catch up", () => {
    const { done, problems } = settle(fast, emptyMemory, 600)
    expect([done, problems]).toEqual([["restart sa", `restart web after ${after("sa")}`], []])
  })

  it("has them restarted again where that failed, and after its next start", () => {
    const { done, memory } = settle(fast, emptyMemory, 5, true)
    expect(done.length).toBeGreaterThan(2)
    const once = settle(fast, memory, 60)
    expect(once.done).toHaveLength(2)
    expect(settle(container("app", { startedAt: 7_201 }), once.memory, 60).done).toHaveLength(2)
  })

  it("has the managed service-anchor restarted once as well", () => {
    const managed = { target: "app", name: "sa", image: undefined, gateway: undefined, environment: {}, labels: {} }
    const state = listing([fast, serviceAnchor("sa", "app", { project: "" })])
    const more = { settings: { ...settings, managed } }
    const first = decideLifecycle(inputOf(state, more))
    expect(actions(first)).toEqual(["restart sa"])
    const memory = rememberDecision(emptyMemory, state, first, NOW)
    const later = { ...more, memory, now: NOW + 120_000 }
    expect(decideLifecycle(inputOf(state, later))).toEqual({ actions: [], problems: [] })
  })
})

describe("autostart among the rest", () => {
  const waiting = serviceAnchor("sb", "app", { status: "created" })

  it("starts what was created, unless it is switched off", () => {
    expect(actions(decide([app, waiting]))).toEqual(["start sb"])
    expect(actions(decide([app, waiting], [], { settings: { ...settings, autostart: false } }))).toEqual([])
  })

  it("makes nobody its business by a start, which leaves who joins the container where he is", () => {
    const created = serviceAnchor("sa", "app", { status: "created" })
    const state = listing([app, created, { ...web, status: "exited" }])
    const decision = decideLifecycle(inputOf(state))
    expect(actions(decision)).toEqual(["start sa"])
    expect(rememberDecision(emptyMemory, state, decision, NOW).owed.size).toBe(0)
    // Nor who was left behind by whoever replaced the container.
    const operators = serviceAnchor("sa", "app", { nth: 2, status: "created" })
    const left = listing([app, operators, web], [sa])
    const start = decideLifecycle(inputOf(left))
    expect([actions(start), keys(start)]).toEqual([["start sa"], [`WARN stale:${web.id}`]])
    expect(rememberDecision(emptyMemory, left, start, NOW).owed.size).toBe(0)
  })

  it("starts it after an owner that is restarted first", () => {
    const inSa = container("web", { networkMode: joins("sa"), status: "created" })
    expect(actions(decide([appRestarted, sa, inSa]))).toEqual(["restart sa", `start web after ${after("sa")}`])
  })

  it("has what still lives in the old namespace of the started one restarted after it", () => {
    const missed = serviceAnchor("sa", "app", {
      status: "exited",
      startError: "cannot join network of a non running container: 1"
    })
    expect(actions(decide([appRestarted, missed, web]))).toEqual(["start sa", `restart web after ${after("sa")}`])
    expect(actions(decide([app, missed, web]))).toEqual(["start sa"])
  })

  it("is not tried again within a second, and then when it is time, longer after each failure", () => {
    const state = listing([app, waiting])
    const first = decideLifecycle(inputOf(state))
    const soon = (left: LifecycleDecision["actions"], before = emptyMemory) =>
      rememberDecision(before, state, first, NOW - 1, { left })
    const nothingYet = { actions: [], problems: [] }
    expect(decideLifecycle(inputOf(state, { memory: soon([]) }))).toEqual({ ...nothingYet, again: NOW + 999 })
    const twice = soon(first.actions, soon(first.actions))
    expect(decideLifecycle(inputOf(state, { memory: twice }))).toEqual({ ...nothingYet, again: NOW + 1_999 })
    expect(actions(decideLifecycle(inputOf(state, { memory: twice, now: NOW + 1_999 })))).toEqual(["start sb"])
  })

  it("goes on while the target of the managed service-anchor is not there", () => {
    const managed = { target: "gone", name: "sa", image: undefined, gateway: undefined, environment: {}, labels: {} }
    const decision = decide([app, waiting], [], { settings: { ...settings, managed } })
    expect([actions(decision), decision.again]).toEqual([["start sb"], undefined])
  })

  it("goes with a managed service-anchor that is created", () => {
    const managed = { target: "app", name: "app-sa", image: undefined, gateway: undefined, environment: {}, labels: {} }
    const decision = decide([app, waiting], [], { settings: { ...settings, managed } })
    expect(actions(decision)).toEqual(["create app-sa", "start sb"])
    const state = listing([app])
    const memory = rememberDecision(emptyMemory, state, decision, NOW)
    expect(decideLifecycle(inputOf(state, { memory, settings: { ...settings, managed } }))).toEqual({
      actions: [],
      problems: [],
      again: NOW + 1_000
    })
  })
})

it("is quiet where nothing is wrong", () => {
  expect(decide([app, sa, web], [], { now: EPOCH + 1e6 })).toEqual({ actions: [], problems: [] })
})
