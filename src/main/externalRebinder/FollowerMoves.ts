import * as Effect from "effect/Effect"
import { defaultEndpoint, rememberEndpoint, type KnownEndpoint } from "../../domain/FollowedEndpoint.ts"
import type { Json } from "../../domain/Inspection.ts"
import type { LifecycleAction } from "../../domain/LifecycleAction.ts"
import type { LifecycleContainer } from "../../domain/LifecycleState.ts"
import { graceOf } from "../../domain/Recreation.ts"
import { ContainerLifecycle } from "../../services/ContainerLifecycle.ts"
import { makeRepairsWith } from "../lifecycle/Repairs.ts"
import type { Follower } from "./FollowObserver.ts"

/** What is done to the follower, with what it had on the network, and with the time that it takes to stop. */
const completed = (
  actions: ReadonlyArray<LifecycleAction>,
  { inspection }: Follower,
  endpoint: Json
): ReadonlyArray<LifecycleAction> =>
  actions.map((action) => {
    if (action._tag === "Connect") return { ...action, endpoint }
    return action._tag === "Restart" ? { ...action, graceSeconds: graceOf(inspection) } : action
  })

const tellDefault = ({ name }: LifecycleContainer, network: string) =>
  Effect.logInfo(
    `what ${name} asks for on ${network} is not known, because it was not there since this process began; it gets what Compose gives by default. If it shall have a fixed address or other aliases, re-create it while ${network} is there`
  )

/**
 * Moves the follower on the network and off it, and knows what it asks for there: Docker forgets that when a container leaves a network. A move cannot
 * be interrupted half-way.
 */
export const makeFollowerMoves = Effect.fnUntraced(function* (network: string, selfId: string) {
  const lifecycle = yield* ContainerLifecycle
  const repairs = yield* makeRepairsWith({ by: selfId })
  let known: KnownEndpoint | undefined

  /** What it asked for when it was there. */
  const endpointFor = Effect.fnUntraced(function* (container: LifecycleContainer) {
    if (known?.follower === container.id) return known.settings
    yield* tellDefault(container, network)
    known = { follower: container.id, settings: defaultEndpoint(container) }
    return known.settings
  })

  /** The follower was re-created: it asks for the same as before. */
  const keepKnown = Effect.fnUntraced(function* ({ id, name }: LifecycleContainer) {
    const successor = yield* Effect.orElseSucceed(lifecycle.inspect(name), () => undefined)
    if (known?.follower === id && successor !== undefined) known = { ...known, follower: successor.Id }
  })

  /** Answers whether it came to what was meant; a follower that could not be taken off is left where it is. */
  const carryOut = Effect.fnUntraced(function* (actions: ReadonlyArray<LifecycleAction>, follower: Follower) {
    const endpoint = actions.some(({ _tag }) => _tag === "Connect") ? yield* endpointFor(follower.container) : {}
    const { left } = yield* repairs.carryOutAll(completed(actions, follower, endpoint))
    const done = !left.some(({ _tag }) => _tag === "Connect" || _tag === "Recreate")
    if (done && actions.some(({ _tag }) => _tag === "Recreate")) yield* keepKnown(follower.container)
    return done
  }, Effect.uninterruptible)

  return {
    carryOut,
    recover: repairs.recover,
    note: ({ inspection }: Follower): void => {
      known = rememberEndpoint(known, inspection, network)
    }
  }
})
