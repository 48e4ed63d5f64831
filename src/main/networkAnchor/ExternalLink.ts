import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { findExternal, isReplugged, type ExternalChoice, type FoundExternal } from "../../domain/ExternalInterface.ts"
import { DockerEngine } from "../../services/DockerEngine.ts"
import { Netlink } from "../../services/Netlink.ts"
import { FatalError } from "../FatalError.ts"
import { makeNotices } from "../Notices.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logWarning } from "../../layers/observability/OperatorLog.ts"

/** Looks once: where the external interface is now, by what Docker and the kernel say. */
const look = Effect.fnUntraced(function* (selfRef: string, choice: ExternalChoice) {
  const engine = yield* DockerEngine
  const netlink = yield* Netlink
  const self = yield* engine.inspectSelf(selfRef)
  // Not at the same time: while Docker does not answer, a link may go, and its name may become another one's.
  const links = yield* netlink.links
  return findExternal(choice, self.attachments, links)
})

const cannotLook = (why: string) => sentence`cannot look for the external interface: ${why}`

const LIMIT_MILLIS = 30_000
const BETWEEN = "500 millis"

/**
 * Waits for the external interface: up to 30 s while the network is not attached or Docker has no MAC for it yet; what
 * cannot change by waiting is fatal at once (SPEC §8.1).
 */
export const awaitExternal = Effect.fnUntraced(function* (selfRef: string, choice: ExternalChoice) {
  const notices = makeNotices()
  const end = (yield* Clock.currentTimeMillis) + LIMIT_MILLIS
  while (true) {
    const result = yield* look(selfRef, choice).pipe(
      Effect.catch(({ message }) =>
        Effect.succeed({ _tag: "Missing", retryable: true, message: cannotLook(message) } as const)
      )
    )
    if (result._tag === "Found") return result
    if (!result.retryable || (yield* Clock.currentTimeMillis) >= end)
      return yield* new FatalError({ message: result.message })
    yield* notices([{ key: "external", level: "WARN", message: sentence`waiting up to 30 s: ${result.message}` }])
    yield* Effect.sleep(BETWEEN)
  }
})

export interface ExternalLink {
  /** Where the interface is, or was when it was last there. */
  readonly current: () => FoundExternal
  /** Has the effect run at each change of the interface. */
  readonly tell: (listener: Effect.Effect<void>) => void
  /** Asks for another look. */
  readonly lookAgain: Effect.Effect<void>
  /** The same, if the links are others than before: the kernel also tells of changes that matter to nobody here. */
  readonly lookIfLinksChanged: Effect.Effect<void, never, Netlink>
  /** Looks whenever it is asked to, and tells of each change (SPEC §8.1: an interface that is re-plumbed is found again). */
  readonly keep: Effect.Effect<never, never, DockerEngine | Netlink>
}

export const makeExternalLink = Effect.fnUntraced(function* (
  selfRef: string,
  choice: ExternalChoice,
  first: FoundExternal
) {
  const asked = yield* Queue.sliding<void>(1)
  const lookAgain = Effect.asVoid(Queue.offer(asked, undefined))
  const notices = makeNotices()
  const listeners: Array<Effect.Effect<void>> = []
  let current = first

  const once = Effect.gen(function* () {
    const result = yield* look(selfRef, choice)
    if (result._tag === "Missing") {
      return yield* notices([
        { key: "external", level: "ERROR", message: sentence`${result.message}; rules stay as they are` }
      ])
    }
    yield* notices([])
    const changed = isReplugged(current, result) || result.networkId !== current.networkId
    current = result
    if (!changed) return
    yield* logWarning(sentence`the external interface was plugged in anew`).pipe(
      Effect.annotateLogs({ link: result.link })
    )
    yield* Effect.all(listeners, { discard: true })
  })

  let knownLinks = ""
  const lookIfLinksChanged = Effect.gen(function* () {
    const links = JSON.stringify(yield* (yield* Netlink).links)
    if (links === knownLinks) return
    knownLinks = links
    yield* lookAgain
  }).pipe(Effect.catch(() => lookAgain))

  const keep = Queue.take(asked).pipe(
    Effect.andThen(once),
    Effect.catch((error) =>
      notices([{ key: "look", level: "WARN", message: cannotLook(error.message) }]).pipe(
        Effect.andThen(Effect.sleep("1 second")),
        Effect.andThen(lookAgain)
      )
    ),
    Effect.forever
  )
  const tell = (listener: Effect.Effect<void>) => void listeners.push(listener)
  return { current: () => current, tell, lookAgain, lookIfLinksChanged, keep } satisfies ExternalLink
})
