import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { listTable, parseTable, type NftCommand } from "../../domain/NftJson.ts"
import { Nftables, NftError } from "../../services/Nftables.ts"
import { run } from "../process/CommandRunner.ts"
import { start, type LineProcess } from "../process/LineProcess.ts"

export interface NftOptions {
  /** Put before each command: another network namespace, another root. */
  readonly prefix?: ReadonlyArray<string>
  /** The folder that the prefix makes the root, if it does. */
  readonly root?: string
}

/** A transaction of more characters goes by file: `nft -f` is faster then, and the session stays free of huge lines. */
const BULK_CHARACTERS = 100_000
const ANSWER_TIMEOUT = "5 seconds"

/**
 * A cheap query whose answer marks the end of what nft had to say about the command before it: a change prints nothing. It lists a
 * family in which anchord has no table, so that its answer cannot be taken for another.
 */
const marker = { list: { tables: { family: "bridge" } } }

const document = (commands: ReadonlyArray<NftCommand>): string => JSON.stringify({ nftables: commands })

const isAnswer = (line: string): boolean => line.startsWith('{"nftables"')

const isEnd = (line: string): boolean => isAnswer(line) && !line.includes('"name": "anchord_v')

/** Without CAP_NET_ADMIN nft says so to every question, that for the end of an answer included. */
const isForbidden = (line: string): boolean => line.includes("Operation not permitted")

interface Session {
  readonly child: LineProcess
  /** What nft has said since the last question, and who waits for it. */
  lines: Array<string>
  heard: () => void
  dead: string | undefined
}

/** Serialises questions to one long-lived `nft -j -i`; a child that died is replaced at the next question. */
const makeSessions = (prefix: ReadonlyArray<string>) => {
  let session: Session | undefined
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
          fresh.heard()
        }
      }),
      lines: [],
      heard: () => {},
      dead: undefined
    }
    return fresh
  }

  const close = () => {
    session?.child.kill()
    session = undefined
  }

  const lost = (command: string, message: string, which = session) => {
    // A session that was given up may end later than its successor begins.
    if (which === session) close()
    return new NftError({ reason: "session-lost", commands: command.slice(0, 2_000), message: `nft ${message}` })
  }

  /** Gives nft one command, and answers with every line that it says about it. */
  const ask = (command: string): Effect.Effect<ReadonlyArray<string>, NftError> =>
    Effect.callback<ReadonlyArray<string>, NftError>((resume) => {
      if (session === undefined || session.dead !== undefined) session = open()
      const current = session
      current.lines = []
      current.heard = () => {
        if (current.dead !== undefined) return resume(Effect.fail(lost(command, current.dead, current)))
        if (current.lines.some(isForbidden)) return resume(Effect.succeed(current.lines))
        if (isEnd(current.lines.at(-1) ?? "")) resume(Effect.succeed(current.lines.slice(0, -1)))
      }
      current.child.write(`${command}\n${document([marker])}\n`)
    }).pipe(
      Effect.timeoutOrElse({
        duration: ANSWER_TIMEOUT,
        orElse: () => Effect.fail(lost(command, "did not answer within 5 s"))
      })
    )

  return { ask, close, generation: () => generation }
}

const refusal = (commands: string, lines: ReadonlyArray<string>): NftError =>
  new NftError({ reason: "refused", commands: commands.slice(0, 2_000), message: lines.join(" ").trim() })

/** nft repeats the input below its message; only the message says something. */
const complaints = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.filter((line) => !isAnswer(line) && line.trim() !== "" && !line.startsWith("{") && !/^[\s^~]*$/.test(line))

/** The one folder that can be written to in a container whose root is read-only (SPEC §15). */
const SPOOL = "/run"

const byFileText = (commands: ReadonlyArray<NftCommand>): string => `${commands.length} commands by file`

const byFile = (
  commands: ReadonlyArray<NftCommand>,
  { prefix = [], root = "" }: NftOptions
): Effect.Effect<void, NftError> =>
  Effect.acquireUseRelease(
    Effect.try({
      try: () => {
        const folder = mkdtempSync(join(root, SPOOL, "anchord-nft-"))
        writeFileSync(join(folder, "transaction.json"), document(commands))
        return folder
      },
      catch: (error) =>
        refusal(byFileText(commands), [`cannot write it to ${SPOOL}, mount a tmpfs there: ${String(error)}`])
    }),
    (folder) =>
      run(["nft", "-j", "-f", join(folder.slice(root.length), "transaction.json")], {
        prefix,
        timeoutMillis: 60_000
      }).pipe(
        Effect.asVoid,
        Effect.mapError(({ status, message }) =>
          status === undefined
            ? new NftError({ reason: "session-lost", commands: byFileText(commands), message })
            : refusal(byFileText(commands), [message])
        )
      ),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )

/**
 * The rule set by a long-lived `nft -j -i` (SPEC §6). A session that dies or stalls is given up: what ran is `session-lost`, and the next
 * question opens another; that one has ended shows as a new generation at once.
 */
export const layer = (options: NftOptions = {}): Layer.Layer<Nftables> =>
  Layer.effect(Nftables)(
    Effect.gen(function* () {
      const sessions = makeSessions(options.prefix ?? [])
      const turn = yield* Semaphore.make(1)
      yield* Effect.addFinalizer(() => Effect.sync(sessions.close))

      const inSession = Effect.fnUntraced(function* (commands: string) {
        const wrong = complaints(yield* sessions.ask(commands))
        if (wrong.length > 0) return yield* refusal(commands, wrong)
      })

      return {
        transaction: (commands) => {
          if (commands.length === 0) return Effect.void
          const text = document(commands)
          const change = text.length > BULK_CHARACTERS ? byFile(commands, options) : inSession(text)
          return turn.withPermits(1)(Effect.uninterruptible(change))
        },
        readTable: Effect.fnUntraced(function* (family) {
          const command = document([listTable(family)])
          const lines = yield* turn.withPermits(1)(sessions.ask(command))
          const answer = lines.find(isAnswer)
          if (answer !== undefined) return parseTable(JSON.parse(answer), family)
          const wrong = complaints(lines)
          return wrong.every((line) => line.includes("No such file or directory"))
            ? undefined
            : yield* refusal(command, wrong)
        }),
        generation: Effect.sync(sessions.generation)
      }
    })
  )
