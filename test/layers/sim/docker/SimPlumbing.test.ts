import { describe, expect, it } from "vitest"
import { SimDocker } from "../../../../src/layers/sim/docker/SimDocker.ts"
import type { SimPlumbing, SimProcesses } from "../../../../src/layers/sim/docker/SimPlumbing.ts"
import { SimTime } from "../../../../src/layers/sim/SimTime.ts"

/** An engine in virtual time, and what it tells of namespaces and processes, with its events among it. */
const engine = () => {
  const time = new SimTime(1_700_000_000_000)
  const told: Array<string> = []
  const name = (id: string) => docker.find(id)?.name
  const plumbing: SimPlumbing = {
    enter: (id, owner) => void told.push(`enter ${name(id)}${owner === undefined ? "" : ` in ${name(owner)}`}`),
    leave: (id) => void told.push(`leave ${name(id)}`),
    attach: (id, network, { v4 }) => void told.push(`attach ${name(id)} ${network.name} ${v4}`),
    detach: (id, networkId) => void told.push(`detach ${name(id)} ${docker.network(networkId)?.name}`)
  }
  const processes: SimProcesses = {
    started: (program) => void told.push(`started ${program.name}: ${program.command.join(" ")}`),
    signal: (id, signal) => void told.push(`${signal} ${name(id)}`)
  }
  const docker: SimDocker = new SimDocker(time.nowNanos, { plumbing, processes, timers: time })
  docker.createNetwork({ name: "front", v4: "172.20.0.0/16" })
  docker.createNetwork({ name: "back", v4: "172.21.0.0/16" })
  docker.log.listen(({ type, action, containerId, networkId }) => {
    if (containerId === undefined) return
    const where = type === "network" ? ` ${docker.network(networkId ?? "")?.name}` : ""
    told.push(`event ${action} ${name(containerId)}${where}`)
  })
  const taken = () => told.splice(0)
  return { docker, time, taken }
}

describe("what a simulated engine tells of namespaces and processes", () => {
  it("has addresses and announcements at once, links and the process when the start is through", () => {
    const { docker, time, taken } = engine()
    docker.run({ name: "a", network: "front", also: ["back"], command: ["serve", "--all"] })
    expect(taken()).toEqual(["event create a", "event connect a front", "event connect a back"])
    expect(docker.find("a")?.status).toBe("created")
    time.advance(400)
    expect(taken()).toEqual([
      "enter a",
      "attach a back 172.21.0.2",
      "attach a front 172.20.0.2",
      "event start a",
      "started a: serve --all"
    ])
    expect(docker.find("a")?.status).toBe("running")
  })

  it("asks a process to end, waits for it, and takes the links away when it has ended", () => {
    const { docker, time, taken } = engine()
    docker.run({ name: "a", network: "front" })
    time.advance(400)
    taken()
    docker.stop("a")
    expect(taken()).toEqual(["event kill a", "SIGTERM a"])
    time.advance(9000)
    expect(docker.find("a")?.status).toBe("running")
    docker.exited("a", 0)
    expect(taken()).toEqual(["detach a front", "event disconnect a front", "leave a", "event stop a", "event die a"])
    time.advance(9000)
    expect(taken()).toEqual([])
  })

  it("kills a process that has not ended after the grace", () => {
    const { docker, time, taken } = engine()
    docker.run({ name: "a", network: "front" })
    time.advance(400)
    docker.stop("a", 3)
    taken()
    time.advance(2999)
    expect(taken()).toEqual([])
    time.advance(1)
    expect(taken()).toEqual(["event kill a", "SIGKILL a"])
  })

  it("has a container in another's namespace enter where its owner is, with no links of its own", () => {
    const { docker, time, taken } = engine()
    docker.run({ name: "a", network: "front" })
    time.advance(400)
    docker.create({ name: "b", network: "container:a" })
    taken()
    docker.start("b")
    time.advance(400)
    expect(taken()).toEqual(["enter b in a", "event start b", "started b: run"])
  })

  it("plugs a running container in and out at once", () => {
    const { docker, time, taken } = engine()
    docker.run({ name: "a", network: "front" })
    time.advance(400)
    taken()
    docker.connect("back", "a")
    docker.disconnect("front", "a")
    expect(taken().slice(0, 4)).toEqual([
      "event connect a back",
      "attach a back 172.21.0.2",
      "detach a front",
      "event disconnect a front"
    ])
  })
})
