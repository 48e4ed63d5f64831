import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { mkdirSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { dirname } from "node:path"
import { listen } from "./listen.ts"
import type { StatusBoard } from "./StatusBoard.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logWarning } from "./OperatorLog.ts"

/** Never on the network; what looks at an anchor from inside its container asks here (SPEC §12, §13). */
export const STATUS_SOCKET = "/run/anchord/status.sock"

/** A socket's file outlives the process that made it, and the next one cannot bind while it is there. */
const makeRoom = (path: string): Effect.Effect<void, Error> =>
  Effect.try({
    try: () => {
      mkdirSync(dirname(path), { recursive: true })
      rmSync(path, { force: true })
    },
    catch: (error) => (error instanceof Error ? error : new Error(String(error)))
  })

/**
 * Answers everyone who connects to a unix socket with two lines of JSON until the scope closes (SPEC §12, §13): `{"ready": …, "missing": […]}`,
 * which is all that the health check reads, and the whole {@link Status}. It is never on the network, and is there whether or not the
 * listener is switched on. Failing to bind is a WARN.
 */
export const serve = Effect.fnUntraced(function* (
  path: string,
  board: StatusBoard
): Effect.fn.Return<void, never, Scope.Scope> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy())
    const status = board.status()
    const { ready, missing } = status
    socket.end(`${JSON.stringify({ ready, missing })}\n${JSON.stringify(status)}\n`)
  })
  yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
  yield* makeRoom(path).pipe(
    Effect.andThen(listen(server, { path })),
    Effect.catch((error) =>
      logWarning(sentence`cannot open the status socket, which the health check asks; mount a tmpfs on /run`).pipe(
        Effect.annotateLogs({ path, error: error.message })
      )
    )
  )
})
