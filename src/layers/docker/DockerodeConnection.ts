import * as NodeStream from "@effect/platform-node/NodeStream"
import Docker from "dockerode"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as http from "node:http"
import * as https from "node:https"
import { inspect } from "node:util"
import type { DockerError } from "../../services/DockerEngine.ts"
import { type DockerAddress, type Endpoint, endpointOf } from "./DockerAddress.ts"
import { connectionFailure, isReset, noAnswer, refusal } from "./DockerFailure.ts"

export interface Question {
  readonly method: "GET" | "POST" | "DELETE"
  /** Without version prefix and query. */
  readonly path: string
  readonly query?: Readonly<Record<string, unknown>>
  readonly body?: unknown
  /** How long the whole answer may take; 10 s when left out. */
  readonly limitSeconds?: number
}

export interface Answer {
  /** False when the engine says that everything was so already. */
  readonly changed: boolean
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

/** HTTP with one Docker engine; statuses of success only, everything else is a {@link DockerError}. */
export interface DockerConnection {
  /**
   * Asks, and reads the whole answer. A connection that the other side had given up meanwhile is replaced once, for a question that
   * changes nothing.
   */
  readonly ask: (question: Question, version: string) => Effect.Effect<Answer, DockerError>
  /** Asks, and leaves the answer open until the scope closes. */
  readonly open: (question: Question, version: string) => Effect.Effect<http.IncomingMessage, DockerError, Scope.Scope>
}

const LIMIT_SECONDS = 10
const LARGEST_ANSWER = 64 * 1024 * 1024
/** Starting what runs, stopping what does not. */
const ALREADY_SO = 304
/** Also how soon the kernel begins to probe a connection on which nothing happens. */
const KEEP_ALIVE_MILLIS = 15_000

/** dockerode would turn any other status into an error of its own, without the header fields. */
const everyStatus = Object.fromEntries(Array.from({ length: 400 }, (_, index) => [index + 200, true]))

interface Client {
  readonly docker: Docker
  readonly agent: http.Agent
}

const clientFor = (endpoint: Endpoint): Client => {
  const options = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MILLIS, maxFreeSockets: 4 }
  const agent = endpoint.protocol === "https" ? new https.Agent(options) : new http.Agent(options)
  // Before each request docker-modem prints its options for a debug line that nobody reads; with all the agent's sockets in it that would
  // take longer than the engine's answer.
  Object.assign(agent, { [inspect.custom]: () => "Agent" })
  // dockerode's types do not know that a key may be there and undefined.
  return { docker: new Docker({ ...endpoint, agent } as Docker.DockerOptions), agent }
}

const isReadable = (answer: unknown): answer is http.IncomingMessage => answer instanceof http.IncomingMessage

/** The answer's header; giving up closes the connection. */
const dial = (client: Client, { method, path, query, body }: Question, version: string) =>
  Effect.callback<http.IncomingMessage, unknown>((resume) => {
    const abort = new AbortController()
    const request = {
      path: `${version}${path}${query === undefined ? "" : "?"}`,
      method,
      isStream: true,
      statusCodes: everyStatus,
      abortSignal: abort.signal,
      options: { _query: query ?? {}, _body: body ?? {} }
    }
    client.docker.modem.dial(request, (error: unknown, answer: unknown) => {
      if (isReadable(answer)) resume(Effect.succeed(answer))
      else resume(Effect.fail(error ?? new Error("dockerode gave no answer")))
    })
    return Effect.sync(() => abort.abort())
  })

const close = (answer: http.IncomingMessage) =>
  Effect.sync(() => {
    if (!answer.complete || !answer.readableEnded) answer.destroy()
  })

/**
 * A connection to the engine at `address`, with sockets that are kept for the next question and closed with the scope. Nothing is
 * opened or read before the first question, so that an engine, or its certificates, may come later. 10 s for an answer unless the question
 * gives it more.
 */
export const connect = Effect.fnUntraced(function* (
  address: DockerAddress
): Effect.fn.Return<DockerConnection, never, Scope.Scope> {
  let known: Client | undefined
  yield* Effect.addFinalizer(() => Effect.sync(() => known?.agent.destroy()))

  const client = (endpoint: string) =>
    Effect.try({
      try: () => (known ??= clientFor(endpointOf(address))),
      catch: (error) => connectionFailure(endpoint, address.host, error)
    })

  const whole = (question: Question, answer: http.IncomingMessage) =>
    NodeStream.toString(() => answer, {
      maxBytes: LARGEST_ANSWER,
      onError: (error) => connectionFailure(nameOf(question), address.host, error)
    })

  const inTime = <A, R>(question: Question, effect: Effect.Effect<A, DockerError, R>) => {
    const { limitSeconds = LIMIT_SECONDS } = question
    return Effect.timeoutOrElse(effect, {
      duration: `${limitSeconds} seconds`,
      orElse: () => Effect.fail(noAnswer(nameOf(question), address.host, limitSeconds))
    })
  }

  const success = Effect.fnUntraced(function* (question: Question, version: string) {
    const name = nameOf(question)
    const ready = yield* client(name)
    const header = Effect.mapError(dial(ready, question, version), (error) =>
      connectionFailure(name, address.host, error)
    )
    const answer = yield* Effect.acquireRelease(header, close, { interruptible: true })
    answer.socket.setKeepAlive(true, KEEP_ALIVE_MILLIS)
    const status = answer.statusCode ?? 0
    if ((status >= 200 && status < 300) || status === ALREADY_SO) return answer
    return yield* refusal(name, answer, yield* whole(question, answer))
  })

  const open = (question: Question, version: string) => inTime(question, success(question, version))

  const ask = (question: Question, version: string) => {
    const once = Effect.gen(function* () {
      const answer = yield* success(question, version)
      const changed = answer.statusCode !== ALREADY_SO
      return { changed, headers: answer.headers, body: yield* whole(question, answer) }
    })
    const again = Effect.retry(Effect.scoped(once), {
      times: 1,
      while: (error) => question.method === "GET" && isReset(error)
    })
    return inTime(question, again)
  }

  return { ask, open }
})

/** How a question is called in an error: without version, so that it can be compared with a proxy's list. */
export const nameOf = ({ method, path }: Question): string => `${method} ${path}`
