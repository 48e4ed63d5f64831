import * as Effect from "effect/Effect"
import { createConnection } from "node:net"
import type { Address } from "../../domain/Address.ts"
import type { ProbeAnswer } from "../../domain/ForeignSource.ts"

/** Enough for a second attempt of the kernel's, which comes after one second. */
const PATIENCE_MILLIS = 2_500

/** discard (RFC 863): nobody listens there any more, so that the kernel itself refuses. */
export const CLOSED_PORT = 9

/** One TCP connection that is not meant to come about: refused or not, somebody has answered. */
export const probeTcp = (host: Address, localAddress?: Address, port = CLOSED_PORT): Effect.Effect<ProbeAnswer> =>
  Effect.callback((resume) => {
    const socket = createConnection({ host, port, ...(localAddress === undefined ? {} : { localAddress }) })
    const tell = (answer: ProbeAnswer) => {
      socket.destroy()
      resume(Effect.succeed(answer))
    }
    socket.setTimeout(PATIENCE_MILLIS, () => tell({ _tag: "Silent" }))
    socket.once("connect", () => tell({ _tag: "Answered" }))
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED" || error.code === "ECONNRESET") return tell({ _tag: "Answered" })
      tell(error.code === "ETIMEDOUT" ? { _tag: "Silent" } : { _tag: "Unreachable", message: error.message })
    })
    return Effect.sync(() => socket.destroy())
  })
