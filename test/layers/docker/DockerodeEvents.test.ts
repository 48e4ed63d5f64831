import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { ServerResponse } from "node:http"
import { describe, expect, it, vi } from "vitest"
import { ask, failure, fake, using } from "./asking.ts"
import { json } from "./FakeEngine.ts"

const id = (digit: string) => digit.repeat(64)

describe("events", () => {
  const line = (action: string, time: bigint, attributes: object = {}) =>
    `{"status":"${action}","Type":"container","Action":"${action}","Actor":{"ID":"${id("a")}","Attributes":${JSON.stringify(attributes)}},"scope":"local","time":1700000000,"timeNano":${time}}\n`

  const streaming =
    (...pieces: ReadonlyArray<string | Buffer>) =>
    (response: ServerResponse) => {
      response.writeHead(200, { "content-type": "application/json" })
      for (const piece of pieces) response.write(piece)
      response.end()
    }

  const collect = (host: string) => ask(host, (docker) => Stream.runCollect(docker.events()))

  it("asks for exactly the types and actions that cause work, from a time on to the nanosecond", async () => {
    const engine = await fake({ "/events": streaming() })
    await ask(engine.host, (docker) => Stream.runDrain(docker.events(1_700_000_000_000_000_007n)))
    const query = new URL(engine.requests.at(-1)!.slice(4), "http://x").searchParams
    expect(query.get("since")).toBe("1700000000.000000007")
    expect(JSON.parse(query.get("filters")!)).toEqual({
      type: ["container", "network"],
      event: ["create", "start", "die", "stop", "destroy", "rename", "pause", "unpause", "connect", "disconnect"]
    })
  })

  it("asks for other actions where those are wanted, and tells no others", async () => {
    const engine = await fake({ "/events": streaming(line("kill", 1n, {}), line("start", 2n, {})) })
    const seen = await ask(engine.host, (docker) => Stream.runCollect(docker.events(undefined, ["kill"])))
    const query = new URL(engine.requests.at(-1)!.slice(4), "http://x").searchParams
    expect(JSON.parse(query.get("filters")!)).toMatchObject({ event: ["kill"] })
    expect(seen.map(({ action }) => action)).toEqual(["kill"])
  })

  it("asks for what the engine remembers, from the beginning until now", async () => {
    const engine = await fake({ "/events": streaming(line("create", 1n), line("destroy", 2n)) })
    const past = await ask(engine.host, (docker) =>
      Effect.andThen(TestClock.setTime(1_700_000_000_000), docker.pastEvents).pipe(Effect.provide(TestClock.layer()))
    )
    expect(past.map(({ action }) => action)).toEqual(["create", "destroy"])
    const query = new URL(engine.requests.at(-1)!.slice(4), "http://x").searchParams
    expect([query.get("since"), query.get("until")]).toEqual(["0.000000000", "1700000000.000000000"])
  })

  it("waits for five seconds at most for the end of what it remembers: its clock may be behind", async () => {
    const engine = await fake({ "/events": (response) => response.flushHeaders() })
    const past = await Effect.runPromise(
      Effect.gen(function* () {
        const asking = yield* Effect.forkChild(using(engine.host, (docker) => docker.pastEvents))
        while (asking.pollUnsafe() === undefined) {
          yield* Effect.promise(() => new Promise(setImmediate))
          if (engine.requests.length > 1) yield* TestClock.adjust("10 millis")
        }
        return yield* Fiber.join(asking)
      }).pipe(Effect.provide(TestClock.layer()))
    )
    expect(past).toEqual([])
  })

  it("keeps every nanosecond of the engine's time, and the labels as they are", async () => {
    const labels = { "anchord.expose": "tcp/25", timeNano: "12", note: '{"timeNano":13}\n' }
    const engine = await fake({ "/events": streaming(line("start", 1_700_000_000_123_456_789n, labels)) })
    expect(await collect(engine.host)).toEqual([
      {
        type: "container",
        action: "start",
        containerId: id("a"),
        attributes: labels,
        timeNano: 1_700_000_000_123_456_789n
      }
    ])
  })

  it("reads what network events say of the container, in the form of API 1.52", async () => {
    const event = {
      Type: "network",
      Action: "connect",
      Actor: { ID: id("1"), Attributes: { container: id("a"), name: "mail_transit", type: "bridge" } },
      timeNano: 5
    }
    const created = { ...event, Action: "create", Actor: { ID: id("2") } }
    const engine = await fake({ "/events": streaming(`${JSON.stringify(event)}\n${JSON.stringify(created)}\n`) })
    expect(await collect(engine.host)).toMatchObject([
      { type: "network", action: "connect", networkId: id("1"), containerId: id("a"), timeNano: 5n },
      { type: "network", action: "create", networkId: id("2"), attributes: {} }
    ])
  })

  it("drops what nobody asked for even if an engine or a proxy sends it", async () => {
    const image = line("create", 1n).replace('"container"', '"image"')
    const noise = [
      line("exec_create: sh -c true", 1n),
      line("exec_start", 1n),
      line("health_status: healthy", 1n),
      image
    ]
    const engine = await fake({ "/events": streaming(...noise, line("die", 2n)) })
    expect((await collect(engine.host)).map((event) => event.action)).toEqual(["die"])
  })

  it("puts lines together from pieces of any size", async () => {
    const text = Buffer.from(line("start", 1n, { note: "Grüße 🐳" }) + "\n\r\n" + line("die", 2n))
    for (const size of [1, 7, 64]) {
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
        text.subarray(index * size, (index + 1) * size)
      )
      const engine = await fake({ "/events": streaming(...pieces) })
      const events = await collect(engine.host)
      expect(events.map((event) => event.action)).toEqual(["start", "die"])
      expect(events[0]?.attributes).toEqual({ note: "Grüße 🐳" })
    }
  })

  it("come at once, not when the next piece does", async () => {
    let stream: ServerResponse | undefined
    const engine = await fake({
      "/events": (response) => {
        stream = response
        response.write(line("start", 1n))
      }
    })
    const first = await ask(engine.host, (docker) => Stream.runHead(docker.events()))
    expect(first).toMatchObject({ value: { action: "start" } })
    await vi.waitFor(() => expect(stream?.destroyed).toBe(true))
  })

  it("fail on a line that is not an event, after those before it", async () => {
    for (const garbage of ["{garbage\n", '{"Type":"container"}\n', '"text"\n', "<html>\n"]) {
      const engine = await fake({ "/events": streaming(line("start", 1n), garbage, line("die", 2n)) })
      const seen: Array<string> = []
      const error = await failure(engine.host, (docker) =>
        Stream.runForEach(docker.events(), (event) => Effect.sync(() => seen.push(event.action)))
      )
      expect(error).toMatchObject({ reason: "failed", endpoint: "GET /events" })
      expect(error.message).toContain(garbage.trim())
      expect(seen).toEqual(["start"])
    }
  })

  it("fail when the connection drops, and end when the engine ends them", async () => {
    const dropped = await fake({
      "/events": (response) => void response.write(line("start", 1n), () => response.destroy())
    })
    expect(await failure(dropped.host, (docker) => Stream.runDrain(docker.events()))).toMatchObject({
      reason: "unreachable",
      endpoint: "GET /events"
    })
    const ended = await fake({ "/events": streaming(line("start", 1n)) })
    expect(await collect(ended.host)).toHaveLength(1)
  })

  it("are closed when nobody listens any more, though none had come yet", async () => {
    let asked = 0
    const engine = await fake({
      "/events": (response) => {
        asked += 1
        response.flushHeaders()
      }
    })
    const exit = await Effect.runPromise(
      using(engine.host, (docker) =>
        Effect.gen(function* () {
          const listening = yield* Effect.forkChild(Stream.runDrain(docker.events()))
          yield* Effect.promise(() => vi.waitFor(() => expect(asked).toBe(1)))
          yield* Fiber.interrupt(listening)
          yield* Effect.promise(() => vi.waitFor(() => expect(engine.open.size).toBeLessThan(2)))
          return yield* Effect.exit(docker.ping)
        })
      )
    )
    expect(Exit.isSuccess(exit)).toBe(true)
    await vi.waitFor(() => expect(engine.open.size).toBe(0))
  })

  it("have no time limit once they are open", async () => {
    let stream: ServerResponse | undefined
    const engine = await fake({
      "/events": (response) => {
        stream = response
        response.write(line("start", 1n))
      }
    })
    const seen: Array<string> = []
    await Effect.runPromise(
      Effect.gen(function* () {
        const drained = using(engine.host, (docker) =>
          Stream.runForEach(docker.events(), (event) => Effect.sync(() => seen.push(event.action)))
        )
        const listening = yield* Effect.forkChild(drained)
        yield* Effect.promise(() => vi.waitFor(() => expect(seen).toEqual(["start"])))
        yield* TestClock.adjust("1 hour")
        stream?.end(line("die", 2n))
        yield* Fiber.join(listening)
      }).pipe(Effect.provide(TestClock.layer()))
    )
    expect(seen).toEqual(["start", "die"])
  })

  it("say forbidden when a proxy forbids them", async () => {
    const engine = await fake({ "/events": json({}, 403) })
    expect(await failure(engine.host, (docker) => Stream.runDrain(docker.events()))).toMatchObject({
      reason: "forbidden"
    })
  })
})
