import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import type { AddressPair } from "../../src/domain/Address.ts"
import { desiredDnat, type Backend, type Conflict } from "../../src/domain/DesiredDnat.ts"
import type { DnatEntry, DnatTable } from "../../src/domain/Dnat.ts"
import { parseExpose } from "../../src/domain/ExposeLabel.ts"

const A = "172.20.0.10"
const B = "172.20.0.11"
const C = "172.20.0.12"

const backend = (name: string, createdAt: number, address: AddressPair, expose: string): Backend => ({
  id: `id-${name}`,
  name,
  createdAt,
  address,
  mappings: Result.getOrThrow(parseExpose(expose))
})

const shown = (entry: DnatEntry): string =>
  entry._tag === "Port"
    ? `${entry.family} ${entry.protocol}/${entry.port} ${entry.address}:${entry.backendPort}`
    : `${entry.family} ${entry.protocol}/${entry.from}-${entry.to} ${entry.address}`

const tableShown = (table: DnatTable) => [...table.values()].map(shown).toSorted()

const table = (...backends: ReadonlyArray<Backend>) => tableShown(desiredDnat(backends).table)

const conflictShown = ({ protocol, from, to, owner, standby }: Conflict) =>
  `${protocol}/${from}${from === to ? "" : `-${to}`} ${owner.name} before ${standby.name}`

const conflicts = (...backends: ReadonlyArray<Backend>) => desiredDnat(backends).conflicts.map(conflictShown)

describe("the elements of a backend", () => {
  it("are one for each port and each address family that it has", () => {
    expect(table(backend("mta", 1, { v4: A, v6: "fd20::10" }, "tcp/25,udp/53:5353"))).toEqual([
      "v4 tcp/25 172.20.0.10:25",
      "v4 udp/53 172.20.0.10:5353",
      "v6 tcp/25 fd20::10:25",
      "v6 udp/53 fd20::10:5353"
    ])
    expect(table(backend("mta", 1, { v4: A }, "tcp/25"))).toEqual(["v4 tcp/25 172.20.0.10:25"])
    expect(table(backend("mta", 1, { v6: "fd20::10" }, "tcp/25"))).toEqual(["v6 tcp/25 fd20::10:25"])
  })

  it("are one interval for a range that keeps its ports, however wide", () => {
    expect(table(backend("rtp", 1, { v4: A }, "udp/49152-65535"))).toEqual(["v4 udp/49152-65535 172.20.0.10"])
  })

  it("are one for each port of a translated range", () => {
    expect(table(backend("web", 1, { v4: A }, "tcp/8000-8002:9000-9002"))).toEqual([
      "v4 tcp/8000 172.20.0.10:9000",
      "v4 tcp/8001 172.20.0.10:9001",
      "v4 tcp/8002 172.20.0.10:9002"
    ])
  })

  it("are none without backends", () => {
    expect(desiredDnat([])).toEqual({ table: new Map(), conflicts: [] })
  })
})

describe("two backends that want one port", () => {
  const older = backend("older", 1, { v4: A }, "tcp/25,tcp/80")
  const younger = backend("younger", 2, { v4: B }, "tcp/25:2525,tcp/443")

  it("leave it to the one that was created first; the other keeps the rest of its ports", () => {
    const expected = ["v4 tcp/25 172.20.0.10:25", "v4 tcp/443 172.20.0.11:443", "v4 tcp/80 172.20.0.10:80"]
    expect(table(older, younger)).toEqual(expected)
    expect(table(younger, older)).toEqual(expected)
  })

  it("are a conflict that names owner and standby", () => {
    expect(desiredDnat([younger, older]).conflicts).toEqual([
      {
        protocol: "tcp",
        from: 25,
        to: 25,
        owner: { id: "id-older", name: "older" },
        standby: { id: "id-younger", name: "younger" }
      }
    ])
  })

  it("are told apart by their IDs when they are of one age", () => {
    const twin = { ...backend("a-twin", 1, { v4: C }, "tcp/25") }
    expect(conflicts(older, twin)).toEqual(["tcp/25 a-twin before older"])
    expect(table(older, twin)).toContain("v4 tcp/25 172.20.0.12:25")
  })

  it("let the standby take over when the owner goes", () => {
    expect(table(younger)).toContain("v4 tcp/25 172.20.0.11:2525")
    expect(conflicts(younger)).toEqual([])
  })

  it("are in conflict even when they want the same backend port", () => {
    expect(conflicts(older, backend("same", 3, { v4: B }, "tcp/25"))).toEqual(["tcp/25 older before same"])
  })

  it("are not in conflict over different protocols", () => {
    expect(conflicts(older, backend("other", 3, { v4: B }, "udp/25"))).toEqual([])
  })

  it("leave it to one of them in both families, so that a name leads to one service", () => {
    const both = backend("both", 2, { v4: B, v6: "fd20::11" }, "tcp/25")
    expect(table(older, both)).toEqual(["v4 tcp/25 172.20.0.10:25", "v4 tcp/80 172.20.0.10:80"])
    expect(conflicts(older, both)).toEqual(["tcp/25 older before both"])
  })

  it("are one conflict for each pair when there are more", () => {
    const third = backend("third", 3, { v4: C }, "tcp/25")
    expect(conflicts(older, younger, third)).toEqual(["tcp/25 older before younger", "tcp/25 older before third"])
  })
})

