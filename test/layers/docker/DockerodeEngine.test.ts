import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import type { ServerResponse } from "node:http"
import { createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, vi } from "vitest"
import { layer } from "../../../src/layers/docker/DockerodeEngine.ts"
import { DockerEngine } from "../../../src/services/DockerEngine.ts"
import { ask, cleanUps, failure, fake, using } from "./asking.ts"
import { json, pong } from "./FakeEngine.ts"

const id = (digit: string) => digit.repeat(64)

const listed = {
  Id: id("a"),
  Names: ["/web/db", "/db"],
  Created: 1_700_000_000,
  State: "running",
  Labels: { "anchord.expose": "tcp/25" },
  HostConfig: { NetworkMode: "mail_transit" },
  NetworkSettings: { Networks: { mail_transit: { NetworkID: id("1"), IPAddress: "172.20.0.3" } } }
}

describe("reading containers", () => {
  it("takes over what the listing tells, on a unix socket and over TCP", async () => {
    for (const where of ["unix", "tcp"] as const) {
      const engine = await fake({ "/containers/json": json([listed]) }, where)
      expect(await ask(engine.host, (docker) => docker.containers)).toEqual([
        {
          id: id("a"),
          name: "db",
          createdAt: 1_700_000_000,
          status: "running",
          labels: { "anchord.expose": "tcp/25" },
          networkMode: "mail_transit",
          networks: ["mail_transit"]
        }
      ])
      expect(engine.requests).toEqual(["GET /_ping", "GET /v1.45/containers/json?all=true"])
    }
  })

  it("makes do with null where a version leaves something out, and with a state it has never heard of", async () => {
    const bare = { Id: id("b"), Names: null, Created: 1, State: "hibernating", Labels: null, HostConfig: {} }
    const engine = await fake({ "/containers/json": json([bare]) })
    expect(await ask(engine.host, (docker) => docker.containers)).toEqual([
      { id: id("b"), name: "", createdAt: 1, status: "exited", labels: {}, networkMode: "bridge", networks: [] }
    ])
  })

  it("asks for many containers in requests of bounded length, for each only once, and for none not at all", async () => {
    const engine = await fake({ "/containers/json": json([]) })
    const ids = Array.from({ length: 100 }, (_, index) => index.toString(16).padStart(64, "0"))
    await ask(engine.host, (docker) =>
      Effect.andThen(docker.containersById([]), docker.containersById([...ids, ...ids]))
    )
    const filters = engine.requests.slice(1).map((request) => new URL(request.slice(4), "http://x").searchParams)
    expect(filters.map((query) => query.get("all"))).toEqual(["true", "true", "true"])
    expect(filters.flatMap((query) => JSON.parse(query.get("filters")!).id).toSorted()).toEqual(ids)
    for (const request of engine.requests) expect(encodeURI(request).length).toBeLessThan(4096)
  })
})

