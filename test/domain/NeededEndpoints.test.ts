import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { allowing, endpoints, neededEndpoints, pathOf } from "../../src/domain/NeededEndpoints.ts"
import { settingsOf } from "./doctorSettings.ts"

const reads = ["GET /_ping", "GET /events", "GET /containers/json", "GET /containers/{id}/json", "GET /networks/{id}"]

const named = (...args: Parameters<typeof settingsOf>) =>
  neededEndpoints(settingsOf(...args)).map(({ endpoint }) => endpoint)

const OFF = { ANCHORD_AUTOSTART_SIBLINGS: "false", ANCHORD_AUTOFIX_DEAD_NETNS: "false" }

const anchorWith = (env: Readonly<Record<string, string>>) =>
  new Map(
    neededEndpoints(settingsOf("network-anchor", env)).map(({ endpoint, vital, instead }) => [
      endpoint,
      { vital, instead }
    ])
  )

describe("the calls that settings need", () => {
  it("are five reads for a network-anchor that only watches, and it cannot do without one", () => {
    expect(named("network-anchor", OFF)).toEqual(reads)
    expect([...anchorWith(OFF).values()].every(({ vital }) => vital)).toBe(true)
  })

  it("are none for a service-anchor", () => {
    expect(named("service-anchor")).toEqual([])
  })

  it("are one more to start containers, which a setting does without", () => {
    const needed = anchorWith({ ...OFF, ANCHORD_AUTOSTART_SIBLINGS: "true" })
    expect([...needed.keys()]).toEqual([...reads, "POST /containers/{id}/start"])
    expect(needed.get("POST /containers/{id}/start")).toEqual({
      vital: false,
      instead: "set ANCHORD_AUTOSTART_SIBLINGS=false"
    })
  })

  it("are those that replace a container to repair, vital only where the whole project was asked for", () => {
    const own = anchorWith({ ...OFF, ANCHORD_AUTOFIX_DEAD_NETNS: "true" })
    const whole = anchorWith({ ...OFF, ANCHORD_AUTOFIX_DEAD_NETNS: "true", ANCHORD_AUTOFIX_SCOPE: "project" })
    expect(own.size).toBe(12)
    expect(own.has("GET /images/{id}/json")).toBe(false)
    expect([own, whole].map((needed) => needed.get("DELETE /containers/{id}")?.vital)).toEqual([false, true])
  })

  it("are the image's configuration as well for a managed service-anchor, all of them vital", () => {
    const needed = anchorWith({ ...OFF, ANCHORD_MANAGED_SA_TARGET: "web" })
    expect(needed.get("GET /images/{id}/json")).toEqual({
      vital: true,
      instead: "leave ANCHORD_MANAGED_SA_TARGET out"
    })
    expect(needed.get("POST /containers/create")?.vital).toBe(true)
  })

  it("are as vital as the first that needs them, and done without in its way", () => {
    const start = "POST /containers/{id}/start"
    const managed = anchorWith({ ANCHORD_MANAGED_SA_TARGET: "web" })
    expect(managed.get(start)).toEqual({ vital: true, instead: "leave ANCHORD_MANAGED_SA_TARGET out" })
    expect(anchorWith({}).get(start)).toEqual({ vital: false, instead: "set ANCHORD_AUTOFIX_DEAD_NETNS=false" })
  })

  it("are all vital for a rebinder, which is there for nothing else", () => {
    for (const settings of [
      settingsOf("external-rebinder", { ANCHORD_FOLLOW_RESTART: "true" }),
      settingsOf("wrap-rebinder")
    ])
      expect(neededEndpoints(settings).every(({ vital }) => vital)).toBe(true)
  })

  it("are connect and disconnect for an external-rebinder, and restart if it is to restart", () => {
    const moving = ["POST /networks/{id}/connect", "POST /networks/{id}/disconnect"]
    expect(named("external-rebinder")).toEqual([...reads, ...moving])
    expect(named("external-rebinder", { ANCHORD_FOLLOW_RESTART: "true" })).toEqual([
      ...reads,
      ...moving,
      "POST /containers/{id}/restart"
    ])
  })

  it("are those that replace a container for a wrap-rebinder", () => {
    expect(named("wrap-rebinder")).toHaveLength(reads.length + 6)
  })
})

describe("how a call is allowed", () => {
  const config = readFileSync(
    fileURLToPath(new URL("../../examples/docker-proxy/haproxy-lifecycle.cfg", import.meta.url)),
    "utf8"
  ).replaceAll(/ +/g, " ")

  it("is a line of the examples' own configuration, for every call", () => {
    for (const endpoint of endpoints) {
      const line = /HAProxy: (acl .*); a proxy with switches/.exec(allowing(endpoint))?.[1] ?? endpoint
      expect(config).toContain(` ${line}\n`)
      const path = new RegExp(line.split(" ").at(-1) ?? "")
      expect(path.test(pathOf(endpoint, "0".repeat(64)))).toBe(true)
    }
  })

  it.each([
    ["GET /_ping", "PING=1"],
    ["GET /networks/{id}", "NETWORKS=1"],
    ["GET /images/{id}/json", "IMAGES=1"],
    ["POST /containers/{id}/start", "CONTAINERS=1 and POST=1"],
    ["DELETE /containers/{id}", "CONTAINERS=1 and POST=1"]
  ] as const)("is for %s the switch %s of other proxies", (endpoint, switches) => {
    expect(allowing(endpoint)).toMatch(new RegExp(`switches: ${switches}$`))
  })

  it("names an image by its digest, as anchord does", () => {
    expect(pathOf("GET /images/{id}/json", "abc")).toBe("/images/sha256%3Aabc/json")
    expect(pathOf("POST /networks/{id}/connect", "abc")).toBe("/networks/abc/connect")
  })
})
