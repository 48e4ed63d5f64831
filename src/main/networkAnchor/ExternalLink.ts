import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { findExternal, type ExternalChoice, type ExternalInterface } from "../../domain/ExternalInterface.ts"
import { DockerEngine } from "../../services/DockerEngine.ts"
import { Netlink } from "../../services/Netlink.ts"
import { FatalError } from "../FatalError.ts"

/** Looks once: where the external interface is now, by what Docker and the kernel say. */
export const look = Effect.fnUntraced(function* (selfRef: string, choice: ExternalChoice) {
  const engine = yield* DockerEngine
  const netlink = yield* Netlink
  const [self, links] = yield* Effect.all([engine.inspectSelf(selfRef), netlink.links], { concurrency: 2 })
  return findExternal(choice, self.attachments, links)
})

/**
 * Waits for the external interface: up to 30 s while the network is not attached or Docker has no MAC for it yet; what
 * cannot change by waiting is fatal at once (SPEC §8.1).
 */
export const awaitLink = Effect.fnUntraced(function* (selfRef: string, choice: ExternalChoice) {
  const found = yield* look(selfRef, choice).pipe(
    Effect.repeat({
      schedule: Schedule.spaced("500 millis").pipe(Schedule.upTo({ duration: "30 seconds" })),
      until: (result) => result._tag === "Found" || !result.retryable
    }),
    Effect.andThen(look(selfRef, choice))
  )
  if (found._tag === "Found") return found satisfies ExternalInterface
  return yield* new FatalError({ message: found.message })
})