describe("reading a network", () => {
  it("takes addresses in canonical form, without prefix length, and MACs in lower case", async () => {
    const network = {
      Id: id("1"),
      Name: "mail_transit",
      Driver: "bridge",
      IPAM: {
        Config: [
          { Subnet: "172.20.0.0/16", Gateway: "172.20.0.1" },
          { Subnet: "fd00:20::/64", Gateway: "fd00:20:0:0::1/64" },
          { Subnet: "172.21.0.0/16", Gateway: "172.21.0.1" }
        ]
      },
      Containers: {
        [id("a")]: {
          Name: "db",
          MacAddress: "02:42:AC:14:00:03",
          IPv4Address: "172.20.0.3/16",
          IPv6Address: "FD00:20::0003/64"
        },
        [id("b")]: { Name: "web", MacAddress: "", IPv4Address: "", IPv6Address: "" }
      }
    }
    const engine = await fake({ "/networks/mail_transit": json(network) })
    const read = await ask(engine.host, (docker) => docker.network("mail_transit"))
    expect(read).toEqual({
      id: id("1"),
      name: "mail_transit",
      gateway: { v4: "172.20.0.1", v6: "fd00:20::1" },
      members: new Map([
        [id("a"), { containerId: id("a"), mac: "02:42:ac:14:00:03", v4: "172.20.0.3", v6: "fd00:20::3" }],
        [id("b"), { containerId: id("b") }]
      ])
    })
  })

  it("tells how a network is set up: reserved addresses are taken too, and what is no subnet is none", async () => {
    const network = {
      Id: id("1"),
      Name: "lan",
      Driver: "macvlan",
      Internal: true,
      IPAM: {
        Config: [
          { Subnet: "172.20.5.0/16", Gateway: "172.20.0.1", AuxiliaryAddresses: { router: "172.20.0.2" } },
          { Subnet: "fd00:20::/64", Gateway: "fd00:20:0:0::1/64" },
          { Subnet: "" }
        ]
      },
      Containers: { [id("a")]: { IPv4Address: "172.20.0.3/16", IPv6Address: "" } }
    }
    const bare = { Id: id("2"), Name: "none", Driver: "null", IPAM: { Config: null }, Containers: null }
    const engine = await fake({ "/networks/lan": json(network), "/networks/none": json(bare) })
    expect(await ask(engine.host, (docker) => docker.networkConfiguration("lan"))).toEqual({
      name: "lan",
      driver: "macvlan",
      internal: true,
      subnets: [
        { address: "172.20.0.0", prefixLength: 16 },
        { address: "fd00:20::", prefixLength: 64 }
      ],
      taken: ["172.20.0.1", "fd00:20::1", "172.20.0.2", "172.20.0.3"]
    })
    const none = { name: "none", driver: "null", internal: false, subnets: [], taken: [] }
    expect(await ask(engine.host, (docker) => docker.networkConfiguration("none"))).toEqual(none)
  })

  it("takes a network without IPAM configuration and members for one without gateway and members", async () => {
    const network = { Id: id("2"), Name: "none", Driver: "null", IPAM: { Config: null }, Containers: null }
    const engine = await fake({ "/networks/none": json(network) })
    const read = await ask(engine.host, (docker) => docker.network("none"))
    expect(read).toEqual({ id: id("2"), name: "none", gateway: {}, members: new Map() })
  })
})

describe("reading anchord's own container", () => {
  it("lists the networks it is attached to, not those it is only configured for", async () => {
    const own = {
      Id: id("c"),
      Name: "/mail-anchor-1",
      Image: `sha256:${id("d")}`,
      NetworkSettings: {
        Networks: {
          dmz: {
            NetworkID: id("1"),
            IPAddress: "10.99.0.5",
            GlobalIPv6Address: "fd99::5",
            MacAddress: "02:42:0A:63:00:05"
          },
          bare: { NetworkID: id("2"), IPAddress: "", GlobalIPv6Address: "", MacAddress: "" },
          later: { NetworkID: "", IPAddress: "" }
        }
      }
    }
    const engine = await fake({ "/containers/me/json": json(own) })
    expect(await ask(engine.host, (docker) => docker.inspectSelf("me"))).toEqual({
      id: id("c"),
      name: "mail-anchor-1",
      imageId: `sha256:${id("d")}`,
      attachments: [
        { networkId: id("1"), networkName: "dmz", mac: "02:42:0a:63:00:05", v4: "10.99.0.5", v6: "fd99::5" },
        { networkId: id("2"), networkName: "bare" }
      ]
    })
  })
})

