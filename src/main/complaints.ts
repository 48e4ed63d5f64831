import * as Effect from "effect/Effect"
import type { Violation } from "../domain/EnvironmentReading.ts"
import { sentence } from "../domain/Sentence.ts"

export const WRONG = sentence`wrong configuration`

/** Each variable with its value and the rule that it breaks (SPEC §2). */
export const violationLines = (violations: ReadonlyArray<Violation>): ReadonlyArray<string> =>
  violations.map(({ variable, value, rule }) => `  ${variable}="${value}": ${rule}`)

/** Tells whoever typed the command what is wrong, on standard error. */
export const complain = (lines: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.sync(() => void process.stderr.write(lines.map((line) => `anchord: ${line}\n`).join("")))
