import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { jsonLogger } from "./JsonLogger.ts"

export interface LoggingOptions {
  readonly level: "debug" | "info" | "warn" | "error"
  /** `undefined`: pretty on a terminal, JSON elsewhere (SPEC §12). */
  readonly format: "json" | "pretty" | undefined
  readonly terminal: boolean
}

const levels = { debug: "Debug", info: "Info", warn: "Warn", error: "Error" } as const

/** The program's log on standard output, at and above one level. */
export const layer = ({ level, format, terminal }: LoggingOptions): Layer.Layer<never> => {
  const pretty = format === "pretty" || (format === undefined && terminal)
  return Layer.mergeAll(
    Logger.layer([pretty ? Logger.consolePretty() : jsonLogger]),
    Layer.succeed(References.MinimumLogLevel)(levels[level])
  )
}
