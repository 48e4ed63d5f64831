import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { createConnection } from "node:net"
import { Status } from "../../domain/Status.ts"

/** No status was to be had; `absent`: nobody listens there. */
export class NoStatus extends Data.TaggedError("NoStatus")<{
  readonly reason: "absent" | "not-understood"
  readonly message: string
}> {}

const LIMIT_MILLIS = 5_000

const read = (path: string): Effect.Effect<string, NoStatus> =>
  Effect.callback((resume) => {
    const socket = createConnection(path)
    let text = ""
    const fail = (message: string) => resume(Effect.fail(new NoStatus({ reason: "absent", message })))
    socket.setEncoding("utf8").setTimeout(LIMIT_MILLIS, () => {
      socket.destroy()
      fail(`${path} does not answer within ${LIMIT_MILLIS / 1_000} s`)
    })
    socket.on("data", (part: string) => (text += part))
    socket.once("error", ({ message }) => fail(message))
    socket.once("end", () => resume(Effect.succeed(text)))
    return Effect.sync(() => socket.destroy())
  })

const StatusLine = Schema.fromJsonString(Status)

/** Asks the anchor that serves the socket (see `StatusSocket.ts`) for its status. */
export const askStatus = Effect.fnUntraced(function* (path: string) {
  const [, line = ""] = (yield* read(path)).split("\n")
  return yield* Schema.decodeUnknownEffect(StatusLine)(line).pipe(
    Effect.mapError(
      ({ message }) =>
        new NoStatus({ reason: "not-understood", message: `the anchor at ${path} is of another version: ${message}` })
    )
  )
})
