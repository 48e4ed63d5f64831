import * as Data from "effect/Data"
import type { Sentence } from "../domain/Sentence.ts"

/** What ends the program at start-up: it is logged as it is, and the process exits with status 1 (SPEC §14). */
export class FatalError extends Data.TaggedError("FatalError")<{
  readonly message: Sentence
}> {}
