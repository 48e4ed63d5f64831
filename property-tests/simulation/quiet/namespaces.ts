import type { ContainerSnapshot } from "../../../src/domain/DockerState.ts"
import { nanosOf, type Json } from "../../../src/domain/Inspection.ts"
import { isServed, MANAGED, NETWORK_ANCHOR, OUTPOST, POLL_SECONDS, roleOf } from "../cast.ts"
import { lastingName } from "../Conduct.ts"
import type { Simulation } from "../Simulation.ts"
import { Violation } from "../Violation.ts"
import { namespaceOwner } from "../truth.ts"
import { isRunning, isSharedSettled, isToFollow } from "./responsibility.ts"

/** What Compose has left behind of a replacement keeps anchord from touching either container for two minutes, and then until the next poll. */
const LEFT_BEHIND_SECONDS = 120 + POLL_SECONDS + 3

export const isBeingReplaced = (sim: Simulation, name: string): boolean =>
  sim.docker.containers().some((other) => {
    const age = sim.time.now() / 1_000 - other.createdAt
    return other.name !== name && other.name.endsWith(`_${name}`) && age < LEFT_BEHIND_SECONDS
  })

/** Whether a program can know who has followed the container whose namespace another one joined: it was told of its name, or Compose has left it. */
export const canKnowHeir = (
  sim: Simulation,
  program: string,
  container: ContainerSnapshot,
  heir: ContainerSnapshot
): boolean =>
  container.name === MANAGED ||
  /^[^,:]+:[^,:]+:true$/.test(container.labels["com.docker.compose.depends_on"] ?? "") ||
  sim.told.knows(sim.idOf(program) ?? "", container.networkMode.replace(/^container:/, ""), heir.name)

/** Who has the name of the container whose namespace another one joins. */
export const heirOf = ({ docker }: Simulation, { name }: ContainerSnapshot): ContainerSnapshot | undefined =>
  docker.find(roleOf(name)?.joins ?? OUTPOST)

/** Whether a container runs in the namespace that it belongs into: only then somebody else can follow it. */
export const isAtHome = ({ docker, host }: Simulation, container: ContainerSnapshot): boolean => {
  const maker = namespaceOwner(docker, container)
  if (!isRunning(container) || maker === undefined || !isRunning(maker)) return false
  return host.namespaceOf(maker.id) === host.namespaceOf(container.id)
}

/** In milliseconds, as programs read it: two starts in one of them cannot be told apart. */
const startedAt = ({ docker }: Simulation, { id }: ContainerSnapshot): bigint =>
  nanosOf(String((docker.inspection(id)["State"] as Json)["StartedAt"])) / 1_000_000n

/**
 * Whether a program can know that a container lives in another namespace than its owner: Docker tells when each was started. On the third storey that may
 * say nothing: who was started after the container at the end of the chain, and before its owner has followed that one, looks like somebody in order. Then
 * only whoever has led the owner out of there can know.
 */
export const canTellApart = (sim: Simulation, container: ContainerSnapshot, owner: ContainerSnapshot): boolean => {
  if (sim.docker.find(container.networkMode.replace(/^container:/, "")) === undefined) return true
  const maker = namespaceOwner(sim.docker, owner)
  const isLater = maker !== undefined && startedAt(sim, container) >= startedAt(sim, maker)
  return !isLater || sim.doings.hasLed(owner.id)
}

/** No service-anchor in scope runs in a namespace that its owner has left, and a managed one is there exactly while its target is. */
export const checkNamespaces = (sim: Simulation): void => {
  for (const container of sim.docker.containers()) {
    if (!isRunning(container) || !container.networkMode.startsWith("container:")) continue
    if (container.name !== lastingName(container.name)) continue
    const owner = namespaceOwner(sim.docker, container)
    const heir = owner ?? heirOf(sim, container)
    if (heir === undefined || heir.status !== "running") continue
    const direct = sim.docker.find(container.networkMode.slice("container:".length)) ?? heirOf(sim, container)
    if (direct === undefined || !isAtHome(sim, direct) || !isToFollow(sim, container, direct)) continue
    if ([heir.name, direct.name, container.name].some((name) => isBeingReplaced(sim, name))) continue
    if (owner === undefined && !canKnowHeir(sim, NETWORK_ANCHOR, container, heir)) continue
    if (sim.host.namespaceOf(container.id) === sim.host.namespaceOf(heir.id)) continue
    if (canTellApart(sim, container, direct))
      throw new Violation(`${container.name} runs in a namespace that ${heir.name} has left`)
  }
  if (!sim.casting.managed || !isSharedSettled(sim)) return
  const [target, managed] = [sim.docker.find(OUTPOST), sim.docker.find(MANAGED)]
  if (target?.status === "running" && managed?.status !== "running" && managed?.status !== "paused") {
    throw new Violation(`${OUTPOST} runs without ${MANAGED}, which is ${managed?.status ?? "not there"}`)
  }
}

/** Whoever lived with a container that the network-anchor has made anew can be started again: it does not refer to what is gone (SPEC §11.4). */
export const checkReferences = (sim: Simulation): void => {
  for (const container of sim.docker.containers()) {
    const { name, status, networkMode } = container
    const ref = networkMode.replace(/^container:/, "")
    if (!networkMode.startsWith("container:") || sim.docker.find(ref) !== undefined) continue
    // What is paused would lose what it holds.
    if (!sim.doings.hasReplaced(ref) || status === "paused" || name !== lastingName(name)) continue
    // Who was removed while he was made anew may be back as he was, and stays stopped.
    if (isBeingReplaced(sim, name) || !sim.expected.has(name)) continue
    const heir = heirOf(sim, container)
    if (heir?.status !== "running" || isBeingReplaced(sim, heir.name)) continue
    throw new Violation(`${name} was left with ${sim.conduct.removed(ref) ?? ref}, which anchord has made anew`)
  }
}

/** Who was created to live in the namespace of a container that runs has been started (SPEC §11.1). */
export const checkAutostart = (sim: Simulation): void => {
  for (const { name, status, networkMode, labels } of sim.docker.containers()) {
    const owner = sim.docker.find(networkMode.replace(/^container:/, ""))
    if (status !== "created" || !networkMode.startsWith("container:") || owner?.status !== "running") continue
    if (!isServed(labels, sim.casting) || name !== lastingName(name)) continue
    if (isBeingReplaced(sim, name)) continue
    throw new Violation(`${name} was created to live with ${owner.name}, which runs, and has not been started`)
  }
}
