import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { StatusDocker } from "../../domain/Status.ts"

/** Whether Docker's event stream is open, and since when, for the status. */
export interface DockerConnection {
  readonly opened: Effect.Effect<void>
  readonly lost: Effect.Effect<void>
  readonly status: () => StatusDocker
}

export const makeDockerConnection: Effect.Effect<DockerConnection> = Effect.map(Clock.currentTimeMillis, (started) => {
  let connected = false
  let since = started
  const become = (next: boolean) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      if (connected !== next) since = now
      connected = next
    })
  return {
    opened: become(true),
    lost: become(false),
    status: () => ({ connected, since: new Date(since).toISOString() })
  }
})
