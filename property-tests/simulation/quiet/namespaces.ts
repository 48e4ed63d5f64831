import type { ContainerSnapshot } from "../../../src/domain/DockerState.ts"
import { isServed, MANAGED, NETWORK_ANCHOR, OUTPOST, POLL_SECONDS, roleOf } from "../cast.ts"
import { lastingName } from "../Conduct.ts"
import type { Simulation } from "../Simulation.ts"
import { Violation } from "../Violation.ts"
import { namespaceOwner } from "../truth.ts"
import { isRunning, isServiceAnchor, isSharedSettled } from "./responsibility.ts"

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

/** No service-anchor in scope runs in a namespace that its owner has left, and a managed one is there exactly while its target is. */
export const checkNamespaces = (sim: Simulation): void => {
  for (const container of sim.docker.containers()) {
    if (!isRunning(container) || !container.networkMode.startsWith("container:")) continue
    const responsible =
      isServiceAnchor(sim, container) ||
      (sim.casting.autofixScope === "project" && isServed(container.labels, sim.casting))
    if (!responsible || container.name !== lastingName(container.name)) continue
    const owner = namespaceOwner(sim.docker, container)
    const heir = owner ?? sim.docker.find(roleOf(container.name)?.joins ?? OUTPOST)
    if (heir === undefined || heir.status !== "running") continue
    if (isBeingReplaced(sim, heir.name) || isBeingReplaced(sim, container.name)) continue
    if (owner === undefined && !canKnowHeir(sim, NETWORK_ANCHOR, container, heir)) continue
    if (sim.host.namespaceOf(container.id) !== sim.host.namespaceOf(heir.id)) {
      throw new Violation(`${container.name} runs in a namespace that ${heir.name} has left`)
    }
  }
  if (!sim.casting.managed || !isSharedSettled(sim)) return
  const [target, managed] = [sim.docker.find(OUTPOST), sim.docker.find(MANAGED)]
  if (target?.status === "running" && managed?.status !== "running" && managed?.status !== "paused") {
    throw new Violation(`${OUTPOST} runs without ${MANAGED}, which is ${managed?.status ?? "not there"}`)
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
