import { mkdtempSync, rmSync } from "node:fs"
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface FakeEngine {
  /** As DOCKER_HOST. */
  readonly host: string
  /** Method and URL of every request, in order. */
  readonly requests: ReadonlyArray<string>
  /** How many connections were ever opened, and which are open. */
  readonly opened: () => number
  readonly open: ReadonlySet<Socket>
  readonly stop: () => Promise<void>
}

/** Answers by the path without version prefix and query; a path that is not listed is a 404 in Docker's words. */
export type Routes = Readonly<Record<string, (response: ServerResponse, request: IncomingMessage) => void>>

export const json =
  (value: unknown, status = 200) =>
  (response: ServerResponse): void =>
    void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value))

export const pong =
  (version: string) =>
  (response: ServerResponse): void =>
    void response.writeHead(200, { "api-version": version }).end("OK")

const listenerOf =
  (routes: Routes, requests: Array<string>): RequestListener =>
  (request, response) => {
    requests.push(`${request.method} ${decodeURIComponent(request.url ?? "")}`)
    const path = (request.url ?? "").replace(/^\/v\d+\.\d+/, "").split("?")[0] ?? ""
    const route: Routes[string] | undefined = { "/_ping": pong("1.45"), ...routes }[path]
    if (route === undefined) json({ message: `No such thing: ${path}` }, 404)(response)
    else route(response, request)
  }

const closed = (server: Server) => new Promise<void>((resolve) => server.close(() => resolve()))

/** An HTTP server that plays the Docker Engine, on a unix socket (default) or on loopback. */
export const startFake = async (routes: Routes, where: "unix" | "tcp" = "unix"): Promise<FakeEngine> => {
  const requests: Array<string> = []
  const open = new Set<Socket>()
  let opened = 0
  const server = createServer(listenerOf(routes, requests))
  server.keepAliveTimeout = 0
  server.on("connection", (socket: Socket) => {
    opened += 1
    open.add(socket)
    socket.on("close", () => open.delete(socket))
  })
  const folder = mkdtempSync(join(tmpdir(), "anchord-docker-"))
  const path = join(folder, "docker.sock")
  await new Promise<void>((resolve) => {
    if (where === "unix") server.listen(path, resolve)
    else server.listen(0, "127.0.0.1", resolve)
  })
  return {
    host: where === "unix" ? `unix://${path}` : `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    opened: () => opened,
    open,
    stop: async () => {
      const done = closed(server)
      for (const socket of open) socket.destroy()
      await done
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
