import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { successorOf } from "../src/domain/ContainerNames.ts"
import type { LifecycleDecision } from "../src/domain/LifecycleAction.ts"
import type { LifecycleContainer } from "../src/domain/LifecycleState.ts"
import { namespaceReference, resolveReference } from "../src/domain/NetnsOwner.ts"
import { rememberRepairs, type RepairTimes } from "../src/domain/RepairPace.ts"
import { decideWrapRebind } from "../src/domain/WrapRebind.ts"
import { shuffled } from "./arbitraries/backends.ts"
import { healthy, operate, orderly, steps, type Step } from "./arbitraries/lifecycleWorlds.ts"
import type { LifecycleEngine } from "./models/LifecycleEngine.ts"

const numRuns = 400

/** The wrap-rebinder on an engine, in the place of the model's own container: of the project `mail`. */
class Rebinder {
  readonly engine: LifecycleEngine = healthy()
  times: RepairTimes = new Map()
  readonly decided: Array<LifecycleDecision> = []

  act(failing?: number): number {
    this.engine.now += 2_000
    const decision = decideWrapRebind(this.engine.state(), this.times, this.engine.now)
    for (const action of decision.actions) this.check(action.name)
    this.decided.push(decision)
    this.engine.carryOut(decision.actions, failing)
    this.times = rememberRepairs(this.times, decision.actions, this.engine.now)
    return decision.actions.length
  }

  check(name: string): void {
    const one = this.engine.named(name)
    expect(one?.blueprint.project).toBe("mail")
    expect(one?.blueprint.joins).toBeDefined()
    expect(one?.id).not.toBe(this.engine.selfId)
  }

  all(taken: ReadonlyArray<Step>): this {
    for (const step of taken) {
      if (step._tag === "act") this.act(step.failing)
      else operate(this.engine, step)
      this.engine.look()
    }
    this.engine.now += 120_000
    return this
  }

  settle(): number {
    for (let round = 0; round < 8; round += 1) if (this.act() === 0) return round
    return Number.POSITIVE_INFINITY
  }
}

const onlyRestarts = fc.array(fc.constantFrom("app", "up", "sa", "web", "up-sa"), { maxLength: 30 })

describe("the wrap-rebinder", () => {
  it("touches nothing but dependents of its own project, and is done after as many looks as they hang on each other", () => {
    fc.assert(
      fc.property(steps, (taken) => {
        expect(new Rebinder().all(taken).settle()).toBeLessThanOrEqual(4)
      }),
      { numRuns }
    )
  })

  it("leaves nothing of its project that runs in a namespace whose name another container has that runs in one that is not dead", () => {
    fc.assert(
      fc.property(steps, (taken) => {
        const rebinder = new Rebinder().all(taken)
        rebinder.settle()
        const { containers, names } = rebinder.engine.state()
        const isAlive = (one: LifecycleContainer | undefined): boolean => {
          const ref = one && namespaceReference(one)
          return one?.status === "running" && (ref === undefined || isAlive(resolveReference(containers, ref)))
        }
        const left = rebinder.engine.all.filter((one) => {
          const ref = namespaceReference(one)
          const heir = ref === undefined ? undefined : successorOf(names, containers, ref)
          return one.status === "running" && one.blueprint.project === "mail" && isAlive(heir)
        })
        expect(left.map(({ name }) => name)).toEqual([])
      }),
      { numRuns }
    )
  })

  it("does nothing and says nothing where nothing is wrong", () => {
    fc.assert(
      fc.property(orderly, (engine) => {
        expect(decideWrapRebind(engine.state(), new Map(), engine.now)).toEqual({ actions: [], problems: [] })
      }),
      { numRuns }
    )
  })

  it("does nothing when containers are restarted, however often", () => {
    fc.assert(
      fc.property(onlyRestarts, (names) => {
        const rebinder = new Rebinder().all(names.map((name) => ({ _tag: "restart", name })))
        expect(rebinder.settle()).toBe(0)
      }),
      { numRuns: 50 }
    )
  })

  it("re-creates no container more than twenty times a minute, nor twice in a second, however often its owner is made anew", () => {
    const crashes = fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 30, maxLength: 120 })
    fc.assert(
      fc.property(crashes, (waits) => {
        const engine = healthy()
        let times: RepairTimes = new Map()
        let now = engine.now
        const acted: Array<number> = []
        for (const wait of waits) {
          now += wait
          operate(engine, { _tag: "recreate", name: "app" })
          engine.look()
          const { actions } = decideWrapRebind(engine.state(), times, now)
          acted.push(...actions.filter(({ name }) => name === "sa").map(() => now))
          engine.carryOut(actions)
          times = rememberRepairs(times, actions, now)
        }
        expect(acted.every((time, index) => index === 0 || time - acted[index - 1]! >= 1_000)).toBe(true)
        expect(acted.every((time, index) => index < 20 || time - acted[index - 20]! >= 60_000)).toBe(true)
        expect(acted.length).toBeGreaterThan(0)
      }),
      { numRuns: 50 }
    )
  })

  it("decides the same in whatever order the containers are listed", () => {
    const orders = steps.chain((taken) => {
      const { engine, times } = new Rebinder().all(taken)
      return fc.record({
        engine: fc.constant(engine),
        times: fc.constant(times),
        order: shuffled([...engine.state().containers.values()])
      })
    })
    fc.assert(
      fc.property(orders, ({ engine, times, order }) => {
        const decisions = [engine.state(), engine.state(order)].map((state) =>
          decideWrapRebind(state, times, engine.now)
        )
        expect(decisions[1]).toEqual(decisions[0])
      }),
      { numRuns: 200 }
    )
  })
})
