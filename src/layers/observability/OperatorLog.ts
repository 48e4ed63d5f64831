import * as Effect from "effect/Effect"
import type { Sentence } from "../../domain/Sentence.ts"

/** What an operator may have to do something about: a {@link Sentence}, so that docs/messages.md has it. The linter permits no other way. */
export const logWarning = (what: Sentence): Effect.Effect<void> => Effect.logWarning(what)

/** The same, where something does not work until somebody has done something about it. */
export const logError = (what: Sentence): Effect.Effect<void> => Effect.logError(what)