describe("the API version", () => {
  it("is the engine's own, but none newer than is known here", async () => {
    for (const [offered, spoken] of [
      ["1.41", "/v1.41/"],
      ["1.52", "/v1.52/"],
      ["1.60", "/v1.52/"],
      ["2.0", "/v1.52/"]
    ] as const) {
      const engine = await fake({ "/_ping": pong(offered), "/containers/json": json([]) })
      await ask(engine.host, (docker) => docker.containers)
      expect(engine.requests.at(-1)).toContain(spoken)
    }
  })

  it("older than 1.41 is refused, with what is needed", async () => {
    const engine = await fake({ "/_ping": pong("1.40") })
    const error = await failure(engine.host, (docker) => docker.containers)
    expect(error).toMatchObject({ reason: "failed" })
    expect(error.message).toContain("1.40")
    expect(error.message).toContain("1.41")
  })

  it("is asked for once, however many questions come at once", async () => {
    const engine = await fake({ "/containers/json": json([]) })
    await ask(engine.host, (docker) =>
      Effect.all([docker.containers, docker.containers, docker.containers], { concurrency: 3 })
    )
    expect(engine.requests.filter((request) => request === "GET /_ping")).toHaveLength(1)
  })

  it("comes from /version where a proxy forbids /_ping, and is left out where it forbids both", async () => {
    const forbidden = json({}, 403)
    const routes = { "/_ping": forbidden, "/version": json({ ApiVersion: "1.44" }), "/containers/json": json([]) }
    const one = await fake(routes)
    await ask(one.host, (docker) => docker.containers)
    expect(one.requests.at(-1)).toContain("/v1.44/")
    const both = await fake({ ...routes, "/version": forbidden })
    await ask(both.host, (docker) => docker.containers)
    expect(both.requests.at(-1)).toBe("GET /containers/json?all=true")
  })

  it("is negotiated again after the engine was away", async () => {
    let offered = "1.41"
    let away = true
    const engine = await fake({
      "/_ping": (response) => pong(offered)(response),
      "/containers/json": (response) => json([], away ? 503 : 200)(response)
    })
    await ask(engine.host, (docker) =>
      Effect.gen(function* () {
        expect((yield* Effect.flip(docker.containers)).reason).toBe("unreachable")
        offered = "1.50"
        away = false
        yield* docker.containers
        yield* docker.containers
      })
    )
    expect(engine.requests.map((request) => request.split("?")[0])).toEqual([
      "GET /_ping",
      "GET /v1.41/containers/json",
      "GET /_ping",
      "GET /v1.50/containers/json",
      "GET /v1.50/containers/json"
    ])
  })
})

describe("connections", () => {
  it("are kept: questions one after the other share one", async () => {
    for (const where of ["unix", "tcp"] as const) {
      const engine = await fake({ "/containers/json": json([]) }, where)
      await ask(engine.host, (docker) => Effect.repeat(docker.containers, { times: 20 }))
      expect(engine.opened()).toBe(1)
    }
  })

  it("are replaced when the other side has closed the kept one, without the caller noticing", async () => {
    let answered = 0
    const engine = await fake({
      "/containers/json": (response, request) => {
        answered += 1
        if (answered === 2) request.socket.destroy()
        else json([])(response)
      }
    })
    await ask(engine.host, (docker) => Effect.andThen(docker.containers, docker.containers))
    expect(answered).toBe(3)
  })

  it("are closed with the layer", async () => {
    const engine = await fake({ "/containers/json": json([]) })
    await ask(engine.host, (docker) => docker.containers)
    await vi.waitFor(() => expect(engine.open.size).toBe(0))
  })
})

