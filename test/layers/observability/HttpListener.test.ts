import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { execFileSync } from "node:child_process"
import { request } from "node:http"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { buildInfo } from "../../../src/layers/observability/BuildInfo.ts"
import { serve } from "../../../src/layers/observability/HttpListener.ts"
import * as NetworkAnchorMetrics from "../../../src/layers/observability/NetworkAnchorMetrics.ts"
import * as Readiness from "../../../src/layers/observability/Readiness.ts"
import * as ServiceAnchorMetrics from "../../../src/layers/observability/ServiceAnchorMetrics.ts"
import * as Metric from "effect/Metric"

/** A port that was free a moment ago. */
const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

const get = (port: number, path: string, method = "GET") =>
  new Promise<{ readonly status: number | undefined; readonly type: string | undefined; readonly body: string }>(
    (resolve, reject) => {
      request({ host: "127.0.0.1", port, path, method, agent: false }, (answer) => {
        let body = ""
        answer.setEncoding("utf8").on("data", (text: string) => (body += text))
        answer.on("end", () => resolve({ status: answer.statusCode, type: answer.headers["content-type"], body }))
      })
        .on("error", reject)
        .end()
    }
  )

const lines: Array<string> = []
const collect = Logger.layer([
  Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${String(message)}`))
])

/** SPEC §12: name, type and every series that is there before anything happened. */
const expected: ReadonlyArray<readonly [name: string, type: string, ...series: ReadonlyArray<string>]> = [
  ["anchord_reconcile_duration_seconds", "histogram"],
  ["anchord_reconcile_total", "counter", '{result="ok"}', '{result="error"}'],
  [
    "anchord_dnat_entries",
    "gauge",
    ...["v4", "v6"].flatMap((family) => ["tcp", "udp"].map((proto) => `{family="${family}",proto="${proto}"}`))
  ],
  ["anchord_dnat_conflicts", "gauge", ""],
  ["anchord_event_to_map_seconds", "histogram"],
  ["anchord_nft_drift_repairs_total", "counter", ""],
  ["anchord_conntrack_flushes_total", "counter", '{family="v4"}', '{family="v6"}'],
  ["anchord_docker_events_total", "counter", '{source="event"}', '{source="poll"}', '{source="start"}'],
  ["anchord_docker_connected", "gauge", ""],
  [
    "anchord_gateway_resolve_total",
    "counter",
    ...["v4", "v6"].flatMap((family) => ["ok", "error"].map((outcome) => `{family="${family}",outcome="${outcome}"}`))
  ],
  ["anchord_gateway_route_replaces_total", "counter", '{family="v4"}', '{family="v6"}'],
  ["anchord_default_route_present", "gauge", '{family="v4"}', '{family="v6"}'],
  ["anchord_build_info", "gauge", '{version="1.2.3",commit="abc"}']
]

describe("the listener", () => {
  const scope = Effect.runSync(Scope.make())
  const readiness = Readiness.make({ tables: "not there", reconcile: "none yet" })
  let port = 0

  beforeAll(async () => {
    port = await freePort()
    await Effect.runPromise(
      Effect.gen(function* () {
        yield* NetworkAnchorMetrics.initialise
        yield* ServiceAnchorMetrics.initialise
        yield* Metric.update(NetworkAnchorMetrics.reconcileDuration, 0.01)
        yield* Metric.update(NetworkAnchorMetrics.eventToMap, 0.01)
        yield* Metric.update(buildInfo("1.2.3", "abc"), 1)
        yield* serve({ host: "127.0.0.1", port }, readiness)
      }).pipe(Scope.provide(scope), Effect.provide(collect))
    )
  })

  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

  it("says that the process lives, whatever is missing", async () => {
    expect(await get(port, "/healthz")).toMatchObject({ status: 200, type: "text/plain; charset=utf-8", body: "ok\n" })
  })

  it("says what is missing, and ready when nothing is", async () => {
    const missing = { status: 503, type: "text/plain; charset=utf-8", body: "tables: not there\nreconcile: none yet\n" }
    expect(await get(port, "/readyz")).toEqual(missing)
    readiness.set("tables", undefined)
    readiness.set("reconcile", undefined)
    expect(await get(port, "/readyz")).toMatchObject({ status: 200, body: "ready\n" })
  })

  for (const [name, type, ...series] of expected) {
    it(`has ${name}, a ${type}, with every series from the start`, async () => {
      const { status, type: contentType, body } = await get(port, "/metrics")
      expect(status).toBe(200)
      expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8")
      expect(body).toContain(`# TYPE ${name} ${type}\n`)
      expect(body).toContain(`# HELP ${name} `)
      const wanted = type === "histogram" ? ['_bucket{le="+Inf"}', "_sum", "_count"] : series
      for (const one of wanted) expect(body.split("\n").some((line) => line.startsWith(`${name}${one} `))).toBe(true)
    })
  }

  it("answers HEAD without a body, refuses what is not there and what is not reading", async () => {
    expect(await get(port, "/healthz", "HEAD")).toMatchObject({ status: 200, body: "" })
    expect(await get(port, "/secrets")).toMatchObject({ status: 404 })
    expect(await get(port, "/healthz", "POST")).toMatchObject({ status: 405 })
  })

  it("that cannot bind is one WARN, and nothing fails", async () => {
    lines.length = 0
    await Effect.runPromise(Effect.scoped(serve({ host: "127.0.0.1", port }, readiness)).pipe(Effect.provide(collect)))
    expect(lines).toEqual(["Warn: cannot listen for metrics and health checks; going on without"])
  })

  it("closes with its scope, connections included", async () => {
    const own = await freePort()
    await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          yield* serve({ host: "127.0.0.1", port: own }, readiness)
          expect((yield* Effect.promise(() => get(own, "/healthz"))).status).toBe(200)
        })
      )
    )
    await expect(get(own, "/healthz")).rejects.toThrow("ECONNREFUSED")
  })

  it("loads HTTP with the first connection and not before", () => {
    const folder = fileURLToPath(new URL("../../../src/layers/observability/", import.meta.url))
    const program = `
      import * as Effect from "effect/Effect"
      import { serve } from "${folder}HttpListener.ts"
      import { connect } from "node:net"
      const loaded = () => process.moduleLoadList.includes("NativeModule _http_server")
      await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
        yield* serve({ host: "127.0.0.1", port: 0 + Number(process.argv[1]) }, { missing: () => [] })
        const before = loaded()
        const said = yield* Effect.promise(() => new Promise((resolve) => {
          const socket = connect(Number(process.argv[1]), "127.0.0.1", () => socket.write("GET /readyz HTTP/1.0\\r\\n\\r\\n"))
          socket.on("data", (data) => resolve(String(data)))
        }))
        console.log(JSON.stringify([before, loaded(), said.includes("200 OK")]))
      })))`
    const out = execFileSync(process.execPath, ["--input-type=module", "-e", program, "39417"], {
      encoding: "utf8",
      cwd: folder
    })
    expect(JSON.parse(out)).toEqual([false, true, true])
  })
})
