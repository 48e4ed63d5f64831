import * as fc from "fast-check"
import type { DockerEvent } from "../../src/domain/DockerState.ts"
import type { Observed, Refresh } from "../../src/domain/EventScope.ts"
import {
  attachmentTo,
  containerIds,
  containerOf,
  networkIdOf,
  networkNames,
  networkOf,
  selfId
} from "./dockerStates.ts"

const anyContainer = fc.constantFrom(...containerIds, selfId, "f".repeat(64))

const anyNetwork = fc.constantFrom(...networkNames.map(networkIdOf), "net-elsewhere")

export const noise = [
  "exec_create: sh -c true",
  "exec_start: sh -c true",
  "exec_die",
  "health_status: healthy",
  "health_status: unhealthy",
  "top",
  "attach",
  "resize",
  "kill"
]

const actions = [
  ...["create", "start", "die", "stop", "destroy", "rename", "pause", "unpause"],
  ...["connect", "disconnect", "remove", "prune"],
  ...noise
]

export const events: fc.Arbitrary<DockerEvent> = fc.record(
  {
    type: fc.constantFrom("container" as const, "network" as const),
    action: fc.constantFrom(...actions),
    attributes: fc.constant({}),
    timeNano: fc.constant(1n),
    containerId: anyContainer,
    networkId: anyNetwork
  },
  { requiredKeys: ["type", "action", "attributes", "timeNano"] }
)

export const refreshes: fc.Arbitrary<Refresh> = fc.oneof(
  fc.record({
    full: fc.constant(false),
    self: fc.boolean(),
    containers: fc.subarray(containerIds).map((ids) => new Set(ids)),
    networks: fc.subarray(networkNames).map((names) => new Set(names.map(networkIdOf)))
  }),
  fc.constant({ full: true, self: false, containers: new Set<string>(), networks: new Set<string>() })
)

const answered = <A>(ids: ReadonlyArray<string>, one: (id: string) => fc.Arbitrary<A>, idOf: (id: string) => string) =>
  fc.subarray([...ids]).chain((asked) =>
    fc
      .subarray(asked)
      .chain((there) => fc.tuple(...there.map(one)))
      .map((found) => ({ asked: asked.map(idOf), found }))
  )

const containerAnswers = answered(containerIds, containerOf, (id) => id)

const networkAnswers = answered(networkNames, networkOf, networkIdOf)

/** What a look at some containers and networks may bring, or at everything. */
export const observations: fc.Arbitrary<Observed> = fc.record(
  {
    self: fc.subarray(networkNames).map((names) => names.map(attachmentTo)),
    all: fc.subarray(containerIds).chain((ids) => fc.tuple(...ids.map(containerOf))),
    containers: containerAnswers,
    networks: networkAnswers
  },
  { requiredKeys: [] }
)
