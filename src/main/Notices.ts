import * as Effect from "effect/Effect"
import type { Sentence } from "../domain/Sentence.ts"
import { logError, logWarning } from "../layers/observability/OperatorLog.ts"

/** Something an operator should know while it stands, by a key that stays the same as long as it does. */
export interface Notice {
  readonly key: string
  readonly level: "ERROR" | "WARN" | "INFO"
  readonly message: Sentence
}

const say = ({ level, message }: Notice): Effect.Effect<void> =>
  level === "ERROR" ? logError(message) : level === "WARN" ? logWarning(message) : Effect.logInfo(message)

/**
 * Logs each notice once when it appears and once when it ends, however often it is reported (SPEC §3: once per change, not at
 * every resync).
 */
export const makeNotices = () => {
  let standing: ReadonlyMap<string, Notice> = new Map()
  return (notices: ReadonlyArray<Notice>): Effect.Effect<void> =>
    Effect.suspend(() => {
      const before = standing
      standing = new Map(notices.map((notice) => [notice.key, notice]))
      const appeared = [...standing.values()].filter((notice) => before.get(notice.key)?.message !== notice.message)
      const ended = [...before.values()].filter((notice) => !standing.has(notice.key))
      return Effect.forEach(
        [...appeared.map(say), ...ended.map((notice) => Effect.logInfo(`no longer: ${notice.message}`))],
        (line) => line,
        { discard: true }
      )
    })
}
