import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ContainerLifecycle } from "../../../src/services/ContainerLifecycle.ts"
import { DockerError } from "../../../src/services/DockerEngine.ts"

/**
 * What happens to one call: it is `refused` and has no effect, its answer is `lost` before or after it had one, or it never comes, because
 * the process ended there.
 */
export type Fault = "refused" | "lost before" | "lost after" | "died before" | "died after"

export const survivable = ["refused", "lost before", "lost after"] as const

/** Which of the calls that change something, counted from 1, meet with what. */
export type Faults = ReadonlyMap<number, Fault>

export interface Faulty {
  readonly lifecycle: ContainerLifecycle["Service"]
  /** The calls that changed something or were to, in order. */
  readonly calls: ReadonlyArray<string>
  /** Whether a call has come to which there is no answer. */
  readonly hasDied: () => boolean
}

const endpointOf = (call: string): string =>
  call === "create" ? "POST /containers/create" : `POST /containers/{id}/${call}`

const refused = (call: string) =>
  new DockerError({ endpoint: endpointOf(call), reason: "failed", status: 500, message: "refused by the test" })
const lost = (call: string) =>
  new DockerError({ endpoint: endpointOf(call), reason: "unreachable", message: "lost by the test" })

/** The service with faults in it. */
export const faulty = (lifecycle: ContainerLifecycle["Service"], faults: Faults): Faulty => {
  const calls: Array<string> = []
  let died = false
  const die = Effect.suspend(() => {
    died = true
    return Effect.never
  })

  const meet = <A>(name: string, call: Effect.Effect<A, DockerError>): Effect.Effect<A, DockerError> =>
    Effect.andThen(Effect.yieldNow, () => {
      calls.push(name)
      switch (faults.get(calls.length)) {
        case undefined:
          return call
        case "refused":
          return Effect.fail(refused(name))
        case "lost before":
          return Effect.fail(lost(name))
        case "lost after":
          return Effect.andThen(call, Effect.fail(lost(name)))
        case "died before":
          return die
        case "died after":
          return Effect.andThen(call, die)
      }
    })

  return {
    calls,
    hasDied: () => died,
    lifecycle: {
      ...lifecycle,
      create: (name, request) => meet("create", lifecycle.create(name, request)),
      start: (ref) => meet("start", lifecycle.start(ref)),
      stop: (ref, grace) => meet("stop", lifecycle.stop(ref, grace)),
      rename: (ref, name) => meet("rename", lifecycle.rename(ref, name)),
      remove: (ref) => meet("remove", lifecycle.remove(ref)),
      setRestartPolicy: (ref, policy) => meet("setRestartPolicy", lifecycle.setRestartPolicy(ref, policy))
    }
  }
}

export const serving = (lifecycle: ContainerLifecycle["Service"]): Layer.Layer<ContainerLifecycle> =>
  Layer.succeed(ContainerLifecycle)(lifecycle)
