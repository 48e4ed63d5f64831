import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { NetlinkChange } from "../../domain/Routing.ts"
import { start } from "../process/LineProcess.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logWarning } from "../observability/OperatorLog.ts"

/** The monitor's process ended. */
class MonitorEnded extends Data.TaggedError("MonitorEnded")<{
  readonly message: string
}> {}

const labels: Readonly<Record<string, NetlinkChange>> = {
  ROUTE: "route",
  ADDR: "address",
  LINK: "link",
  NEIGH: "neighbour"
}

/** What a line of `ip monitor label` says has changed; nothing for the lines that continue another. */
export const changeOf = (line: string): NetlinkChange | undefined => labels[/^\[([A-Z]+)\]/.exec(line)?.[1] ?? ""]

const everything: ReadonlyArray<NetlinkChange> = ["route", "address", "link", "neighbour"]

/** The monitor says nothing when it begins to listen; it does well within this. What changed before that is not seen. */
const SETTLING = "300 millis"

/** How many changes wait for a slow reader. Older ones go: each only says what to look at again. */
const CAPACITY = 256

const once = (prefix: ReadonlyArray<string>): Stream.Stream<NetlinkChange, MonitorEnded> =>
  Stream.callback<NetlinkChange, MonitorEnded>(
    Effect.fnUntraced(function* (queue) {
      yield* Effect.acquireRelease(
        Effect.sync(() =>
          start([...prefix, "ip", "monitor", "label", "route", "address", "link", "neigh"], {
            onLine: (line) => {
              const change = changeOf(line)
              if (change) Queue.offerUnsafe(queue, change)
            },
            onExit: (message) => void Queue.failCauseUnsafe(queue, Cause.fail(new MonitorEnded({ message })))
          })
        ),
        (child) => Effect.sync(child.kill)
      )
      yield* Effect.sleep(SETTLING)
      yield* Queue.offerAll(queue, everything)
      return yield* Effect.never
    }),
    { bufferSize: CAPACITY, strategy: "sliding" }
  )

const backOff = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")])

/**
 * What the kernel says changes, by `ip monitor`, which is started again with back-off (100 ms doubling to 5 s) when it ends. After each
 * start every kind is emitted once, because what happened in between was not seen.
 */
export const changes = (prefix: ReadonlyArray<string>): Stream.Stream<NetlinkChange> =>
  once(prefix).pipe(
    Stream.tapError(({ message }) =>
      logWarning(sentence`ip monitor ended; starting it again`).pipe(Effect.annotateLogs({ error: message }))
    ),
    Stream.retry(backOff),
    Stream.orDie
  )
