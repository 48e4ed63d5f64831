import type { ContainerSnapshot } from "../../../src/domain/DockerState.ts"
import { isServed, MANAGED, OUTPOST, TRANSIT } from "../cast.ts"
import type { Simulation } from "../Simulation.ts"

export const isRunning = ({ status }: ContainerSnapshot): boolean => status === "running"

export const isServiceAnchor = (sim: Simulation, { id, name, labels }: ContainerSnapshot): boolean =>
  (isServed(labels, sim.casting) && sim.processes.get(id)?.mode === "service-anchor") ||
  (sim.casting.managed && name === MANAGED)

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
