import * as Schema from "effect/Schema"

/** The command line or a variable is wrong: it has been told, and the process exits with status 2 (SPEC §14). */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", { message: Schema.String }) {}
