import { createSocket } from "node:dgram"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { describe, expect, it, vi } from "vitest"
import type { Family } from "../../../src/domain/Address.ts"
import { layer } from "../../../src/layers/dns/SystemResolver.ts"
import { NameResolver } from "../../../src/services/NameResolver.ts"
import { patience } from "../process/scripts.ts"
import {
  A,
  AAAA,
  CNAME,
  encodedName,
  NXDOMAIN,
  REFUSED,
  SERVFAIL,
  serving,
  v4,
  v6,
  type DnsAnswer,
  type DnsRecord,
  type Question
} from "./dnsServer.ts"

const resolving = (server: string, hostname: string, family: Family) =>
  Effect.flatMap(NameResolver, ({ resolve }) => resolve(hostname, family)).pipe(
    Effect.provide(layer({ servers: [server] }))
  )

const resolve = (server: string, hostname: string, family: Family) =>
  Effect.runPromise(resolving(server, hostname, family))

const failure = (server: string, hostname: string, family: Family) =>
  Effect.runPromise(Effect.flip(resolving(server, hostname, family)))

const anchord = ({ type }: Question): DnsAnswer => ({
  records: type === A ? [v4("172.20.0.2")] : [v6("fd20:0:0:0:0:0:0:2")]
})

describe("a name", () => {
  it("has an address of each family, which are asked for apart", async () => {
    const { server, questions } = await serving(anchord)
    expect(await resolve(server, "anchord", "v4")).toBe("172.20.0.2")
    expect(questions).toEqual([{ name: "anchord", type: A }])
    expect(await resolve(server, "anchord", "v6")).toBe("fd20::2")
    expect(questions.slice(1)).toEqual([{ name: "anchord", type: AAAA }])
  })

  it("is asked for as it is, and anew each time, although an answer could be kept", async () => {
    const { server, questions } = await serving(anchord)
    for (const name of ["anchord", "anchord", "mail_1.example.org"]) await resolve(server, name, "v4")
    expect(questions.map(({ name }) => name)).toEqual(["anchord", "anchord", "mail_1.example.org"])
  })

  it("has the same address in whatever order the server gives several", async () => {
    const all = ["172.20.0.9", "172.20.0.2", "172.20.0.30"]
    let turn = 0
    const { server } = await serving(() => {
      turn += 1
      return { records: [...all.slice(turn % 3), ...all.slice(0, turn % 3)].map(v4) }
    })
    const seen = new Set<string>()
    for (const _time of [1, 2, 3, 4]) seen.add(await resolve(server, "anchord", "v4"))
    expect(seen.size).toBe(1)
    expect(all).toContain([...seen][0])
  })

  it("has the same IPv6 address in whatever order the server gives several", async () => {
    const all = ["fd20:0:0:0:0:0:0:a", "fd20:0:0:0:0:0:0:2"]
    let turn = 0
    const { server } = await serving(() => {
      turn += 1
      return { records: (turn % 2 === 0 ? all : all.toReversed()).map(v6) }
    })
    const seen = new Set<string>()
    for (const _time of [1, 2, 3, 4]) seen.add(await resolve(server, "anchord", "v6"))
    expect(seen.size).toBe(1)
  })

  it("may stand for another", async () => {
    const alias: DnsRecord = { type: CNAME, data: encodedName("shop-anchord-1") }
    const { server } = await serving(() => ({ records: [alias, { ...v4("172.20.0.5"), name: "shop-anchord-1" }] }))
    expect(await resolve(server, "anchord", "v4")).toBe("172.20.0.5")
  })

  it("is not looked for in /etc/hosts", async () => {
    const { server, questions } = await serving(() => ({ code: NXDOMAIN }))
    expect(await failure(server, "ip6-loopback", "v6")).toMatchObject({ reason: "no-record" })
    expect(questions.map(({ name }) => name)).toEqual(["ip6-loopback"])
  })
})

describe("a look-up without a usable answer", () => {
  it("is no-record when there is no such name, and says which was asked for", async () => {
    const { server } = await serving(() => ({ code: NXDOMAIN }))
    for (const family of ["v4", "v6"] as const) {
      expect(await failure(server, "anchord", family)).toMatchObject({
        _tag: "ResolveError",
        hostname: "anchord",
        family,
        reason: "no-record",
        message: expect.stringContaining("anchord")
      })
    }
  })

  it("is no-record when the name has no address of that family", async () => {
    const { server } = await serving((question) => (question.type === A ? anchord(question) : {}))
    expect(await failure(server, "anchord", "v6")).toMatchObject({ reason: "no-record", family: "v6" })
    expect(await resolve(server, "anchord", "v4")).toBe("172.20.0.2")
  })

  it("is unavailable when the server cannot say", async () => {
    for (const code of [SERVFAIL, REFUSED]) {
      const { server } = await serving(() => ({ code }))
      expect(await failure(server, "anchord", "v4")).toMatchObject({ reason: "unavailable" })
    }
  })

  it("is unavailable within a second when the server is silent", async () => {
    const { server, questions } = await serving(() => undefined)
    const before = performance.now()
    expect(await failure(server, "anchord", "v4")).toMatchObject({ _tag: "ResolveError", reason: "unavailable" })
    expect(performance.now() - before).toBeLessThan(1_000)
    expect(questions.length).toBeGreaterThan(0)
  })

  it("is unavailable when nobody listens there", async () => {
    const socket = createSocket("udp4")
    await new Promise<void>((bound) => socket.bind(0, "127.0.0.1", bound))
    const { port } = socket.address()
    await new Promise<void>((closed) => socket.close(() => closed()))
    expect(await failure(`127.0.0.1:${port}`, "anchord", "v4")).toMatchObject({ reason: "unavailable" })
  })

  it("does not spoil the next: a server that comes back is asked again", async () => {
    let silent = true
    const { server } = await serving((question) => (silent ? undefined : anchord(question)))
    expect(await failure(server, "anchord", "v4")).toMatchObject({ reason: "unavailable" })
    silent = false
    expect(await resolve(server, "anchord", "v4")).toBe("172.20.0.2")
  })
})

describe("a look-up that nobody waits for any more", () => {
  it("is given up at once", async () => {
    const { server, questions } = await serving(() => undefined)
    const fiber = Effect.runFork(resolving(server, "anchord", "v4"))
    await vi.waitFor(() => expect(questions).toHaveLength(1), patience)
    const before = performance.now()
    await Effect.runPromise(Fiber.interrupt(fiber))
    expect(performance.now() - before).toBeLessThan(200)
  })
})
