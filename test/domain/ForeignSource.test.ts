import { describe, expect, it } from "vitest"
import {
  borrowing,
  foreignAddress,
  foreignFindings,
  witnessesOf,
  type AskedWitness,
  type ForeignFacts
} from "../../src/domain/ForeignSource.ts"
import type { LinkAddress } from "../../src/domain/Routing.ts"
import { ok, saidIn, verdictsOf, warn } from "./doctorSettings.ts"

const on = (address: string, prefixLength: number): LinkAddress => ({
  family: address.includes(":") ? "v6" : "v4",
  link: "eth0",
  address,
  prefixLength,
  scope: "global",
  tentative: false
})

describe("a foreign address", () => {
  it("is one of those for documentation, with the number that is asked for", () => {
    expect(foreignAddress("v4", [on("10.99.0.7", 24)], 77)).toBe("192.0.2.77")
    expect(foreignAddress("v6", [on("fd99::7", 64)], 200)).toBe("2001:db8:a2c0::c8")
  })

  it("is none of a network that somebody uses in spite of that", () => {
    expect(foreignAddress("v4", [on("192.0.2.130", 25)], 1)).toBe("198.51.100.1")
    expect(foreignAddress("v4", [on("192.0.2.1", 24), on("198.51.100.9", 32)], 1)).toBe("203.0.113.1")
    expect(foreignAddress("v6", [on("2001:db8:a2c0:5::1", 64)], 1)).toBe("3fff:a2c:a2c0::1")
    expect(foreignAddress("v6", [on("2001:db8::1", 32), on("3fff::1", 20)], 1)).toBeUndefined()
  })

  it("is borrowed for seconds, such that nothing else is sent from it", () => {
    const { take, giveBack } = borrowing("v6", "2001:db8::1")
    const where = { family: "v6", link: "lo", address: "2001:db8::1", prefixLength: 128 }
    expect(take).toEqual({ _tag: "SetAddress", ...where, lifetime: { validSeconds: 20, preferredSeconds: 0 } })
    expect(giveBack).toEqual({ _tag: "DeleteAddress", ...where })
  })
})

describe("the backends that are asked", () => {
  const one = (name: string, verdict: "mapped" | "standby" | "down", v4?: string) => ({
    id: name,
    name,
    verdict,
    ports: [],
    ...(v4 === undefined ? {} : { v4 })
  })

  it("are those with an address in the family, each address once, and not too many", () => {
    const explained = [
      one("web", "mapped", "172.20.0.3"),
      one("web-too", "mapped", "172.20.0.3"),
      one("late", "standby", "172.20.0.4"),
      one("off", "down", "172.20.0.5"),
      one("v6-only", "mapped")
    ]
    expect(witnessesOf(explained, "v4").map(({ name }) => name)).toEqual(["web", "late"])
    expect(witnessesOf(explained, "v6")).toEqual([])
    const many = Array.from({ length: 30 }, (_, n) => one(`web-${n}`, "mapped", `172.20.0.${n + 3}`))
    expect(witnessesOf(many, "v4")).toHaveLength(8)
  })
})

const ANSWERED = { _tag: "Answered" } as const
const SILENT = { _tag: "Silent" } as const
const AWAY = { _tag: "Unreachable", message: "connect EHOSTUNREACH" } as const

const web: AskedWitness = { name: "web", address: "172.20.0.3", own: ANSWERED, foreign: ANSWERED }
const mail: AskedWitness = { ...web, name: "mail", address: "172.20.0.4" }

const facts = (asked: ReadonlyArray<AskedWitness>, more: Partial<ForeignFacts> = {}): ForeignFacts => ({
  family: "v4",
  network: { name: "shop_transit", internal: false },
  source: "192.0.2.77",
  asked,
  ...more
})

const internal = { network: { name: "shop_transit", internal: true } }
const look = (...args: Parameters<typeof facts>) => foreignFindings([facts(...args)])

describe("packets with foreign source addresses", () => {
  it("are carried when a backend answers them, also on an internal network", () => {
    const carried = [ok("foreign-sources", "IPv4: shop_transit carries them: 192.0.2.77 is answered by web, mail")]
    expect(look([web, mail])).toEqual(carried)
    expect(look([web, mail], internal)).toEqual(carried)
  })

  it("fail when they are dropped on an internal network, with the line for the compose file", () => {
    const found = look([{ ...web, foreign: SILENT }], internal)
    expect(verdictsOf(found)).toEqual(["fail"])
    expect(saidIn(found)).toMatch(
      /own address is answered by web, and 192\.0\.2\.77, .* is not: the network is internal/
    )
    expect(saidIn(found)).toMatch(/→ .*enable_ip_masquerade: "false".*bridge-nf-call-iptables/)
  })

  it("fail when nobody answers on a normal network, or for IPv6, with both things that can be wrong", () => {
    for (const more of [{}, { ...internal, family: "v6", source: "2001:db8::1" } as const]) {
      const found = look(
        [
          { ...web, foreign: SILENT },
          { ...mail, foreign: AWAY }
        ],
        more
      )
      expect(verdictsOf(found)).toEqual(["fail"])
      expect(saidIn(found)).toMatch(
        /answered by web, mail, and .*either the answers do not come back here, or the host drops/
      )
      expect(saidIn(found)).toMatch(/→ the default route of web, mail has to lead to this network-anchor.*FORWARD/)
    }
  })

  it("fail for the one backend whose answers go elsewhere, when others show that the network carries them", () => {
    const found = look([web, { ...mail, foreign: SILENT }], internal)
    expect(verdictsOf(found)).toEqual(["ok", "fail"])
    expect(found[1]?.finding).toContain("the answers of mail to clients do not come back here")
    expect(found[1]?.fix).toContain("the default route of mail has to lead to this network-anchor")
  })

  it("fail for a backend that is not there at all", () => {
    const found = look([web, { ...mail, own: AWAY, foreign: undefined }])
    expect(verdictsOf(found)).toEqual(["ok", "fail"])
    expect(saidIn(found)).toContain("mail is not there at 172.20.0.4: connect EHOSTUNREACH")
  })

  it("are not looked at with a backend that answers nobody", () => {
    const found = look([{ ...web, own: SILENT, foreign: undefined }])
    expect(found).toEqual([
      warn("foreign-sources", "not looked at: IPv4: web at 172.20.0.3 answers nobody, not even from its own network")
    ])
  })

  it("are not looked at without a backend, a foreign address, or where nothing could be sent; an internal network is worth a warning then", () => {
    expect(foreignFindings([facts([]), facts([], { family: "v6" })])).toEqual([
      warn("foreign-sources", "not looked at: no container with ports runs on shop_transit", "start one and look again")
    ])
    expect(verdictsOf(look([], internal))).toEqual(["warn", "warn"])
    expect(saidIn(look([], internal))).toContain("shop_transit is internal")
    expect(look([web], { source: undefined })).toEqual([
      warn("foreign-sources", "not looked at: IPv4: networks of this container use every address for documentation")
    ])
    expect(foreignFindings({ why: "there is no shared network" })).toEqual([
      warn("foreign-sources", "not looked at: there is no shared network")
    ])
    expect(verdictsOf(foreignFindings({ why: "it does not run", ...internal }))).toEqual(["warn", "warn"])
  })

  it("are told of the family that has backends, where the other has none", () => {
    expect(verdictsOf(foreignFindings([facts([web]), facts([], { family: "v6" })]))).toEqual(["ok"])
  })
})
