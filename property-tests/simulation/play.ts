import * as fc from "fast-check"
import type { Step } from "./actions.ts"
import { told } from "./History.ts"
import { carryOut, isApplicable } from "./carryOut.ts"
import type { Casting } from "./cast.ts"
import { allFaults, castingWith, faultKinds, faultsNamed, stepWith } from "./chance.ts"
import { checkLiveness, quietMillis } from "./liveness.ts"
import { checkSafety } from "./safety.ts"
import { Simulation } from "./Simulation.ts"

/** Everything that a history follows from. */
export interface Script {
  readonly casting: Casting
  readonly steps: ReadonlyArray<Step>
}

/** Lets all faults end and so much time pass that nothing has an excuse any more, and looks at everything. */
const quieten = (sim: Simulation): void => {
  sim.faults.end()
  sim.history.note(">>>", "quiet")
  sim.pass(Math.max(quietMillis(sim.casting), sim.excuses.longest() + 1_000))
  checkLiveness(sim)
}

/** One step: something happens, everything that it causes, and then a look at all that must hold. */
export const takeStep = (sim: Simulation, step: Step): void => {
  sim.history.step(step)
  if (step.action._tag === "Quiet") return quieten(sim)
  carryOut(sim, step.action)
  sim.pass(step.thenMillis)
  checkSafety(sim)
}

/** Plays a script to its end, or to the first violation; where the world itself breaks down, that is one as well. */
export const play = ({ casting, steps }: Script): { readonly sim: Simulation; readonly violation?: Error } => {
  const sim = new Simulation(casting)
  try {
    for (const step of steps) if (isApplicable(sim, step.action)) takeStep(sim, step)
    quieten(sim)
    return { sim }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    sim.history.note("!!!", error.message)
    return { sim, violation: error }
  }
}

interface Model {
  readonly sim: Simulation
  readonly taken: Array<Step>
}

/** A step as a command of fast-check's model runner: the model is there to say what can be done. */
class StepCommand implements fc.Command<Model, Simulation> {
  readonly #step: Step

  constructor(step: Step) {
    this.#step = step
  }

  check({ sim }: Readonly<Model>): boolean {
    return isApplicable(sim, this.#step.action)
  }

  run(model: Model, sim: Simulation): void {
    model.taken.push(this.#step)
    takeStep(sim, this.#step)
  }

  toString(): string {
    return told(this.#step.action)
  }
}

export interface Search {
  readonly seed: number
  readonly steps: number
  /** By name. */
  readonly faults: ReadonlyArray<string>
  /** For how long a failing history is made shorter, in milliseconds of real time; 0: not at all. */
  readonly shrinkMillis: number
}

export interface Found {
  readonly seed: number
  readonly script: Script
  readonly message: string
}

export interface Searched {
  readonly steps: number
  readonly histories: ReadonlyArray<string>
  readonly found?: Found
}

/** Programs make errors all the time, most of them expected, and their traces are a good part of what a step costs. */
const withoutTraces = <A>(body: () => A): A => {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return body()
  } finally {
    Error.stackTraceLimit = limit
  }
}

/**
 * Where everything may go wrong each history has some kinds of trouble and not the others: with all at once everything is excused at most times, and
 * what no fault excuses is seldom seen. Whoever names the faults gets all of those.
 */
const faultsOfOne = (faults: ReadonlyArray<string>, seed: number): ReadonlyArray<string> => {
  if (faults.length < allFaults.length) return faults
  const [kinds = []] = fc.sample(fc.subarray([...faultKinds]), { seed, numRuns: 1 })
  return kinds.flatMap((kind) => faultsNamed(kind) ?? [])
}

/** Plays one history from a seed, of at most so many steps; one that fails is made as short as it still fails. */
export const search = ({ seed, steps, faults: all, shrinkMillis }: Search): Searched => {
  const faults = faultsOfOne(all, seed)
  let first: Model | undefined
  let last: Model | undefined
  let casting: Casting | undefined
  const commands = fc.commands([stepWith(faults).map((step) => new StepCommand(step))], {
    maxCommands: steps,
    size: "max"
  })
  const property = fc.property(castingWith(faults), commands, (cast, some) => {
    const model: Model = { sim: new Simulation(cast), taken: [] }
    first ??= model
    try {
      fc.modelRun(() => ({ model, real: model.sim }), some)
      quieten(model.sim)
    } catch (error) {
      last = model
      casting = cast
      throw error
    }
  })
  const result = withoutTraces(() =>
    fc.check(property, {
      seed,
      numRuns: 1,
      unbiased: true,
      endOnFailure: shrinkMillis === 0,
      ...(shrinkMillis === 0 ? {} : { interruptAfterTimeLimit: shrinkMillis })
    })
  )
  const searched = { steps: first?.taken.length ?? 0, histories: first === undefined ? [] : [first.sim.history.text()] }
  if (!result.failed) return searched
  if (last === undefined || casting === undefined) throw result.errorInstance
  const message = result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance)
  return { ...searched, found: { seed, message, script: { casting, steps: last.taken } } }
}
