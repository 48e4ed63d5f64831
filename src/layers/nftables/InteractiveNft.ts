import type * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { NftCommand } from "../../domain/NftJson.ts"
import { NftError } from "../../services/Nftables.ts"
import { start, type LineProcess } from "../process/LineProcess.ts"

/** How long a session that is killed may take to be gone. */
const END_MILLIS = 500

/** Commands in the form that nft takes. */
export const document = (commands: ReadonlyArray<NftCommand>): string => JSON.stringify({ nftables: commands })

/** Whether a line is one of nft's own JSON, and no complaint. */
export const isAnswer = (line: string): boolean => line.startsWith('{"nftables"')

/**
 * A cheap query whose answer marks the end of what nft had to say about the command before it: a change prints nothing. It lists a
 * family in which anchord has no table, so that its answer cannot be taken for another.
 */
const marker = { list: { tables: { family: "bridge" } } }

const isEnd = (line: string): boolean => isAnswer(line) && !line.includes('"name": "anchord_v')

/** Without CAP_NET_ADMIN nft says so to every question, that for the end of an answer included. */
const isForbidden = (line: string): boolean => line.includes("Operation not permitted")

export const sessionLost = (commands: string, message: string): NftError =>
  new NftError({ reason: "session-lost", commands: commands.slice(0, 2_000), message })

interface Session {
  readonly child: LineProcess
  readonly ended: Deferred.Deferred<void>
  /** What nft has said since the last question, and who waits for it. */
  lines: Array<string>
  heard: () => void
  dead: string | undefined
}

/** Questions to one long-lived `nft -j -i`, one at a time. A child that died or was given up is replaced at the next question. */
export interface InteractiveNft {
  /** Gives nft one command, and answers with every line that it says about it. Who gives up on the answer gives up the session. */
  readonly ask: (command: string, limitMillis: number) => Effect.Effect<ReadonlyArray<string>, NftError>
  /** Ends the session at once. */
  readonly close: () => void
  /** Ends the session, and waits until it is gone: nothing that it was told is done after that. */
  readonly end: Effect.Effect<void, Cause.TimeoutError>
  /** Grows by one whenever a session has ended. */
  readonly generation: () => number
}

export const makeInteractiveNft = (prefix: ReadonlyArray<string>): InteractiveNft => {
  let session: Session | undefined
  /** The last that was opened, whether or not it has been given up. */
  let newest: Session | undefined
  let generation = 1

  const open = (): Session => {
    const fresh: Session = {
      child: start([...prefix, "sh", "-c", "exec nft -j -i 2>&1"], {
        onLine: (line) => {
          fresh.lines.push(line)
          fresh.heard()
        },
        onExit: (why) => {
          fresh.dead = why
          generation += 1
          Deferred.doneUnsafe(fresh.ended, Effect.void)
          fresh.heard()
        }
      }),
      ended: Deferred.makeUnsafe(),
      lines: [],
      heard: () => {},
      dead: undefined
    }
    newest = fresh
    return fresh
  }

  const close = () => {
    session?.child.kill()
    session = undefined
  }

  const ask: InteractiveNft["ask"] = (command, limitMillis) =>
    Effect.callback<ReadonlyArray<string>, NftError>((resume) => {
      if (session === undefined || session.dead !== undefined) session = open()
      const current = session
      current.lines = []
      current.heard = () => {
        if (current.dead !== undefined) return resume(Effect.fail(sessionLost(command, `nft ${current.dead}`)))
        if (current.lines.some(isForbidden)) return resume(Effect.succeed(current.lines))
        if (isEnd(current.lines.at(-1) ?? "")) resume(Effect.succeed(current.lines.slice(0, -1)))
      }
      current.child.write(`${command}\n${document([marker])}\n`)
      return Effect.sync(() => {
        // The answer may still come, and would be taken for that to the next question.
        if (session === current) close()
      })
    }).pipe(
      Effect.timeoutOrElse({
        duration: limitMillis,
        orElse: () => Effect.fail(sessionLost(command, `nft did not answer within ${limitMillis / 1_000} s`))
      })
    )

  const end = Effect.suspend(() => {
    const last = newest
    close()
    return last === undefined ? Effect.void : Deferred.await(last.ended).pipe(Effect.timeout(END_MILLIS))
  })

  return { ask, close, end, generation: () => generation }
}
