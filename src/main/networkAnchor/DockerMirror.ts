import * as Effect from "effect/Effect"
import type { DockerState, NetworkSnapshot } from "../../domain/DockerState.ts"
import { mergeObserved, type Refresh } from "../../domain/EventScope.ts"
import { DockerEngine, type DockerError, type OwnContainer } from "../../services/DockerEngine.ts"

/** anchord's copy of what Docker knows, brought up to date by looking again at exactly what a refresh names. */
export interface DockerMirror {
  readonly state: () => DockerState
  readonly refresh: (refresh: Refresh) => Effect.Effect<DockerState, DockerError>
}

/** A question to Docker, which is another party in a trace. To take down a stack costs more than the span itself, and always shows this place. */
const asked = (name: string, attributes: Readonly<Record<string, string | number>>) =>
  Effect.withSpan(name, { kind: "client", attributes }, { captureStackTrace: false })

export const makeDockerMirror = Effect.fnUntraced(function* (self: OwnContainer) {
  const engine = yield* DockerEngine
  let state: DockerState = { selfId: self.id, own: self.attachments, containers: new Map(), networks: new Map() }

  /** A network that is gone by the time it is asked for is an answer too, not a failure. */
  const network = (id: string): Effect.Effect<NetworkSnapshot | undefined, DockerError> =>
    engine.network(id).pipe(
      Effect.catchIf(
        (error) => error.reason === "not-found",
        () => Effect.succeed(undefined)
      ),
      asked("docker.network", { network: id })
    )

  const inspectSelf = Effect.suspend(() => engine.inspectSelf(state.selfId)).pipe(asked("docker.self", {}))

  const networks = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
    const found = yield* Effect.forEach(ids, network, { concurrency: 4 })
    return { asked: ids, found: found.filter((snapshot) => snapshot !== undefined) }
  })

  const containers = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
    if (ids.length === 0) return { asked: ids, found: [] }
    const found = yield* engine.containersById(ids).pipe(asked("docker.containers", { containers: ids.length }))
    return { asked: ids, found }
  })

  const readAll = Effect.fnUntraced(function* () {
    const own = yield* inspectSelf
    const [all, ours] = yield* Effect.all(
      [
        engine.containers.pipe(asked("docker.containers", {})),
        networks(own.attachments.map((attachment) => attachment.networkId))
      ],
      { concurrency: 2 }
    )
    return mergeObserved(state, { self: own.attachments, all, networks: ours })
  })

  const readNamed = Effect.fnUntraced(function* (refresh: Refresh) {
    const own = refresh.self ? (yield* inspectSelf).attachments : undefined
    const joined = (own ?? []).map((attachment) => attachment.networkId)
    const [named, ours] = yield* Effect.all(
      [containers([...refresh.containers]), networks([...new Set([...refresh.networks, ...joined])])],
      { concurrency: 2 }
    )
    return mergeObserved(state, { ...(own === undefined ? {} : { self: own }), containers: named, networks: ours })
  })

  return {
    state: () => state,
    refresh: (refresh) =>
      (refresh.full ? readAll() : readNamed(refresh)).pipe(
        Effect.map((next) => {
          state = next
          return next
        })
      )
  } satisfies DockerMirror
})
