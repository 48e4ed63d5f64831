import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Paint } from "../../domain/Columns.ts"
import { Status } from "../../domain/Status.ts"
import { formatStatus } from "../../domain/StatusText.ts"
import { askStatus, type NoStatus } from "../../layers/observability/askStatus.ts"

export interface StatusOptions {
  readonly json: boolean
  readonly watch: boolean
}

/** Where the answer goes. */
export interface StatusOutput {
  readonly print: (text: string) => Effect.Effect<void>
  readonly complain: (text: string) => Effect.Effect<void>
  readonly paint: Paint
  /** What makes room for the next picture on a terminal; nothing where what was printed stays. */
  readonly clear: string | undefined
}

const BETWEEN = "1 second"

const encode = Schema.encodeUnknownSync(Schema.fromJsonString(Status))

const pretty = (status: Status): string => JSON.stringify(JSON.parse(encode(status)), undefined, 2)

const textOf = Effect.fnUntraced(function* (status: Status, json: boolean, { paint }: StatusOutput) {
  return json ? pretty(status) : formatStatus(status, yield* Clock.currentTimeMillis, paint)
})

const explain = ({ reason, message }: NoStatus): string =>
  reason === "absent"
    ? `no anchord answers here: ${message}; run it in the container of one: docker exec CONTAINER anchord status`
    : message

/**
 * Prints it now and whenever it is another: on a terminal in place, elsewhere one after the other (as JSON one a line). An anchor that has answered
 * once may be away for a while; where the first question finds none, it ends with 2.
 */
const watchStatus = Effect.fnUntraced(function* (path: string, json: boolean, output: StatusOutput) {
  let last: string | undefined
  while (true) {
    const answer = yield* Effect.result(askStatus(path))
    const seen = Result.isSuccess(answer) ? encode(answer.success) : explain(answer.failure)
    const first = last === undefined
    const changed = seen !== last
    last = seen
    if (Result.isFailure(answer)) {
      if (changed) yield* output.complain(seen)
      if (first) return 2
    } else if (json) {
      if (changed) yield* output.print(seen)
    } else if (changed || output.clear !== undefined) {
      yield* output.print(`${output.clear ?? ""}${yield* textOf(answer.success, false, output)}`)
    }
    yield* Effect.sleep(BETWEEN)
  }
})

/** `anchord status` (SPEC §13), by the unix socket of the anchor in this container: 0 it is ready, 1 it is not, 2 nobody answers. */
export const statusCommand = Effect.fnUntraced(function* (
  path: string,
  { json, watch }: StatusOptions,
  output: StatusOutput
) {
  if (watch) return yield* watchStatus(path, json, output)
  const answer = yield* Effect.result(askStatus(path))
  if (Result.isFailure(answer)) {
    yield* output.complain(explain(answer.failure))
    return 2
  }
  yield* output.print(yield* textOf(answer.success, json, output))
  return answer.success.ready ? 0 : 1
})
