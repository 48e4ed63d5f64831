import * as Effect from "effect/Effect"
import { writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { makeFolder, patience } from "../process/scripts.ts"
import { childrenOf } from "./otlpReceiver.ts"
import { receiverForTest, traced } from "./traced.ts"

const failing = Effect.fail(new Error("refused by the kernel")).pipe(Effect.withSpan("inner"), Effect.ignore)

const work = Effect.annotateCurrentSpan({ backends: 2, trigger: "poll", usable: true }).pipe(
  Effect.andThen(failing),
  Effect.withSpan("outer", { kind: "client" })
)

const many = (count: number) =>
  Effect.forEach(
    Array.from({ length: count }, (_, index) => index),
    (index) => Effect.withSpan(Effect.void, `span${index}`),
    { discard: true }
  )

describe("spans that are exported", () => {
  it("have names, parents, attributes, a kind, and the status of what they tell of", async () => {
    const receiver = await receiverForTest()
    expect(await traced(receiver, work)).toEqual([])
    const spans = receiver.spans()
    const outer = spans.find(({ name }) => name === "outer")!
    expect(outer).toMatchObject({
      parentSpanId: "",
      kind: 3,
      attributes: { backends: 2, trigger: "poll", usable: true },
      failed: false,
      scope: "anchord 3.0.0"
    })
    expect(childrenOf(spans, outer)).toMatchObject([
      { name: "inner", failed: true, message: "refused by the kernel", events: ["exception"] }
    ])
  })

  it("tell of their process, unless the variables say something else", async () => {
    const attributes = { "anchord.mode": "service-anchor", "container.id": "abc" }
    const resourceWith = async (env: Readonly<Record<string, string>>) => {
      const receiver = await receiverForTest()
      expect(await traced(receiver, work, { env, attributes })).toEqual([])
      return receiver.spans()[0]!.resource
    }
    expect(await resourceWith({})).toMatchObject({
      ...attributes,
      "service.name": "anchord",
      "service.version": "3.0.0"
    })
    expect(await resourceWith({ OTEL_SERVICE_NAME: "" })).toMatchObject({ "service.name": "anchord" })
    expect(
      await resourceWith({
        OTEL_SERVICE_NAME: "shop-anchor",
        OTEL_RESOURCE_ATTRIBUTES: "service.name=other,deployment.environment.name=in%20test,anchord.mode=mine"
      })
    ).toMatchObject({
      "service.name": "shop-anchor",
      "deployment.environment.name": "in test",
      "anchord.mode": "mine",
      "container.id": "abc"
    })
  })

  it("tell of their process as well when OTEL_RESOURCE_ATTRIBUTES is wrong, which is told", async () => {
    const receiver = await receiverForTest()
    const lines = await traced(receiver, work, { env: { OTEL_RESOURCE_ATTRIBUTES: "a=%zz" } })
    expect(lines).toEqual([expect.stringMatching(/^Warn: .*OTEL_RESOURCE_ATTRIBUTES/)])
    expect(receiver.spans()[0]!.resource).toMatchObject({ "service.name": "anchord" })
  })
})

describe("the variables of the exporter", () => {
  it("choose the protocol: protobuf by default", async () => {
    const receiver = await receiverForTest()
    await traced(receiver, work, { env: { OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" } })
    expect(receiver.exports).toMatchObject([
      { path: "/v1/traces", headers: { "content-type": "application/x-protobuf" } }
    ])
    const body = receiver.exports[0]!.body.toString("latin1")
    for (const text of ["outer", "inner", "service.name", "anchord"]) expect(body).toContain(text)
  })

  it("give headers, which the ones for traces complement", async () => {
    const receiver = await receiverForTest()
    await traced(receiver, work, {
      env: {
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20abc,x-tenant=one",
        OTEL_EXPORTER_OTLP_TRACES_HEADERS: "x-tenant=two"
      }
    })
    expect(receiver.exports[0]?.headers).toMatchObject({ authorization: "Basic abc", "x-tenant": "two" })
  })

  it("compress", async () => {
    const receiver = await receiverForTest()
    await traced(receiver, work, { env: { OTEL_EXPORTER_OTLP_COMPRESSION: "gzip" } })
    expect(receiver.exports[0]?.headers).toMatchObject({ "content-encoding": "gzip" })
    expect(receiver.spans()).toHaveLength(2)
  })

  it("give the endpoint for traces as it is", async () => {
    const receiver = await receiverForTest()
    await traced(receiver, work, { env: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.endpoint}/in` } })
    expect(receiver.exports.map(({ path }) => path)).toEqual(["/in"])
  })

  it("limit how long an export may take", async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => {
      silent.listen(0, "127.0.0.1", resolve)
    })
    onTestFinished(() => {
      silent.closeAllConnections()
      silent.close()
    })
    const receiver = await receiverForTest()
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "50",
      OTEL_BSP_SCHEDULE_DELAY: "1"
    }
    expect(await traced(receiver, work, { env })).toEqual([
      expect.stringMatching(/^Warn: spans cannot be exported.*\(Request timed out\)$/)
    ])
  })

  it("name files that are read; one that cannot be is told", async () => {
    const receiver = await receiverForTest()
    const folder = makeFolder()
    writeFileSync(join(folder, "ca.pem"), "")
    const env = {
      OTEL_EXPORTER_OTLP_CERTIFICATE: join(folder, "ca.pem"),
      OTEL_EXPORTER_OTLP_CLIENT_KEY: join(folder, "none.pem")
    }
    expect(await traced(receiver, work, { env })).toEqual([
      "Warn: traces: Failed to read client certificate private key file"
    ])
  })
})

describe("the variables of the SDK", () => {
  const exportedWith = async (env: Readonly<Record<string, string>>, body: Effect.Effect<unknown>) => {
    const receiver = await receiverForTest()
    const lines = await traced(receiver, body, { env })
    return { spans: receiver.spans(), exports: receiver.exports.length, lines }
  }

  it.each([
    ["always_off", {}, 0],
    ["parentbased_always_off", {}, 0],
    ["always_on", {}, 20],
    ["traceidratio", { OTEL_TRACES_SAMPLER_ARG: "0" }, 0],
    ["parentbased_traceidratio", { OTEL_TRACES_SAMPLER_ARG: "1" }, 20]
  ])("choose the sampler %s", async (sampler, more, count) => {
    const { spans, lines } = await exportedWith({ OTEL_TRACES_SAMPLER: sampler, ...more }, many(20))
    expect({ count: spans.length, lines }).toEqual({ count, lines: [] })
  })

  it("are told of when they choose one that does not exist", async () => {
    const { spans, lines } = await exportedWith({ OTEL_TRACES_SAMPLER: "some" }, many(1))
    expect({ count: spans.length, lines }).toEqual({
      count: 1,
      lines: [expect.stringMatching(/^Warn: traces: OTEL_TRACES_SAMPLER value "some" invalid/)]
    })
  })

  it("size the batches and the queue", async () => {
    const batches = { OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "10", OTEL_BSP_SCHEDULE_DELAY: "100000" }
    expect((await exportedWith(batches, many(25))).exports).toBe(3)
    const queue = { OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "5", OTEL_BSP_MAX_QUEUE_SIZE: "5" }
    expect((await exportedWith(queue, many(50))).spans.length).toBeLessThan(50)
  })

  it("say how soon a batch is exported", async () => {
    const receiver = await receiverForTest()
    const seen = Effect.promise(() => vi.waitFor(() => expect(receiver.spans()).toHaveLength(2), patience))
    await traced(receiver, Effect.andThen(work, seen), { env: { OTEL_BSP_SCHEDULE_DELAY: "10" } })
  })

  it("limit attributes, their values, and events", async () => {
    const body = Effect.annotateCurrentSpan({ one: "abcdef", two: 2 }).pipe(
      Effect.andThen(Effect.fail(new Error("x"))),
      Effect.withSpan("limited"),
      Effect.ignore
    )
    const attributesWith = async (env: Readonly<Record<string, string>>) =>
      (await exportedWith(env, body)).spans[0]!.attributes
    expect(await attributesWith({ OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: "1" })).toEqual({ one: "abcdef" })
    expect(await attributesWith({ OTEL_ATTRIBUTE_COUNT_LIMIT: "1" })).toEqual({ one: "abcdef" })
    expect(await attributesWith({ OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: "3" })).toEqual({ one: "abc", two: 2 })
    expect(await attributesWith({ OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: "3" })).toEqual({ one: "abc", two: 2 })
    expect((await exportedWith({ OTEL_SPAN_EVENT_COUNT_LIMIT: "0" }, body)).spans[0]!.events).toEqual([])
  })

  it("limit links, and the attributes of links and events", async () => {
    const body = Effect.gen(function* () {
      const [one, two] = [yield* Effect.makeSpan("one"), yield* Effect.makeSpan("two")]
      yield* Effect.fail(new Error("x")).pipe(
        Effect.withSpan("limited", {
          links: [one, two].map((span) => ({ span, attributes: { first: 1, second: 2 } }))
        }),
        Effect.ignore
      )
    })
    const keysWith = async (env: Readonly<Record<string, string>>) => {
      const receiver = await receiverForTest()
      await traced(receiver, body, { env })
      const text = receiver.exports.map((one) => one.body.toString()).join("\n")
      const links = receiver.spans().find(({ name }) => name === "limited")!.links.length
      return { links, keys: text.match(/(?<="key":")(?:first|second|exception\.\w+)/g)?.toSorted() }
    }
    const all = ["exception.message", "exception.stacktrace", "exception.type", "first", "first", "second", "second"]
    expect(await keysWith({})).toEqual({ links: 2, keys: all })
    expect((await keysWith({ OTEL_SPAN_LINK_COUNT_LIMIT: "1" })).links).toBe(1)
    const perLink = await keysWith({ OTEL_LINK_ATTRIBUTE_COUNT_LIMIT: "1" })
    expect(perLink.keys).toEqual(all.filter((key) => key !== "second"))
    const perEvent = await keysWith({ OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: "1" })
    expect(perEvent.keys?.filter((key) => key.startsWith("exception."))).toHaveLength(1)
  })
})

describe("an endpoint", () => {
  const quick = { OTEL_BSP_SCHEDULE_DELAY: "1", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "1" }

  it("that refuses is one WARN with the reason, and one INFO when it takes spans again", async () => {
    const receiver = await receiverForTest()
    receiver.status = 401
    const body = Effect.gen(function* () {
      yield* many(5)
      // Nothing that can be seen from here tells of an export that failed; the receiver counts them.
      yield* Effect.promise(() => vi.waitFor(() => expect(receiver.refused()).toBeGreaterThan(3), patience))
      receiver.status = 200
      yield* many(1)
      yield* Effect.promise(() => vi.waitFor(() => expect(receiver.spans().length).toBeGreaterThan(0), patience))
    })
    const told = await traced(receiver, body, {
      env: { ...quick, OTEL_EXPORTER_OTLP_HEADERS: "authorization=hunter2" }
    })
    expect(told).toEqual([
      "Warn: spans cannot be exported, and are dropped until they can; nothing else is affected (HTTP 401 Unauthorized)",
      "Info: spans are exported again"
    ])
  })

  it.each([
    ['{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too many"}}', /Partial Success .*too many/],
    ["nonsense", /Failed to parse trace export response/]
  ])("that answers %s is told of, though the export has worked", async (answer, told) => {
    const receiver = await receiverForTest()
    receiver.answer = answer
    expect(await traced(receiver, work)).toEqual([expect.stringMatching(told)])
    expect(receiver.spans()).toHaveLength(2)
  })

  it("that is not there is not waited for at the end for more than a moment", async () => {
    const receiver = await receiverForTest()
    await receiver.close()
    expect(await traced(receiver, work)).toEqual([expect.stringMatching(/^Warn: .*\(no answer within 1 second\)$/)])
  })
})