describe("ranges that overlap", () => {
  const range = backend("range", 1, { v4: A }, "udp/100-200")

  it("leave the younger one what is left on both sides", () => {
    const wide = backend("wide", 2, { v4: B }, "udp/50-300")
    expect(table(range, wide)).toEqual([
      "v4 udp/100-200 172.20.0.10",
      "v4 udp/201-300 172.20.0.11",
      "v4 udp/50-99 172.20.0.11"
    ])
    expect(conflicts(range, wide)).toEqual(["udp/100-200 range before wide"])
  })

  it("leave the younger one nothing when it lies inside", () => {
    const inside = backend("inside", 2, { v4: B }, "udp/150-160")
    expect(table(range, inside)).toEqual(["v4 udp/100-200 172.20.0.10"])
    expect(conflicts(range, inside)).toEqual(["udp/150-160 range before inside"])
  })

  it("are cut in two around a single port of an older one", () => {
    const single = backend("single", 0, { v4: B }, "udp/150:15000")
    expect(table(range, single)).toEqual([
      "v4 udp/100-149 172.20.0.10",
      "v4 udp/150 172.20.0.11:15000",
      "v4 udp/151-200 172.20.0.10"
    ])
  })

  it("leave a single port where only one is left", () => {
    expect(table(range, backend("next", 2, { v4: B }, "udp/100-201"))).toEqual([
      "v4 udp/100-200 172.20.0.10",
      "v4 udp/201 172.20.0.11:201"
    ])
  })

  it("keep the shift of what is left of a translated range", () => {
    const translated = backend("translated", 2, { v4: B }, "udp/199-202:1199-1202")
    expect(table(range, translated)).toEqual([
      "v4 udp/100-200 172.20.0.10",
      "v4 udp/201 172.20.0.11:1201",
      "v4 udp/202 172.20.0.11:1202"
    ])
  })

  it("are no conflict when they only touch", () => {
    const beside = backend("beside", 2, { v4: B }, "udp/90-99,udp/201-210")
    expect(conflicts(range, beside)).toEqual([])
  })

  it("are one conflict over adjoining ports, even when the owner has them by several mappings", () => {
    const pieces = backend("pieces", 1, { v4: A }, "tcp/10-12,tcp/13:1313,tcp/14-20")
    expect(conflicts(pieces, backend("late", 2, { v4: B }, "tcp/11-15"))).toEqual(["tcp/11-15 pieces before late"])
  })

  it("are one conflict over adjoining ports, in whatever order the younger one's mappings come", () => {
    const wide = backend("wide", 1, { v4: A }, "tcp/80-81,udp/80")
    const late = backend("late", 2, { v4: B }, "tcp/80:8080,tcp/81:9090,udp/80")
    const mixed = { ...late, mappings: [late.mappings[1]!, late.mappings[2]!, late.mappings[0]!] }
    expect(conflicts(wide, mixed)).toEqual(["tcp/80-81 wide before late", "udp/80 wide before late"])
  })

  it("are a conflict for each standby, even when one wants the port next to the other's", () => {
    const wide = backend("wide", 1, { v4: A }, "tcp/80-81")
    const lower = backend("lower", 2, { v4: B }, "tcp/80")
    const upper = backend("upper", 3, { v4: C }, "tcp/81")
    expect(conflicts(wide, lower, upper)).toEqual(["tcp/80 wide before lower", "tcp/81 wide before upper"])
  })

  it("are a conflict with each of several owners, for exactly the ports of each", () => {
    const second = backend("second", 2, { v4: B }, "udp/180-250")
    const third = backend("third", 3, { v4: C }, "udp/150-260")
    expect(conflicts(third, second, range)).toEqual([
      "udp/180-200 range before second",
      "udp/150-200 range before third",
      "udp/201-250 second before third"
    ])
    expect(table(range, second, third)).toEqual([
      "v4 udp/100-200 172.20.0.10",
      "v4 udp/201-250 172.20.0.11",
      "v4 udp/251-260 172.20.0.12"
    ])
  })
})
