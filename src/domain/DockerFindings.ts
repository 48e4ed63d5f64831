import { fail, notLookedAt, ok, warn, type Finding } from "./Findings.ts"
import { allowing, type NeededEndpoint } from "./NeededEndpoints.ts"
import { sentence } from "./Sentence.ts"

/** Whether something stands between anchord and a call. `unknown`: something answered, of which that cannot be told. */
export type Permission =
  | { readonly _tag: "Allowed" }
  | { readonly _tag: "Forbidden" }
  | { readonly _tag: "Unknown"; readonly message: string }

/** Why Docker does not answer at all. */
export interface NoDocker {
  readonly reason: "unreachable" | "not-permitted" | "forbidden" | "not-found" | "failed"
  readonly message: string
}

/** Where Docker is looked for, and what has to be there. */
const WHERE_IT_IS =
  "DOCKER_HOST says where Docker is (unset: unix:///var/run/docker.sock); see that it runs there, and in a container mount the socket (/var/run/docker.sock:/var/run/docker.sock:ro), or share a network with the socket proxy"

const fixes: Readonly<Record<NoDocker["reason"], string>> = {
  unreachable: WHERE_IT_IS,
  "not-permitted": "give this container's user the group that owns the socket: group_add in the compose file",
  forbidden: "allow GET /_ping in the socket proxy",
  "not-found": "DOCKER_HOST has to lead to the Docker API itself",
  failed: "DOCKER_HOST has to lead to the Docker API, of Docker Engine 20.10 or later"
}

/** Why a command cannot ask Docker, and what to do when nothing answers; other messages tell that themselves. */
export const cannotAsk = ({ reason, message }: NoDocker): string =>
  reason === "unreachable" ? `${message}; ${WHERE_IT_IS}` : message

/** Whether the Docker API answers; a proxy that forbids to ask whether it is there has answered. */
export const dockerFindings = (host: string, problem: NoDocker | undefined): ReadonlyArray<Finding> =>
  problem === undefined || problem.reason === "forbidden"
    ? [ok("docker", `the API answers at ${host}`)]
    : [fail("docker", sentence`the API does not answer: ${problem.message}`, fixes[problem.reason])]

export interface TriedEndpoint extends NeededEndpoint {
  readonly permission: Permission
}

const findingOf = ({ endpoint, purpose, vital, instead, permission }: TriedEndpoint): ReadonlyArray<Finding> => {
  switch (permission._tag) {
    case "Allowed":
      return []
    case "Unknown":
      return [notLookedAt("endpoints", `whether ${endpoint} is allowed: ${permission.message}`)]
    case "Forbidden": {
      const fix = instead === undefined ? allowing(endpoint) : `${instead}, or ${allowing(endpoint)}`
      return [(vital ? fail : warn)("endpoints", sentence`${endpoint} is forbidden; ${purpose}`, fix)]
    }
  }
}

/** Whether each call that the settings need is let through, so that the one that a socket proxy forbids is named (SPEC §13). */
export const endpointFindings = (tried: ReadonlyArray<TriedEndpoint>): ReadonlyArray<Finding> => {
  const wrong = tried.flatMap(findingOf)
  if (wrong.length > 0) return wrong
  return [ok("endpoints", `the ${tried.length} calls that these settings need are allowed (tried, without effect)`)]
}
