import * as Effect from "effect/Effect"
import { joinsContainer, ofImage } from "../../domain/CreateRequest.ts"
import { type Inspection, nameOf } from "../../domain/Inspection.ts"
import { tellsOfNoNamespace } from "../../domain/LifecycleState.ts"
import { type Action, isMadeOf, type Recreation, type Who } from "../../domain/Recreation.ts"
import type { ContainerLifecycle } from "../../services/ContainerLifecycle.ts"
import type { DockerError } from "../../services/DockerEngine.ts"

/** Carries out the actions of one re-creation, and knows which containers they are about. */
export interface Attempt {
  readonly carryOut: (action: Action) => Effect.Effect<void, DockerError>
  /** The same, where it may have been done already, or what it is about may be gone. */
  readonly takeBack: (action: Action) => Effect.Effect<void, DockerError>
  /** The ID of the new container, once there is one. */
  readonly newId: () => string | undefined
  /** Whether the old one could not be started again, because the namespace that it was in is gone. */
  readonly missedNamespace: () => boolean
  /** Whether somebody has removed the old one meanwhile: then there is nothing to put back. */
  readonly oldIsGone: () => boolean
  /** The ID of somebody else's container that has the old one's name by now: waiting does not give that back. */
  readonly nameTakenBy: () => string | undefined
}

type Create = Extract<Action, { readonly _tag: "Create" }>

/** Whether it certainly has not been done: Docker said no. */
export const isRefusal = ({ status = 500 }: DockerError): boolean => status < 500

/** Docker has said no to the creation itself, not to a network of what it has created: nothing was made. */
const isRefusedCreation = (error: DockerError): boolean =>
  error.endpoint === "POST /containers/create" && isRefusal(error)

const isGone = ({ reason }: DockerError): boolean => reason === "not-found"

/** Nothing where there is no such container. */
export const lookFor = (
  lifecycle: ContainerLifecycle["Service"],
  ref: string
): Effect.Effect<Inspection | undefined, DockerError> =>
  Effect.catchIf(lifecycle.inspect(ref), isGone, () => Effect.succeed(undefined))

/** Takes steps back, and remembers what there is not to go back to. */
const makeTakingBack = (
  lifecycle: ContainerLifecycle["Service"],
  old: Inspection,
  carryOut: Attempt["carryOut"],
  newId: Effect.Effect<string | undefined, DockerError>
): Pick<Attempt, "takeBack" | "missedNamespace" | "oldIsGone" | "nameTakenBy"> => {
  let missedNamespace = false
  let oldIsGone = false
  let nameTakenBy: string | undefined

  /** Who was in a namespace that is gone had no network, and waits under its name for its owner. */
  const hasNoNamespace = ({ message }: DockerError): boolean =>
    joinsContainer(old.HostConfig.NetworkMode) && tellsOfNoNamespace(message)
  const miss = () => Effect.sync(() => void (missedNamespace = true))

  /** Docker also answers that something is not there when it means a network of a container that is. */
  const unlessGone = (error: DockerError): Effect.Effect<void, DockerError> =>
    Effect.flatMap(lookFor(lifecycle, old.Id), (found) => {
      if (found !== undefined) return Effect.fail(error)
      oldIsGone = true
      return Effect.void
    })

  const nameBack = Effect.fnUntraced(function* (action: Extract<Action, { readonly _tag: "Rename" }>) {
    if (nameOf(yield* lifecycle.inspect(old.Id)) === action.name) return
    yield* Effect.tapError(carryOut(action), () =>
      Effect.map(Effect.zip(lookFor(lifecycle, action.name), newId), ([found, made]) => {
        nameTakenBy = found?.Id === made ? undefined : found?.Id
      })
    )
  })

  const putBack = Effect.fnUntraced(function* (action: Action) {
    if (action._tag === "Rename") return yield* nameBack(action)
    const done = carryOut(action)
    if (action._tag === "Start" && action.who === "old") return yield* Effect.catchIf(done, hasNoNamespace, miss)
    yield* "who" in action && action.who === "new" ? Effect.catchIf(done, isGone, () => Effect.void) : done
  })

  return {
    takeBack: (action) => Effect.catchIf(putBack(action), isGone, unlessGone),
    missedNamespace: () => missedNamespace,
    oldIsGone: () => oldIsGone,
    nameTakenBy: () => nameTakenBy
  }
}

/** An attempt at replacing `old`; `successor` is the ID of the new container when that is known from before. */
export const makeAttempt = (lifecycle: ContainerLifecycle["Service"], old: Inspection, successor?: string): Attempt => {
  let made = successor
  let asked: Create | undefined

  const make = (action: Create) =>
    Effect.suspend(() => {
      asked = action
      return lifecycle.create(action.name, action.request)
    }).pipe(
      Effect.tap((id) => Effect.sync(() => void (made = id))),
      // Whoever has the name by now is somebody else's, also where he was created just like this.
      Effect.tapError((error) =>
        Effect.sync(() => {
          if (isRefusedCreation(error)) asked = undefined
        })
      )
    )

  /** Of the image that its name means, where that is the one the old container is of; else of that one by ID. */
  const create = Effect.fnUntraced(function* (action: Create) {
    const { request, imageId } = action
    if (imageId === undefined) return yield* make(action)
    const byId = make({ ...action, request: ofImage(request, imageId) })
    const isNotThere = (error: DockerError) => isGone(error) && isRefusedCreation(error)
    const id = yield* Effect.catchIf(make(action), isNotThere, () => byId)
    const { Image } = yield* lifecycle.inspect(id)
    if (Image === imageId) return
    yield* lifecycle.remove(id)
    made = undefined
    yield* byId
  })

  /** When the answer to its creation was lost, the new container is found by its name. */
  const idOf = Effect.fnUntraced(function* (who: Who) {
    if (who === "old") return old.Id
    if (made !== undefined || asked === undefined) return made
    const found = yield* lookFor(lifecycle, asked.name)
    if (found === undefined) return undefined
    return isMadeOf(found, yield* lookFor(lifecycle, old.Id), asked.request) ? found.Id : undefined
  })

  const on = (id: string, action: Exclude<Action, Create>): Effect.Effect<void, DockerError> => {
    switch (action._tag) {
      case "Rename":
        return lifecycle.rename(id, action.name)
      case "SetRestartPolicy":
        return lifecycle.setRestartPolicy(id, action.policy)
      case "Stop":
        return lifecycle.stop(id, action.graceSeconds)
      case "Start":
        return Effect.asVoid(lifecycle.start(id))
      case "Remove":
        return lifecycle.remove(id)
    }
  }

  const carryOut = Effect.fnUntraced(function* (action: Action) {
    if (action._tag === "Create") return yield* Effect.asVoid(create(action))
    const id = yield* idOf(action.who)
    if (id !== undefined) yield* on(id, action)
  })

  return { carryOut, newId: () => made, ...makeTakingBack(lifecycle, old, carryOut, idOf("new")) }
}

/** What an operator calls a step. */
export const wordsFor = (action: Action, { name }: Pick<Recreation, "name">): string => {
  const which = "who" in action && action.who === "old" ? "the old container" : "the new container"
  switch (action._tag) {
    case "Rename":
      return `renaming ${which} to ${action.name}`
    case "Create":
      return `creating a new ${name}`
    case "SetRestartPolicy":
      return `setting the restart policy of ${which} to ${action.policy.Name}`
    case "Stop":
      return `stopping ${which}`
    case "Start":
      return `starting ${which}`
    case "Remove":
      return `removing ${which}`
  }
}
