import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Result from "effect/Result"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { families, type Family } from "../../src/domain/Address.ts"
import type { DnatEntry, Protocol } from "../../src/domain/Dnat.ts"
import { baseRuleset, fillCommands, planCommands, removeTables, type NftCommand } from "../../src/domain/NftJson.ts"
import { Nftables, type NftError } from "../../src/services/Nftables.ts"

/** What others than the layer under test do. */
export interface NftWorld {
  /** A transaction by somebody else's nft. */
  readonly run: (commands: ReadonlyArray<NftCommand>) => Promise<void>
  /** Every table of the namespace, as `ip anchord_v4`. */
  readonly tables: () => Promise<ReadonlyArray<string>>
  /** Kills the layer's nft session. */
  readonly killSession: () => Promise<void>
}

export interface NftSetup {
  readonly layer: Layer.Layer<Nftables>
  readonly world: NftWorld
  readonly dispose: () => Promise<void>
}

const backend: Readonly<Record<Family, string>> = { v4: "172.20.0.5", v6: "fd20::5" }
const other: Readonly<Record<Family, string>> = { v4: "172.20.0.6", v6: "fd20::6" }
const nftTable = { v4: { family: "ip", table: "anchord_v4" }, v6: { family: "ip6", table: "anchord_v6" } } as const

const port = (
  family: Family,
  protocol: Protocol,
  at: number,
  backendPort = at,
  address = backend[family]
): DnatEntry => ({
  _tag: "Port",
  family,
  protocol,
  port: at,
  address,
  backendPort
})

const range = (family: Family, protocol: Protocol, from: number, to: number, address = backend[family]): DnatEntry => ({
  _tag: "Range",
  family,
  protocol,
  from,
  to,
  address
})

const tcp25 = port("v4", "tcp", 25)
const udp10to20 = range("v4", "udp", 10, 20)

const add = (...entries: ReadonlyArray<DnatEntry>) => fillCommands(entries)
const remove = (...entries: ReadonlyArray<DnatEntry>) => planCommands({ remove: entries, add: [] })
const base = baseRuleset({ extIface: "eth0" })

const element = (
  verb: "add" | "delete",
  family: Family,
  name: string,
  ...elem: ReadonlyArray<unknown>
): NftCommand => ({
  [verb]: { element: { ...nftTable[family], name, elem } }
})

const to = (address: string, backendPort: number) => ({ concat: [address, backendPort] })

/** As many single ports of both families and protocols, each to a place of its own. */
const many = (count: number): ReadonlyArray<DnatEntry> =>
  Array.from({ length: count }, (_, index) => {
    const family = index % 2 === 0 ? "v4" : "v6"
    const at = 1_000 + Math.floor(index / 2)
    const address = family === "v4" ? `10.1.${at % 250}.${(at % 200) + 1}` : `fd20::${at.toString(16)}`
    return port(family, at % 3 === 0 ? "udp" : "tcp", at, 30_000 + (at % 5_000), address)
  })

const text = (entry: DnatEntry): string =>
  entry._tag === "Port"
    ? `${entry.family} ${entry.protocol} ${entry.port} > ${entry.address} ${entry.backendPort}`
    : `${entry.family} ${entry.protocol} ${entry.from}-${entry.to} > ${entry.address}`

const texts = (entries: ReadonlyArray<DnatEntry>) => entries.map(text).toSorted()

interface Refused {
  readonly what: string
  readonly commands: ReadonlyArray<NftCommand>
}

