import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { DockerEvent } from "../../../domain/DockerState.ts"
import { watchedActions } from "../../../domain/EventScope.ts"
import type { ContainerLifecycle } from "../../../services/ContainerLifecycle.ts"
import { DockerEngine, type DockerError } from "../../../services/DockerEngine.ts"
import * as SimContainerLifecycle from "./SimContainerLifecycle.ts"
import { SimDocker } from "./SimDocker.ts"
import { SimDockerClient } from "./SimDockerClient.ts"
import { type SimCall, SimDockerFaults, unreachable } from "./SimDockerFaults.ts"
import { eventsTo } from "./SimEventDelivery.ts"
import { SimRefusal } from "./SimRefusal.ts"

export type { SimCall as SimEndpoint } from "./SimDockerFaults.ts"

/** One who calls the engine: both services, and what goes wrong with its calls alone. */
export interface SimDockerAccess {
  readonly layer: Layer.Layer<DockerEngine | ContainerLifecycle>
  readonly faults: SimDockerFaults
  readonly calls: (endpoint: SimCall) => number
}

/** The simulated engine's API, with the faults of the connection to it. */
export interface SimDockerEngine {
  readonly docker: SimDocker
  readonly layer: Layer.Layer<DockerEngine>
  /** How often each endpoint was called by `layer`, failed calls included. */
  readonly calls: (endpoint: SimCall) => number
  /** What goes wrong for everybody. */
  readonly faults: SimDockerFaults
  /** Another one who calls it. */
  readonly access: () => SimDockerAccess
  /** Every event stream that is open fails; the next call finds the engine again. */
  readonly dropConnection: () => void
  /** The engine cannot be reached until {@link SimDockerEngine.up}; what happens in it meanwhile is kept for `since`. */
  readonly down: () => void
  readonly up: () => void
  /** A socket proxy forbids the endpoint, or allows it again. */
  readonly forbid: (endpoint: SimCall, forbidden?: boolean) => void
  /** The next calls of the endpoint fail with HTTP 500. */
  readonly failNext: (endpoint: SimCall, times?: number) => void
}

/** That of Docker 26.1. */
const API_VERSION = "1.45"

type EventQueue = Queue.Queue<DockerEvent, DockerError | Cause.Done>

const found = <A>(ref: string, answer: A | undefined): A => {
  if (answer === undefined) throw new SimRefusal(404, `No such thing: ${ref}`)
  return answer
}

const follow = (
  client: SimDockerClient,
  queue: EventQueue,
  sinceNano: bigint | undefined,
  actions: ReadonlyArray<string>
) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const offer = (event: DockerEvent) => void (actions.includes(event.action) && Queue.offerUnsafe(queue, event))
      const deliver = eventsTo(client, offer)
      const { past, stop } = client.docker.log.listen(deliver, sinceNano)
      for (const event of past) deliver(event)
      const off = client.whenCut(() => Queue.failCauseUnsafe(queue, Cause.fail(unreachable("GET /events"))))
      return () => {
        off()
        stop()
      }
    }),
    (stop) => Effect.sync(stop)
  )

const serviceOf = (client: SimDockerClient): DockerEngine["Service"] => {
  const { docker } = client
  return {
    ping: Effect.as(client.open("GET /_ping"), API_VERSION),
    inspectSelf: (ref) =>
      client.tell("GET /containers/{id}/json", (answer) =>
        docker.whenSettled(ref, () => answer(client.attempt(() => found(ref, docker.inspect(ref)))))
      ),
    containers: client.ask("GET /containers/json", () => docker.containers()),
    containersById: (ids) =>
      ids.length === 0 ? Effect.succeed([]) : client.ask("GET /containers/json?id", () => docker.containersById(ids)),
    network: (ref) => client.ask("GET /networks/{id}", () => found(ref, docker.network(ref))),
    networkConfiguration: (ref) => client.ask("GET /networks/{id}", () => found(ref, docker.networkConfiguration(ref))),
    pastEvents: client.ask("GET /events", () => {
      const { past, stop } = docker.log.listen(() => undefined, 0n)
      stop()
      return past.filter(({ action }) => watchedActions.includes(action))
    }),
    events: (sinceNano, actions = watchedActions) =>
      Stream.callback<DockerEvent, DockerError>(
        (queue) => Effect.andThen(client.open("GET /events"), follow(client, queue, sinceNano, actions)),
        { bufferSize: 100_000 }
      )
  }
}

const engineLayer = (client: SimDockerClient): Layer.Layer<DockerEngine> =>
  Layer.succeed(DockerEngine)(serviceOf(client))

/** The API of a simulated engine. */
export const apiOf = (docker: SimDocker): SimDockerEngine => {
  const faults = new SimDockerFaults()
  const client = new SimDockerClient(docker, faults)
  return {
    docker,
    layer: engineLayer(client),
    calls: (endpoint) => client.calls(endpoint),
    faults,
    access: () => {
      const own = new SimDockerFaults()
      const other = new SimDockerClient(docker, faults, own)
      const layer = Layer.merge(engineLayer(other), SimContainerLifecycle.layer(docker, other))
      return { layer, faults: own, calls: (endpoint) => other.calls(endpoint) }
    },
    dropConnection: () => faults.cut(),
    down: () => faults.away(),
    up: () => faults.back(),
    forbid: (endpoint, forbidden) => faults.forbid(endpoint, forbidden),
    failNext: (endpoint, times) => faults.failNext(endpoint, times)
  }
}

/** A new simulated engine. Its time is that of the effect's clock, so that a test's virtual time stamps the events. */
export const make: Effect.Effect<SimDockerEngine> = Effect.map(Clock.Clock, (clock) =>
  apiOf(new SimDocker(() => clock.currentTimeNanosUnsafe()))
)
