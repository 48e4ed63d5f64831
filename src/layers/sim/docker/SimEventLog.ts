import type { DockerEvent } from "../../../domain/DockerState.ts"

/** The engine's events: the last 256 of them, as a real engine keeps them for `since`, and who listens. */
export interface SimEventLog {
  /** Stamps the event, later than every one before, and tells it. */
  readonly append: (event: Omit<DockerEvent, "timeNano">) => void
  /** Tells every event from now on; answers with those at or after `sinceNano` that are still kept, and with the way to stop. */
  readonly listen: (
    listener: (event: DockerEvent) => void,
    sinceNano?: bigint
  ) => { readonly past: ReadonlyArray<DockerEvent>; readonly stop: () => void }
  /** What a restart of the engine does to `since`. */
  readonly forget: () => void
}

const EVENTS_KEPT = 256

/** An empty log; `now` is in nanoseconds since the epoch. */
export const makeEventLog = (now: () => bigint): SimEventLog => {
  const listeners = new Set<(event: DockerEvent) => void>()
  let history: Array<DockerEvent> = []
  let last = 0n

  const stamp = (): bigint => {
    const time = now()
    last = time > last ? time : last + 1n
    return last
  }

  return {
    append: (event) => {
      const stamped = { ...event, timeNano: stamp() }
      history.push(stamped)
      if (history.length > EVENTS_KEPT) history.shift()
      for (const listener of listeners) listener(stamped)
    },
    listen: (listener, sinceNano) => {
      listeners.add(listener)
      const past = sinceNano === undefined ? [] : history.filter(({ timeNano }) => timeNano >= sinceNano)
      return { past, stop: () => void listeners.delete(listener) }
    },
    forget: () => {
      history = []
    }
  }
}
