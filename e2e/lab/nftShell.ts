import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import type { NftCommand } from "../../src/domain/NftJson.ts"

const document = (...commands: ReadonlyArray<NftCommand>) => JSON.stringify({ nftables: commands })

const isAnswer = (line: string) => line.startsWith('{"nftables"')

/** An `nft -j -i` that tests talk to, beside the one that anchord has. Every question is followed by one whose answer ends what nft says. */
export interface NftShell {
  /** Carries commands out as one transaction; what nft complains of, or nothing. */
  readonly execute: (commands: ReadonlyArray<NftCommand>) => Promise<string | undefined>
  /** What `nft -j list ruleset` prints. */
  readonly list: () => Promise<unknown>
  readonly close: () => Promise<void>
}

export const openNftShell = (prefix: ReadonlyArray<string>): NftShell => {
  const open = () => {
    const [program = "", ...args] = [...prefix, "sh", "-c", "exec nft -j -i 2>&1"]
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] })
    const ended = new Promise<void>((resolve) => child.on("close", () => resolve()))
    return { child, ended, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() }
  }
  let session = open()

  /** The answers to some questions, and what else nft said; a nft that ends at it has refused it, and is opened again. */
  const ask = async (...questions: ReadonlyArray<NftCommand | ReadonlyArray<NftCommand>>) => {
    const marker = { list: { tables: { family: "bridge" } } }
    const texts = questions.map((one) =>
      document(...(Array.isArray(one) ? (one as ReadonlyArray<NftCommand>) : [one as NftCommand]))
    )
    session.child.stdin.write(`${texts.join("\n")}\n${document(marker)}\n`)
    const said: Array<string> = []
    for (;;) {
      const { value, done } = await session.lines.next()
      if (done) {
        session = open()
        return { said: [...said, "nft has ended"], isDead: true }
      }
      said.push(value)
      const isList = questions.some((one) => "list" in one)
      if (said.filter(isAnswer).length === (isList ? 2 : 1)) return { said: said.slice(0, -1), isDead: false }
    }
  }

  return {
    execute: async (commands) => {
      const { said } = await ask(commands)
      return said.length === 0 ? undefined : said.join("\n")
    },
    list: async () => {
      const { said } = await ask({ list: { ruleset: null } })
      const answer = said.find(isAnswer)
      if (answer === undefined) throw new Error(`nft does not list its rules: ${said.join("\n")}`)
      return JSON.parse(answer)
    },
    close: async () => {
      session.child.stdin.end()
      await session.ended
    }
  }
}
