import { familyOf, type Family } from "../../domain/Address.ts"
import type { RouteStep } from "../../domain/Routing.ts"

/** One `ip -batch`: steps of one family and one kind that stand next to each other in the plan. */
export interface IpBatch {
  readonly family: Family
  readonly kind: RouteStep["_tag"]
  readonly lines: ReadonlyArray<string>
}

const verbs = { Replace: "replace", Delete: "del", Append: "append" } as const

/**
 * A route as `ip route` takes it. A deletion always names the protocol: without one the kernel takes the first route with that gateway,
 * whoever made it, and `ip` leaves out the word for the protocol that it gives by default.
 */
const words = ({ _tag, route }: RouteStep): string =>
  [
    `route ${verbs[_tag]} default`,
    route.gateway && `via ${familyOf(route.gateway) === route.family ? "" : "inet6 "}${route.gateway}`,
    route.link && `dev ${route.link}`,
    route.onLink && "onlink",
    route.source && `src ${route.source}`,
    route.mtu !== undefined && `mtu ${route.mtu}`,
    route.metric !== undefined && `metric ${route.metric}`,
    (route.protocol ?? (_tag === "Delete" && "boot")) && `proto ${route.protocol ?? "boot"}`,
    route.table !== undefined && `table ${route.table}`
  ]
    .filter((word) => typeof word === "string")
    .join(" ")

/** The batches that carry out the steps of one family in the order of the plan, replacements apart from deletions. */
export const batchesOf = (family: Family, steps: ReadonlyArray<RouteStep>): ReadonlyArray<IpBatch> => {
  const result: Array<{ family: Family; kind: RouteStep["_tag"]; lines: Array<string> }> = []
  for (const step of steps) {
    if (step.route.family !== family) continue
    const last = result.at(-1)
    if (last?.kind === step._tag) last.lines.push(words(step))
    else result.push({ family, kind: step._tag, lines: [words(step)] })
  }
  return result
}

/** Whether `ip` says that what was to be deleted or listed is not there. */
export const saysGone = (text: string): boolean => /No such process|FIB table does not exist/.test(text)

/** What went wrong in a forced batch of deletions, apart from routes that were gone already. Empty when nothing did. */
export const failedDeletions = (stderr: string): string =>
  stderr
    .split(/^Command failed .*$/m)
    .map((part) => part.trim())
    .filter((part) => part !== "" && !saysGone(part))
    .join("; ")
