import { ELSEWHERE, FOLLOWER, WRAPPED } from "../cast.ts"
import type { Simulation } from "../Simulation.ts"
import { Violation } from "../Violation.ts"
import { canKnowHeir } from "./namespaces.ts"

/** The external-rebinder keeps its follower on the network while others are on it, and steps off it when nobody else is. */
export const checkFollower = (sim: Simulation): void => {
  const follower = sim.docker.find(FOLLOWER)
  const members = sim.docker.network(ELSEWHERE)?.members
  if (follower?.status !== "running" || members === undefined || sim.process("external-rebinder") === undefined) return
  const others = [...members.keys()].filter((id) => id !== follower.id).length
  const isOn = members.has(follower.id)
  if (others > 0 && !isOn) throw new Violation(`${FOLLOWER} is not on ${ELSEWHERE}, where others are`)
  if (others === 0 && isOn) throw new Violation(`${FOLLOWER} holds ${ELSEWHERE}, where nobody else is`)
}

/** The wrap-rebinder has made anew whoever refers to a container whose name means another one now. */
export const checkWrapped = (sim: Simulation): void => {
  const [owner, dependent] = [sim.docker.find(WRAPPED), sim.docker.find("wrapping")]
  if (sim.process("wrap-rebinder") === undefined || owner?.status !== "running" || dependent?.status !== "running")
    return
  if (!canKnowHeir(sim, "wrap-rebinder", dependent, owner)) return
  if (dependent.networkMode !== `container:${owner.id}`) {
    throw new Violation(`wrapping refers to a container that is not ${WRAPPED} any more`)
  }
}
