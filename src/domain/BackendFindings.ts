import * as Result from "effect/Result"
import { inScope, namespaceOwner, verdictOf, wantsPorts } from "./Backends.ts"
import type { ContainerSnapshot, DockerState, Scope } from "./DockerState.ts"
import { explain, type ExplainedContainer } from "./Explanation.ts"
import { fail, notLookedAt, ok, warn, type Finding } from "./Findings.ts"
import { namespaceReference } from "./NetnsOwner.ts"
import type { SharedNetwork } from "./SharedNetwork.ts"
import { about, sentence, type Sentence } from "./Sentence.ts"

/** Which network backends are reached on (SPEC §5). */
export const sharedFindings = (shared: Result.Result<SharedNetwork, Sentence> | undefined): ReadonlyArray<Finding> => {
  if (shared === undefined) return [notLookedAt("shared-network", "Docker does not tell of this container")]
  if (Result.isFailure(shared)) {
    const fix = "attach the service to a network of the project as well, on which the service-anchors are"
    return [fail("shared-network", shared.failure, fix)]
  }
  const { name, reason, settled } = shared.success
  if (settled) return [ok("shared-network", `${name}: ${reason}`)]
  const fix = "start the containers with anchord.expose, or pin it: ANCHORD_SHARED_NETWORK"
  return [warn("shared-network", sentence`${name}: ${reason}; not settled yet`, fix)]
}

export interface PortFacts {
  readonly state: DockerState
  readonly scope: Scope
  readonly shared: SharedNetwork
  /** IDs of the containers that run a service-anchor: in the wrap pattern one carries the label of the namespace that it joins. */
  readonly serviceAnchors: ReadonlySet<string>
}

/** The containers that ask for ports, and live in the namespace of another one. */
export const sharingBackends = (state: DockerState, scope: Scope): ReadonlyArray<ContainerSnapshot> =>
  [...state.containers.values()].filter(
    (container) => wantsPorts(container, scope) && namespaceReference(container) !== undefined
  )

const ownerName = (container: ContainerSnapshot, state: DockerState): string | undefined => {
  const owner = namespaceOwner(container, state)
  return owner._tag === "Owner" && owner.container.id !== container.id ? owner.container.name : undefined
}

/** One that the network-anchor refuses, in its words, and what mends it. */
const refused = (container: ContainerSnapshot, { state, shared }: PortFacts): ReadonlyArray<Finding> => {
  const verdict = verdictOf(container, state, shared.networkId)
  if (verdict._tag !== "Refused") return []
  const owner = ownerName(container, state)
  const fixes: Readonly<Record<typeof verdict.cause, string>> = {
    label: "mend the label in the compose file, and docker compose up -d",
    namespace: "anchord doctor stale-netns tells how containers in dead namespaces are repaired",
    address:
      owner === undefined
        ? `put ${container.name} on ${shared.name}, or anchord on a network of it`
        : `the label belongs to the container whose namespace is on ${shared.name}; ${container.name} shares that of ${owner}: put ${owner} on ${shared.name}, or move the label`
  }
  return [fail("ports", about(container.name, verdict.why), fixes[verdict.cause])]
}

/** Where the ports of a mapped container hang on its own life, although the namespace is another one's. */
const misplaced = (container: ContainerSnapshot, facts: PortFacts): ReadonlyArray<Finding> => {
  const owner = ownerName(container, facts.state)
  if (owner === undefined || facts.serviceAnchors.has(container.id)) return []
  return [
    warn(
      "ports",
      sentence`${container.name} has anchord.expose, and shares the network namespace of ${owner}: its ports come and go with it, although ${owner} has the address`,
      `move the label to ${owner}`
    )
  ]
}

const findingsOf = (explained: ExplainedContainer, facts: PortFacts): ReadonlyArray<Finding> => {
  const container = facts.state.containers.get(explained.id)
  if (container === undefined) return []
  const { name, verdict, why = "" } = explained
  switch (verdict) {
    case "refused":
      return refused(container, facts)
    case "standby":
      return [
        warn(
          "ports",
          sentence`${name} has none of its ports: ${why}`,
          "let each port be asked for by one container only"
        )
      ]
    case "down":
      return [warn("ports", sentence`${name} has no ports: ${why}`, `start it: docker start ${name}`)]
    case "mapped": {
      const lost = explained.ports.filter((one) => one.verdict === "standby")
      return [
        ...lost.map((one) =>
          warn(
            "ports",
            sentence`${name}: ${one.holder ?? "another one"} was created first, and has ${one.ports}`,
            "let each port be asked for by one container only"
          )
        ),
        ...misplaced(container, facts)
      ]
    }
    case "none":
      return []
  }
}

/** What becomes of the containers that ask for ports, by the functions that the network-anchor decides with (SPEC §3, §4, §5). */
export const portFindings = (facts: PortFacts | undefined): ReadonlyArray<Finding> => {
  if (facts === undefined)
    return [notLookedAt("ports", "there is no shared network on which containers could be reached")]
  const { state, scope, shared } = facts
  const others = [...state.containers.values()].filter(
    ({ id, labels }) => id !== state.selfId && inScope(labels, scope)
  )
  if (others.length === 0)
    return [
      warn(
        "ports",
        sentence`no container is in scope`,
        "check ANCHORD_PROJECT or ANCHORD_LABEL_SELECTOR, and start the project"
      )
    ]
  const explained = explain(state, scope, shared.networkId)
  if (!explained.some(({ verdict }) => verdict !== "none")) {
    return [warn("ports", sentence`no container in scope asks for ports`, "put anchord.expose on the service-anchors")]
  }
  const mapped = explained.filter(({ verdict }) => verdict === "mapped").map(({ name }) => name)
  return [
    ...(mapped.length === 0 ? [] : [ok("ports", `${mapped.join(", ")} can be reached from outside`)]),
    ...explained.flatMap((one) => findingsOf(one, facts))
  ]
}
