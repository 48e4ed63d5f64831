import { familyName, type AddressPair } from "./Address.ts"
import { columns, unpainted, type Cell, type Paint, type Style } from "./Columns.ts"
import type { ExplainedContainer } from "./Explanation.ts"
import type { ProjectPlan } from "./ProjectPlan.ts"

const both = ({ v4, v6 }: AddressPair): string => [v4, v6].filter((one) => one !== undefined).join(", ")

const styles: Readonly<Record<ExplainedContainer["verdict"], Style>> = {
  mapped: "good",
  standby: "warning",
  refused: "bad",
  down: "faint",
  none: "faint"
}

const verdictWords: Readonly<Record<ExplainedContainer["verdict"], string>> = {
  mapped: "mapped",
  standby: "standby",
  refused: "refused",
  down: "down",
  none: "no ports"
}

const cells = (...texts: ReadonlyArray<string>): ReadonlyArray<Cell> => texts.map((text) => ({ text }))

/** One row for each group of ports, or one that says why there are none. */
const rowsOf = (container: ExplainedContainer): ReadonlyArray<ReadonlyArray<Cell>> => {
  const { name, verdict, why = "", ports } = container
  if (ports.length === 0)
    return [[{ text: name }, { text: verdictWords[verdict], style: styles[verdict] }, ...cells("", "", why)]]
  return ports.map((one, index) => [
    { text: index === 0 ? name : "" },
    { text: one.verdict, style: styles[one.verdict] },
    { text: one.ports },
    { text: one.verdict === "mapped" ? both(container) : "" },
    { text: one.holder === undefined ? "" : `${one.holder} was created first, and has it` }
  ])
}

const order: ReadonlyArray<ExplainedContainer["verdict"]> = ["mapped", "standby", "refused", "down", "none"]

/** Containers as a table: those with ports first, then those that wanted some. */
export const containerTable = (
  containers: ReadonlyArray<ExplainedContainer>,
  paint: Paint = unpainted
): ReadonlyArray<string> => {
  const heading = ["CONTAINER", "VERDICT", "PORTS", "LEADS TO", "WHY"].map((text): Cell => ({ text, style: "title" }))
  const sorted = containers.toSorted((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict))
  return columns([heading, ...sorted.flatMap(rowsOf)], paint)
}

/** The plan for a terminal. */
export const formatPlan = (plan: ProjectPlan, paint: Paint = unpainted): string => {
  const { anchor, scope, external, gateways, shared, containers, entries } = plan
  const where = [external.network, external.interface].filter((one) => one !== undefined).join(", interface ")
  const head = columns(
    [
      cells("network-anchor", anchor),
      cells("serves", scope),
      [
        { text: "external network" },
        external.problem === undefined
          ? { text: [where, both(external)].filter((one) => one !== "").join(": ") }
          : { text: external.problem, style: "bad" as const }
      ],
      ...gateways.map(({ family, address, why }) =>
        cells(`gateway ${familyName[family]}`, address === undefined ? why : `${address}: ${why}`)
      ),
      [
        { text: "shared network" },
        shared.network === undefined
          ? { text: shared.why, style: "bad" as const }
          : { text: `${shared.network}: ${shared.why}${shared.settled ? "" : "; not settled yet"}` }
      ]
    ],
    paint
  )
  const body =
    containers.length === 0
      ? [paint("warning", "no container is in scope: check ANCHORD_PROJECT or ANCHORD_LABEL_SELECTOR")]
      : containerTable(containers, paint)
  return [...head, "", ...body, "", `${entries} ${entries === 1 ? "entry" : "entries"} in the DNAT maps`].join("\n")
}
