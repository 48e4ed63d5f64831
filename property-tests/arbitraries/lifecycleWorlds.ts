import * as fc from "fast-check"
import { LifecycleEngine, type Blueprint } from "../models/LifecycleEngine.ts"

export const managedName = "ldap-service-anchor"

export const self: Blueprint = { name: "anchord", project: "mail" }

/** Owners first: anchord's project, one that it wraps, one whose container it manages, and one that is none of its business. */
export const blueprints: ReadonlyArray<Blueprint> = [
  { name: "app", project: "mail" },
  { name: "up", project: "upstream" },
  { name: "ldap", project: "authentik" },
  { name: "sa", project: "mail", joins: "app", serviceAnchor: true },
  { name: "up-sa", project: "mail", joins: "up", serviceAnchor: true },
  { name: "web", project: "mail", joins: "sa" },
  { name: "side", project: "mail", joins: "web" },
  { name: "run", joins: "up-sa" },
  { name: "shop-sa", project: "shop", joins: "up", serviceAnchor: true },
  { name: "shop-web", project: "shop", joins: "sa" }
]

const names = blueprints.map(({ name }) => name)

/** What others do, or anchord: `act` carries a decision out; `failing` is the number of its action that fails. */
export type Step =
  | { readonly _tag: "start" | "stop" | "restart" | "remove" | "create" | "recreate" | "rename"; readonly name: string }
  | { readonly _tag: "restartAll"; readonly order: ReadonlyArray<number> }
  | { readonly _tag: "act"; readonly failing: number | undefined }

const owners = [...names, "app", "up", "ldap", "sa", managedName]

const on = (name: fc.Arbitrary<string>, ...tags: ReadonlyArray<Exclude<Step["_tag"], "restartAll" | "act">>) =>
  fc.record({ _tag: fc.constantFrom(...tags), name })

const act = (failing: fc.Arbitrary<number | undefined>): fc.Arbitrary<Step> =>
  fc.record({ _tag: fc.constant("act" as const), failing })

const engineRestart: fc.Arbitrary<Step> = fc.record({
  _tag: fc.constant("restartAll" as const),
  order: fc.array(fc.integer({ min: 0, max: 99 }), { minLength: 12, maxLength: 12 })
})

/** Steps without a rename and without failures: whatever is broken, it can be told from names what it was. */
export const plainSteps: fc.Arbitrary<ReadonlyArray<Step>> = fc.array(
  fc.oneof(
    {
      arbitrary: on(fc.constantFrom(...owners), "start", "stop", "restart", "recreate", "remove", "create"),
      weight: 6
    },
    { arbitrary: engineRestart, weight: 1 },
    { arbitrary: act(fc.constant(undefined)), weight: 2 }
  ),
  { maxLength: 12 }
)

export const steps: fc.Arbitrary<ReadonlyArray<Step>> = fc.array(
  fc.oneof(
    {
      arbitrary: on(fc.constantFrom(...owners), "start", "stop", "restart", "recreate", "remove", "create", "rename"),
      weight: 6
    },
    { arbitrary: engineRestart, weight: 1 },
    { arbitrary: act(fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined })), weight: 3 }
  ),
  { maxLength: 16 }
)

const attempt = (what: () => unknown): void => {
  try {
    what()
  } catch {
    // An operator is refused what the engine does not permit.
  }
}

/** What an operator does; what is not possible is refused, and changes nothing. */
export const operate = (engine: LifecycleEngine, step: Exclude<Step, { readonly _tag: "act" }>): void => {
  if (step._tag === "restartAll") return engine.restartAll(step.order)
  const { name } = step
  const blueprint = blueprints.find((one) => one.name === name)
  attempt(() => {
    switch (step._tag) {
      case "create":
        return blueprint && engine.create(blueprint)
      case "recreate":
        engine.remove(name)
        return engine.start(engine.create(blueprint!).id)
      case "rename":
        return engine.rename(name, `${name}-x`)
      default:
        return engine[step._tag](name)
    }
  })
}

/** Everything made and started, owners first. */
export const healthy = (): LifecycleEngine => {
  const engine = new LifecycleEngine(self)
  for (const blueprint of blueprints) engine.start(engine.create(blueprint).id)
  engine.look()
  return engine
}
