import * as Effect from "effect/Effect"
import { sentence } from "../../domain/Sentence.ts"
import { logWarning } from "./OperatorLog.ts"

/** Whether spans get out, told once when that changes. Its methods are for callbacks: they log, and never fail. */
export interface ExportHealth {
  readonly works: () => void
  readonly fails: (error: unknown) => void
  /** Something else that the SDK has to say; the same, but for the numbers in it, is said once. */
  readonly remark: (text: string) => void
  readonly isFailing: () => boolean
}

/** The SDK has a handful of things to say; what a server answers with may always be another. */
const MOST_REMARKS = 20

/** The reason of a failed export: a flush fails with a list, and a name with two addresses with one error for each. */
const reasonOf = (error: unknown): string => {
  if (Array.isArray(error)) return reasonOf(error[0])
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  const status = "code" in error && typeof error.code === "number" ? `HTTP ${error.code} ` : ""
  return `${status}${error.message}`.trim()
}

export const makeExportHealth: Effect.Effect<ExportHealth> = Effect.gen(function* () {
  const context = yield* Effect.context<never>()
  const say = Effect.runSyncWith(context)
  const said = new Set<string>()
  let failing = false
  return {
    isFailing: () => failing,
    works: () => {
      if (!failing) return
      failing = false
      say(Effect.logInfo("spans are exported again"))
    },
    fails: (error) => {
      const line = failing
        ? Effect.logDebug("spans are still not exported")
        : logWarning(sentence`spans cannot be exported, and are dropped until they can; nothing else is affected`)
      failing = true
      say(Effect.annotateLogs(line, { error: reasonOf(error) }))
    },
    remark: (text) => {
      const kind = text.replaceAll(/\d+/g, "#")
      const isNew = !failing && !said.has(kind) && said.size < MOST_REMARKS
      if (isNew) said.add(kind)
      say(isNew ? logWarning(sentence`traces: ${text}`) : Effect.logDebug(`traces: ${text}`))
    }
  } satisfies ExportHealth
})
