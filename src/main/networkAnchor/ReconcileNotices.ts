import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { BackendProblem } from "../../domain/Backends.ts"
import type { Conflict } from "../../domain/DesiredDnat.ts"
import { makeNotices, type Notice } from "../Notices.ts"
import { sentence } from "../../domain/Sentence.ts"

const ports = ({ protocol, from, to }: Conflict): string =>
  from === to ? `${protocol}/${from}` : `${protocol}/${from}-${to}`

/** A conflict in the operator's words (SPEC §5). */
const conflictNotice = (conflict: Conflict): Notice => ({
  key: `conflict:${ports(conflict)}:${conflict.owner.id}:${conflict.standby.id}`,
  level: "ERROR",
  message: sentence`${ports(conflict)} is wanted by ${conflict.owner.name} and ${conflict.standby.name}; ${conflict.owner.name} was created first and has it, ${conflict.standby.name} is on standby; take it out of one of the two labels, or stop one of the two`
})

/** A container that stops leaves its network a moment before Docker calls it stopped: what lasts no longer is not worth a line. */
const PATIENCE = "2 seconds"

/**
 * Logs what a reconcile found out, once when it appears and once when it ends: refused labels and conflicts at once, missing addresses
 * when they have lasted.
 */
export const makeReconcileNotices = Effect.gen(function* () {
  const atOnce = makeNotices()
  const later = makeNotices()
  const waiting = yield* Latch.make(false)
  let lasting: ReadonlyArray<Notice> = []
  const keep = waiting.await.pipe(
    Effect.andThen(Effect.sleep(PATIENCE)),
    Effect.andThen(
      Effect.suspend(() => {
        Latch.closeUnsafe(waiting)
        return later(lasting)
      })
    ),
    Effect.forever
  )
  const notify = Effect.fnUntraced(function* (
    problems: ReadonlyArray<BackendProblem>,
    conflicts: ReadonlyArray<Conflict>
  ) {
    yield* atOnce([...problems.filter(({ level }) => level === "ERROR"), ...conflicts.map(conflictNotice)])
    lasting = problems.filter(({ level }) => level === "WARN")
    yield* Latch.open(waiting)
  })
  return { notify, keep }
})
