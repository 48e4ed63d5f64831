import * as Effect from "effect/Effect"
import type { ListenOptions, Server } from "node:net"

/** Begins to listen; an error that comes later is not worth ending the program for. The server does not keep the process alive. */
export const listen = (server: Server, options: ListenOptions): Effect.Effect<void, Error> =>
  Effect.callback((resume) => {
    server.unref()
    server.once("error", (error) => {
      server.on("error", () => {})
      resume(Effect.fail(error))
    })
    server.listen(options, () => {
      server.on("error", () => {})
      resume(Effect.void)
    })
  })
