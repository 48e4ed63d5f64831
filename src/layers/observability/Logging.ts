import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { jsonLogger } from "./JsonLogger.ts"

export interface LoggingOptions {
  readonly level: "debug" | "info" | "warn" | "error"
  /** `undefined`: pretty on a terminal, JSON elsewhere (SPEC §12). */
  readonly format: "json" | "pretty" | undefined
  readonly terminal: boolean
  /** Gets every line as well. */
  readonly also?: Logger.Logger<unknown, void>
}

const levels = { debug: "Debug", info: "Info", warn: "Warn", error: "Error" } as const

/** The program's log on standard output, at and above one level. */
export const layer = ({ level, format, terminal, also }: LoggingOptions): Layer.Layer<never> => {
  const pretty = format === "pretty" || (format === undefined && terminal)
  return Layer.mergeAll(
    Logger.layer([pretty ? Logger.consolePretty() : jsonLogger, ...(also === undefined ? [] : [also])]),
    Layer.succeed(References.MinimumLogLevel)(levels[level])
  )
}
