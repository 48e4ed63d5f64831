import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Scope } from "../src/domain/DockerState.ts"
import { decideLifecycle, isStillStartUp, type LifecycleInput } from "../src/domain/Lifecycle.ts"
import { emptyMemory, rememberDecision, type LifecycleMemory } from "../src/domain/LifecycleMemory.ts"
import type { LifecycleDecision } from "../src/domain/LifecycleAction.ts"
import type { LifecycleContainer, LifecycleState } from "../src/domain/LifecycleState.ts"
import { namespaceReference, resolveReference } from "../src/domain/NetnsOwner.ts"
import { nameAway } from "../src/domain/Recreation.ts"
import type { LifecycleSettings } from "../src/domain/Settings.ts"
import { staleNetns } from "../src/domain/StaleNetns.ts"
import { shuffled } from "./arbitraries/backends.ts"
import {
  blueprints,
  healthy,
  managedName,
  operate,
  orderly,
  plainSteps,
  steps,
  type Step
} from "./arbitraries/lifecycleWorlds.ts"
import type { LifecycleEngine, Made } from "./models/LifecycleEngine.ts"

const numRuns = 400

const scope: Scope = { _tag: "Project", project: "mail" }

const managed = {
  target: "ldap",
  name: managedName,
  image: undefined,
  gateway: undefined,
  environment: {},
  labels: {}
}

const settings: fc.Arbitrary<LifecycleSettings> = fc.record({
  autostart: fc.boolean(),
  autofix: fc.constantFrom("off" as const, "own" as const, "project" as const),
  managed: fc.constantFrom(undefined, managed)
})

const isManaged = ({ blueprint }: Made): boolean => blueprint.labels?.["anchord.managed-by"] === "f45"

/** What a container was made as, whatever it was renamed to since. */
const originOf = ({ blueprint }: Made): string => blueprint.name.replace(/(-x)+$/u, "")

const joinedBy = (made: Made): string | undefined => blueprints.find(({ name }) => name === originOf(made))?.joins

/** anchord on an engine: it sees every step, and acts when it is asked to. */
class Run {
  readonly engine: LifecycleEngine
  memory: LifecycleMemory = emptyMemory
  own = "172.20.0.2"
  startUp = true
  forgetful = false
  /** IDs of who belongs into the namespace of what anchord made anew, restarted or created, until he was seen in it. */
  harmed: ReadonlySet<string> = new Set()
  readonly of: LifecycleSettings
  readonly watch: (engine: LifecycleEngine, decision: LifecycleDecision) => void

  constructor(of: LifecycleSettings, watch: Run["watch"] = () => undefined, engine = healthy()) {
    this.of = of
    this.watch = watch
    this.engine = engine
  }

  input(state: LifecycleState = this.engine.state()): LifecycleInput {
    const { of, own, startUp, memory, engine } = this
    const given = { scope, project: "mail", logLevel: "info" as const }
    return { ...given, state, settings: of, own: { v4: own }, startUp, memory, now: engine.now }
  }

  decision(): LifecycleDecision {
    this.engine.now += 2_000
    return decideLifecycle(this.input())
  }

  act(failing?: number): ReadonlyArray<string> {
    const decision = this.decision()
    const input = this.input()
    this.watch(this.engine, decision)
    const still = this.engine.all.filter((one) => this.harmed.has(one.id) && !this.engine.isConnected(one))
    const disturbed = this.disturbedBy(decision)
    const errors = this.engine.carryOut(decision.actions, failing)
    this.memory = rememberDecision(this.memory, input.state, decision, this.engine.now, { left: this.engine.left })
    this.startUp = isStillStartUp(input, decision, this.engine.left)
    const joined = this.engine.all.filter((one) => disturbed.has(joinedBy(one) ?? ""))
    this.harmed = new Set([...still, ...joined].map(({ id }) => id))
    return errors
  }

  /** What the containers were made as that a decision makes anew, restarts or creates. */
  disturbedBy({ actions }: LifecycleDecision): ReadonlySet<string> {
    return new Set(
      actions.flatMap((action) => {
        if (action._tag === "CreateManaged") return [action.spec.name]
        const made = this.engine.all.find(({ id }) => id === action.id)
        return action._tag === "Start" || made === undefined ? [] : [originOf(made)]
      })
    )
  }

  /** anchord made anew; `forgetful` where the engine does not remember what things were called, either. */
  update(own: string): void {
    this.own = own
    this.startUp = true
    this.memory = emptyMemory
    if (this.forgetful) this.engine.names = new Map()
  }

  /** The managed service-anchor is there, and what somebody has joined to it. */
  withTool(): this {
    this.act()
    operate(this.engine, { _tag: "recreate", name: "tool" })
    this.engine.look()
    return this
  }

  all(taken: ReadonlyArray<Step>): this {
    for (const step of taken) {
      if (step._tag === "act") this.act(step.failing)
      else operate(this.engine, step)
      if (step._tag === "update") this.update(step.own)
      this.engine.look()
    }
    this.engine.now += 120_000
    return this
  }

