import { describe, expect, it } from "vitest"
import { printPublished } from "../../src/domain/PublishedPort.ts"
import { containerToWrap } from "../../src/domain/RunningProject.ts"
import { differing, inspectionOf } from "./inspections.ts"

const read = (name: string) => containerToWrap(inspectionOf(name))

describe("a container as it is read for wrapping, from what Docker said of it", () => {
  it("has its published ports, also those that Docker chooses", () => {
    expect(read("published").ports.map(printPublished).toSorted()).toEqual([
      "127.0.0.1:18081:81/udp",
      "18080:80",
      "9999",
      "[::1]:18082:82"
    ])
  })

  it("publishes what its image exposes only where it was told to publish all", () => {
    const told = differing("published", { HostConfig: { PublishAllPorts: false } })
    expect(containerToWrap(told).ports.map(printPublished)).not.toContain("9999")
  })

  it("may have no labels, and a network of which nothing is told", () => {
    const bare = differing("plain", { Config: { Labels: null }, NetworkSettings: { Networks: { front: null } } })
    expect(containerToWrap(bare)).toMatchObject({
      service: undefined,
      exposed: false,
      networks: [{ name: "front", pinned: {} }]
    })
  })

  it("has the networks that it is on, with the addresses that it asked for", () => {
    expect(read("networks")).toMatchObject({
      name: "varied-networks",
      namespace: "own",
      networks: [
        { name: "varied_first", pinned: { v4: "172.30.90.9", v6: "fd00:90::9" } },
        { name: "varied_second", pinned: { v4: "172.30.91.9" } }
      ]
    })
    expect(read("plain").networks).toEqual([{ name: "bridge", pinned: {} }])
  })

  it("is in its own namespace, in the host's, in another container's, or in an empty one", () => {
    expect(["plain", "host", "joined", "alone"].map((name) => read(name).namespace)).toEqual([
      ...["own", "host", "shared", "none"]
    ])
    expect(["host", "joined", "alone"].flatMap((name) => read(name).networks)).toEqual([])
  })

  it("runs or does not, is of a service or of none, and may be served already", () => {
    const runs = (Status: string) => containerToWrap(differing("plain", { State: { Status } })).runs
    expect([read("plain").runs, read("unstarted").runs]).toEqual([true, false])
    expect(["paused", "restarting", "exited", "dead"].map(runs)).toEqual([true, true, false, false])
    expect([read("supervised").service, read("plain").service]).toEqual(["supervised", undefined])
    const exposed = containerToWrap(differing("plain", { Config: { Labels: { "anchord.expose": "tcp/80" } } }))
    const blank = containerToWrap(differing("plain", { Config: { Labels: { "anchord.expose": " " } } }))
    expect([read("plain").exposed, exposed.exposed, blank.exposed]).toEqual([false, true, false])
  })
})
