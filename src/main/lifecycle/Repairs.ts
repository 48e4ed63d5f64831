import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { endpointPattern } from "../../domain/DockerEndpoint.ts"
import type { CreateManaged, LifecycleAction, Recreate } from "../../domain/LifecycleAction.ts"
import { managedRequest } from "../../domain/ManagedRequest.ts"
import { ContainerLifecycle } from "../../services/ContainerLifecycle.ts"
import type { DockerError } from "../../services/DockerEngine.ts"
import { makeRecreatorOf, type Recreator, type RecreationFailed, type RecreationRefused } from "./Recreator.ts"
import { sentence, type Sentence } from "../../domain/Sentence.ts"
import { logError, logWarning } from "../../layers/observability/OperatorLog.ts"

/** How long a container that is restarted may take to end by itself: its namespace is dead, so nobody can talk to it. */
const GRACE_SECONDS = 10

export interface RepairOptions {
  /** The ID of the container that this process runs in. */
  readonly by?: string
  /** How long a container that is re-created has to stop before it is killed; left out: as long as it was created to have. */
  readonly graceSeconds?: number
}

type Failure = DockerError | RecreationFailed | RecreationRefused

/** The status with which Docker answers that somebody else has made a container of that name. */
const CONFLICT = 409

const words: Readonly<Record<LifecycleAction["_tag"], string>> = {
  Start: "starting container",
  Restart: "restarting container",
  Recreate: "making container anew:",
  CreateManaged: "creating service-anchor",
  Connect: "connecting container",
  Disconnect: "disconnecting container"
}

const nameOf = (action: LifecycleAction): string => (action._tag === "CreateManaged" ? action.spec.name : action.name)

const create = Effect.fnUntraced(function* (lifecycle: ContainerLifecycle["Service"], { spec }: CreateManaged) {
  const made = yield* lifecycle.create(spec.name, managedRequest(spec)).pipe(
    Effect.catchIf(
      (error) => error.status === CONFLICT,
      () => Effect.succeed(undefined)
    )
  )
  if (made !== undefined) yield* lifecycle.start(made)
})

const recreate = (
  recreator: Recreator,
  { id, networkMode, image, environment, start }: Recreate,
  { graceSeconds }: RepairOptions
) =>
  Effect.asVoid(
    recreator.recreate(id, {
      networkMode,
      ...(image === undefined ? {} : { image }),
      ...(environment === undefined ? {} : { environment }),
      ...(graceSeconds === undefined ? {} : { graceSeconds }),
      start
    })
  )

const carryOut = (
  lifecycle: ContainerLifecycle["Service"],
  recreator: Recreator,
  action: LifecycleAction,
  options: RepairOptions
): Effect.Effect<void, Failure> => {
  switch (action._tag) {
    case "Start":
      return lifecycle.start(action.id)
    case "Restart":
      return lifecycle.restart(action.id, action.graceSeconds ?? GRACE_SECONDS)
    case "Recreate":
      return recreate(recreator, action, options)
    case "CreateManaged":
      return create(lifecycle, action)
    case "Connect":
      return lifecycle.connect(action.networkId, action.id, action.endpoint)
    case "Disconnect":
      return lifecycle.disconnect(action.network, action.id, true)
  }
}

/** Milliseconds after which nobody tries any more what failed: as long as somebody does, it is at least twice as often (RepairPace). */
const FORGOTTEN = 60_000

/** What a failure is about: whatever puts a container right ends it, but to leave a network is not to be on it again. */
const keyOf = (action: LifecycleAction): string =>
  action._tag === "Connect" || action._tag === "Disconnect" ? `${action._tag} ${action.name}` : nameOf(action)

/** A message without the IDs in it, which are others at every attempt. */
const withoutIds = (message: string): string => message.replaceAll(/[0-9a-f]{12,64}/g, "{id}")

interface Told {
  readonly tag: LifecycleAction["_tag"]
  readonly message: Sentence
  /** Unix milliseconds: when it failed last. */
  readonly at: number
}

/**
 * Tells of failures: one that is the same as the time before is not told again. A call that a socket proxy forbids is named once, for
 * whatever container: it will be forbidden the next time as well.
 */
const makeTell = () => {
  const forbidden = new Set<string>()
  const failing = new Map<string, Told>()

  const remember = (action: LifecycleAction, message: Sentence, now: number): void => {
    for (const [other, { at }] of failing) if (now - at >= FORGOTTEN) failing.delete(other)
    failing.set(keyOf(action), { tag: action._tag, message, at: now })
  }

  const trying = (action: LifecycleAction) => {
    const text = `${words[action._tag]} ${nameOf(action)}: ${action.reason}`
    return failing.get(keyOf(action))?.tag === action._tag ? Effect.logDebug(text) : Effect.logInfo(text)
  }

  const done = (action: LifecycleAction) =>
    Effect.suspend(() => {
      const before = failing.get(keyOf(action))
      failing.delete(keyOf(action))
      return before === undefined ? Effect.void : Effect.logInfo(`no longer: ${before.message}`)
    })

  const notDone = Effect.fnUntraced(function* (action: LifecycleAction, error: Failure) {
    const what = `${words[action._tag]} ${nameOf(action)} failed`
    const call = error._tag === "DockerError" && error.reason === "forbidden" && endpointPattern(error.endpoint)
    const message = call
      ? sentence`${what}, because ${call} is forbidden: allow it in the socket proxy, or switch off what needs it; everything else goes on (${error.message})`
      : sentence`${what}, and is tried again when there is reason to: ${error.message}`
    const before = failing.get(keyOf(action))
    remember(action, message, yield* Clock.currentTimeMillis)
    if (!call) {
      if (before !== undefined && withoutIds(before.message) === withoutIds(message)) return
      // Who connects tries several times, and says so at last when it gives up.
      return yield* action._tag === "Connect" ? logWarning(message) : logError(message)
    }
    if (forbidden.has(call)) return
    forbidden.add(call)
    yield* logWarning(message)
  })

  return { trying, done, notDone }
}

/** Carries decisions about containers out, one action after the other (SPEC §11). */
export const makeRepairsWith = Effect.fnUntraced(function* (options: RepairOptions) {
  const lifecycle = yield* ContainerLifecycle
  const recreator = yield* makeRecreatorOf(options.by)
  const tell = makeTell()

  const attempt = Effect.fn("container.repair")(function* (action: LifecycleAction) {
    yield* Effect.annotateCurrentSpan({ action: action._tag, container: nameOf(action), reason: action.reason })
    yield* tell.trying(action)
    yield* carryOut(lifecycle, recreator, action, options)
    yield* tell.done(action)
  })

  /** Answers with whether it was done. What fails is logged. */
  const act = (action: LifecycleAction) =>
    attempt(action).pipe(
      Effect.as(true),
      Effect.catch((error) => Effect.as(tell.notDone(action, error), false))
    )

  /** All of them in order; one whose predecessor failed is left out, and nothing else is. Answers with what was not done. */
  const carryOutAll = Effect.fnUntraced(function* (actions: ReadonlyArray<LifecycleAction>) {
    const left: Array<LifecycleAction> = []
    const failed = new Set<string>()
    for (const action of actions) {
      const isHeldUp = action._tag !== "CreateManaged" && action.after !== undefined && failed.has(action.after)
      const isDone = !isHeldUp && (yield* act(action))
      if (!isDone) left.push(action)
      if (action._tag === "CreateManaged") continue
      if (isDone) failed.delete(action.id)
      else failed.add(action.id)
    }
    return left
  })

  return { carryOutAll, recover: recreator.recover }
})

export const makeRepairs = makeRepairsWith({})
