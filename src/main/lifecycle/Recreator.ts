import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type { Changes } from "../../domain/CreateRequest.ts"
import type { ContainerSnapshot } from "../../domain/DockerState.ts"
import { type Inspection, nameOf, shortId } from "../../domain/Inspection.ts"
import { nameBefore, recovery, recreation, type Recreation, undoing } from "../../domain/Recreation.ts"
import { ContainerLifecycle } from "../../services/ContainerLifecycle.ts"
import type { DockerError } from "../../services/DockerEngine.ts"
import { type Attempt, isRefusal, lookFor, makeAttempt, wordsFor } from "./Attempt.ts"
import { type Leftovers, makeLeftovers } from "./Leftovers.ts"
import { makeTurns } from "./Turns.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logWarning } from "../../layers/observability/OperatorLog.ts"

/** Re-creating this container would lose something; nothing was done. */
export class RecreationRefused extends Data.TaggedError("RecreationRefused")<{
  readonly container: string
  readonly message: string
}> {}

/** A step failed. When it is `undone`, the old container is as it was; otherwise {@link Recreator.recover} has to look after it. */
export class RecreationFailed extends Data.TaggedError("RecreationFailed")<{
  readonly container: string
  readonly undone: boolean
  readonly message: string
}> {}

/** What is to be different. */
export interface Wanted {
  readonly networkMode?: string
  /** The name of another image. */
  readonly image?: string
  /** Variables that get another value. */
  readonly environment?: Readonly<Record<string, string>>
  /** Starts the new one also where the old one does not run. */
  readonly start?: boolean
  /** How long the old one has to stop before it is killed; left out: as long as it was created to have. */
  readonly graceSeconds?: number
}

/** The one place that replaces containers (SPEC §11). */
export interface Recreator {
  /**
   * Replaces the container with that ID by one that is the same but for what is wanted; answers with the new ID. Cannot be interrupted half-way. That
   * it failed is for the caller to say. One at a time for each container; who waited for another's re-creation finds the ID gone.
   */
  readonly recreate: (
    id: string,
    wanted?: Wanted
  ) => Effect.Effect<string, RecreationRefused | RecreationFailed | DockerError>
  /**
   * Finishes or undoes what was cut short, by this process or one before it, with the containers among these that are still renamed away. Only
   * for containers that nobody else re-creates. What fails is left for the next time, and logged once while it fails for the same reason. As long
   * as somebody else's container has the name and does not run, and the old one does, nothing is done; a process that was not there when it took the
   * name does not know that.
   */
  readonly recover: (containers: ReadonlyArray<ContainerSnapshot>) => Effect.Effect<void>
}

/** What of it goes into spans and logs: a variable's value may be a secret. */
const described = ({ networkMode, image }: Wanted) => ({
  ...(networkMode === undefined ? {} : { networkMode }),
  ...(image === undefined ? {} : { image })
})

/** About a minute: an engine that is restarted is back by then. */
const retries = { schedule: Schedule.exponential("200 millis"), times: 8 }

const changesFor = Effect.fnUntraced(function* (
  lifecycle: ContainerLifecycle["Service"],
  { Image }: Inspection,
  { networkMode, image, environment }: Wanted
) {
  const other = {
    ...(networkMode === undefined ? {} : { networkMode }),
    ...(environment === undefined ? {} : { environment })
  }
  if (image === undefined) return other satisfies Changes
  return { ...other, image: { name: image, replaced: yield* lifecycle.imageConfig(Image) } } satisfies Changes
})

/** Takes back what was begun, from the beginning again when it fails: every part of it can be done twice. */
const undo = Effect.fnUntraced(function* (plan: Recreation, attempt: Attempt, begun: number, error: DockerError) {
  const failed = plan.steps[begun - 1]?.action
  // The engine may still be at it, and would end the container after it was started again.
  if (failed?._tag === "Stop" && error.status === undefined) yield* Effect.ignore(attempt.carryOut(failed))
  return yield* Effect.forEach(undoing(plan, begun), attempt.takeBack, { discard: true }).pipe(
    Effect.retry({ ...retries, while: () => attempt.nameTakenBy() === undefined }),
    Effect.match({ onFailure: ({ message }) => message, onSuccess: () => undefined })
  )
})

const giveUp = Effect.fnUntraced(function* (
  plan: Recreation,
  attempt: Attempt,
  leftovers: Leftovers,
  begun: number,
  error: DockerError
) {
  const { name, steps } = plan
  // A proxy that forbids even the first call: nothing was done.
  if (begun === 1 && error.reason === "forbidden") return yield* error
  const step = steps[begun - 1]
  const what = step === undefined ? "" : `${wordsFor(step.action, plan)}: `
  const why = yield* undo(plan, attempt, begun, error)
  const taker = attempt.nameTakenBy()
  if (taker !== undefined) leftovers.noteTaken(plan.id, taker)
  const outcome = attempt.oldIsGone()
    ? "somebody has removed it meanwhile"
    : attempt.missedNamespace()
      ? "does not run, because the namespace that it was in is gone"
      : "is as it was"
  const message =
    why === undefined
      ? sentence`container ${name} could not be re-created, and ${outcome}: ${what}${error.message}`
      : sentence`container ${name} could not be re-created, nor could that be undone yet; what was ${name} may be called ${plan.away}: ${what}${error.message}; then: ${why}`
  return yield* new RecreationFailed({ container: name, undone: why === undefined, message })
})

