import * as Effect from "effect/Effect"
import { withReason, type Sentence } from "../../domain/Sentence.ts"
import { logWarning } from "../../layers/observability/OperatorLog.ts"

/** What is known of containers that are left renamed away. */
export const makeLeftovers = () => {
  const reasons = new Map<string, string>()
  const takers = new Map<string, string>()
  return {
    /** Somebody else's container has the name. */
    noteTaken: (id: string, by: string): void => void takers.set(id, by),
    /** Whether it is that one which has the name: it is no successor, and not to be removed. */
    isTaken: (id: string, by: string): boolean => takers.get(id) === by,
    /** Warns of each once while the reason is the same, however often somebody looks after it. */
    warn: (id: string, reason: string, message: Sentence): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (reasons.get(id) === reason) return Effect.void
        reasons.set(id, reason)
        return logWarning(withReason(message, reason))
      }),
    forget: (id: string): Effect.Effect<void> => Effect.sync(() => void reasons.delete(id))
  }
}
export type Leftovers = ReturnType<typeof makeLeftovers>
