import type { Described } from "../../src/domain/CommandLine.ts"
import {
  commonDefinitions,
  definitionsOf,
  dockerDefinitions,
  modes,
  type Mode
} from "../../src/domain/SettingDefinitions.ts"
import { tracingVariables } from "../../src/domain/TracingVariables.ts"
import { code, table } from "./table.ts"

type Definitions = Readonly<Record<string, Described>>

const variableTable = (definitions: Definitions): ReadonlyArray<string> =>
  table(
    ["variable", "default", ""],
    Object.entries(definitions).map(([variable, { fallback, help }]) => [
      code(variable),
      fallback === undefined ? "" : code(fallback),
      help
    ])
  )

const shared: Definitions = { ...commonDefinitions, ...dockerDefinitions }

const isOfLifecycle = (variable: string): boolean => /^ANCHORD_(AUTO|MANAGED_)/.test(variable)

const only = (mode: Mode, isWanted: (variable: string) => boolean): Definitions =>
  Object.fromEntries(
    Object.entries(definitionsOf(mode)).filter(([variable]) => !(variable in shared) && isWanted(variable))
  )

/** The tables of variables, by the names that the README calls them by. */
export const variableTables: Readonly<Record<string, ReadonlyArray<string>>> = {
  "variables of all modes": variableTable(shared),
  ...Object.fromEntries(
    modes.map((mode) => [`variables of ${mode}`, variableTable(only(mode, (variable) => !isOfLifecycle(variable)))])
  ),
  "variables of container lifecycle": variableTable(only("network-anchor", isOfLifecycle)),
  "variables of traces": variableTable(tracingVariables)
}
