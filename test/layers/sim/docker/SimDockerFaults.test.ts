import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import { SimDocker } from "../../../../src/layers/sim/docker/SimDocker.ts"
import { apiOf, type SimDockerAccess } from "../../../../src/layers/sim/docker/SimDockerEngine.ts"
import type { SimProcesses } from "../../../../src/layers/sim/docker/SimPlumbing.ts"
import { SimTime } from "../../../../src/layers/sim/SimTime.ts"
import { ContainerLifecycle } from "../../../../src/services/ContainerLifecycle.ts"
import { DockerEngine, type DockerError } from "../../../../src/services/DockerEngine.ts"

/** An engine in virtual time with two clients; a process ends one second after SIGTERM. */
const engine = () => {
  const time = new SimTime(1_700_000_000_000)
  const processes: SimProcesses = {
    started: () => {},
    signal: (id, signal) => void time.after(signal === "SIGKILL" ? 0 : 1000, () => docker.exited(id, 0))
  }
  const docker: SimDocker = new SimDocker(time.nowNanos, { processes, timers: time })
  docker.createNetwork({ name: "front", v4: "172.20.0.0/16" })
  const api = apiOf(docker)
  const [one, other] = [api.access(), api.access()]

  type Services = DockerEngine | ContainerLifecycle
  const fork = <A, E>({ layer }: SimDockerAccess, effect: Effect.Effect<A, E, Services>): Fiber.Fiber<A, E> => {
    const fiber = time.fork(Effect.provide(effect, layer))
    time.settle()
    return fiber
  }
  /** What a call comes to, and after how many milliseconds. */
  const call = <A>(access: SimDockerAccess, effect: Effect.Effect<A, DockerError, Services>) => {
    const begun = time.now()
    const fiber = fork(access, Effect.result(effect))
    while (fiber.pollUnsafe() === undefined && time.now() < begun + 60_000) time.advance(10)
    const exit = fiber.pollUnsafe()
    const millis = time.now() - begun
    if (exit === undefined || Exit.isFailure(exit)) throw new Error("no answer")
    const answer = exit.value
    return answer._tag === "Success" ? { value: answer.success, millis } : { error: answer.failure, millis }
  }
  const follow = (access: SimDockerAccess) => {
    const seen: Array<string> = []
    const events = Stream.unwrap(Effect.map(DockerEngine, (service) => service.events()))
    const fiber = fork(
      access,
      Stream.runForEach(events, ({ action }) => Effect.sync(() => void seen.push(action)))
    )
    return { seen, hasEnded: () => fiber.pollUnsafe() !== undefined }
  }
  return { time, docker, api, one, other, fork, call, follow }
}

const ping = Effect.flatMap(DockerEngine, (service) => service.ping)
const listing = Effect.flatMap(DockerEngine, (service) => service.containers)
const start = (ref: string) => Effect.flatMap(ContainerLifecycle, (service) => service.start(ref))
const stop = (ref: string) => Effect.flatMap(ContainerLifecycle, (service) => service.stop(ref, 10))
const inspect = (ref: string) => Effect.flatMap(ContainerLifecycle, (service) => service.inspect(ref))

describe("calls that change containers", () => {
  it("take as long as the container does", () => {
    const { docker, one, call } = engine()
    docker.create({ name: "a", network: "front" })
    expect(call(one, start("a")).millis).toBe(350)
    expect(call(one, stop("a")).millis).toBe(1000)
    expect(call(one, stop("a")).millis).toBe(0)
    expect(call(one, start("a")).millis).toBe(350)
    expect(call(one, start("a"))).toMatchObject({ millis: 0, value: false })
  })

  it("wait, as an inspection does, while the container is being started, and a listing does not", () => {
    const { docker, one, other, fork, call, time } = engine()
    docker.create({ name: "a", network: "front" })
    fork(one, start("a"))
    expect(call(other, listing)).toMatchObject({ millis: 0, value: [{ status: "created" }] })
    expect(call(other, inspect("a"))).toMatchObject({ millis: 350, value: { State: { Status: "running" } } })
    time.advance(1000)
  })

  it("are refused with Docker's status and words", () => {
    const { docker, one, call } = engine()
    docker.create({ name: "a", network: "front" })
    docker.create({ name: "b", network: "container:a" })
    expect(call(one, start("b")).error).toMatchObject({
      reason: "failed",
      status: 409,
      message: expect.stringContaining("cannot join network of a non running container")
    })
    expect(call(one, start("nobody")).error).toMatchObject({ reason: "not-found", status: 404 })
  })
})

