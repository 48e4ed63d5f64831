import * as Effect from "effect/Effect"
import { readdirSync } from "node:fs"
import { afterAll, describe, expect, it } from "vitest"
import type { NftCommand } from "../../src/domain/NftJson.ts"
import { layer, type NftOptions } from "../../src/layers/nftables/NftSession.ts"
import { Nftables } from "../../src/services/Nftables.ts"
import { nftablesContract } from "../../test/contracts/nftables.ts"
import { attachLab } from "../lab/attach.ts"
import { attempt, run } from "../lab/command.ts"
import { inNetns, makeNetns } from "../lab/lan.ts"
import { childrenRunning } from "../lab/processes.ts"
import { eventually } from "../lab/steps.ts"

const disposals: Array<() => Promise<void>> = []

const makeTables = async () => {
  const { name, dispose } = await makeNetns()
  disposals.push(dispose)
  const { root } = attachLab()
  const prefix = inNetns(name, "chroot", root)
  return { name, root, prefix, nft: (input: string) => run([...prefix, "nft", "-j", "-f", "-"], { input }) }
}

afterAll(async () => {
  for (const dispose of disposals) await dispose()
})

/** The children of this process that are an nft session, or about to become one. */
const sessions = () => childrenRunning("nft -j -i")

const killSession = async () => {
  const all = sessions()
  for (const pid of all) process.kill(pid, "SIGKILL")
  await eventually("the session is gone", 5_000, () =>
    expect(sessions().filter((pid) => all.includes(pid))).toEqual([])
  )
}

const document = (...commands: ReadonlyArray<NftCommand>) => JSON.stringify({ nftables: commands })

interface TableList {
  readonly nftables: ReadonlyArray<{ readonly table?: { readonly family: string; readonly name: string } }>
}

nftablesContract("nft", async () => {
  const { name, root, prefix, nft } = await makeTables()
  return {
    layer: layer({ prefix, root }),
    world: {
      run: async (commands) => void (await nft(document(...commands))),
      tables: async () => {
        const answer = JSON.parse(await run([...prefix, "nft", "-j", "list", "tables"])) as TableList
        return answer.nftables.flatMap(({ table }) => (table === undefined ? [] : [`${table.family} ${table.name}`]))
      },
      killSession
    },
    dispose: () => attempt(["ip", "netns", "delete", name])
  }
})

describe("nft", () => {
  const ask = <A, E>(options: NftOptions, use: (nft: Nftables["Service"]) => Effect.Effect<A, E>): Promise<A> =>
    Effect.runPromise(Effect.flatMap(Nftables, use).pipe(Effect.provide(layer(options))))

  it("ends with its layer", async () => {
    const { prefix, root } = await makeTables()
    await ask({ prefix, root }, (nft) => nft.readTable("v4"))
    await eventually("no session is left", 5_000, () => expect(sessions()).toEqual([]))
  })

  it("leaves no file of a large transaction behind, whether it holds or not", async () => {
    const { prefix, root } = await makeTables()
    const spool = () => readdirSync(`${root}/run`).filter((name) => name.startsWith("anchord-nft-"))
    const table = { family: "ip", name: "large" }
    const elem = Array.from({ length: 20_000 }, (_, index) => index)
    const set = { add: { set: { family: "ip", table: "large", name: "ports", type: "inet_service", elem } } }
    const large = [{ add: { table } }, set]
    await ask({ prefix, root }, (nft) => nft.transaction(large))
    const refusal = await ask({ prefix, root }, (nft) =>
      Effect.flip(nft.transaction([...large, { delete: { table: { family: "ip", name: "nowhere" } } }]))
    )
    expect(refusal).toMatchObject({ reason: "refused" })
    expect(spool()).toEqual([])
  })

  it("that cannot be started is a lost session, each time", async () => {
    for (const prefix of [["anchord-no-such-program"], ["false"]]) {
      const errors = await ask({ prefix }, (nft) =>
        Effect.all([Effect.flip(nft.readTable("v4")), Effect.flip(nft.transaction([{ flush: { ruleset: null } }]))])
      )
      expect(errors.map(({ reason }) => reason)).toEqual(["session-lost", "session-lost"])
    }
  })

  it("without CAP_NET_ADMIN refuses, and says that it is not permitted", async () => {
    const { name, root } = await makeTables()
    const bare = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]
    const prefix = inNetns(name, ...bare, "chroot", root)
    const error = await ask({ prefix, root }, (nft) =>
      Effect.flip(nft.transaction([{ add: { table: { family: "ip", name: "anchord_v4" } } }]))
    )
    expect(error.reason).toBe("refused")
    expect(error.message).toMatch(/not permitted/)
  })
})
