import type { IncomingMessage, ServerResponse } from "node:http"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it, vi } from "vitest"
import type { CreateRequest } from "../../../src/domain/CreateRequest.ts"
import { layer } from "../../../src/layers/docker/DockerodeLifecycle.ts"
import { ContainerLifecycle } from "../../../src/services/ContainerLifecycle.ts"
import type { DockerError } from "../../../src/services/DockerEngine.ts"
import { fake } from "./asking.ts"
import { json, pong, type Routes } from "./FakeEngine.ts"

const id = "c".repeat(64)

type Use<A, E> = (lifecycle: ContainerLifecycle["Service"]) => Effect.Effect<A, E>

const using = <A, E>(host: string, use: Use<A, E>) =>
  Effect.provide(Effect.flatMap(ContainerLifecycle, use), layer({ host }))
const ask = <A, E>(host: string, use: Use<A, E>): Promise<A> => Effect.runPromise(using(host, use))
const failure = <A>(host: string, use: Use<A, DockerError>): Promise<DockerError> =>
  Effect.runPromise(Effect.flip(using(host, use)))

const empty = (status: number) => (response: ServerResponse) => void response.writeHead(status).end()

/** An engine that makes containers, and the bodies of what it was sent, by method and path. */
const engineOf = async (version: string | undefined, routes: Routes = {}) => {
  const bodies: Array<readonly [path: string, body: unknown]> = []
  const keeping =
    (answer: (response: ServerResponse, request: IncomingMessage) => void) =>
    (response: ServerResponse, request: IncomingMessage) => {
      let text = ""
      request.setEncoding("utf8")
      request.on("data", (piece: string) => {
        text += piece
      })
      request.on("end", () => {
        const path = (request.url ?? "").replace(/^\/v[\d.]+/, "")
        bodies.push([`${request.method} ${path}`, text === "" ? undefined : JSON.parse(text)])
        answer(response, request)
      })
    }
  const all: Routes = {
    "/containers/create": json({ Id: id, Warnings: [] }, 201),
    "/networks/first/connect": empty(200),
    "/networks/second/connect": empty(200),
    "/networks/mode/disconnect": empty(200),
    [`/containers/${id}`]: empty(204),
    ...routes
  }
  const known = Object.entries(all).map(([path, answer]) => [path, keeping(answer)] as const)
  const hidden = { "/_ping": empty(403), "/version": empty(403) }
  const engine = await fake({
    ...(version === undefined ? hidden : { "/_ping": pong(version) }),
    ...Object.fromEntries(known)
  })
  return { ...engine, bodies }
}

const request: CreateRequest = {
  body: { Image: "web", HostConfig: { NetworkMode: "first" } },
  networks: [
    { name: "first", endpoint: { Aliases: ["a"] } },
    { name: "second", endpoint: { MacAddress: "02:aa:00:00:00:02" } }
  ]
}

const joining = (name: string, index: number) =>
  [`POST /networks/${name}/connect`, { Container: id, EndpointConfig: request.networks[index]?.endpoint }] as const

const creating = (EndpointsConfig: object) =>
  ["POST /containers/create?name=web", { ...request.body, NetworkingConfig: { EndpointsConfig } }] as const

describe("creating a container", () => {
  it("names all its networks since API 1.44", async () => {
    const engine = await engineOf("1.44")
    expect(await ask(engine.host, (lifecycle) => lifecycle.create("web", request))).toBe(id)
    const [first, second] = request.networks
    expect(engine.bodies).toEqual([creating({ first: first?.endpoint, second: second?.endpoint })])
  })

  it("names that of its mode before, or where the version is hidden, and joins the others", async () => {
    for (const version of ["1.43", undefined]) {
      const engine = await engineOf(version)
      await ask(engine.host, (lifecycle) => lifecycle.create("web", request))
      expect(engine.bodies).toEqual([creating({ first: request.networks[0]?.endpoint }), joining("second", 1)])
    }
  })

  it("leaves the network of its mode before it joins others", async () => {
    const engine = await engineOf("1.45")
    await ask(engine.host, (lifecycle) => lifecycle.create("web", { ...request, leave: "mode" }))
    expect(engine.bodies).toEqual([
      creating({}),
      ["POST /networks/mode/disconnect", { Container: id, Force: false }],
      joining("first", 0),
      joining("second", 1)
    ])
  })

  it("removes it again when it cannot be put on its networks", async () => {
    const engine = await engineOf("1.43", { "/networks/second/connect": json({ message: "no" }, 500) })
    const error = await failure(engine.host, (lifecycle) => lifecycle.create("web", request))
    expect(error).toMatchObject({ endpoint: "POST /networks/second/connect", status: 500 })
    expect(engine.bodies.at(-1)).toEqual([`DELETE /containers/${id}?v=false`, undefined])
  })

  it("asks for the platform that is meant", async () => {
    const engine = await engineOf("1.48")
    await ask(engine.host, (lifecycle) => lifecycle.create("web", { ...request, platform: "linux/arm64" }))
    expect(engine.requests.at(-1)).toBe("POST /v1.48/containers/create?name=web&platform=linux/arm64")
  })
})