  settled(): this {
    this.settle()
    return this
  }

  /** Rounds of decisions carried out until there is nothing left to do. */
  settle(): number {
    for (let round = 0; round < 8; round += 1) {
      if (this.decision().actions.length === 0) return round
      expect(this.act()).toEqual([])
    }
    return Number.POSITIVE_INFINITY
  }
}

describe("a listing in which nothing is wrong", () => {
  it("gives no action and no problem, once the target that runs has its service-anchor", () => {
    fc.assert(
      fc.property(orderly, settings, (engine, of) => {
        const managing = { ...of, managed: of.managed && { ...of.managed, target: "c0" } }
        const run = new Run(managing, undefined, engine)
        const first = run.decision()
        const isMissing = of.managed !== undefined && engine.named("c0")?.status === "running"
        expect(first.problems).toEqual([])
        expect(first.actions.map(({ _tag }) => _tag)).toEqual(isMissing ? ["CreateManaged"] : [])
        run.act()
        expect(run.decision()).toEqual({ actions: [], problems: [] })
      }),
      { numRuns }
    )
  })

  it("has no stale container in it", () => {
    fc.assert(fc.property(orderly, (engine) => void expect(staleNetns(engine.state())).toEqual([])))
  })
})

describe("what is called stale", () => {
  const inChains = (engine: LifecycleEngine) => {
    const byId = new Map(engine.all.map((one) => [one.id, one]))
    const chain = (one: Made): ReadonlyArray<Made> | undefined => {
      const ref = namespaceReference(one)
      const owner = ref === undefined ? undefined : resolveReference(byId, ref)
      if (one.status !== "running") return undefined
      if (ref === undefined) return [one]
      const above = owner && chain(owner)
      return above && [one, ...above]
    }
    return engine.all.map(chain).filter((one) => one !== undefined)
  }

  it("is exactly what is in another namespace than its owner's, wherever all owners run", () => {
    fc.assert(
      fc.property(steps, settings, (taken, of) => {
        const { engine } = new Run(of).all(taken)
        const stale = new Set(staleNetns(engine.state()).map(({ container }) => container.name))
        const chains = inChains(engine).filter((chain) => !chain.some(({ misled }) => misled))
        const dead = chains.filter(([one]) => !engine.isConnected(one)).map(([one]) => one?.name)
        expect(chains.map(([one]) => one?.name).filter((name) => stale.has(name ?? ""))).toEqual(dead)
      }),
      { numRuns: 1_000 }
    )
  })
})

describe("carrying out what is decided", () => {
  it("leaves nothing to do: at once, and where one start permits the next, a round later for each", () => {
    fc.assert(
      fc.property(steps, settings, (taken, of) => {
        expect(new Run(of).all(taken).settle()).toBeLessThanOrEqual(4)
      }),
      { numRuns }
    )
  })

  it("leaves nothing to do also where the clock was set back: a repair is not taken back by an owner that seems younger", () => {
    fc.assert(
      fc.property(steps, settings, (taken, of) => {
        const run = new Run(of).all(taken)
        run.engine.now -= 3_600_000
        expect(run.settle()).toBeLessThanOrEqual(4)
      }),
      { numRuns }
    )
  })

  it("takes one round where nothing has to be created or started first", () => {
    fc.assert(
      fc.property(plainSteps, settings, (taken, of) => {
        const run = new Run({ ...of, autostart: false, managed: undefined }).all(taken)
        fc.pre(run.decision().actions.every(({ _tag }) => _tag !== "Start"))
        expect(run.settle()).toBeLessThanOrEqual(1)
      }),
      { numRuns }
    )
  })

  /** What runs, and whose owners all run under the names that they were made for. */
  const inTheOpen = (engine: LifecycleEngine) => {
    const isUp = (name: string): boolean => {
      const joins = blueprints.find((one) => one.name === name)?.joins
      const one = engine.named(name)
      return one?.status === "running" && !one.misled && (joins === undefined || isUp(joins))
    }
    return blueprints.filter(({ name }) => isUp(name))
  }

  it("has every service-anchor of the project in its owner's namespace, where both run", () => {
    fc.assert(
      fc.property(plainSteps, settings, (taken, of) => {
        const { engine } = new Run(of).all(taken).settled()
        const anchors = inTheOpen(engine).filter(({ serviceAnchor, project }) => serviceAnchor && project === "mail")
        expect(anchors.filter(({ name }) => !engine.isConnected(engine.named(name)))).toEqual([])
      }),
      { numRuns }
    )
  })

  it("has the whole project in its owners' namespaces, where they run and that is asked for", () => {
    fc.assert(
      fc.property(plainSteps, fc.boolean(), (taken, autostart) => {
        const { engine } = new Run({ autostart, autofix: "project", managed: undefined }).all(taken).settled()
        const ours = inTheOpen(engine).filter(({ project }) => project === "mail")
        expect(ours.filter(({ name }) => !engine.isConnected(engine.named(name)))).toEqual([])
      }),
      { numRuns }
    )
  })

  it("has one managed service-anchor with its target, whenever that runs", () => {
    fc.assert(
      fc.property(steps, settings, (taken, of) => {
        const { engine } = new Run({ ...of, managed }).all(taken).settled()
        const target = engine.named("ldap")
        fc.pre(target?.status === "running")
        expect(engine.all.filter((one) => isManaged(one) && one.netns === target.netns)).toHaveLength(1)
      }),
      { numRuns }
    )
  })
})

