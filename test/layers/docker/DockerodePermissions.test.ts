import * as Effect from "effect/Effect"
import type { ServerResponse } from "node:http"
import { describe, expect, it } from "vitest"
import type { Permission } from "../../../src/domain/DockerFindings.ts"
import { endpoints, type Endpoint } from "../../../src/domain/NeededEndpoints.ts"
import { layer } from "../../../src/layers/docker/DockerodePermissions.ts"
import { DockerPermissions } from "../../../src/services/DockerPermissions.ts"
import { fake } from "./asking.ts"
import { json } from "./FakeEngine.ts"

const askAll = (host: string, asked: ReadonlyArray<Endpoint>): Promise<ReadonlyArray<Permission>> =>
  Effect.runPromise(
    Effect.flatMap(DockerPermissions, ({ ask }) => Effect.forEach(asked, ask)).pipe(Effect.provide(layer({ host })))
  )

const refusing =
  (status: number, headers: Readonly<Record<string, string>> = {}) =>
  (response: ServerResponse): void =>
    void response.writeHead(status, headers).end("<html><body>no</body></html>")

const tags = (all: ReadonlyArray<Permission>) => all.map(({ _tag }) => _tag)

describe("permissions by dockerode", () => {
  it("are given where the engine itself answers, whatever it says", async () => {
    const engine = await fake({
      "/events": json({}),
      "/containers/json": json([]),
      "/containers/create": json({ message: "invalid JSON" }, 400)
    })
    expect(tags(await askAll(engine.host, endpoints))).toEqual(endpoints.map(() => "Allowed"))
  })

  it("are asked for in a way that can have no effect", async () => {
    const engine = await fake({})
    await askAll(engine.host, endpoints)
    const calls = engine.requests.map((line) => line.replace(/\/v\d+\.\d+/, ""))
    const writes = calls.filter((line) => !line.startsWith("GET"))
    expect(writes).toHaveLength(9)
    for (const line of writes.filter((one) => one !== "POST /containers/create"))
      expect(line).toMatch(/^(?:POST|DELETE) \/(?:containers|networks)\/[0-9a-f]{64}(?:\/[a-z]+(?:\?name=nobody)?)?$/)
    const ids = calls.flatMap((line) => /[0-9a-f]{64}/.exec(line)?.[0] ?? [])
    expect(new Set(ids).size).toBe(ids.length)
  })

  it("make a container of no description at all", async () => {
    const bodies: Array<string> = []
    const engine = await fake({
      "/containers/create": (response, request) => {
        let text = ""
        request.on("data", (chunk) => (text += String(chunk)))
        request.on("end", () => {
          bodies.push(text)
          json({ message: "cannot unmarshal" }, 400)(response)
        })
      }
    })
    expect(tags(await askAll(engine.host, ["POST /containers/create"]))).toEqual(["Allowed"])
    expect(bodies).toEqual(["[]"])
  })

  it.each([401, 403, 405])("are refused by a proxy that answers %d", async (status) => {
    const engine = await fake({ "/events": refusing(status) })
    expect(tags(await askAll(engine.host, ["GET /events"]))).toEqual(["Forbidden"])
  })

  it("are given where Docker forbids something of its own accord, and refused by its authorization plugin", async () => {
    const signed = { "api-version": "1.45", "content-type": "application/json" }
    const engine = await fake({
      "/events": refusing(403, signed),
      "/containers/json": (response) =>
        void response.writeHead(403, signed).end(JSON.stringify({ message: "authorization denied by plugin x" }))
    })
    expect(tags(await askAll(engine.host, ["GET /events", "GET /containers/json"]))).toEqual(["Allowed", "Forbidden"])
  })

  it("are not known where the engine is away, or a proxy's engine", async () => {
    const engine = await fake({ "/events": refusing(503) })
    expect(tags(await askAll(engine.host, ["GET /events"]))).toEqual(["Unknown"])
    expect(tags(await askAll("unix:///nowhere/docker.sock", ["GET /_ping", "GET /events"]))).toEqual([
      "Unknown",
      "Unknown"
    ])
  })
})