/** The successor runs: what is left of the old one harms nobody, and is removed when somebody looks again. */
const tidyUp = ({ id, name, away, last }: Recreation, attempt: Attempt, leftovers: Leftovers) =>
  Effect.catch(attempt.carryOut(last), ({ message }) =>
    leftovers.warn(
      id,
      message,
      sentence`container ${name} was re-created, but the old one could not be removed; it is called ${away} and does not run`
    )
  )

const replace = Effect.fnUntraced(function* (
  lifecycle: ContainerLifecycle["Service"],
  leftovers: Leftovers,
  id: string,
  wanted: Wanted,
  by: string | undefined
) {
  const old = yield* lifecycle.inspect(id)
  const container = nameOf(old)
  yield* Effect.annotateCurrentSpan({ container, ...described(wanted) })
  const decided = recreation(old, yield* changesFor(lifecycle, old, wanted), wanted.start, wanted.graceSeconds, by)
  if (Result.isFailure(decided)) {
    const message = sentence`container ${container} is not re-created: ${decided.failure}`
    return yield* new RecreationRefused({ container, message })
  }
  const plan = decided.success
  const attempt = makeAttempt(lifecycle, old)
  for (const [index, { action }] of plan.steps.entries()) {
    yield* Effect.catch(attempt.carryOut(action), (error): Effect.Effect<never, DockerError | RecreationFailed> =>
      // Not even renamed away. If that is because somebody else has done it, or has removed it, what they do is not to be undone.
      index === 0 && isRefusal(error) ? Effect.fail(error) : giveUp(plan, attempt, leftovers, index + 1, error)
    )
  }
  yield* tidyUp(plan, attempt, leftovers)
  const newId = attempt.newId() ?? ""
  yield* Effect.logInfo(`container ${container} was re-created`).pipe(
    Effect.annotateLogs({ oldId: shortId(id), newId: shortId(newId), ...described(wanted) })
  )
  return newId
})

const lookAfter = Effect.fnUntraced(function* (
  lifecycle: ContainerLifecycle["Service"],
  leftovers: Leftovers,
  id: string,
  name: string
) {
  const old = yield* lookFor(lifecycle, id)
  if (old === undefined || nameBefore({ id, name: nameOf(old) }) !== name) return
  const successor = yield* lookFor(lifecycle, name)
  const isTaken = successor !== undefined && leftovers.isTaken(id, successor.Id)
  const { _tag, actions } = recovery(old, successor, isTaken)
  if (_tag === "Leave") return
  const attempt = makeAttempt(lifecycle, old, successor?.Id)
  yield* Effect.forEach(actions, attempt.takeBack, { discard: true })
  const isBack = attempt.missedNamespace()
    ? "it does not run, because the namespace that it was in is gone"
    : "it is as it was"
  const outcome = _tag === "Finish" ? "the old one is removed" : isBack
  yield* logWarning(sentence`the re-creation of container ${name} had been cut short; ${outcome}`)
})

/** `by`: the ID of the container that this process runs in. */
export const makeRecreatorOf = Effect.fnUntraced(function* (
  by: string | undefined
): Effect.fn.Return<Recreator, never, ContainerLifecycle> {
  const lifecycle = yield* ContainerLifecycle
  const { inTurn } = makeTurns()
  const leftovers = makeLeftovers()

  const recreate = Effect.fn("container.recreate")(function* (id: string, wanted: Wanted = {}) {
    const name = nameOf(yield* lifecycle.inspect(id))
    return yield* inTurn(name)(Effect.uninterruptible(replace(lifecycle, leftovers, id, wanted, by)))
  })

  const recoverOne = (id: string, name: string) =>
    inTurn(name)(Effect.uninterruptible(lookAfter(lifecycle, leftovers, id, name))).pipe(
      Effect.andThen(leftovers.forget(id)),
      Effect.catch(({ message }) =>
        leftovers.warn(
          id,
          message,
          sentence`the re-creation of container ${name} had been cut short, and what is left of it could not be looked after yet`
        )
      ),
      Effect.withSpan("container.recover", { attributes: { container: name } })
    )

  const recover = (containers: ReadonlyArray<ContainerSnapshot>) =>
    Effect.forEach(
      containers.flatMap((container) => {
        const name = nameBefore(container)
        return name === undefined ? [] : [[container.id, name] as const]
      }),
      ([id, name]) => recoverOne(id, name),
      { discard: true }
    )

  return { recreate, recover }
})

/** For a process that runs in no container. */
export const makeRecreator = makeRecreatorOf(undefined)
