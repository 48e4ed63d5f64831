import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { DockerEvent } from "../../domain/DockerState.ts"
import { watchedActions } from "../../domain/EventScope.ts"
import { DockerEngine, DockerError } from "../../services/DockerEngine.ts"
import { SimDocker } from "./SimDocker.ts"

/** An endpoint as calls to it are counted and refused; a listing with an `id` filter is not the full one. */
export type SimEndpoint =
  | "GET /_ping"
  | "GET /containers/json"
  | "GET /containers/json?id"
  | "GET /containers/{id}/json"
  | "GET /networks/{id}"
  | "GET /events"

/** The simulated engine's API, with the faults of the connection to it. */
export interface SimDockerEngine {
  readonly docker: SimDocker
  readonly layer: Layer.Layer<DockerEngine>
  /** How often each endpoint was called, failed calls included. */
  readonly calls: (endpoint: SimEndpoint) => number
  /** Every event stream that is open fails; the next call finds the engine again. */
  readonly dropConnection: () => void
  /** The engine cannot be reached until {@link SimDockerEngine.up}; what happens in it meanwhile is kept for `since`. */
  readonly down: () => void
  readonly up: () => void
  /** A socket proxy forbids the endpoint, or allows it again. */
  readonly forbid: (endpoint: SimEndpoint, forbidden?: boolean) => void
  /** The next calls of the endpoint fail with HTTP 500. */
  readonly failNext: (endpoint: SimEndpoint, times?: number) => void
}

type EventQueue = Queue.Queue<DockerEvent, DockerError | Cause.Done>

const lost = (endpoint: SimEndpoint): DockerError =>
  new DockerError({ endpoint, reason: "unreachable", message: "connect ECONNREFUSED" })

const makeFaults = () => {
  const counts = new Map<SimEndpoint, number>()
  const forbidden = new Set<SimEndpoint>()
  const failures = new Map<SimEndpoint, number>()
  let isDown = false

  const refusalOf = (endpoint: SimEndpoint): DockerError | undefined => {
    if (isDown) return lost(endpoint)
    if (forbidden.has(endpoint)) {
      return new DockerError({ endpoint, reason: "forbidden", status: 403, message: "a socket proxy forbids it" })
    }
    const left = failures.get(endpoint) ?? 0
    if (left === 0) return undefined
    failures.set(endpoint, left - 1)
    return new DockerError({ endpoint, reason: "failed", status: 500, message: "server error" })
  }

  return {
    calls: (endpoint: SimEndpoint) => counts.get(endpoint) ?? 0,
    /** Counts the call; fails when it does not get through. */
    call: (endpoint: SimEndpoint): Effect.Effect<void, DockerError> =>
      Effect.suspend(() => {
        counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1)
        const refusal = refusalOf(endpoint)
        return refusal === undefined ? Effect.void : Effect.fail(refusal)
      }),
    setDown: (down: boolean) => {
      isDown = down
    },
    forbid: (endpoint: SimEndpoint, on = true) => void (on ? forbidden.add(endpoint) : forbidden.delete(endpoint)),
    failNext: (endpoint: SimEndpoint, times = 1) => void failures.set(endpoint, times)
  }
}

const found = <A>(endpoint: SimEndpoint, ref: string, answer: A | undefined): Effect.Effect<A, DockerError> =>
  answer === undefined
    ? Effect.fail(new DockerError({ endpoint, reason: "not-found", status: 404, message: `No such thing: ${ref}` }))
    : Effect.succeed(answer)

const serviceOn = (
  docker: SimDocker,
  call: (endpoint: SimEndpoint) => Effect.Effect<void, DockerError>,
  open: Set<EventQueue>
): DockerEngine["Service"] => {
  const settled = (ref: string) => Effect.callback<void>((resume) => docker.whenSettled(ref, () => resume(Effect.void)))

  const follow = (queue: EventQueue, sinceNano: bigint | undefined, actions: ReadonlyArray<string>) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const offer = (event: DockerEvent) => void (actions.includes(event.action) && Queue.offerUnsafe(queue, event))
        const { past, stop } = docker.log.listen(offer, sinceNano)
        for (const event of past) offer(event)
        open.add(queue)
        return stop
      }),
      (stop) =>
        Effect.sync(() => {
          open.delete(queue)
          stop()
        })
    )

  return {
    ping: call("GET /_ping"),
    inspectSelf: Effect.fnUntraced(function* (ref) {
      yield* call("GET /containers/{id}/json")
      yield* settled(ref)
      return yield* found("GET /containers/{id}/json", ref, docker.inspect(ref))
    }),
    containers: Effect.map(call("GET /containers/json"), () => docker.containers()),
    containersById: (ids) =>
      ids.length === 0
        ? Effect.succeed([])
        : Effect.map(call("GET /containers/json?id"), () => docker.containersById(ids)),
    network: (ref) =>
      Effect.flatMap(call("GET /networks/{id}"), () => found("GET /networks/{id}", ref, docker.network(ref))),
    networkConfiguration: (ref) =>
      Effect.flatMap(call("GET /networks/{id}"), () =>
        found("GET /networks/{id}", ref, docker.networkConfiguration(ref))
      ),
    events: (sinceNano, actions = watchedActions) =>
      Stream.callback<DockerEvent, DockerError>(
        (queue) => Effect.andThen(call("GET /events"), follow(queue, sinceNano, actions)),
        { bufferSize: 100_000 }
      )
  }
}

/** The API of a simulated engine. */
export const apiOf = (docker: SimDocker): SimDockerEngine => {
  const faults = makeFaults()
  const open = new Set<EventQueue>()

  const dropConnection = () => {
    for (const queue of open) Queue.failCauseUnsafe(queue, Cause.fail(lost("GET /events")))
  }

  return {
    docker,
    layer: Layer.succeed(DockerEngine)(serviceOn(docker, faults.call, open)),
    calls: faults.calls,
    dropConnection,
    down: () => {
      faults.setDown(true)
      dropConnection()
    },
    up: () => faults.setDown(false),
    forbid: faults.forbid,
    failNext: faults.failNext
  }
}

/** A new simulated engine. Its time is that of the effect's clock, so that a test's virtual time stamps the events. */
export const make: Effect.Effect<SimDockerEngine> = Effect.map(Clock.Clock, (clock) =>
  apiOf(new SimDocker(() => clock.currentTimeNanosUnsafe()))
)