describe("what goes wrong", () => {
  const silent = () => {}

  it("says forbidden, and that a proxy does it, on a 403", async () => {
    const engine = await fake({
      "/containers/json": (response) => void response.writeHead(403).end("<html><body>403 Forbidden</body></html>")
    })
    const error = await failure(engine.host, (docker) => docker.containers)
    expect(error).toMatchObject({ reason: "forbidden", status: 403, endpoint: "GET /containers/json" })
    expect(error.message).toBe(
      "GET /containers/json: HTTP 403: 403 Forbidden; a socket proxy or an authorization plugin forbids this endpoint: allow it there"
    )
  })

  it("says not-found on a 404, in the engine's words", async () => {
    const engine = await fake({})
    const error = await failure(engine.host, (docker) => docker.network("gone"))
    expect(error).toMatchObject({ reason: "not-found", status: 404, endpoint: "GET /networks/gone" })
    expect(error.message).toContain("No such thing: /networks/gone")
  })

  it("says failed on a 500, and on an answer that is not JSON or not what the API promises", async () => {
    const engine = await fake({
      "/containers/json": json({ message: 'a "quoted" fault' }, 500),
      "/containers/me/json": (response) => void response.end("{garbage"),
      "/networks/odd": json({ Id: 7 })
    })
    const broken = await failure(engine.host, (docker) => docker.containers)
    expect(broken).toMatchObject({ reason: "failed", status: 500 })
    expect(broken.message).toContain('a "quoted" fault')
    const garbage = await failure(engine.host, (docker) => docker.inspectSelf("me"))
    expect(garbage).toMatchObject({ reason: "failed", endpoint: "GET /containers/me/json" })
    expect(garbage.message).toContain("not JSON: {garbage")
    expect((await failure(engine.host, (docker) => docker.network("odd"))).message).toContain("Id")
  })

  it("says unreachable when the socket is missing, when nobody listens, and when the host is unknown", async () => {
    const stopped = await fake({}, "tcp")
    await stopped.stop()
    cleanUps.pop()
    for (const host of ["unix:///nowhere/docker.sock", stopped.host, "tcp://engine.invalid:2375"]) {
      const error = await failure(host, (docker) => docker.ping)
      expect(error, error.message).toMatchObject({ reason: "unreachable", endpoint: "GET /_ping" })
      expect(error.message).toContain(host)
    }
  })

  it("says failed on an address of another kind, and on TLS without its certificates", async () => {
    for (const host of ["ssh://engine", "engine", ""]) {
      expect(await failure(host, (docker) => docker.ping)).toMatchObject({ reason: "failed" })
    }
    const secured = layer({ host: "tcp://127.0.0.1:2376", tlsVerify: true, certPath: "/nowhere" })
    const error = await Effect.runPromise(
      Effect.flip(
        Effect.provide(
          Effect.flatMap(DockerEngine, (docker) => docker.ping),
          secured
        )
      )
    )
    expect(error.message).toContain("/nowhere/ca.pem")
  })

  it("says unreachable when the connection drops in the middle of an answer", async () => {
    const engine = await fake({
      "/containers/json": (response) => {
        response.writeHead(200, { "content-length": "1000" })
        response.write("[", () => response.destroy())
      }
    })
    expect(await failure(engine.host, (docker) => docker.containers)).toMatchObject({ reason: "unreachable" })
  })

  it("gives up after 10 s without an answer, and closes that connection", async () => {
    let waiting = 0
    for (const stuck of [silent, (response: ServerResponse) => void response.write("[")]) {
      const engine = await fake({
        "/containers/json": (response) => {
          waiting += 1
          stuck(response)
        }
      })
      const before = waiting
      const error = await Effect.runPromise(
        Effect.gen(function* () {
          const asked = yield* Effect.forkChild(Effect.flip(using(engine.host, (docker) => docker.containers)))
          yield* Effect.promise(() => vi.waitFor(() => expect(waiting).toBe(before + 1)))
          yield* TestClock.adjust("10 seconds")
          return yield* Fiber.join(asked)
        }).pipe(Effect.provide(TestClock.layer()))
      )
      expect(error).toMatchObject({ reason: "unreachable" })
      expect(error.message).toContain("no answer within 10 s")
      await vi.waitFor(() => expect(engine.open.size).toBe(0))
    }
  })

  it("says not-permitted when the socket's mode forbids it", async () => {
    if (process.getuid?.() === 0) return
    const engine = await fake({})
    chmodSync(engine.host.slice("unix://".length), 0)
    expect(await failure(engine.host, (docker) => docker.ping)).toMatchObject({ reason: "not-permitted" })
  })

  it("says failed when what listens there does not speak HTTP", async () => {
    const folder = mkdtempSync(join(tmpdir(), "anchord-docker-"))
    const path = join(folder, "docker.sock")
    const server = createServer((socket: Socket) => void socket.end("hello\r\n\r\n"))
    await new Promise<void>((resolve) => server.listen(path, resolve))
    cleanUps.push(
      () => server.close(),
      () => rmSync(folder, { recursive: true })
    )
    expect(await failure(`unix://${path}`, (docker) => docker.ping)).toMatchObject({ reason: "failed" })
  })

  it("says unreachable when the path is not a socket", async () => {
    const folder = mkdtempSync(join(tmpdir(), "anchord-docker-"))
    const path = join(folder, "docker.sock")
    writeFileSync(path, "")
    cleanUps.push(() => rmSync(folder, { recursive: true }))
    expect(await failure(`unix://${path}`, (docker) => docker.ping)).toMatchObject({ reason: "unreachable" })
  })
})
