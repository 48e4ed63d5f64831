import { createServer, type IncomingHttpHeaders } from "node:http"
import type { AddressInfo } from "node:net"
import { gunzipSync } from "node:zlib"

type Value = string | number | boolean

/** A span as OTLP's JSON has it, in the shape in which tests compare it. */
export interface ReceivedSpan {
  readonly name: string
  readonly spanId: string
  readonly traceId: string
  /** Of the parent; empty in a root. */
  readonly parentSpanId: string
  readonly kind: number
  readonly attributes: Readonly<Record<string, Value>>
  readonly links: ReadonlyArray<string>
  readonly events: ReadonlyArray<string>
  readonly failed: boolean
  readonly message: string | undefined
  readonly resource: Readonly<Record<string, Value>>
  readonly scope: string
}

interface KeyValue {
  readonly key: string
  readonly value: Readonly<Record<string, Value>>
}

interface OtlpSpan {
  readonly name: string
  readonly spanId: string
  readonly traceId: string
  readonly parentSpanId?: string
  readonly kind: number
  readonly attributes: ReadonlyArray<KeyValue>
  readonly links?: ReadonlyArray<{ readonly spanId: string }>
  readonly events?: ReadonlyArray<{ readonly name: string }>
  readonly status: { readonly code?: number; readonly message?: string }
}

interface OtlpBody {
  readonly resourceSpans: ReadonlyArray<{
    readonly resource: { readonly attributes: ReadonlyArray<KeyValue> }
    readonly scopeSpans: ReadonlyArray<{
      readonly scope: { readonly name: string; readonly version?: string }
      readonly spans: ReadonlyArray<OtlpSpan>
    }>
  }>
}

const ERROR = 2

const recordOf = (attributes: ReadonlyArray<KeyValue>): Readonly<Record<string, Value>> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0] ?? ""]))

/** The spans of bodies in OTLP's JSON. */
export const spansIn = (bodies: ReadonlyArray<string>): ReadonlyArray<ReceivedSpan> =>
  bodies
    .flatMap((body): OtlpBody["resourceSpans"] => (JSON.parse(body) as OtlpBody).resourceSpans)
    .flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ scope, spans }) =>
        spans.map(({ name, spanId, traceId, parentSpanId = "", kind, attributes, links, events, status }) => ({
          name,
          spanId,
          traceId,
          parentSpanId,
          kind,
          attributes: recordOf(attributes),
          links: (links ?? []).map((link) => link.spanId),
          events: (events ?? []).map((event) => event.name),
          failed: status.code === ERROR,
          message: status.message,
          resource: recordOf(resource.attributes),
          scope: `${scope.name} ${scope.version}`
        }))
      )
    )

export const childrenOf = (spans: ReadonlyArray<ReceivedSpan>, { spanId, traceId }: ReceivedSpan) =>
  spans.filter((span) => span.parentSpanId === spanId && span.traceId === traceId)

/** A span's name, then those of its children, indented; what ran at the same time is in the order of the alphabet. */
export const treeOf = (spans: ReadonlyArray<ReceivedSpan>, root: ReceivedSpan, indent = ""): ReadonlyArray<string> => [
  indent + root.name,
  ...childrenOf(spans, root)
    .toSorted((a, b) => a.name.localeCompare(b.name))
    .flatMap((child) => treeOf(spans, child, `${indent}  `))
]

export interface Export {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface OtlpReceiver {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly endpoint: string
  readonly exports: ReadonlyArray<Export>
  /** Of the exports in JSON. */
  readonly spans: () => ReadonlyArray<ReceivedSpan>
  /** How many exports it has refused. */
  readonly refused: () => number
  /** What it answers from now on, 200 at first; with 0 it does not answer. */
  status: number
  /** What an answer to JSON says. */
  answer: string
  readonly close: () => Promise<void>
}

/** Takes what is exported by OTLP over HTTP, on this machine and a port that is free unless it is told where. */
export const startReceiver = async (
  port = 0,
  host = "127.0.0.1",
  onExport: (received: Export) => void = () => {}
): Promise<OtlpReceiver> => {
  const exports: Array<Export> = []
  let refused = 0
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => void chunks.push(chunk))
    request.on("end", () => {
      const sent = Buffer.concat(chunks)
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent
      const received = { path: request.url ?? "", headers: request.headers, body }
      if (receiver.status === 200) {
        exports.push(received)
        onExport(received)
      } else refused += 1
      if (receiver.status === 0) return
      const isJson = request.headers["content-type"] === "application/json"
      response.writeHead(receiver.status, { "content-type": request.headers["content-type"] })
      response.end(isJson ? receiver.answer : "")
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(port, host, resolve)
  })
  const receiver: OtlpReceiver = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exports,
    refused: () => refused,
    spans: () =>
      spansIn(
        exports
          .filter(({ headers }) => headers["content-type"] === "application/json")
          .map(({ body }) => body.toString("utf8"))
      ),
    status: 200,
    answer: "{}",
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      })
  }
  return receiver
}
