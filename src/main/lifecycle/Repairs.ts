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

const foundWords = (action: LifecycleAction): string =>
  action._tag === "CreateManaged"
    ? `there is a container ${action.spec.name} already, of somebody else's making`
    : `container ${action.name} runs already: somebody else has started it`

const nameOf = (action: LifecycleAction): string => (action._tag === "CreateManaged" ? action.spec.name : action.name)

const create = Effect.fnUntraced(function* (lifecycle: ContainerLifecycle["Service"], { spec }: CreateManaged) {
  const made = yield* lifecycle.create(spec.name, managedRequest(spec)).pipe(
    Effect.catchIf(
      (error) => error.status === CONFLICT,
      () => Effect.succeed(undefined)
    )
  )
  if (made === undefined) return false
  yield* lifecycle.start(made)
  return true
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

/** Answers with whether there was anything to do. */
const carryOut = (
  lifecycle: ContainerLifecycle["Service"],
  recreator: Recreator,
  action: LifecycleAction,
  options: RepairOptions
): Effect.Effect<boolean, Failure> => {
  switch (action._tag) {
    case "Start":
      return lifecycle.start(action.id)
    case "Restart":
      return Effect.as(lifecycle.restart(action.id, action.graceSeconds ?? GRACE_SECONDS), true)
    case "Recreate":
      return Effect.as(recreate(recreator, action, options), true)
    case "CreateManaged":
      return create(lifecycle, action)
    case "Connect":
      return Effect.as(lifecycle.connect(action.networkId, action.id, action.endpoint), true)
    case "Disconnect":
      return Effect.as(lifecycle.disconnect(action.network, action.id, true), true)
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

/** What became of actions; all others were done. */
export interface RepairOutcome {
  /** Those that failed, or whose predecessor did. */
  readonly left: ReadonlyArray<LifecycleAction>
  /** Those that found their work done by somebody else: what they were decided on is old. */
  readonly found: ReadonlyArray<LifecycleAction>
}

/** Carries decisions about containers out, one action after the other (SPEC §11). */
export const makeRepairsWith = Effect.fnUntraced(function* (options: RepairOptions) {
  const lifecycle = yield* ContainerLifecycle
  const recreator = yield* makeRecreatorOf(options.by)
  const tell = makeTell()

  const attempt = Effect.fn("container.repair")(function* (action: LifecycleAction) {
    yield* Effect.annotateCurrentSpan({ action: action._tag, container: nameOf(action), reason: action.reason })
    yield* tell.trying(action)
    const acted = yield* carryOut(lifecycle, recreator, action, options)
    if (!acted) yield* Effect.logInfo(foundWords(action))
    yield* tell.done(action)
    return acted ? "done" : "found"
  })

  /** What fails is logged. */
  const act = (action: LifecycleAction) =>
    Effect.catch(attempt(action), (error) => Effect.as(tell.notDone(action, error), "failed" as const))

  /** All of them in order; one whose predecessor failed is left out, and nothing else is. */
  const carryOutAll = Effect.fnUntraced(function* (actions: ReadonlyArray<LifecycleAction>) {
    const left: Array<LifecycleAction> = []
    const found: Array<LifecycleAction> = []
    const failed = new Set<string>()
    for (const action of actions) {
      const isHeldUp = action._tag !== "CreateManaged" && action.after !== undefined && failed.has(action.after)
      const outcome = isHeldUp ? "failed" : yield* act(action)
      if (outcome === "failed") left.push(action)
      if (outcome === "found") found.push(action)
      if (action._tag === "CreateManaged") continue
      if (outcome === "failed") failed.add(action.id)
      else failed.delete(action.id)
    }
    return { left, found } satisfies RepairOutcome
  })

  return { carryOutAll, recover: recreator.recover }
})

export const makeRepairs = makeRepairsWith({})
