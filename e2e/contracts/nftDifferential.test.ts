import * as fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { families } from "../../src/domain/Address.ts"
import { nftFamily, parseTable, tableName, type NftCommand } from "../../src/domain/NftJson.ts"
import { SimRuleset } from "../../src/layers/sim/kernel/SimRuleset.ts"
import { nftIntent } from "../../property-tests/arbitraries/nftCommands.ts"
import { attachLab } from "../lab/attach.ts"
import { inNetns, makeNetns } from "../lab/lan.ts"
import { openNftShell, type NftShell } from "../lab/nftShell.ts"

const TRANSACTIONS = 600

type Fields = Readonly<Record<string, unknown>>

/** Everything but what the kernel numbers. Sets have no order, and nft leaves out the family of a translation where the address tells it. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (key, inner: unknown) => {
    if (key === "handle") return undefined
    if (key === "set" && Array.isArray(inner)) return inner.toSorted()
    if (key === "dnat") return { ...(inner as Fields), family: undefined }
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  })

/** A listing as lines that can be compared: the order of tables, maps and chains is nobody's business, that of rules is. */
const lines = (listing: unknown): ReadonlyArray<string> => {
  const objects = (listing as { readonly nftables: ReadonlyArray<Readonly<Record<string, Fields>>> }).nftables
  const places = new Map<string, number>()
  return objects
    .flatMap((object) =>
      Object.entries(object).flatMap(([kind, fields]) => {
        if (kind === "metainfo") return []
        const chain = `${String(fields["family"])} ${String(fields["table"])} ${String(fields["chain"])}`
        const place = places.get(chain) ?? 0
        if (kind === "rule") places.set(chain, place + 1)
        return [`${kind} ${kind === "rule" ? place : ""} ${canonical(fields)}`]
      })
    )
    .toSorted()
}

const simulatedListing = (ruleset: SimRuleset) => ({
  nftables: ruleset.tables().flatMap((table) => {
    const [family = "", name = ""] = table.split(" ")
    return (ruleset.list(family, name) as { readonly nftables: ReadonlyArray<unknown> }).nftables
  })
})

const presentIn = (ruleset: SimRuleset) =>
  families.flatMap((family) => parseTable(ruleset.list(nftFamily[family], tableName[family]), family).entries)

let shell: NftShell
let dispose = async () => {}

beforeAll(async () => {
  const netns = await makeNetns()
  shell = openNftShell(inNetns(netns.name, "chroot", attachLab().root))
  dispose = async () => {
    await shell.close()
    await netns.dispose()
  }
})
afterAll(() => dispose())

/** Carries a transaction out on both, and says where they differ. */
const compare = async (ruleset: SimRuleset, commands: ReadonlyArray<NftCommand>) => {
  const [real, simulated] = [await shell.execute(commands), ruleset.execute(commands)]
  const what = `${JSON.stringify(commands)}\nnft: ${real ?? "accepts"}\nsimulation: ${simulated ?? "accepts"}`
  expect(simulated === undefined, what).toBe(real === undefined)
  expect(lines(simulatedListing(ruleset)), what).toEqual(lines(await shell.list()))
  return real === undefined
}

describe("the simulated rule set", () => {
  it(
    `agrees with nft and the kernel on ${TRANSACTIONS} random transactions, one after the other`,
    { timeout: 120_000 },
    async () => {
      const seed = Math.floor(Math.random() * 2 ** 31)
      console.log(`nft transactions: seed ${seed}`)
      const ruleset = new SimRuleset()
      let accepted = 0
      for (const [index, intent] of fc.sample(nftIntent, { seed, numRuns: TRANSACTIONS }).entries()) {
        const agreed = await compare(ruleset, intent(presentIn(ruleset))).catch((error: unknown) => {
          throw new Error(`seed ${seed}, transaction ${index}`, { cause: error })
        })
        if (agreed) accepted += 1
      }
      console.log(`nft transactions: ${accepted} accepted, ${TRANSACTIONS - accepted} refused`)
      expect(accepted).toBeGreaterThan(TRANSACTIONS / 4)
      expect(accepted).toBeLessThan(TRANSACTIONS)
    }
  )
})
