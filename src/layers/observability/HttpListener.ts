import * as Effect from "effect/Effect"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import type * as Scope from "effect/Scope"
import { mkdirSync, rmSync } from "node:fs"
import { createServer, type RequestListener, type Server } from "node:http"
import { dirname } from "node:path"
import type { Readiness } from "./Readiness.ts"

/** Where to listen: on TCP, or on a unix socket that is never on the network. */
export type ListenOn =
  | { readonly _tag: "Tcp"; readonly host: string | undefined; readonly port: number }
  | { readonly _tag: "Unix"; readonly path: string }

const answer =
  (readiness: Readiness, metrics: () => string): RequestListener =>
  (request, response) => {
    const send = (status: number, body: string, type = "text/plain; charset=utf-8") => {
      response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) })
      response.end(request.method === "HEAD" ? undefined : body)
    }
    if (request.method !== "GET" && request.method !== "HEAD") return send(405, "method not allowed\n")
    switch ((request.url ?? "/").split("?")[0]) {
      case "/metrics":
        return send(200, metrics(), "text/plain; version=0.0.4; charset=utf-8")
      case "/healthz":
        return send(200, "ok\n")
      case "/readyz": {
        const missing = readiness.missing()
        return missing.length === 0 ? send(200, "ready\n") : send(503, missing.join("\n") + "\n")
      }
      default:
        return send(404, "not found\n")
    }
  }

const listen = (server: Server, on: ListenOn): Effect.Effect<void, Error> =>
  Effect.callback((resume) => {
    server.once("error", (error) => resume(Effect.fail(error)))
    const ready = () => resume(Effect.void)
    if (on._tag === "Tcp") {
      server.listen({ port: on.port, ...(on.host === undefined ? {} : { host: on.host }) }, ready)
    } else {
      server.listen(on.path, ready)
    }
  })

/** A socket's file outlives the process that made it, and the next one cannot bind while it is there. */
const makeRoom = (on: ListenOn): Effect.Effect<void, Error> =>
  on._tag === "Tcp"
    ? Effect.void
    : Effect.try({
        try: () => {
          mkdirSync(dirname(on.path), { recursive: true })
          rmSync(on.path, { force: true })
        },
        catch: (error) => (error instanceof Error ? error : new Error(String(error)))
      })

/**
 * Serves `/metrics`, `/healthz` and `/readyz` until the scope closes (SPEC §12). Failing to bind is a WARN and nothing
 * more: the data path does not depend on it.
 */
export const serve = Effect.fnUntraced(function* (
  on: ListenOn,
  readiness: Readiness
): Effect.fn.Return<void, never, Scope.Scope> {
  const context = yield* Effect.context<never>()
  const server = createServer(answer(readiness, () => PrometheusMetrics.formatUnsafe(context)))
  server.keepAliveTimeout = 5_000
  server.unref()
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      server.close()
      server.closeAllConnections()
    })
  )
  const where = on._tag === "Tcp" ? `${on.host ?? "*"}:${on.port}` : on.path
  yield* makeRoom(on).pipe(
    Effect.andThen(listen(server, on)),
    Effect.catch((error) =>
      Effect.logWarning("cannot listen for metrics and health checks; going on without").pipe(
        Effect.annotateLogs({ address: where, error: error.message })
      )
    )
  )
  server.on("error", () => {})
})
