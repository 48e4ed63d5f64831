import * as Data from "effect/Data"
import type { Sentence } from "../domain/Sentence.ts"

/** The command line or a variable is wrong: it has been told, and the process exits with status 2 (SPEC §14). */
export class UsageError extends Data.TaggedError("UsageError")<{
  readonly message: Sentence
}> {}
