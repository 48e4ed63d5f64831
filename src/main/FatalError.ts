import * as Schema from "effect/Schema"

/** What ends the program at start-up: it is logged as it is, and the process exits with status 1 (SPEC §14). */
export class FatalError extends Schema.TaggedError<FatalError>()("FatalError", { message: Schema.String }) {}
