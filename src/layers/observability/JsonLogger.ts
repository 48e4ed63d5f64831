import * as Cause from "effect/Cause"
import type * as LogLevel from "effect/LogLevel"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Result from "effect/Result"

const levelNames: Partial<Record<LogLevel.LogLevel, string>> = {
  Fatal: "ERROR",
  Error: "ERROR",
  Warn: "WARN",
  Info: "INFO",
  Debug: "DEBUG",
  Trace: "DEBUG"
}

const plain = (value: unknown): unknown =>
  typeof value === "bigint" ? Number(value) : value instanceof Error ? value.message : value

/** Whatever a field holds as something that JSON can say; what it cannot is its text, so that a log line never ends the program. */
const sayable = (value: unknown): unknown => {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value
  const text = Result.try(() => JSON.stringify(value, (_key, inner: unknown) => plain(inner)) as string | undefined)
  return Result.isSuccess(text) && text.success !== undefined ? JSON.parse(text.success) : String(value)
}

/** What a log line says: several parts, with blanks between them. */
export const messageText = (message: unknown): string =>
  (Array.isArray(message) ? message : [message])
    .map((part) => (typeof part === "string" ? part : JSON.stringify(sayable(part))))
    .join(" ")

/**
 * One JSON object a line: `time` (RFC 3339 with milliseconds), `level`, `msg`, then the log annotations as flat fields, and
 * `cause` when there is one (SPEC §12). A field never overwrites the first three.
 */
export const jsonLine = Logger.make<unknown, string>(({ cause, date, fiber, logLevel, message }) => {
  const fields: Record<string, unknown> = {
    time: date.toISOString(),
    level: levelNames[logLevel] ?? "INFO",
    msg: messageText(message)
  }
  for (const [name, value] of Object.entries(fiber.getRef(References.CurrentLogAnnotations))) {
    if (!(name in fields)) fields[name] = sayable(value)
  }
  if (cause.reasons.length > 0) fields["cause"] = Cause.pretty(cause)
  return JSON.stringify(fields)
})

/** Writes {@link jsonLine} to standard output. */
export const jsonLogger = Logger.make<unknown, void>((options) => {
  process.stdout.write(jsonLine.log(options) + "\n")
})
