import { describe, expect, it } from "vitest"
import { SimDocker, type SimContainerSpec } from "../../../../src/layers/sim/docker/SimDocker.ts"
import type { SimProcesses } from "../../../../src/layers/sim/docker/SimPlumbing.ts"
import { SimTime } from "../../../../src/layers/sim/SimTime.ts"

const MINUTE = 60_000

/** An engine in virtual time, whose processes end by SIGTERM with status 0, but for those that are told to be stubborn. */
const engine = () => {
  const time = new SimTime(1_700_000_000_000)
  const stubborn = new Set<string>()
  const processes: SimProcesses = {
    started: () => {},
    signal: (id, signal) => {
      if (signal === "SIGKILL") docker.exited(id, 137)
      else if (!stubborn.has(docker.find(id)?.name ?? "")) docker.exited(id, 0)
    }
  }
  const obstacles = new Map<string, string>()
  const obstacle = (name: string) => obstacles.get(name)
  const docker: SimDocker = new SimDocker(time.nowNanos, { processes, timers: time, obstacle })
  docker.createNetwork({ name: "front", v4: "172.20.0.0/16" })
  const run = (name: string, policy?: string, more: Partial<SimContainerSpec> = {}) => {
    docker.create({ name, network: "front", ...more })
    if (policy !== undefined) {
      const [Name, count] = policy.split(":")
      docker.setRestartPolicy(name, { Name, MaximumRetryCount: Number(count ?? 0) })
    }
    docker.start(name)
    time.advance(400)
  }
  const events: Array<string> = []
  docker.log.listen(({ action, containerId, attributes }) => {
    if (containerId === undefined) return
    const { signal, exitCode } = attributes
    events.push([action, docker.find(containerId)?.name, signal, exitCode].filter(Boolean).join(" "))
  })
  const status = (name: string) => docker.find(name)?.status
  const restarts = (name: string) => docker.inspection(name)["RestartCount"]
  const state = (name: string) => docker.inspection(name)["State"] as Record<string, unknown>
  /** How many milliseconds pass until it runs. */
  const untilRunning = (name: string): number => {
    for (let millis = 0; millis < 200_000; millis += 10) {
      if (status(name) === "running") return millis
      time.advance(10)
    }
    throw new Error(`${name} does not come back`)
  }
  return {
    time,
    docker,
    run,
    events: () => events.splice(0),
    status,
    restarts,
    state,
    untilRunning,
    stubborn,
    obstacles
  }
}

describe("the end of a container", () => {
  it("is announced as Docker does it: signal, off its networks, stop, die", () => {
    const { docker, run, events, state } = engine()
    run("a")
    events()
    docker.stop("a")
    expect(events()).toEqual(["kill a 15", "disconnect a", "stop a", "die a 0"])
    expect(state("a")).toMatchObject({ Status: "exited", Running: false, ExitCode: 0 })
  })

  it("comes by SIGKILL after the grace, when the process does not heed SIGTERM", () => {
    const { docker, run, events, time, status, state, stubborn } = engine()
    run("a")
    stubborn.add("a")
    events()
    let ended = false
    docker.stop("a", 3, () => {
      ended = true
    })
    time.advance(2999)
    expect([status("a"), ended]).toEqual(["running", false])
    time.advance(1)
    expect(ended).toBe(true)
    expect(events()).toEqual(["kill a 15", "kill a 9", "disconnect a", "stop a", "die a 137"])
    expect(state("a")["ExitCode"]).toBe(137)
  })

  it("wakes a paused container first", () => {
    const { docker, run, events } = engine()
    run("a")
    docker.pause("a")
    events()
    docker.stop("a")
    expect(events().slice(0, 2).toSorted()).toEqual(["kill a 15", "unpause a"])
  })

  it("that is asked for in the middle of a start waits for the start", () => {
    const { docker, time, events, status } = engine()
    docker.create({ name: "a", network: "front" })
    docker.start("a")
    events()
    docker.stop("a")
    docker.remove("a")
    expect(events()).toEqual([])
    time.advance(400)
    expect(events().slice(0, 2)).toEqual(["start a", "kill a 15"])
    expect(status("a")).toBeUndefined()
  })

  it("frees the name and the addresses when it is a forced removal", () => {
    const { docker, run, events, stubborn } = engine()
    run("a")
    stubborn.add("a")
    events()
    docker.remove("a")
    expect(events()).toEqual(["kill a 9", "disconnect a", "die a 137", "destroy"])
    run("a")
    expect(docker.network("front")?.members.get(docker.find("a")!.id)?.v4).toBe("172.20.0.2")
  })
})

