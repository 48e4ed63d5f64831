import * as Schema from "effect/Schema"
import { text } from "./JsonFields.ts"
import { projectOf, serviceOf, type LifecycleState } from "./LifecycleState.ts"
import { staleNetns, type DeadTarget, type StaleContainer } from "./StaleNetns.ts"
import { causes, describeTarget, recoveryOf } from "./StaleNetnsAdvice.ts"

const Victim = Schema.Struct({
  id: text("the container's ID"),
  name: text("the container's name"),
  project: Schema.optionalKey(text("its Compose project")),
  service: Schema.optionalKey(text("its service in that project")),
  kind: Schema.Literals(["gone", "replaced", "restarted"]).annotate({
    description:
      "what became of the owner of its namespace. `gone`: it does not exist any more; `replaced`: it does not run any more, and another container has its name; `restarted`: it was restarted, and has a new namespace"
  }),
  command: Schema.optionalKey(
    text("a shell's line that repairs it; absent when only the command that made the container can make it anew")
  ),
  folder: Schema.optionalKey(text("the folder in which to type the command"))
})
type Victim = typeof Victim.Type

const VictimsOfTarget = Schema.Struct({
  target: Schema.Struct({
    ref: text("its ID or name, as the victims refer to it"),
    name: Schema.optionalKey(text("what it is or was called, where that is known"))
  }).annotate({ description: "the container whose namespace it was" }),
  victims: Schema.Array(Victim).annotate({
    description: "the containers that are in it"
  })
})

/**
 * What `anchord doctor stale-netns` finds (SPEC §13), and prints with `--json`. The names of its fields are as fixed as those of variables
 * and metrics.
 */
export const StaleReport = Schema.Array(VictimsOfTarget).annotate({
  description: "containers in dead network namespaces, in the order in which to repair them"
})
export type StaleReport = typeof StaleReport.Type

const victimOf = (stale: StaleContainer): Victim => {
  const { container, kind } = stale
  const [project, service] = [projectOf(container), serviceOf(container)]
  return {
    id: container.id,
    name: container.name,
    ...(project === undefined ? {} : { project }),
    ...(service === undefined ? {} : { service }),
    kind,
    ...recoveryOf(stale)
  }
}

type Group = readonly [ref: string, stales: ReadonlyArray<StaleContainer>]

/** By what they refer to; a target whose victims belong into the namespace of another one's victims comes after that. */
const byTarget = (stales: ReadonlyArray<StaleContainer>): ReadonlyArray<Group> => {
  const groups = Map.groupBy(stales, ({ dead }) => dead.ref)
  const refs = new Map(stales.map(({ container, dead }) => [container.id, dead.ref]))
  const seen = new Set<string>()
  const visit = (ref: string): ReadonlyArray<Group> => {
    if (seen.has(ref)) return []
    seen.add(ref)
    const group = groups.get(ref) ?? []
    const before = group.flatMap(({ target }) => refs.get(target?.id ?? "") ?? [])
    return [...before.flatMap(visit), [ref, group]]
  }
  return [...groups.keys()].flatMap(visit)
}

/** Only some of the victims may know what it was called. */
const targetOf = ([ref, stales]: Group): DeadTarget => {
  const name = stales.map(({ dead }) => dead.name).find((one) => one !== undefined)
  return name === undefined ? { ref } : { ref, name }
}

/**
 * Every dependent of the whole host in a dead namespace, by dead target, in the order in which they are to be repaired: what hangs on
 * another victim comes after it.
 */
export const staleReport = (state: LifecycleState): StaleReport =>
  byTarget(staleNetns(state)).map((group) => ({ target: targetOf(group), victims: group[1].map(victimOf) }))

const many = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`

const victimLines = ({ name, command, folder }: Victim): ReadonlyArray<string> => [
  `  ${name}`,
  command === undefined
    ? "    → make it anew with the command that made it"
    : `    → ${command}${folder === undefined ? "" : `   (in ${folder})`}`
]

const cause = ([first]: ReadonlyArray<Victim>): string => (first === undefined ? "" : `, ${causes[first.kind]}`)

/** The report for a terminal. */
export const formatStaleReport = (report: StaleReport): string => {
  if (report.length === 0) return "No container is in a dead network namespace."
  const all = report.reduce((sum, { victims }) => sum + victims.length, 0)
  const order = all === 1 ? "" : "; repair them in this order"
  return [
    `Found ${many(all, "container")} in dead network namespaces, of ${many(report.length, "target")}${order}:`,
    ...report.flatMap(({ target, victims }) => [
      "",
      `dead target: ${describeTarget(target)}${cause(victims)}; ${many(victims.length, "victim")}:`,
      ...victims.flatMap(victimLines)
    ])
  ].join("\n")
}
