import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { appendFileSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import type { NetlinkChange } from "../../../src/domain/Routing.ts"
import { jsonLine } from "../../../src/layers/observability/JsonLogger.ts"
import { changeOf, changes } from "../../../src/layers/netlink/ipMonitor.ts"
import { jsonLines, makeFolder, patience } from "../process/scripts.ts"

// Printed by `ip monitor label route address link neigh`, iproute2 6.1.
const printed = `\
[ROUTE]10.5.0.0/24 via 10.99.0.1 dev eth0 
[ROUTE]Deleted 10.5.0.0/24 via 10.99.0.1 dev eth0 
[ADDR]3: eth0    inet 10.99.0.77/24 scope global secondary eth0
       valid_lft forever preferred_lft forever
[ROUTE]local 10.99.0.77 dev eth0 table local proto kernel scope host src 10.99.0.5 
[ADDR]Deleted 3: eth0    inet 10.99.0.77/24 scope global secondary eth0
       valid_lft forever preferred_lft forever
[LINK]8: gone@gone1: <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN> mtu 1500 qdisc noqueue state LOWERLAYERDOWN group default 
    link/ether 62:8d:be:c4:5d:17 brd ff:ff:ff:ff:ff:ff
[LINK]Deleted 8: gone@NONE: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default 
    link/ether 62:8d:be:c4:5d:17 brd ff:ff:ff:ff:ff:ff
[NEIGH]172.20.0.8 dev br0 lladdr 02:00:00:00:00:0a PERMANENT 
[NEIGH]172.20.0.8 dev br0 FAILED 
[NEIGH]Deleted 172.20.0.8 dev br0 FAILED 
[ROUTE]Deleted multicast ff00::/8 dev br1 table local proto kernel metric 256 pref medium
`

describe("a line of ip monitor", () => {
  it("says what has changed, made or deleted; a line that goes on with another says nothing", () => {
    expect(printed.split("\n").map(changeOf)).toEqual([
      "route",
      "route",
      "address",
      undefined,
      "route",
      "address",
      undefined,
      "link",
      undefined,
      "link",
      undefined,
      "neighbour",
      "neighbour",
      "neighbour",
      "route",
      undefined
    ])
  })

  it("may be of a kind that nobody asked for, or nothing of the sort", () => {
    for (const line of ["[NETCONF]inet eth0 forwarding on", "[constructor]", " [ROUTE]x", "ROUTE", ""]) {
      expect(changeOf(line)).toBeUndefined()
    }
  })
})

const everything: ReadonlyArray<NetlinkChange> = ["route", "address", "link", "neighbour"]

/** A stand-in for `ip`: it notes each start with its arguments, and prints what is added to a file. */
const makeIp = () => {
  const folder = makeFolder()
  const [feed, starts] = [join(folder, "feed"), join(folder, "starts")]
  writeFileSync(feed, "")
  writeFileSync(starts, "")
  const started = () => readFileSync(starts, "utf8").split("\n").slice(0, -1)
  return {
    prefix: ["sh", "-c", `echo "$$ $*" >> ${starts}; exec tail -n 0 -f ${feed}`, "sh"],
    prints: (text: string) => appendFileSync(feed, text),
    starts: started,
    pid: () => Number(started().at(-1)?.split(" ")[0])
  }
}

/** Everything that the stream emits and logs, until the test ends. */
const listening = (prefix: ReadonlyArray<string>) => {
  const seen: Array<NetlinkChange> = []
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>((options) => void lines.push(jsonLine.log(options)))
  const fiber = Effect.runFork(
    Stream.runForEach(changes(prefix), (change) => Effect.sync(() => void seen.push(change))).pipe(
      Effect.provide(Logger.layer([logger]))
    )
  )
  const stop = () => Effect.runPromise(Fiber.interrupt(fiber))
  onTestFinished(() => void stop())
  return {
    seen,
    log: () => jsonLines(lines.join("\n")),
    shows: (...changed: ReadonlyArray<NetlinkChange>) => vi.waitFor(() => expect(seen).toEqual(changed), patience),
    stop
  }
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const gone = (pid: number) => vi.waitFor(() => expect(isAlive(pid)).toBe(false), patience)

describe("what ip monitor says", () => {
  it("is asked for routes, addresses, links and neighbours of this namespace or another", async () => {
    const ip = makeIp()
    await listening(ip.prefix).shows(...everything)
    expect(ip.starts()).toEqual([`${ip.pid()} ip monitor label route address link neigh`])
  })

  it("comes after every kind was said once", async () => {
    const ip = makeIp()
    const monitor = listening(ip.prefix)
    await monitor.shows(...everything)
    ip.prints("[NEIGH]172.20.0.8 dev br0 FAILED \n[ADDR]3: eth0    inet 10.99.0.77/24\n       valid_lft forever\n")
    await monitor.shows(...everything, "neighbour", "address")
    ip.prints("[ROUTE]default via 10.99.0.1 dev eth0")
    ip.prints(" \n")
    await monitor.shows(...everything, "neighbour", "address", "route")
    expect(monitor.log()).toEqual([])
  })

  it("goes on when the monitor ends: it is started again with a WARN, and says every kind once more", async () => {
    const ip = makeIp()
    const monitor = listening(ip.prefix)
    await monitor.shows(...everything)
    for (const times of [2, 3]) {
      const ended = ip.pid()
      process.kill(ended, "SIGTERM")
      await monitor.shows(...Array.from({ length: times }, () => everything).flat())
      expect(isAlive(ended)).toBe(false)
      expect(ip.starts()).toHaveLength(times)
      expect(monitor.log()).toHaveLength(times - 1)
    }
    expect(monitor.log()).toMatchObject([1, 2].map(() => ({ level: "WARN", error: "was ended by SIGTERM" })))
    ip.prints("[LINK]8: gone@gone1: <UP> mtu 1500\n")
    await vi.waitFor(() => expect(monitor.seen.at(-1)).toBe("link"), patience)
  })

  it("ends with its reader, and the monitor with it", async () => {
    const ip = makeIp()
    const monitor = listening(ip.prefix)
    await monitor.shows(...everything)
    const pid = ip.pid()
    await monitor.stop()
    await gone(pid)
    expect(ip.starts()).toHaveLength(1)
    expect(monitor.log()).toEqual([])
  })

  it("is not given up when there is no such program: the pauses grow", async () => {
    const monitor = listening(["anchord-no-such-program"])
    await vi.waitFor(() => expect(monitor.log().length).toBeGreaterThanOrEqual(4), patience)
    const times = monitor.log().map(({ time }) => Date.parse(String(time)))
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0))
    for (const [index, least] of [100, 200, 400].entries()) expect(pauses[index]).toBeGreaterThanOrEqual(least - 10)
    expect(monitor.seen).toEqual([])
    expect(monitor.log()[0]).toMatchObject({ level: "WARN", error: expect.stringContaining("ENOENT") })
  })
})