describe("restart policies", () => {
  it("start a container again after 100 ms, doubled each time up to a minute", () => {
    const { docker, run, untilRunning, restarts, status } = engine()
    run("a", "always")
    const delays = Array.from({ length: 12 }, () => {
      docker.die("a")
      expect(status("a")).toBe("restarting")
      return untilRunning("a") - 350
    })
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, MINUTE, MINUTE])
    expect(restarts("a")).toBe(12)
  })

  it("begin with 100 ms again after ten seconds of running", () => {
    const { docker, run, untilRunning, time, restarts } = engine()
    run("a", "always")
    for (let times = 0; times < 4; times++) {
      docker.die("a")
      untilRunning("a")
    }
    time.advance(10_000)
    docker.die("a")
    expect(untilRunning("a")).toBe(450)
    expect(restarts("a")).toBe(5)
  })

  it.each([
    ["no", 1, "exited"],
    ["on-failure", 1, "running"],
    ["on-failure", 0, "exited"],
    ["always", 0, "running"],
    ["unless-stopped", 0, "running"]
  ])("%s, after an end with status %i: %s", (policy, exitCode, then) => {
    const { docker, run, time, status } = engine()
    run("a", policy)
    docker.die("a", exitCode)
    time.advance(MINUTE)
    expect(status("a")).toBe(then)
  })

  it("on-failure:2 gives up after two attempts, until somebody starts it", () => {
    const { docker, run, time, status, restarts } = engine()
    run("a", "on-failure:2")
    for (let times = 0; times < 3; times++) {
      docker.die("a", 3)
      time.advance(MINUTE)
    }
    expect([status("a"), restarts("a")]).toEqual(["exited", 2])
    docker.start("a")
    time.advance(400)
    expect(restarts("a")).toBe(0)
    docker.die("a", 3)
    time.advance(MINUTE)
    expect([status("a"), restarts("a")]).toEqual(["running", 1])
  })

  it("do not act when somebody stopped or killed the container, and it can be stopped before they do", () => {
    const { docker, run, time, status, events } = engine()
    run("a", "always")
    docker.kill("a")
    time.advance(MINUTE)
    expect(status("a")).toBe("exited")
    docker.start("a")
    time.advance(400)
    docker.die("a")
    events()
    docker.stop("a")
    expect(events()).toEqual(["stop a"])
    time.advance(MINUTE)
    expect(status("a")).toBe("exited")
  })

  it("announce the end, then the new start; the address may be another", () => {
    const { docker, run, time, events } = engine()
    run("a", "always")
    events()
    docker.die("a", 1)
    run("b")
    time.advance(MINUTE)
    const own = events().filter((event) => event.split(" ")[1] === "a")
    expect(own).toEqual(["disconnect a", "die a 1", "connect a", "start a"])
    expect(docker.network("front")?.members.get(docker.find("a")!.id)?.v4).toBe("172.20.0.3")
  })

  it("try once when the container's owner does not run: it has exited, with the reason", () => {
    const { docker, run, time, state, restarts } = engine()
    run("a")
    run("b", "always", { network: "container:a" })
    docker.stop("a")
    docker.die("b", 7)
    time.advance(MINUTE)
    const owner = docker.find("a")!.id
    expect(state("b")).toMatchObject({
      Status: "exited",
      ExitCode: 7,
      Error: `cannot join network of a non running container: ${owner}`
    })
    expect(restarts("b")).toBe(1)
    expect(() => docker.start("b")).toThrow("cannot join network of a non running container")
  })

  it("do not make a container that is restarting an owner to join", () => {
    const { docker, run } = engine()
    run("a", "always")
    docker.create({ name: "b", network: "container:a" })
    docker.die("a")
    expect(() => docker.start("b")).toThrow("is restarting, wait until the container is running")
  })
})

