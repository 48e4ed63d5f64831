import type * as LogLevel from "effect/LogLevel"
import * as Logger from "effect/Logger"
import type { RecentLine } from "../../domain/Status.ts"
import { messageText } from "./JsonLogger.ts"

const KEPT = 10

const levels: Partial<Record<LogLevel.LogLevel, RecentLine["level"]>> = {
  Fatal: "ERROR",
  Error: "ERROR",
  Warn: "WARN",
  Info: "INFO"
}

/** The last lines of the log at INFO and above, for whoever asks for the status. */
export interface RecentLines {
  readonly logger: Logger.Logger<unknown, void>
  /** The newest last. */
  readonly lines: () => ReadonlyArray<RecentLine>
}

export const makeRecentLines = (): RecentLines => {
  let kept: ReadonlyArray<RecentLine> = []
  return {
    lines: () => kept,
    logger: Logger.make(({ date, logLevel, message }) => {
      const level = levels[logLevel]
      if (level === undefined) return
      kept = [...kept, { time: date.toISOString(), level, message: messageText(message) }].slice(-KEPT)
    })
  }
}