/** What the kernel or nft refuses on base tables that hold {@link tcp25} and {@link udp10to20}. */
const refused: ReadonlyArray<Refused> = [
  { what: "another value for a port that is mapped", commands: add(port("v4", "tcp", 25, 26)) },
  { what: "another address for a port that is mapped", commands: add(port("v4", "tcp", 25, 25, other.v4)) },
  { what: "two values for one port", commands: add(port("v4", "tcp", 30), port("v4", "tcp", 30, 31)) },
  { what: "the deletion of a port that is not mapped", commands: remove(port("v4", "tcp", 26)) },
  { what: "the deletion of one port twice", commands: [...remove(tcp25), ...remove(tcp25)] },
  { what: "another value for an interval", commands: add(range("v4", "udp", 10, 20, other.v4)) },
  { what: "an interval that overlaps another", commands: add(range("v4", "udp", 15, 25)) },
  { what: "an interval inside of another", commands: add(range("v4", "udp", 12, 15, other.v4)) },
  { what: "an interval around another", commands: add(range("v4", "udp", 5, 25)) },
  { what: "intervals that share an end", commands: add(range("v4", "udp", 20, 30)) },
  { what: "new intervals that overlap", commands: add(range("v4", "tcp", 10, 20), range("v4", "tcp", 15, 25)) },
  { what: "the deletion of a part of an interval", commands: remove(range("v4", "udp", 10, 15)) },
  { what: "the deletion of more than an interval", commands: remove(range("v4", "udp", 10, 25)) },
  {
    what: "an interval that only fits once another is deleted later",
    commands: [...add(range("v4", "udp", 15, 25)), ...remove(udp10to20)]
  },
  { what: "an interval whose end is before its start", commands: add(range("v4", "tcp", 20, 10)) },
  {
    what: "an interval in a map of single ports",
    commands: [element("add", "v4", "dnat_tcp", [{ range: [1, 2] }, to(backend.v4, 1)])]
  },
  { what: "a port that does not exist", commands: add(port("v4", "tcp", 65_536)) },
  { what: "an interval beyond the last port", commands: add(range("v4", "tcp", 65_000, 65_536)) },
  { what: "a backend port that does not exist", commands: add(port("v4", "tcp", 30, 70_000)) },
  { what: "an IPv6 address in a map of IPv4", commands: add(port("v4", "tcp", 30, 30, backend.v6)) },
  { what: "what is not an address", commands: add(port("v6", "tcp", 30, 30, "fd20::5::1")) },
  {
    what: "an address without a port where both belong",
    commands: [element("add", "v4", "dnat_tcp", [30, backend.v4])]
  },
  {
    what: "an address with a port where only one belongs",
    commands: [element("add", "v4", "dnat_range_tcp", [{ range: [1, 2] }, to(backend.v4, 1)])]
  },
  { what: "an element without a value", commands: [element("add", "v4", "dnat_tcp", 30)] },
  { what: "no element at all", commands: [element("add", "v4", "dnat_tcp")] },
  { what: "a map that does not exist", commands: [element("add", "v4", "dnat_sctp", [30, to(backend.v4, 30)])] },
  {
    what: "a table that does not exist",
    commands: [
      { add: { element: { family: "ip", table: "nowhere", name: "dnat_tcp", elem: [[30, to(backend.v4, 30)]] } } }
    ]
  },
  {
    what: "the deletion of a table that does not exist",
    commands: [{ delete: { table: { family: "ip", name: "nowhere" } } }]
  },
  {
    what: "a rule in a chain that does not exist",
    commands: [{ add: { rule: { ...nftTable.v4, chain: "nowhere", expr: [{ masquerade: null }] } } }]
  },
  {
    what: "a map of another type under a name that is taken",
    commands: [{ add: { map: { ...nftTable.v4, name: "dnat_tcp", type: "inet_service", map: "ipv4_addr" } } }]
  },
  {
    what: "the deletion of a map that rules use",
    commands: [{ delete: { map: { ...nftTable.v4, name: "dnat_tcp" } } }]
  },
  {
    what: "an element of a table that it has deleted itself",
    commands: [{ delete: { table: { family: "ip", name: "anchord_v4" } } }, ...add(tcp25)]
  },
  { what: "what is not a command", commands: [{ frobnicate: { table: {} } }] }
]

