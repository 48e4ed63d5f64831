import * as fc from "fast-check"
import { LifecycleEngine, type Blueprint } from "../models/LifecycleEngine.ts"

export const managedName = "ldap-service-anchor"

export const self: Blueprint = { name: "anchord", project: "mail" }

/**
 * Owners first: anchord's project, one that it wraps, one whose container it manages, and one that is none of its business; last, what somebody
 * joins to the managed service-anchor.
 */
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
  { name: "shop-web", project: "shop", joins: "sa" },
  { name: "tool", joins: managedName }
]

const names = blueprints.map(({ name }) => name)

/** What others do, or anchord: `act` carries a decision out; `failing` is the number of its action that fails. */
export type Step =
  | { readonly _tag: "start" | "stop" | "restart" | "remove" | "create" | "recreate" | "rename"; readonly name: string }
  | { readonly _tag: "restartAll"; readonly order: ReadonlyArray<number> }
  /** anchord itself is made anew, of this image and at this address: it remembers nothing but what the engine does. */
  | { readonly _tag: "update"; readonly image: string; readonly own: string }
  | { readonly _tag: "act"; readonly failing: number | undefined }

const owners = [...names, "app", "up", "ldap", "sa", managedName, managedName, "tool"]

const on = (
  name: fc.Arbitrary<string>,
  ...tags: ReadonlyArray<Exclude<Step["_tag"], "restartAll" | "update" | "act">>
) => fc.record({ _tag: fc.constantFrom(...tags), name })

const act = (failing: fc.Arbitrary<number | undefined>): fc.Arbitrary<Step> =>
  fc.record({ _tag: fc.constant("act" as const), failing })

const engineRestart: fc.Arbitrary<Step> = fc.record({
  _tag: fc.constant("restartAll" as const),
  order: fc.array(fc.integer({ min: 0, max: 99 }), { minLength: 14, maxLength: 14 })
})

const update: fc.Arbitrary<Step> = fc.record({
  _tag: fc.constant("update" as const),
  image: fc.constantFrom("sha256:anchord", "sha256:next"),
  own: fc.constantFrom("172.20.0.2", "172.20.0.3")
})

/** Steps without a rename and without failures: whatever is broken, it can be told from names what it was. */
export const plainSteps: fc.Arbitrary<ReadonlyArray<Step>> = fc.array(
  fc.oneof(
    {
      arbitrary: on(fc.constantFrom(...owners), "start", "stop", "restart", "recreate", "remove", "create"),
      weight: 6
    },
    { arbitrary: engineRestart, weight: 1 },
    { arbitrary: update, weight: 1 },
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
    { arbitrary: update, weight: 1 },
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
  if (step._tag === "update") return void (engine.ownImage = step.image)
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

/** Everything made and started, owners first; but for what has no owner yet. */
export const healthy = (): LifecycleEngine => {
  const engine = new LifecycleEngine(self)
  for (const blueprint of blueprints) {
    const { id } = engine.create(blueprint)
    if (blueprint.joins !== managedName) engine.start(id)
  }
  engine.look()
  return engine
}

/** What becomes of a container of an orderly world after it was started. */
type Fate = "runs" | "is stopped" | "is restarted" | "was never started"

interface Planned {
  readonly project: "mail" | "upstream" | "shop" | undefined
  readonly serviceAnchor: boolean
  /** Which of those before it owns its namespace; none when there are not so many. */
  readonly owner: number
  readonly fate: Fate
}

const planned: fc.Arbitrary<Planned> = fc.record({
  project: fc.constantFrom("mail" as const, "mail" as const, "upstream" as const, "shop" as const, undefined),
  serviceAnchor: fc.boolean(),
  owner: fc.integer({ min: 0, max: 11 }),
  fate: fc.constantFrom(
    "runs" as const,
    "runs" as const,
    "is stopped" as const,
    "is restarted" as const,
    "was never started" as const
  )
})

/**
 * Worlds in which nothing is wrong, whatever they look like: every container was started after its owner, who has a namespace of its own if it was
 * restarted since. A stopped owner is no reason to do anything, nor is a container that waits for one that does not run.
 */
export const orderly: fc.Arbitrary<LifecycleEngine> = fc.array(planned, { maxLength: 10 }).map((all) => {
  const engine = new LifecycleEngine(self)
  const nameOf = (index: number) => `c${index}`
  for (const [index, { project, serviceAnchor, owner, fate }] of all.entries()) {
    const joins = owner < index ? nameOf(owner) : undefined
    const { name } = engine.create({
      name: nameOf(index),
      ...(project === undefined ? {} : { project }),
      ...(joins === undefined ? {} : { joins }),
      ...(serviceAnchor && joins !== undefined ? { serviceAnchor } : {})
    })
    const waits = joins !== undefined && engine.named(joins)?.status !== "running"
    if (waits || (fate === "was never started" && joins === undefined)) continue
    engine.start(name)
    if (fate === "is restarted") engine.restart(name)
  }
  for (const [index, { fate }] of all.entries()) if (fate === "is stopped") engine.stop(nameOf(index))
  engine.look()
  return engine
})
