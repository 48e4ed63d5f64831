import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { watchedActions } from "../../domain/EventScope.ts"
import { DockerEngine, type DockerError } from "../../services/DockerEngine.ts"
import { negotiate } from "./ApiVersion.ts"
import type { DockerAddress } from "./DockerAddress.ts"
import {
  ContainerList,
  decodeBody,
  InspectedContainer,
  InspectedNetwork,
  toContainer,
  toNetwork,
  toNetworkConfiguration,
  toOwnContainer
} from "./DockerAnswers.ts"
import { connectionFailure } from "./DockerFailure.ts"
import { connect, nameOf, type Question } from "./DockerodeConnection.ts"
import { decodeEvents, eventFilters, sinceText } from "./EventLines.ts"

/** Keeps a request line with so many IDs below 4 KiB, which every proxy takes. */
const IDS_PER_REQUEST = 40
const REQUESTS_AT_ONCE = 4

/** The engine has what it remembers in its memory. */
const PAST_LIMIT = "5 seconds"

const chunksOf = <A>(items: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size))

/**
 * The Docker Engine API through dockerode (SPEC §4, §15): API 1.41 to 1.52, whichever the engine offers, 10 s for every answer but the event
 * stream, sockets that are kept. Connects at the first question, so that building the layer needs no engine.
 */
export const layer = (address: DockerAddress): Layer.Layer<DockerEngine> =>
  Layer.effect(DockerEngine)(
    Effect.gen(function* () {
      const connection = yield* connect(address)
      const api = yield* negotiate(connection)

      const read = <S extends Schema.ConstraintDecoder<unknown>>(question: Question, schema: S) =>
        Effect.flatMap(
          api.speak((prefix) => connection.ask(question, prefix)),
          ({ body }) => decodeBody(question, schema, body)
        )

      const list = (filters: object) =>
        read({ method: "GET", path: "/containers/json", query: { all: true, ...filters } }, ContainerList).pipe(
          Effect.map((listed) => listed.map(toContainer))
        )

      const inspectNetwork = (ref: string) =>
        read({ method: "GET", path: `/networks/${encodeURIComponent(ref)}` }, InspectedNetwork)

      const eventsWithin = (range: object, actions: ReadonlyArray<string>) => {
        const question: Question = {
          method: "GET",
          path: "/events",
          query: { ...range, filters: eventFilters(actions) }
        }
        const lost = (error: unknown): DockerError => connectionFailure(nameOf(question), address.host, error)
        const open = api.speak((prefix) => connection.open(question, prefix))
        return Stream.unwrap(
          Effect.map(open, (answer) =>
            NodeStream.fromReadable<Uint8Array, DockerError>({ evaluate: () => answer, onError: lost })
          )
        ).pipe(Stream.decodeText(), (text) => decodeEvents(text, actions))
      }

      const events = (sinceNano?: bigint, actions = watchedActions) =>
        eventsWithin(sinceNano === undefined ? {} : { since: sinceText(sinceNano) }, actions).pipe(
          Stream.ensuring(api.forget)
        )

      // Until now by this machine's clock: an engine whose clock is behind would keep the stream open until then.
      const pastEvents = Effect.flatMap(Clock.currentTimeNanos, (now) =>
        eventsWithin({ since: sinceText(0n), until: sinceText(now) }, watchedActions).pipe(
          Stream.interruptWhen(Effect.sleep(PAST_LIMIT)),
          Stream.runCollect
        )
      )

      return {
        ping: Effect.map(connection.ask({ method: "GET", path: "/_ping" }, ""), ({ headers }) =>
          headers["api-version"]?.toString()
        ),
        inspectSelf: (ref) =>
          Effect.map(
            read({ method: "GET", path: `/containers/${encodeURIComponent(ref)}/json` }, InspectedContainer),
            toOwnContainer
          ),
        containers: list({}),
        containersById: (ids) =>
          Effect.forEach(chunksOf([...new Set(ids)], IDS_PER_REQUEST), (id) => list({ filters: { id } }), {
            concurrency: REQUESTS_AT_ONCE
          }).pipe(Effect.map((answers) => answers.flat())),
        network: (ref) => Effect.map(inspectNetwork(ref), toNetwork),
        networkConfiguration: (ref) => Effect.map(inspectNetwork(ref), toNetworkConfiguration),
        events,
        pastEvents
      }
    })
  )
