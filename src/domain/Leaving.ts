import type { DockerEvent } from "./DockerState.ts"

/** The containers that were told to end, by ID, and until when (Unix milliseconds) that is believed. */
export type Leaving = ReadonlyMap<string, number>

/** What containers are told to end with: SIGINT, SIGQUIT, SIGKILL, SIGTERM, and what systemd takes (SIGRTMIN+3). */
const ENDING = new Set(["2", "3", "9", "15", "37"])

/** Milliseconds: Docker kills after 10 s what has not ended by then, and tells that as well. */
const BELIEVED = 12_000

/**
 * Who is leaving, after an event. `docker compose down` stops the containers of a network and removes it at once: whoever is to be off it by then has to
 * begin when they are told to end, not when they have.
 */
export const rememberLeaving = (leaving: Leaving, event: DockerEvent, now: number): Leaving => {
  const { type, action, containerId, attributes } = event
  if (type !== "container" || containerId === undefined) return leaving
  if (action === "kill")
    return ENDING.has(attributes["signal"] ?? "") ? new Map(leaving).set(containerId, now + BELIEVED) : leaving
  if (!leaving.has(containerId) || !["die", "start", "destroy"].includes(action)) return leaving
  return new Map([...leaving].filter(([id]) => id !== containerId))
}
