import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { chmodSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it, vi } from "vitest"
import { removeTables } from "../../../src/domain/NftJson.ts"
import { layer } from "../../../src/layers/nftables/NftSession.ts"
import { Nftables } from "../../../src/services/Nftables.ts"
import { makeFolder, patience } from "../process/scripts.ts"

/**
 * An nft whose sessions behave as the file `session` says, and which does a single change as the file `alone` says. Both write down what they
 * were told; a single change also whether a session was there.
 */
const script = `#!/bin/sh
cd "$(dirname "$0")"
answer='{"nftables": [{"metainfo": {"json_schema_version": 1}}]}'
if [ "$2" = -i ]; then
  how=$(cat session)
  echo $$ > pid
  while read -r line; do
    case "$line" in
      *bridge*) [ "$how" = answers ] && echo "$answer" ;;
      *) echo "$how heard $line" >> log ;;
    esac
    [ "$how" = dies ] && exit 3
  done
  while [ "$how" = stays ] && [ -e session ]; do sleep 0.1; done
else
  kill -0 "$(cat pid)" 2>/dev/null && echo "beside a session" >> log
  echo "alone heard $2" >> log
  . ./alone
fi
`

type Session = "answers" | "is silent" | "dies" | "stays"

const makeNft = (session: Session, alone = "true", before: ReadonlyArray<string> = []) => {
  const folder = makeFolder()
  const file = (name: string) => join(folder, name)
  const behave = (how: Session) => writeFileSync(file("session"), how)
  writeFileSync(file("nft"), script)
  chmodSync(file("nft"), 0o755)
  writeFileSync(file("alone"), alone)
  writeFileSync(file("log"), "")
  behave(session)
  const use = <A, E>(ask: (nft: Nftables["Service"]) => Effect.Effect<A, E>): Promise<A> =>
    Effect.runPromise(
      Effect.flatMap(Nftables, ask).pipe(
        Effect.provide(layer({ prefix: [...before, "env", `PATH=${folder}:${process.env["PATH"] ?? ""}`] }))
      )
    )
  return { use, behave, log: () => readFileSync(file("log"), "utf8").trim().split("\n") }
}

const commands = removeTables()
const change = JSON.stringify({ nftables: commands })

describe("a change that a session leaves open", () => {
  it.each<Session>(["is silent", "dies"])(
    "because it %s, is made once more by a process of its own",
    async (session) => {
      const nft = makeNft(session)
      const generations = await nft.use(({ transaction, generation }) =>
        Effect.all([generation, transaction(commands), generation])
      )
      expect(nft.log()).toEqual([`${session} heard ${change}`, `alone heard ${change}`])
      expect(generations).toEqual([1, undefined, 2])
    }
  )

  it("is followed by others in a new session", async () => {
    const nft = makeNft("is silent")
    await nft.use(({ transaction }) =>
      transaction(commands).pipe(
        Effect.andThen(Effect.sync(() => nft.behave("answers"))),
        Effect.andThen(transaction(commands))
      )
    )
    expect(nft.log().at(-1)).toBe(`answers heard ${change}`)
    expect(nft.log()).toHaveLength(3)
  })

  it("is a lost session when the process of its own is refused, and says both", async () => {
    const nft = makeNft("dies", "echo 'Error: No such file or directory' >&2; exit 1")
    const error = await nft.use(({ transaction }) => Effect.flip(transaction(commands)))
    expect(error).toMatchObject({ reason: "session-lost", commands: change })
    expect(error.message).toContain("ended with status 3")
    expect(error.message).toContain("No such file or directory")
  })

  it("is a lost session when that cannot be ended: two must not make one change", async () => {
    // What is killed is the shell, and the session outlives it.
    const nft = makeNft("stays", "true", ["sh", "-c", '"$@"; true', "sh"])
    const error = await nft.use(({ transaction }) => Effect.flip(transaction(commands)))
    expect(error).toMatchObject({ reason: "session-lost" })
    expect(nft.log()).toEqual([`stays heard ${change}`])
  })

  it("is a lost session when the process of its own hangs as well", async () => {
    const nft = makeNft("is silent", "exec sleep 1000")
    const error = await nft.use(({ transaction }) => Effect.flip(transaction(commands)))
    expect(error).toMatchObject({ reason: "session-lost" })
    expect(error.message).toMatch(/did not answer within 1 s.*took longer than 2000 ms/)
  })
})

describe("a question that a session leaves open", () => {
  it("because it dies, is a lost session, and is not asked elsewhere", async () => {
    const nft = makeNft("dies")
    const error = await nft.use(({ readTable }) => Effect.flip(readTable("v4")))
    expect(error).toMatchObject({ reason: "session-lost", message: "nft ended with status 3" })
    expect(nft.log()).toHaveLength(1)
  })

  it("because who asked gave up, is no part of the answer to the next one", async () => {
    const nft = makeNft("is silent")
    await nft.use(({ readTable, transaction }) =>
      Effect.gen(function* () {
        const asking = yield* Effect.forkChild(readTable("v4"))
        yield* Effect.promise(() => vi.waitFor(() => expect(nft.log()).not.toEqual([""]), patience))
        yield* Fiber.interrupt(asking)
        nft.behave("answers")
        yield* transaction(commands)
      })
    )
    expect(nft.log()).toEqual([expect.stringMatching(/^is silent heard .*"list"/), `answers heard ${change}`])
  })
})
