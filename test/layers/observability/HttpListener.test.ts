import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import { request, type IncomingHttpHeaders } from "node:http"
import { connect, createServer, type AddressInfo, type Socket } from "node:net"
import { text } from "node:stream/consumers"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { jsonLine } from "../../../src/layers/observability/JsonLogger.ts"
import { serve } from "../../../src/layers/observability/HttpListener.ts"
import * as Readiness from "../../../src/layers/observability/Readiness.ts"
import { jsonLines, patience, startScript } from "../process/scripts.ts"

const LOOPBACK = "127.0.0.1"

/** A port that nobody has; the listener under test does not tell which one it got. */
const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().on("error", reject)
    server.listen(0, LOOPBACK, () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

interface Listening {
  readonly port: number
  readonly readiness: Readiness.Readiness
  /** What was logged while it began to listen. */
  readonly lines: ReadonlyArray<string>
  readonly close: () => Promise<void>
}

/** No host at all stands for every address. */
const listening = async (
  { host }: { readonly host: string | undefined } = { host: LOOPBACK },
  wanted?: number
): Promise<Listening> => {
  const readiness = Readiness.make({ tables: "not installed yet", reconcile: "none has succeeded" })
  const port = wanted ?? (await freePort())
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>((options) => void lines.push(jsonLine.log(options)))
  const scope = await Effect.runPromise(Scope.make())
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  onTestFinished(close)
  const happened = Metric.counter("anchord_things_total", { description: "Things", incremental: true })
  await Effect.runPromise(
    Effect.andThen(Metric.update(happened, 7), serve({ host, port }, readiness)).pipe(
      Scope.provide(scope),
      Effect.provide(Logger.layer([logger])),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
  )
  return { port, readiness, lines, close }
}

interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

const ask = ({ port }: Pick<Listening, "port">, path: string, method = "GET", host = LOOPBACK): Promise<Answer> =>
  new Promise((resolve, reject) => {
    request({ host, port, path, method, agent: false }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode, headers: response.headers, body }), reject)
    })
      .on("error", reject)
      .end()
  })

const raw = ({ port }: Pick<Listening, "port">): Socket => {
  const socket = connect({ host: LOOPBACK, port, allowHalfOpen: true })
  socket.on("error", () => {})
  onTestFinished(() => void socket.destroy())
  return socket
}

describe("the listener", () => {
  it("says ok at /healthz, ready or not", async () => {
    const listener = await listening()
    expect(await ask(listener, "/healthz")).toMatchObject({ status: 200, body: "ok\n" })
    for (const condition of ["tables", "reconcile"]) listener.readiness.set(condition, undefined)
    expect(await ask(listener, "/healthz")).toMatchObject({ status: 200, body: "ok\n" })
  })

  it("answers /readyz with 503 and what is missing, one `key: value` line each, and then with ready", async () => {
    const listener = await listening()
    expect(await ask(listener, "/readyz")).toMatchObject({
      status: 503,
      body: "tables: not installed yet\nreconcile: none has succeeded\n"
    })
    listener.readiness.set("tables", undefined)
    expect(await ask(listener, "/readyz")).toMatchObject({ status: 503, body: "reconcile: none has succeeded\n" })
    listener.readiness.set("reconcile", undefined)
    expect(await ask(listener, "/readyz")).toMatchObject({ status: 200, body: "ready\n" })
    listener.readiness.set("tables", "somebody deleted them")
    expect(await ask(listener, "/readyz")).toMatchObject({ status: 503, body: "tables: somebody deleted them\n" })
  })

  it("answers /metrics in Prometheus' text format", async () => {
    const { status, headers, body } = await ask(await listening(), "/metrics")
    expect({ status, type: headers["content-type"] }).toEqual({
      status: 200,
      type: "text/plain; version=0.0.4; charset=utf-8"
    })
    expect(body).toBe(
      "# HELP anchord_things_total Things\n# TYPE anchord_things_total counter\nanchord_things_total 7\n"
    )
  })

  it("answers everything as plain text", async () => {
    const listener = await listening()
    for (const path of ["/metrics", "/healthz", "/readyz", "/nothing"]) {
      expect((await ask(listener, path)).headers["content-type"]).toMatch(/^text\/plain; /)
    }
  })

  it("does not mind a query", async () => {
    expect(await ask(await listening(), "/healthz?probe=1")).toMatchObject({ status: 200, body: "ok\n" })
  })

  it("answers HEAD as GET without the body", async () => {
    const listener = await listening()
    for (const path of ["/metrics", "/healthz", "/readyz", "/nothing"]) {
      const [head, get] = [await ask(listener, path, "HEAD"), await ask(listener, path)]
      expect(head).toMatchObject({ status: get.status, body: "" })
      for (const name of ["content-type", "content-length"]) expect(head.headers[name]).toBe(get.headers[name])
      expect(Number(head.headers["content-length"])).toBe(Buffer.byteLength(get.body))
    }
  })

  it("knows no other paths and no other methods", async () => {
    const listener = await listening()
    for (const path of ["/", "/metrics/", "/healthz/x", "//readyz"]) {
      expect(await ask(listener, path)).toMatchObject({ status: 404, body: "not found\n" })
    }
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      expect(await ask(listener, "/metrics", method)).toMatchObject({ status: 405, body: "method not allowed\n" })
    }
  })

  it("answers several requests on one connection", async () => {
    const socket = raw(await listening())
    socket.write("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2))
    let seen = ""
    socket.on("data", (chunk) => void (seen += String(chunk)))
    await vi.waitFor(() => expect(seen.match(/\r\n\r\nok\n/g)).toHaveLength(2), patience)
  })

  it("answers a client that has said all it will, on the very first connection as well", async () => {
    const socket = raw(await listening())
    socket.end("GET /healthz HTTP/1.0\r\n\r\n")
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok\n$/)
  })

  it("answers everyone of a crowd that comes at once", async () => {
    const listener = await listening()
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(listener, "/healthz")))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  })

  it("goes on after nonsense and after a client that leaves", async () => {
    const listener = await listening()
    const nonsense = raw(listener)
    nonsense.end("\u0016\u0003\u0001 not HTTP\r\n\r\n")
    expect(await text(nonsense)).toMatch(/^HTTP\/1\.1 400 |^$/)
    const leaving = raw(listener)
    await vi.waitFor(() => expect(leaving.readyState).toBe("open"), patience)
    leaving.resetAndDestroy()
    expect(await ask(listener, "/healthz")).toMatchObject({ status: 200 })
  })

  it("listens on every address of both families when no host is named", async () => {
    const listener = await listening({ host: undefined })
    for (const host of [LOOPBACK, "::1"]) {
      expect(await ask(listener, "/healthz", "GET", host)).toMatchObject({ status: 200 })
    }
  })
})