describe("an engine that is away", () => {
  it("fails everything that is open and every call, for the time that it was told", () => {
    const { docker, api, one, fork, call, follow, time } = engine()
    docker.run({ name: "a", network: "front" })
    time.advance(400)
    const stream = follow(one)
    const stopping = fork(one, Effect.flip(stop("a")))
    api.faults.away(500, time)
    time.settle()
    expect([stream.hasEnded(), stopping.pollUnsafe()?._tag]).toEqual([true, "Success"])
    expect(call(one, ping).error?.reason).toBe("unreachable")
    time.advance(500)
    expect(call(one, ping).error).toBeUndefined()
    time.advance(1000)
    expect(docker.find("a")?.status).toBe("exited")
  })

  it("is not the only reason: it may have ended", () => {
    const { docker, one, call, follow, time } = engine()
    const stream = follow(one)
    docker.end("live restore")
    time.settle()
    expect(stream.hasEnded()).toBe(true)
    expect(call(one, ping).error?.reason).toBe("unreachable")
    docker.begin({ next: () => 0 })
    expect(call(one, ping).error).toBeUndefined()
  })
})

describe("faults of calls", () => {
  it("of one client are not another's", () => {
    const { one, other, call } = engine()
    one.faults.failNext("GET /_ping", 2)
    expect(call(one, ping).error?.status).toBe(500)
    expect(call(other, ping).error).toBeUndefined()
    expect(call(one, ping).error?.status).toBe(500)
    expect(call(one, ping).error).toBeUndefined()
    expect([one.calls("GET /_ping"), other.calls("GET /_ping")]).toEqual([3, 1])
  })

  it("make calls slow, or their answers old", () => {
    const { docker, one, other, fork, call, time } = engine()
    one.faults.slow("*", 200)
    other.faults.lag("GET /containers/json", 300)
    const slow = fork(one, listing)
    const old = fork(other, listing)
    time.advance(100)
    docker.create({ name: "a", network: "front" })
    time.advance(300)
    const lengths = [slow, old].map((fiber) => {
      const exit = fiber.pollUnsafe()
      return exit !== undefined && Exit.isSuccess(exit) ? exit.value.length : undefined
    })
    expect(lengths).toEqual([1, 0])
    one.faults.clear()
    expect(call(one, listing).millis).toBe(0)
  })

  it("block calls until they are unblocked", () => {
    const { one, fork, time } = engine()
    one.faults.block("GET /containers/json")
    const fiber = fork(one, listing)
    time.advance(60_000)
    expect(fiber.pollUnsafe()).toBeUndefined()
    one.faults.unblock("GET /containers/json")
    time.settle()
    expect(fiber.pollUnsafe()?._tag).toBe("Success")
  })

  it("take away what was listed before it is inspected", () => {
    const { docker, one, call } = engine()
    const id = docker.create({ name: "a", network: "front" })
    one.faults.afterNext("GET /containers/json", () => docker.remove("a"))
    expect(call(one, listing).value).toMatchObject([{ id }])
    expect(call(one, inspect(id)).error).toMatchObject({ reason: "not-found", status: 404 })
  })

  it("fail calls that have had their effect, or forbid them", () => {
    const { docker, one, call } = engine()
    docker.create({ name: "a", network: "front" })
    one.faults.loseAnswers("POST /containers/{id}/start")
    expect(call(one, start("a")).error).toMatchObject({ reason: "unreachable" })
    expect(docker.find("a")?.status).toBe("running")
    one.faults.forbid("POST /containers/{id}/stop")
    expect(call(one, stop("a")).error).toMatchObject({ reason: "forbidden", status: 403 })
    expect(docker.find("a")?.status).toBe("running")
  })
})

describe("faults of events", () => {
  const life = (docker: SimDocker, time: SimTime) => {
    docker.run({ name: "a", network: "front" })
    time.advance(5000)
  }

  it("lose or double the next ones, for one client", () => {
    const { docker, one, other, follow, time } = engine()
    const [seen, told] = [follow(one).seen, follow(other).seen]
    one.faults.loseEvents(1)
    one.faults.doubleEvents(1)
    life(docker, time)
    expect(seen).toEqual(["connect", "connect", "start"])
    expect(told).toEqual(["create", "connect", "start"])
  })

  it("bring those of one type late, each type in its own order", () => {
    const { docker, one, follow, time } = engine()
    const { seen } = follow(one)
    one.faults.delayEvents("network", 1000)
    docker.run({ name: "a", network: "front" })
    time.advance(400)
    one.faults.delayEvents("network", 0)
    docker.connect("bridge", "a")
    time.settle()
    expect(seen).toEqual(["create", "start"])
    time.advance(5000)
    expect(seen).toEqual(["create", "start", "connect", "connect"])
  })
})