describe("what is left behind of re-creations", () => {
  it("changes nothing that is done, where it does not run and what took its place does", () => {
    fc.assert(
      fc.property(steps, settings, (taken, of) => {
        const run = new Run(of).all(taken)
        const { engine } = run
        const state = engine.state()
        const left = [...state.containers.values()].flatMap((one): ReadonlyArray<LifecycleContainer> => {
          const id = one.id.split("").toReversed().join("")
          const { startError: _, ...inspected } = one.inspected!
          const name = nameAway(one.name, id)
          return one.status === "running" ? [{ ...one, id, name, status: "exited", inspected }] : []
        })
        const untidy = engine.state([...state.containers.values(), ...left])
        expect(decideLifecycle(run.input(untidy)).actions).toEqual(decideLifecycle(run.input(state)).actions)
      }),
      { numRuns }
    )
  })
})

describe("no order of events", () => {
  it("leads to two managed service-anchors", () => {
    const count = (engine: LifecycleEngine) => engine.all.filter(isManaged).length
    fc.assert(
      fc.property(steps, settings, (taken, of) => {
        const run = new Run({ ...of, managed }, (engine) => expect(count(engine)).toBeLessThanOrEqual(1)).all(taken)
        run.settle()
        expect(count(run.engine)).toBeLessThanOrEqual(1)
      }),
      { numRuns }
    )
  })

  it("leads to two in the target's namespace, even where nobody knows any more what things were called", () => {
    fc.assert(
      fc.property(steps, settings, (taken, of) => {
        const run = new Run({ ...of, managed })
        run.forgetful = true
        run.all(taken).settle()
        const target = run.engine.named("ldap")
        fc.pre(target?.status === "running")
        expect(run.engine.all.filter((one) => isManaged(one) && one.netns === target.netns)).toHaveLength(1)
      }),
      { numRuns }
    )
  })

  it("leads to anchord itself, the target, an owner or a foreign container being touched", () => {
    const watch = (engine: LifecycleEngine, { actions }: LifecycleDecision) => {
      const acted = actions.flatMap((action) => (action._tag === "CreateManaged" ? [] : [action.id]))
      expect(new Set(acted).size).toBe(acted.length)
      for (const id of acted) {
        const { name, blueprint } = engine.all.find((one) => one.id === id)!
        expect(id).not.toBe(engine.selfId)
        expect(blueprint.joins === undefined ? name : "a dependent").toBe("a dependent")
        expect([undefined, "mail"]).toContain(blueprint.project)
      }
    }
    fc.assert(
      fc.property(steps, settings, (taken, of) => void new Run(of, watch).withTool().all(taken).settle()),
      { numRuns }
    )
  })

  it("leads to more than service-anchors in scope, what waits to be started, and what hangs on what is or was acted on", () => {
    const watch = ({ of, harmed }: Run, engine: LifecycleEngine, { actions }: LifecycleDecision) => {
      const acted = new Set(actions.flatMap((action) => (action._tag === "CreateManaged" ? [] : [action.id])))
      for (const action of actions) {
        if (action._tag === "CreateManaged") continue
        const made = engine.all.find((one) => one.id === action.id)!
        const { project, serviceAnchor } = made.blueprint
        const ours =
          (serviceAnchor && (project === "mail" || project === undefined)) ||
          (action._tag === "Start" && made.status !== "running") ||
          (of.autofix === "own" && harmed.has(action.id)) ||
          (of.autofix === "own" && of.managed !== undefined && joinedBy(made) === managedName)
        const follows = of.autofix === "own" && action.after !== undefined && acted.has(action.after)
        expect([action.name, ours || follows]).toEqual([action.name, true])
      }
    }
    const modest = settings.map((of) => ({ ...of, autofix: of.autofix === "project" ? ("own" as const) : of.autofix }))
    fc.assert(
      fc.property(steps, modest, (taken, of) => {
        const run: Run = new Run(of, (engine, decision) => watch(run, engine, decision))
        run.withTool().all(taken).settle()
      }),
      { numRuns }
    )
  })

  it("of the listing changes what is decided", () => {
    const orders = fc.tuple(steps, settings).chain(([taken, of]) => {
      const run = new Run(of).all(taken)
      return fc.record({ run: fc.constant(run), order: shuffled([...run.engine.state().containers.values()]) })
    })
    fc.assert(
      fc.property(orders, ({ run, order }) => {
        expect(decideLifecycle(run.input(run.engine.state(order)))).toEqual(decideLifecycle(run.input()))
      }),
      { numRuns: 200 }
    )
  })
})
