import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { CreateRequest, NetworkToJoin } from "../../domain/CreateRequest.ts"
import { ImageConfig, Inspection, type Json } from "../../domain/Inspection.ts"
import { ContainerLifecycle } from "../../services/ContainerLifecycle.ts"
import { negotiate, takesAllNetworks } from "./ApiVersion.ts"
import type { DockerAddress } from "./DockerAddress.ts"
import { connect, type Question } from "./DockerodeConnection.ts"
import { decodeBody } from "./DockerAnswers.ts"

/** The engine may have to plug in networks, copy an image's data into a volume, or wait for a busy disk. */
const LIMIT_SECONDS = 60

const Created = Schema.Struct({ Id: Schema.String })
const InspectedImage = Schema.Struct({ Config: Schema.optionalKey(Schema.NullOr(ImageConfig)) })

const containerPath = (ref: string, rest = ""): string => `/containers/${encodeURIComponent(ref)}${rest}`
const networkPath = (network: string, rest: string): string => `/networks/${encodeURIComponent(network)}${rest}`

const post = (path: string, more: Omit<Question, "method" | "path"> = {}): Question => ({
  method: "POST",
  path,
  limitSeconds: LIMIT_SECONDS,
  ...more
})

const joining = ({ name, endpoint }: NetworkToJoin, id: string): Question =>
  post(networkPath(name, "/connect"), { body: { Container: id, EndpointConfig: endpoint } })

const leaving = (network: string, id: string, force = false): Question =>
  post(networkPath(network, "/disconnect"), { body: { Container: id, Force: force } })

/** The networks to name when the container is created, and what is left to ask for then. */
const inParts = ({ networks, leave }: CreateRequest, version: string) => {
  const count = leave !== undefined ? 0 : takesAllNetworks(version) ? networks.length : 1
  return {
    first: networks.slice(0, count),
    rest: (id: string): ReadonlyArray<Question> => [
      ...(leave === undefined ? [] : [leaving(leave, id)]),
      ...networks.slice(count).map((network) => joining(network, id))
    ]
  }
}

const creating = (name: string, { body, platform }: CreateRequest, first: ReadonlyArray<NetworkToJoin>): Question => {
  const EndpointsConfig = Object.fromEntries(first.map((network): [string, Json] => [network.name, network.endpoint]))
  return post("/containers/create", {
    query: { name, ...(platform === undefined ? {} : { platform }) },
    body: { ...body, NetworkingConfig: { EndpointsConfig } }
  })
}

/** The calls that change containers, through dockerode, in the API version that the engine offers (1.41 to 1.52). Connects at the first call. */
export const layer = (address: DockerAddress): Layer.Layer<ContainerLifecycle> =>
  Layer.effect(ContainerLifecycle)(
    Effect.gen(function* () {
      const connection = yield* connect(address)
      const api = yield* negotiate(connection)

      const ask = (question: Question) => api.speak((version) => connection.ask(question, version))
      const tell = (question: Question) => Effect.asVoid(ask(question))
      const remove = (ref: string) =>
        tell({ method: "DELETE", path: containerPath(ref), query: { v: false }, limitSeconds: LIMIT_SECONDS })

      const read = <S extends Schema.ConstraintDecoder<unknown>>(question: Question, schema: S) =>
        Effect.flatMap(ask(question), ({ body }) => decodeBody(question, schema, body))

      const create = Effect.fnUntraced(function* (name: string, request: CreateRequest, version: string) {
        const { first, rest } = inParts(request, version)
        const question = creating(name, request, first)
        const { body } = yield* connection.ask(question, version)
        const { Id } = yield* decodeBody(question, Created, body)
        yield* Effect.forEach(rest(Id), (next) => connection.ask(next, version), { discard: true }).pipe(
          Effect.onError(() => Effect.ignore(remove(Id)))
        )
        return Id
      })

      const ending = (ref: string, how: "/stop" | "/restart", graceSeconds: number) =>
        tell(post(containerPath(ref, how), { query: { t: graceSeconds }, limitSeconds: graceSeconds + LIMIT_SECONDS }))

      return {
        inspect: (ref) =>
          read({ method: "GET", path: containerPath(ref, "/json"), limitSeconds: LIMIT_SECONDS }, Inspection),
        imageConfig: (ref) =>
          Effect.map(
            read({ method: "GET", path: `/images/${encodeURIComponent(ref)}/json` }, InspectedImage),
            ({ Config }) => Config ?? {}
          ),
        create: (name, request) => api.speak((version) => create(name, request, version)),
        start: (ref) => Effect.map(ask(post(containerPath(ref, "/start"))), ({ changed }) => changed),
        stop: (ref, graceSeconds) => ending(ref, "/stop", graceSeconds),
        restart: (ref, graceSeconds) => ending(ref, "/restart", graceSeconds),
        rename: (ref, name) => tell(post(containerPath(ref, "/rename"), { query: { name } })),
        remove,
        setRestartPolicy: (ref, policy) =>
          tell(post(containerPath(ref, "/update"), { body: { RestartPolicy: policy } })),
        connect: (network, ref, endpoint = {}) => tell(joining({ name: network, endpoint }, ref)),
        disconnect: (network, ref, force) => tell(leaving(network, ref, force))
      }
    })
  )
