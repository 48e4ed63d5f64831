import { fileURLToPath } from "node:url"
import { metricsTable } from "./metricsTable.ts"
import { variableTables } from "./variableTables.ts"

export const README = fileURLToPath(new URL("../../README.md", import.meta.url))

const MADE = /<!-- made: (.*) -->\n[\s\S]*?<!-- end -->/g

/** The text with everything between `<!-- made: NAME -->` and `<!-- end -->` made anew; refuses a name that nobody makes. */
export const withMadeParts = (text: string): string => {
  const parts: Readonly<Record<string, ReadonlyArray<string>>> = { ...variableTables, metrics: metricsTable() }
  return text.replaceAll(MADE, (_, name: string) => {
    const lines = parts[name]
    if (lines === undefined) throw new Error(`nobody makes "${name}"; there are: ${Object.keys(parts).join(", ")}`)
    return [`<!-- made: ${name} -->`, "", ...lines, "", "<!-- end -->"].join("\n")
  })
}

/** The names of the parts that a text has. */
export const madePartsOf = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(MADE)].map(([, name = ""]) => name)

/** The names of all parts that can be made. */
export const allParts = (): ReadonlyArray<string> => [...Object.keys(variableTables), "metrics"]
