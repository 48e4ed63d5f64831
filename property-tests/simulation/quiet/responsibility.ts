import type { ContainerSnapshot } from "../../../src/domain/DockerState.ts"
import { isServed, MANAGED, OUTPOST, TRANSIT } from "../cast.ts"
import type { Simulation } from "../Simulation.ts"

export const isRunning = ({ status }: ContainerSnapshot): boolean => status === "running"

export const isServiceAnchor = (sim: Simulation, { id, name, labels }: ContainerSnapshot): boolean =>
  (isServed(labels, sim.casting) && sim.processes.get(id)?.mode === "service-anchor") ||
  (sim.casting.managed && name === MANAGED)

/**
 * Whether the network-anchor is to put a container into its owner's namespace: a service-anchor always; anybody else in scope where it is told to look
 * after the whole project, and otherwise who lives with somebody that it has restarted or made anew itself (SPEC §11.3, §11.4).
 */
export const isToFollow = (sim: Simulation, container: ContainerSnapshot, owner: ContainerSnapshot): boolean =>
  isServiceAnchor(sim, container) ||
  (isServed(container.labels, sim.casting) && (sim.casting.autofixScope === "project" || sim.doings.hasLed(owner.id)))

/** Whether it can be known on which network the backends are: a managed service-anchor waits for that. */
export const isSharedSettled = ({ casting, docker }: Simulation): boolean =>
  casting.pinned !== false ||
  docker.containers().some(({ id, labels, name }) => {
    const asks = isServed(labels, casting) && labels["anchord.expose"] !== undefined && name !== MANAGED
    return asks && docker.network(TRANSIT)?.members.has(id) === true
  })

/**
 * Whether a managed service-anchor is to be as the network-anchor would make it now. It has the gateway that was known when it was made, until another
 * one is, and while its target is paused it is not made anew.
 */
const isManagedCurrent = (sim: Simulation): boolean =>
  isSharedSettled(sim) && sim.docker.find(OUTPOST)?.status !== "paused"

/** The service-anchors that the network-anchor is responsible for. */
export const serviceAnchors = (sim: Simulation): ReadonlyArray<ContainerSnapshot> => {
  const isCurrent = isManagedCurrent(sim)
  return sim.docker
    .containers()
    .filter((one) => isRunning(one) && isServiceAnchor(sim, one) && (isCurrent || one.name !== MANAGED))
}
