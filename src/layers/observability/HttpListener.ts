import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http"
import { createServer, type Socket } from "node:net"
import { listen } from "./listen.ts"
import type { Readiness } from "./Readiness.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logWarning } from "./OperatorLog.ts"

const IDLE_MILLIS = 10_000
const MOST_CONNECTIONS = 64

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const answerWith =
  (readiness: Readiness, metrics: () => string): Answer =>
  (request, response) => {
    const send = (status: number, body: string, type = "text/plain; charset=utf-8") => {
      const allow = status === 405 ? { allow: "GET, HEAD" } : {}
      response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body), ...allow })
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

/**
 * Serves `/metrics`, `/healthz` and `/readyz` on TCP until the scope closes (SPEC §12). Failing to bind is a WARN and nothing
 * more: the data path does not depend on it. HTTP is loaded with the first connection, because it would be most of what an anchor that
 * nobody scrapes keeps in memory. `beforeScrape` brings what is computed at scrape up to date.
 */
export const serve = Effect.fnUntraced(function* (
  { host, port }: { readonly host: string | undefined; readonly port: number },
  readiness: Readiness,
  beforeScrape: Effect.Effect<void> = Effect.void
): Effect.fn.Return<void, never, Scope.Scope> {
  const context = yield* Effect.context<never>()
  const sockets = new Set<Socket>()
  let http: Promise<HttpServer> | undefined

  const load = (): Promise<HttpServer> =>
    Promise.all([import("node:http"), import("effect/observability/PrometheusMetrics")]).then(
      ([{ createServer: createHttpServer }, { formatUnsafe }]) => {
        const metrics = () => {
          Effect.runSyncWith(context)(beforeScrape)
          return formatUnsafe(context)
        }
        const server = createHttpServer(answerWith(readiness, metrics))
        server.keepAliveTimeout = 5_000
        return server
      }
    )

  const listener = createServer((socket) => {
    sockets.add(socket)
    // The HTTP server, which never listens itself, does not keep its own time limits.
    socket.setTimeout(IDLE_MILLIS, () => socket.destroy())
    socket.on("error", () => socket.destroy())
    socket.on("close", () => sockets.delete(socket))
    http ??= load()
    http.then(
      (server) => server.emit("connection", socket),
      () => socket.destroy()
    )
  })
  listener.maxConnections = MOST_CONNECTIONS
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      listener.close()
      for (const socket of sockets) socket.destroy()
    })
  )
  yield* listen(listener, { port, ...(host === undefined ? {} : { host }) }).pipe(
    Effect.catch((error) =>
      logWarning(
        sentence`cannot listen for metrics and health checks; going on without; ANCHORD_METRICS_ADDR chooses another address, or "" none`
      ).pipe(Effect.annotateLogs({ address: `${host ?? "*"}:${port}`, error: error.message }))
    )
  )
})
