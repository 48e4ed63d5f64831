import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { describe, expect, it } from "vitest"
import type { Family } from "../../../../src/domain/Address.ts"
import { SimDns } from "../../../../src/layers/sim/lan/SimDns.ts"
import { SimDocker } from "../../../../src/layers/sim/docker/SimDocker.ts"
import { SimTime } from "../../../../src/layers/sim/SimTime.ts"
import { NameResolver } from "../../../../src/services/NameResolver.ts"

const named = () => {
  const time = new SimTime(1_700_000_000_000)
  const docker = new SimDocker(time.nowNanos)
  docker.createNetwork({ name: "front", v4: "172.20.0.0/16", v6: "fd00:20::/64" })
  docker.createNetwork({ name: "back", v4: "172.21.0.0/16" })
  docker.addImage("web", { Cmd: ["serve"] })
  const run = (name: string, network: string, ...Aliases: ReadonlyArray<string>) => {
    const id = docker.createFrom(
      name,
      { Image: "web", HostConfig: { NetworkMode: network } },
      { [network]: { Aliases } }
    )
    docker.start(id)
    return id
  }
  const draws: Array<number> = []
  const dns = new SimDns(docker, { next: () => draws.shift() ?? 0 })
  const ask = (from: string, hostname: string, family: Family = "v4"): string | undefined => {
    const question = Effect.flatMap(NameResolver, (resolver) => resolver.resolve(hostname, family))
    const fiber = time.fork(Effect.result(Effect.provide(question, dns.layer(from))))
    time.settle()
    const exit = fiber.pollUnsafe()
    if (exit === undefined) return undefined
    if (Exit.isFailure(exit)) throw new Error("it never fails")
    return exit.value._tag === "Success" ? exit.value.success : exit.value.failure.reason
  }
  return { docker, run, dns, ask, draws, time }
}

describe("Docker's name server, as a container asks it", () => {
  it("knows names, aliases and short IDs of those on a network that both share, in each family that they have", () => {
    const { run, ask } = named()
    run("asking", "front")
    const id = run("shop-web-1", "front", "web")
    run("elsewhere", "back")
    for (const hostname of ["shop-web-1", "web", id.slice(0, 12), "web.front"])
      expect([ask("asking", hostname), ask("asking", hostname, "v6")]).toEqual(["172.20.0.3", "fd00:20::3"])
    expect(ask("asking", "elsewhere")).toBe("no-record")
    expect(ask("elsewhere", "elsewhere", "v6")).toBe("no-record")
  })

  it("knows a container from its start to its end, and by its new name once it is renamed", () => {
    const { docker, run, ask } = named()
    run("asking", "front")
    docker.create({ name: "web", network: "front" })
    expect(ask("asking", "web")).toBe("no-record")
    docker.start("web")
    expect(ask("asking", "web")).toBe("172.20.0.3")
    docker.rename("web", "other")
    expect([ask("asking", "web"), ask("asking", "other")]).toEqual(["no-record", "172.20.0.3"])
    docker.stop("other")
    expect(ask("asking", "other")).toBe("no-record")
  })

  it("answers with any of several", () => {
    const { run, ask, draws } = named()
    run("asking", "front")
    run("one", "front", "web")
    run("two", "front", "web")
    draws.push(0, 0.99)
    expect([ask("asking", "web"), ask("asking", "web")]).toEqual(["172.20.0.3", "172.20.0.4"])
  })

  it("is that of the owner in a shared namespace, and is not there once the namespace has died", () => {
    const { docker, run, ask } = named()
    run("owner", "front")
    run("web", "front")
    docker.run({ name: "dependent", network: "container:owner" })
    expect(ask("dependent", "web")).toBe("172.20.0.3")
    docker.restart("owner")
    expect(ask("dependent", "web")).toBe("unavailable")
    docker.restart("dependent")
    expect(ask("dependent", "web")).toBe("172.20.0.3")
  })

  it("is not there on the default bridge, nor for who is on no network", () => {
    const { docker, ask } = named()
    docker.run({ name: "plain" })
    docker.run({ name: "lonely", network: "none" })
    expect([ask("plain", "plain"), ask("lonely", "plain"), ask("nobody", "plain")]).toEqual(
      Array.from({ length: 3 }, () => "unavailable")
    )
  })

  it("fails, flaps and lags as it is told to, and goes with the engine", () => {
    const { docker, run, dns, ask, draws, time } = named()
    run("web", "front")
    dns.failNext(1)
    expect([ask("web", "web"), ask("web", "web")]).toEqual(["unavailable", "172.20.0.2"])
    dns.flapping = 0.5
    draws.push(0.4, 0.6)
    expect([ask("web", "web"), ask("web", "web")]).toEqual(["unavailable", "172.20.0.2"])
    dns.clear()
    dns.lagMillis = 100
    expect(ask("web", "web")).toBeUndefined()
    time.advance(100)
    dns.clear()
    docker.end("live restore")
    expect(ask("web", "web")).toBe("unavailable")
    docker.begin({ next: () => 0 })
    expect(ask("web", "web")).toBe("172.20.0.2")
    dns.isAway = true
    expect(ask("web", "web")).toBe("unavailable")
  })
})