describe("the end of the listener", () => {
  it("comes with the scope, which closes the connections and listens no more", async () => {
    const listener = await listening()
    const [idle, kept] = [raw(listener).resume(), raw(listener).resume()]
    kept.write("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    await vi.waitFor(() => expect(kept.bytesRead).toBeGreaterThan(0), patience)
    await vi.waitFor(() => expect(idle.readyState).toBe("open"), patience)
    const closed = [idle, kept].map(
      (socket) => new Promise((resolve) => socket.once("close", resolve).once("end", resolve))
    )
    await listener.close()
    await Promise.all(closed)
    await expect(ask(listener, "/healthz")).rejects.toMatchObject({ code: "ECONNREFUSED" })
  })

  it("leaves the port to a successor at once", async () => {
    const first = await listening()
    expect(await ask(first, "/healthz")).toMatchObject({ status: 200 })
    await first.close()
    const second = await listening({ host: LOOPBACK }, first.port)
    expect(second.lines).toEqual([])
    expect(await ask(second, "/healthz")).toMatchObject({ status: 200 })
  })
})

describe("an address that cannot be had", () => {
  it("is one WARN that names it and why, and nothing more", async () => {
    const holder = await listening()
    const { lines } = await listening({ host: LOOPBACK }, holder.port)
    expect(jsonLines(lines.join("\n"))).toEqual([
      {
        time: expect.any(String),
        level: "WARN",
        msg: 'cannot listen for metrics and health checks; going on without; ANCHORD_METRICS_ADDR chooses another address, or "" none',
        address: `127.0.0.1:${holder.port}`,
        error: expect.stringContaining("EADDRINUSE")
      }
    ])
    expect(await ask(holder, "/healthz")).toMatchObject({ status: 200 })
  })

  it("may belong to another host, or be no name at all", async () => {
    for (const host of ["192.0.2.1", "no-such-host.invalid"]) {
      const { lines, port } = await listening({ host })
      expect(jsonLines(lines.join("\n"))).toMatchObject([{ level: "WARN", address: `${host}:${port}` }])
    }
  })
})

const loading = `
import * as Effect from "effect/Effect"
import { connect } from "node:net"
import { text } from "node:stream/consumers"
import { serve } from "./src/layers/observability/HttpListener.ts"
import * as Readiness from "./src/layers/observability/Readiness.ts"
const port = Number(process.argv[2])
const loaded = () => process.moduleLoadList.includes("NativeModule _http_server")
await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
  yield* serve({ host: "127.0.0.1", port }, Readiness.make({}))
  const before = loaded()
  const socket = connect(port, "127.0.0.1").setEncoding("utf8")
  socket.write("GET /readyz HTTP/1.0\\r\\n\\r\\n")
  const answer = yield* Effect.promise(() => text(socket))
  console.log(JSON.stringify({ before, after: loaded(), ready: answer.endsWith("ready\\n") }))
})))
`

describe("HTTP", () => {
  it("is not loaded before somebody connects", async () => {
    const { status, stdout, stderr } = await startScript(loading, { args: [`${await freePort()}`] }).ended
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
    expect(JSON.parse(stdout)).toEqual({ before: false, after: true, ready: true })
  })
})
