import type { ContainerSnapshot } from "../../../src/domain/DockerState.ts"
import { isServed, MANAGED, TRANSIT } from "../cast.ts"
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

/** The service-anchors that the network-anchor is responsible for. */
export const serviceAnchors = (sim: Simulation): ReadonlyArray<ContainerSnapshot> => {
  // A managed one has the gateway that the network-anchor knew when it was made, until that knows another.
  const isKnown = isSharedSettled(sim)
  return sim.docker
    .containers()
    .filter((one) => isRunning(one) && isServiceAnchor(sim, one) && (isKnown || one.name !== MANAGED))
}
