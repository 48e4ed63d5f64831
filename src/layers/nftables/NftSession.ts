import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { listTable, parseTable, type NftCommand } from "../../domain/NftJson.ts"
import { Nftables, NftError } from "../../services/Nftables.ts"
import { run } from "../process/CommandRunner.ts"
import { document, isAnswer, makeInteractiveNft, sessionLost } from "./InteractiveNft.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logWarning } from "../observability/OperatorLog.ts"

export interface NftOptions {
  /** Put before each command: another network namespace, another root. */
  readonly prefix?: ReadonlyArray<string>
  /** The folder that the prefix makes the root, if it does. */
  readonly root?: string
}

/** A transaction of more characters goes by file: `nft -f` is faster then, and the session stays free of huge lines. Fewer fit into an argument. */
const BULK_CHARACTERS = 100_000

/** How long a session may take over a question. */
const ANSWER_MILLIS = 5_000

/** How long it may take over a change, which takes milliseconds, and a process of its own after it: a shutdown has 5 s for all (SPEC §14). */
const CHANGE_MILLIS = 1_000
const ALONE_MILLIS = 2_000

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
 * The rule set by a long-lived `nft -j -i` (SPEC §6). A session that dies or stalls is given up, and the next question opens another; that
 * one has ended shows as a new generation at once. What was asked is `session-lost`, unless it was a change that a fresh `nft` could make.
 */
export const layer = (options: NftOptions = {}): Layer.Layer<Nftables> =>
  Layer.effect(Nftables)(
    Effect.gen(function* () {
      const { prefix = [] } = options
      const session = makeInteractiveNft(prefix)
      const turn = yield* Semaphore.make(1)
      yield* Effect.addFinalizer(() => Effect.sync(session.close))

      const inSession = Effect.fnUntraced(function* (commands: string) {
        const wrong = complaints(yield* session.ask(commands, CHANGE_MILLIS))
        if (wrong.length > 0) return yield* refusal(commands, wrong)
      })

      /**
       * Makes a change that a session left open, once that has ended. Where the session had made it after all, the second one changes nothing
       * more, or is refused: then, as after any failure here, nobody knows what holds.
       */
      const alone = Effect.fnUntraced(
        function* (commands: string, why: NftError) {
          yield* session.end
          yield* run(["nft", "-j", commands], { prefix, timeoutMillis: ALONE_MILLIS })
          yield* logWarning(
            sentence`the nft session was lost during a change, which a process of its own has made`
          ).pipe(Effect.annotateLogs({ error: why.message }))
        },
        (effect, commands, why) =>
          Effect.mapError(effect, ({ message }) =>
            sessionLost(commands, `${why.message}, and a process of its own failed as well: ${message}`)
          )
      )

      const change = (commands: string): Effect.Effect<void, NftError> =>
        inSession(commands).pipe(
          Effect.catchIf(
            ({ reason }) => reason === "session-lost",
            (why) => alone(commands, why)
          )
        )

      return {
        transaction: (commands) => {
          if (commands.length === 0) return Effect.void
          const text = document(commands)
          const made = text.length > BULK_CHARACTERS ? byFile(commands, options) : change(text)
          return turn.withPermits(1)(Effect.uninterruptible(made))
        },
        readTable: Effect.fnUntraced(function* (family) {
          const command = document([listTable(family)])
          const lines = yield* turn.withPermits(1)(session.ask(command, ANSWER_MILLIS))
          const answer = lines.find(isAnswer)
          if (answer !== undefined) return parseTable(JSON.parse(answer), family)
          const wrong = complaints(lines)
          return wrong.every((line) => line.includes("No such file or directory"))
            ? undefined
            : yield* refusal(command, wrong)
        }),
        generation: Effect.sync(session.generation)
      }
    })
  )