/** The contract of {@link Nftables}: what holds for nft and the kernel, and must hold for everything that stands in for them. */
export const nftablesContract = (title: string, setUp: () => Promise<NftSetup>): void => {
  describe(`${title}: the contract of Nftables`, () => {
    let setup: NftSetup
    let world: NftWorld
    let runtime: ManagedRuntime.ManagedRuntime<Nftables, never>
    beforeEach(async () => {
      setup = await setUp()
      world = setup.world
      runtime = ManagedRuntime.make(setup.layer)
    })
    afterEach(async () => {
      await runtime.dispose()
      await setup.dispose()
    })

    const ask = <A, E>(use: (nft: Nftables["Service"]) => Effect.Effect<A, E>): Promise<A> =>
      runtime.runPromise(Effect.flatMap(Nftables, use))
    const transaction = (...commands: ReadonlyArray<NftCommand>) => ask((nft) => nft.transaction(commands))
    const refusal = (...commands: ReadonlyArray<NftCommand>): Promise<NftError> =>
      ask((nft) => Effect.flip(nft.transaction(commands)))
    const table = (family: Family) => ask((nft) => nft.readTable(family))
    const generation = () => ask((nft) => nft.generation)
    const entries = async () => {
      const tables = await Promise.all(families.map(table))
      return texts(tables.flatMap((content) => content?.entries ?? []))
    }
    const rules = async () => (await Promise.all(families.map(table))).map((content) => content?.rules)

    describe("the tables", () => {
      it("are not there before they are made, and empty then", async () => {
        expect(await Promise.all(families.map(table))).toEqual([undefined, undefined])
        await transaction(...base)
        const made = await Promise.all(families.map(table))
        expect(made.map((content) => content?.entries)).toEqual([[], []])
        expect(await world.tables()).toEqual(["ip anchord_v4", "ip6 anchord_v6"])
      })

      it("replace whatever was there under their names", async () => {
        await world.run([{ add: { table: { family: "ip", name: "anchord_v4" } } }])
        await world.run([{ add: { chain: { ...nftTable.v4, name: "leftover" } } }])
        await transaction(...base)
        const whole = await rules()
        await transaction(...add(tcp25))
        await transaction(...base)
        expect(await entries()).toEqual([])
        expect(await rules()).toEqual(whole)
      })

      it("have rules that tell one interface from another, and stay the same whatever the maps hold", async () => {
        await transaction(...base)
        const whole = await rules()
        await transaction(...add(tcp25, udp10to20, port("v6", "tcp", 25)))
        expect(await rules()).toEqual(whole)
        await transaction(...remove(tcp25, udp10to20))
        expect(await rules()).toEqual(whole)
        await transaction(...baseRuleset({ extIface: "eth1" }))
        const changed = await rules()
        expect(changed[0]).not.toBe(whole[0])
        expect(changed[1]).not.toBe(whole[1])
      })

      it("are removed together, and removing them again does no harm", async () => {
        await transaction(...base, ...add(tcp25))
        for (let time = 0; time < 2; time += 1) {
          await transaction(...removeTables())
          expect(await Promise.all(families.map(table))).toEqual([undefined, undefined])
        }
      })

      it("are the only ones that are touched", async () => {
        const foreign = { family: "ip", name: "foreign" }
        await world.run([
          { add: { table: foreign } },
          { add: { map: { family: "ip", table: "foreign", name: "kept", type: "inet_service", map: "ipv4_addr" } } }
        ])
        await transaction(...base)
        await transaction(...removeTables())
        expect(await world.tables()).toEqual(["ip foreign"])
        await world.run([{ delete: { map: { family: "ip", table: "foreign", name: "kept" } } }])
      })
    })

    describe("elements", () => {
      beforeEach(() => transaction(...base))

      it("are read as they were written, in both families and protocols", async () => {
        const written = families.flatMap((family) => [
          port(family, "tcp", 25),
          port(family, "tcp", 636, 6_636),
          port(family, "udp", 25, 53),
          range(family, "tcp", 8_000, 8_010),
          range(family, "udp", 8_000, 8_010, other[family]),
          range(family, "udp", 49_152, 65_535)
        ])
        await transaction(...add(...written))
        expect(await entries()).toEqual(texts(written))
      })

      it("have their addresses in the canonical form", async () => {
        await transaction(...add(port("v6", "tcp", 25, 25, "FD20:0:0:0:0:0:0:5")))
        expect(await entries()).toEqual(texts([port("v6", "tcp", 25)]))
      })

      it("may be added again as they are", async () => {
        const both = add(tcp25, udp10to20)
        await transaction(...both)
        await transaction(...both, ...both)
        expect(await entries()).toEqual(texts([tcp25, udp10to20]))
      })

      it("change their value when they are deleted and added in one transaction", async () => {
        await transaction(...add(tcp25, udp10to20))
        const changed = [port("v4", "tcp", 25, 2_525, other.v4), range("v4", "udp", 10, 20, other.v4)]
        await transaction(...planCommands({ remove: [tcp25, udp10to20], add: changed }))
        expect(await entries()).toEqual(texts(changed))
      })

      it("are deleted by their key, whatever the value that is named with it", async () => {
        await transaction(...add(tcp25, udp10to20))
        await transaction(...remove(port("v4", "tcp", 25, 1, other.v4), range("v4", "udp", 10, 20, other.v4)))
        expect(await entries()).toEqual([])
      })

      it("may be added and deleted in one transaction", async () => {
        await transaction(...add(tcp25, udp10to20), ...remove(tcp25, udp10to20))
        expect(await entries()).toEqual([])
      })

      it("of one port stand beside the interval around it", async () => {
        const both = [udp10to20, port("v4", "udp", 15, 15, other.v4)]
        await transaction(...add(...both))
        expect(await entries()).toEqual(texts(both))
      })
    })

    describe("intervals", () => {
      beforeEach(() => transaction(...base))

      it("that adjoin stay two, though they have one target", async () => {
        const two = [udp10to20, range("v4", "udp", 21, 30)]
        await transaction(...add(...two))
        expect(await entries()).toEqual(texts(two))
        await transaction(...remove(two[0]!))
        expect(await entries()).toEqual(texts([two[1]!]))
      })

      it("are cut around a new owner, and made whole again", async () => {
        await transaction(...add(udp10to20))
        const pieces = [range("v4", "udp", 10, 14), range("v4", "udp", 16, 20), port("v4", "udp", 15, 15, other.v4)]
        await transaction(...planCommands({ remove: [udp10to20], add: pieces }))
        expect(await entries()).toEqual(texts(pieces))
        await transaction(...planCommands({ remove: pieces, add: [udp10to20] }))
        expect(await entries()).toEqual(texts([udp10to20]))
      })

      it("grow over ports that their predecessor had", async () => {
        await transaction(...add(udp10to20))
        const wider = range("v4", "udp", 5, 30, other.v4)
        await transaction(...planCommands({ remove: [udp10to20], add: [wider] }))
        expect(await entries()).toEqual(texts([wider]))
      })

      it("of the last port alone cannot be deleted, and go only with all others", async () => {
        const last = range("v4", "udp", 65_535, 65_535)
        await transaction(...add(last, udp10to20))
        await transaction(...remove(last, udp10to20))
        expect(await entries()).toEqual(texts([last]))
        expect(await refusal(...add(range("v4", "udp", 65_535, 65_535, other.v4)))).toMatchObject({ reason: "refused" })
        await world.run([{ flush: { map: { ...nftTable.v4, name: "dnat_range_udp" } } }])
        expect(await entries()).toEqual([])
      })

      it("may hold a single port, and every port", async () => {
        const extremes = [range("v4", "tcp", 0, 65_535), range("v6", "tcp", 7, 7), range("v6", "tcp", 65_534, 65_535)]
        await transaction(...add(...extremes))
        expect(await entries()).toEqual(texts(extremes))
        await transaction(...remove(...extremes))
        expect(await entries()).toEqual([])
      })
    })

    describe("a transaction that is refused", () => {
      it.each(refused)("changes nothing: $what", async ({ commands }) => {
        await transaction(...base, ...add(tcp25, udp10to20))
        const [before, whole, session] = [await entries(), await rules(), await generation()]
        const good = add(port("v4", "udp", 99), port("v6", "tcp", 99), range("v6", "udp", 90, 99))
        expect(await refusal(...good, ...commands)).toMatchObject({ _tag: "NftError", reason: "refused" })
        expect(await refusal(...commands, ...good)).toMatchObject({ _tag: "NftError", reason: "refused" })
        expect(await entries()).toEqual(before)
        expect(await rules()).toEqual(whole)
        await transaction(...good)
        expect(await entries()).toHaveLength(before.length + 3)
        expect(await generation()).toBe(session)
      })

      it("says why, and what it was", async () => {
        await transaction(...base)
        const error = await refusal(...remove(tcp25))
        expect(error.message).toMatch(/No such file or directory/)
        expect(error.commands).toContain("dnat_tcp")
      })

      it("leaves no table behind that it would have made", async () => {
        expect(await refusal(...base, ...remove(tcp25))).toMatchObject({ reason: "refused" })
        expect(await world.tables()).toEqual([])
      })

      it("leaves the tables in place that it would have replaced", async () => {
        await transaction(...base, ...add(tcp25))
        expect(await refusal(...base, ...remove(tcp25))).toMatchObject({ reason: "refused" })
        expect(await entries()).toEqual(texts([tcp25]))
      })
    })

    describe("what somebody else does to the rule set", () => {
      beforeEach(() => transaction(...base, ...add(tcp25, udp10to20)))

      it("is seen: the whole rule set flushed", async () => {
        await world.run([{ flush: { ruleset: null } }])
        expect(await Promise.all(families.map(table))).toEqual([undefined, undefined])
        expect(await refusal(...add(port("v4", "tcp", 26)))).toMatchObject({ reason: "refused" })
        await transaction(...base, ...add(tcp25))
        expect(await entries()).toEqual(texts([tcp25]))
      })

      it("is seen: one table deleted", async () => {
        await world.run([{ delete: { table: { family: "ip", name: "anchord_v4" } } }])
        expect(await table("v4")).toBeUndefined()
        expect((await table("v6"))?.entries).toEqual([])
      })

      it("is seen: an element deleted, and one added", async () => {
        await world.run(remove(tcp25))
        await world.run(add(port("v4", "tcp", 26)))
        expect(await entries()).toEqual(texts([port("v4", "tcp", 26), udp10to20]))
      })

      it("is seen: a chain without its rules", async () => {
        const whole = await rules()
        await world.run([{ flush: { chain: { ...nftTable.v4, name: "prerouting" } } }])
        const [v4, v6] = await rules()
        expect(v4).not.toBe(whole[0])
        expect(v6).toBe(whole[1])
      })

      it("counts at once in the next transaction", async () => {
        await world.run([{ flush: { map: { ...nftTable.v4, name: "dnat_range_udp" } } }])
        expect(await refusal(...remove(udp10to20))).toMatchObject({ reason: "refused" })
        const overlapping = range("v4", "udp", 15, 25)
        await transaction(...add(overlapping))
        await world.run([...remove(overlapping), ...add(range("v4", "udp", 24, 40))])
        expect(await refusal(...add(overlapping))).toMatchObject({ reason: "refused" })
        expect(await entries()).toEqual(texts([tcp25, range("v4", "udp", 24, 40)]))
      })
    })

    describe("much of it", () => {
      it("5,000 entries are one transaction, and small changes go on after it", async () => {
        const all = many(5_000)
        await transaction(...base, ...add(...all))
        expect(await entries()).toEqual(texts(all))
        await transaction(...planCommands({ remove: all.slice(0, 3), add: [udp10to20] }))
        expect(await entries()).toEqual(texts([...all.slice(3), udp10to20]))
        await transaction(...remove(...all.slice(3)))
        expect(await entries()).toEqual(texts([udp10to20]))
      })

      it("5,000 entries with one that is refused are none", async () => {
        await transaction(...base)
        expect(await refusal(...add(...many(5_000)), ...remove(tcp25))).toMatchObject({ reason: "refused" })
        expect(await entries()).toEqual([])
      })

      it("1,000 intervals are one transaction", async () => {
        const all = Array.from({ length: 1_000 }, (_, index) => range("v6", "udp", index * 20, index * 20 + 9))
        await transaction(...base, ...add(...all))
        expect(await entries()).toEqual(texts(all))
      })

      it("questions that are asked at once get each its own answer", async () => {
        await transaction(...base)
        const all = many(40)
        const answers = await Promise.all(
          all.flatMap((entry) => [
            transaction(...add(entry)).then(() => "held"),
            refusal(...add(entry), ...remove(tcp25)).then(({ reason }) => reason),
            table(entry.family).then((content) => (content === undefined ? "missing" : "read"))
          ])
        )
        expect(answers).toEqual(all.flatMap(() => ["held", "refused", "read"]))
        expect(await entries()).toEqual(texts(all))
      })
    })

    describe("the session", () => {
      it("is one for everything that is asked", async () => {
        await transaction(...base)
        const session = await generation()
        expect(session).toBeGreaterThan(0)
        await transaction()
        await transaction(...add(tcp25))
        await entries()
        expect(await generation()).toBe(session)
      })

      it("that is killed is another generation, and takes nothing of the rule set with it", async () => {
        await transaction(...base, ...add(tcp25))
        for (let time = 0; time < 3; time += 1) {
          const session = await generation()
          await world.killSession()
          const first = await ask((nft) => Effect.result(nft.readTable("v4")))
          expect(["answered", "session-lost"]).toContain(Result.isFailure(first) ? first.failure.reason : "answered")
          expect(await entries()).toEqual(texts([tcp25]))
          expect(await generation()).toBeGreaterThan(session)
        }
        await transaction(...remove(tcp25))
        expect(await entries()).toEqual([])
      })

      it("that is killed in a transaction has carried it out wholly or not at all", async () => {
        await transaction(...base)
        const all = many(600)
        for (let time = 0; time < 5; time += 1) {
          const change = ask((nft) => Effect.result(nft.transaction(add(...all))))
          await world.killSession()
          const result = await change
          // A session that answered and was killed then may still be found dead by the next question.
          await ask((nft) => Effect.result(nft.readTable("v4")))
          const present = await entries()
          const [outcome, possible] = Result.isSuccess(result)
            ? ["held", [texts(all)]]
            : [result.failure.reason, [texts(all), []]]
          expect(["held", "session-lost"]).toContain(outcome)
          expect(possible).toContainEqual(present)
          await transaction(...base)
        }
      })
    })
  })
}