describe("leaving a network", () => {
  it("is forced when that is asked for, and only then", async () => {
    const engine = await engineOf("1.45")
    for (const force of [undefined, true]) {
      await ask(engine.host, (lifecycle) => lifecycle.disconnect("mode", "web", force))
      const body = { Container: "web", Force: force === true }
      expect(engine.bodies.at(-1)).toEqual(["POST /networks/mode/disconnect", body])
    }
  })
})

describe("a call that changes something", () => {
  it("is never made twice", async () => {
    const engine = await engineOf("1.45", {
      "/containers/web/start": (_response, { socket }) => void socket.destroy(),
      "/containers/web/json": (_response, { socket }) => void socket.destroy()
    })
    expect(await failure(engine.host, (lifecycle) => lifecycle.start("web"))).toMatchObject({ reason: "unreachable" })
    expect(engine.bodies).toHaveLength(1)
    await failure(engine.host, (lifecycle) => lifecycle.inspect("web"))
    expect(engine.bodies).toHaveLength(3)
  })

  it("answers whether it was that which started a container", async () => {
    const engine = await engineOf("1.45", { "/containers/web/start": empty(304), "/containers/mail/start": empty(204) })
    expect(await ask(engine.host, (lifecycle) => lifecycle.start("web"))).toBe(false)
    expect(await ask(engine.host, (lifecycle) => lifecycle.start("mail"))).toBe(true)
  })

  it("succeeds where there is nothing to change", async () => {
    const engine = await engineOf("1.45", { "/containers/web/start": empty(304), "/containers/web/stop": empty(304) })
    await ask(engine.host, (lifecycle) => Effect.andThen(lifecycle.start("web"), lifecycle.stop("web", 1)))
    expect(engine.bodies.map(([path]) => path)).toEqual(["POST /containers/web/start", "POST /containers/web/stop?t=1"])
  })

  it("is given the grace and a minute to be answered", async () => {
    const engine = await engineOf("1.45", { "/containers/web/stop": () => {} })
    const error = await Effect.runPromise(
      Effect.gen(function* () {
        const stop = using(engine.host, (lifecycle) => Effect.flip(lifecycle.stop("web", 30)))
        const asked = yield* Effect.forkChild(stop)
        yield* Effect.promise(() => vi.waitFor(() => expect(engine.bodies).toHaveLength(1)))
        yield* TestClock.adjust("89 seconds")
        expect(asked.pollUnsafe()).toBeUndefined()
        yield* TestClock.adjust("1 second")
        return yield* Fiber.join(asked)
      }).pipe(Effect.provide(TestClock.layer()))
    )
    expect(error).toMatchObject({ reason: "unreachable", endpoint: "POST /containers/web/stop" })
    expect(error.message).toContain("no answer within 90 s")
  })
})

describe("a refusal", () => {
  const refusing = (headers: Readonly<Record<string, string>>, message: string): Routes => ({
    "/networks/first/connect": (response) =>
      void response.writeHead(403, { "content-type": "application/json", ...headers }).end(JSON.stringify({ message }))
  })
  const why = async (routes: Routes) => {
    const engine = await engineOf("1.45", routes)
    return failure(engine.host, (lifecycle) => lifecycle.connect("first", "web"))
  }

  it("of Docker itself is not taken for that of a socket proxy", async () => {
    const error = await why(refusing({ "api-version": "1.45" }, "Address already in use"))
    expect(error).toMatchObject({ reason: "failed", status: 403 })
    expect(error.message).toBe("POST /networks/first/connect: HTTP 403: Address already in use")
  })

  it("of a proxy, or of an authorization plugin in Docker, is one that can be allowed", async () => {
    expect(await why(refusing({}, "no"))).toMatchObject({ reason: "forbidden" })
    const denied = await why(refusing({ "api-version": "1.45" }, "authorization denied by plugin opa: no"))
    expect(denied).toMatchObject({ reason: "forbidden" })
    expect(denied.message).toContain("allow it there")
  })
})
