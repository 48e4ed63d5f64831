import * as Result from "effect/Result"
import { nearest } from "./Nearest.ts"
import { definitionsOf, knownVariables, type Definition, type Mode } from "./SettingDefinitions.ts"
import { sentence, type Sentence } from "./Sentence.ts"

export type Environment = Readonly<Record<string, string | undefined>>

/** A variable whose value breaks a rule. */
export interface Violation {
  readonly variable: string
  readonly value: string
  readonly rule: string
}

export interface Parsed<S> {
  readonly settings: S
  /** What is legal but hardly meant: one line each. */
  readonly warnings: ReadonlyArray<Sentence>
}

/** The settings of a mode, or everything that is wrong with them. */
export type Checked<S> = Result.Result<Parsed<S>, ReadonlyArray<Violation>>

/** What the definitions read, with `undefined` where there is neither a value nor a default. */
export type Values<D extends Readonly<Record<string, Definition<unknown>>>> = {
  readonly [K in keyof D]: (D[K] extends Definition<infer A> ? A : never) | undefined
}

/** The value without blanks around it; an empty one is none. */
export const given = (env: Environment, variable: string): string | undefined => {
  const value = env[variable]?.trim()
  return value === "" ? undefined : value
}

/** In the place of a value that may hold secrets: violations are logged (SPEC §12). */
const HIDDEN = "(not shown)"

/** An address may have a name and a password in front of its host. */
const withoutLogin = (value: string): string => value.replaceAll(/:\/\/\S*@/g, `://${HIDDEN}@`)

/** Reads every variable of a mode, with its default where there is none, and collects all violations. */
export const readAll = <D extends Readonly<Record<string, Definition<unknown>>>>(definitions: D, env: Environment) => {
  const violations: Array<Violation> = []
  const values: Record<string, unknown> = {}
  for (const [variable, definition] of Object.entries(definitions)) {
    const value = definition.emptyCounts ? env[variable]?.trim() : given(env, variable)
    const effective = value ?? definition.fallback
    if (effective === undefined) continue
    const read = definition.read(effective)
    if (Result.isSuccess(read)) values[variable] = read.success
    else
      violations.push({
        variable,
        value: definition.mayHoldSecrets ? HIDDEN : withoutLogin(effective),
        rule: read.failure
      })
  }
  return { values: values as Values<D>, violations }
}

/** Warnings for `ANCHORD_…` variables that the mode does not know (SPEC §2). */
export const strangers = (mode: Mode, env: Environment): ReadonlyArray<Sentence> => {
  const known = Object.keys(definitionsOf(mode))
  return Object.keys(env)
    .filter((variable) => variable.startsWith("ANCHORD_") && given(env, variable) !== undefined)
    .filter((variable) => !known.includes(variable))
    .toSorted()
    .map((variable) =>
      knownVariables.includes(variable)
        ? sentence`${variable} has no meaning in mode ${mode}`
        : sentence`${variable} is not a variable of anchord; the nearest is ${nearest(variable, known) ?? "none"}`
    )
}

/** A warning when both of two variables are set, of which one wins. */
export const both = (env: Environment, winner: string, loser: string): ReadonlyArray<Sentence> =>
  given(env, winner) !== undefined && given(env, loser) !== undefined
    ? [sentence`${winner} and ${loser} are both set; ${winner} wins`]
    : []

/** A violation when a variable is not set. */
export const required = (env: Environment, variable: string): ReadonlyArray<Violation> =>
  given(env, variable) === undefined ? [{ variable, value: "", rule: "is required" }] : []
