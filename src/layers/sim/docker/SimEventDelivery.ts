import type { DockerEvent } from "../../../domain/DockerState.ts"
import type { SimDockerClient } from "./SimDockerClient.ts"

/**
 * Brings events to a client as its faults want it. Each type keeps its own order whatever happens to single events, as it does on a real
 * engine; between the types there is none to rely on. Lateness needs an engine with timers.
 */
export const eventsTo = (client: SimDockerClient, offer: (event: DockerEvent) => void) => {
  /** By type: when the last one arrives, in milliseconds. */
  const last = new Map<DockerEvent["type"], number>()
  const { docker, faults } = client

  return (event: DockerEvent): void => {
    let [copies, delay] = [1, 0]
    for (const each of faults) {
      if (!each.any) continue
      const delivery = each.delivery(event)
      copies *= delivery.copies
      delay += delivery.delay
    }
    const { timers } = docker
    const behind = timers === undefined ? 0 : (last.get(event.type) ?? 0) - timers.now()
    const wait = Math.max(delay, behind)
    if (timers === undefined || wait <= 0) {
      for (let copy = 0; copy < copies; copy++) offer(event)
      return
    }
    if (behind > delay) for (const each of faults) each.disturbed(event, behind)
    last.set(event.type, timers.now() + wait)
    timers.after(wait, () => {
      for (let copy = 0; copy < copies; copy++) offer(event)
    })
  }
}