describe("a restart", () => {
  it("ends and starts the container, counts no attempt of its policy, and is announced last", () => {
    const { docker, run, time, events, restarts } = engine()
    run("a", "always")
    docker.die("a")
    time.advance(MINUTE)
    events()
    docker.restart("a")
    time.advance(400)
    expect(events()).toEqual([
      ...["kill a 15", "disconnect a", "stop a", "die a 0"],
      ...["connect a", "start a", "restart a"]
    ])
    expect(restarts("a")).toBe(0)
  })

  it("of a container whose owner does not run leaves it stopped", () => {
    const { docker, run, status } = engine()
    run("a")
    run("b", "no", { network: "container:a" })
    docker.stop("a")
    let refused: unknown
    docker.restart("b", 10, (error) => {
      refused = error
    })
    expect(String(refused)).toContain("cannot join network of a non running container")
    expect(status("b")).toBe("exited")
  })

  it("leaves it stopped as well while there is an obstacle to its start, with the reason", () => {
    const { docker, run, time, state, status, obstacles } = engine()
    run("a")
    obstacles.set("a", "error while mounting volume")
    let refused: unknown
    docker.restart("a", 10, (error) => {
      refused = error
    })
    expect(refused).toMatchObject({ status: 500, message: expect.stringContaining("error while mounting volume") })
    expect(state("a")).toMatchObject({ Status: "exited", Error: "error while mounting volume" })
    expect(() => docker.start("a")).toThrow("error while mounting volume")
    obstacles.clear()
    docker.start("a")
    time.advance(400)
    expect([status("a"), state("a")["Error"]]).toEqual(["running", ""])
  })
})

describe("the end of the engine", () => {
  const zero = { next: () => 0 }

  it("as it is told to ends everything; what has a policy comes back, unless it was stopped, or ended well on-failure", () => {
    const { docker, run, time, status, events } = engine()
    for (const policy of ["no", "always", "unless-stopped", "on-failure"]) run(policy, policy)
    run("stopped", "unless-stopped")
    run("stopped-always", "always")
    docker.stop("stopped")
    docker.stop("stopped-always")
    docker.create({ name: "never", network: "front", restart: "always" })
    let down = false
    docker.end("shutdown", () => {
      down = true
    })
    expect([down, docker.isAway, status("always")]).toEqual([true, true, "exited"])
    time.advance(MINUTE)
    expect(status("always")).toBe("exited")
    docker.begin(zero)
    events()
    time.advance(MINUTE)
    const running = docker.containers().filter((container) => container.status === "running")
    expect(running.map(({ name }) => name).toSorted()).toEqual(["always", "stopped-always", "unless-stopped"])
  })

  it("by a power failure leaves status 255, and no event is remembered", () => {
    const { docker, run, time, state, status } = engine()
    run("a")
    run("b", "on-failure")
    docker.end("power failure")
    expect(state("a")).toMatchObject({ Status: "exited", ExitCode: 255 })
    docker.begin(zero)
    expect(docker.log.listen(() => {}, 0n).past).toEqual([])
    time.advance(MINUTE)
    expect(status("b")).toBe("running")
  })

  it("has containers in others' namespaces fail when their turn comes before their owner runs", () => {
    const { docker, run, time, status, state } = engine()
    run("owner", "always")
    run("early", "always", { network: "container:owner" })
    run("late", "always", { network: "container:owner" })
    docker.end("shutdown")
    const draws = [0.2, 0.1, 0.9]
    docker.begin({ next: () => draws.shift() ?? 0 })
    time.advance(MINUTE)
    expect([status("owner"), status("early"), status("late")]).toEqual(["running", "exited", "running"])
    expect(state("early")).toMatchObject({ ExitCode: 128, Error: expect.stringContaining("non running container") })
  })

  it("under live-restore touches nothing; what ended meanwhile is noticed, and its policy acts", () => {
    const { docker, run, time, status } = engine()
    for (const name of ["a", "b", "c"]) run(name, name === "b" ? "always" : "no")
    docker.end("live restore")
    docker.exited("b", 1)
    docker.exited("c", 1)
    expect(status("b")).toBe("running")
    docker.begin(zero)
    expect([status("a"), status("b"), status("c")]).toEqual(["running", "exited", "exited"])
    time.advance(MINUTE)
    expect([status("a"), status("b"), status("c")]).toEqual(["running", "running", "exited"])
  })

  it("calls off a start that was not through, and every start that a policy was about to make", () => {
    const { docker, run, time, status } = engine()
    run("a", "always")
    docker.die("a")
    docker.create({ name: "b", network: "front" })
    docker.start("b")
    docker.end("shutdown")
    time.advance(MINUTE)
    expect([status("a"), status("b")]).toEqual(["exited", "created"])
    expect(docker.network("front")?.members.size).toBe(0)
  })
})
