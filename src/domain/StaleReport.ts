import { projectOf, serviceOf, type LifecycleState } from "./LifecycleState.ts"
import { describeTarget, recoveryOf, staleNetns, type DeadTarget, type StaleContainer } from "./StaleNetns.ts"

export interface Victim {
  readonly id: string
  readonly name: string
  readonly project?: string
  readonly service?: string
  readonly kind: StaleContainer["kind"]
  /** What repairs it, as one types it, and the folder to type it in; absent when only who made it can make it anew. */
  readonly command?: string
  readonly folder?: string
}

export interface VictimsOfTarget {
  readonly target: DeadTarget
  readonly victims: ReadonlyArray<Victim>
}

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

/**
 * What `anchord doctor stale-netns` finds (SPEC §13): every dependent of the whole host in a dead namespace, by dead target, in the order
 * in which they are to be repaired: what hangs on another victim comes after it. This is also the answer to `--json`.
 */
export const staleReport = (state: LifecycleState): ReadonlyArray<VictimsOfTarget> => {
  const groups = new Map<string, { readonly target: DeadTarget; readonly victims: Array<Victim> }>()
  for (const stale of staleNetns(state)) {
    const group = groups.get(stale.dead.ref) ?? { target: stale.dead, victims: [] }
    group.victims.push(victimOf(stale))
    groups.set(stale.dead.ref, group)
  }
  return [...groups.values()]
}

const many = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`

const victimLines = ({ name, command, folder }: Victim): ReadonlyArray<string> => [
  `  ${name}`,
  command === undefined
    ? "    → make it anew with the command that made it"
    : `    → ${command}${folder === undefined ? "" : `   (in ${folder})`}`
]

/** The report for a terminal. */
export const formatStaleReport = (report: ReadonlyArray<VictimsOfTarget>): string => {
  if (report.length === 0) return "No container is in a dead network namespace."
  const all = report.reduce((sum, { victims }) => sum + victims.length, 0)
  return [
    `Found ${many(all, "container")} in dead network namespaces, of ${many(report.length, "target")}:`,
    ...report.flatMap(({ target, victims }) => [
      "",
      `dead target: ${describeTarget(target)}, ${many(victims.length, "victim")}`,
      ...victims.flatMap(victimLines)
    ])
  ].join("\n")
}
