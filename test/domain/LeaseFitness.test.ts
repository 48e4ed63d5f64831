import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import type { Lease, StaticRoute } from "../../src/domain/DhcpLease.ts"
import { fitLease } from "../../src/domain/LeaseFitness.ts"
import type { LinkAddress } from "../../src/domain/Routing.ts"

const on = (link: string, family: "v4" | "v6", address: string, prefixLength: number): LinkAddress => ({
  family,
  link,
  address,
  prefixLength,
  scope: "global",
  tentative: false
})

const present = [
  on("eth0", "v4", "10.99.0.7", 24),
  on("eth0", "v6", "fd99::7", 64),
  on("eth1", "v4", "172.20.0.2", 16),
  on("eth1", "v6", "fd20::2", 64)
]

const lease = (address: string, prefixLength: number, routes: ReadonlyArray<StaticRoute> = []): Lease => ({
  family: address.includes(":") ? "v6" : "v4",
  address,
  prefixLength,
  leaseSeconds: 3_600,
  renewSeconds: 1_800,
  rebindSeconds: 3_150,
  routes
})

describe("a lease beside the other interfaces", () => {
  it("is used as it is when it is in nobody's network, also in another than Docker's", () => {
    for (const one of [lease("10.99.0.50", 24), lease("192.168.1.9", 24), lease("fd99::50", 128)]) {
      expect(fitLease(one, "eth0", present)).toEqual(Result.succeed({ lease: one, leftOut: [] }))
    }
  })

  it("is refused in the network of another interface, in a part of it and in one that holds it", () => {
    for (const one of [
      lease("172.20.0.9", 16),
      lease("172.20.3.9", 24),
      lease("172.16.0.9", 12),
      lease("fd20::9", 128)
    ]) {
      const refusal = fitLease(one, "eth0", present)
      expect(Result.isFailure(refusal) ? refusal.failure : "").toMatch(/which is the network of another interface$/)
    }
  })

  it("loses the routes that would take another interface's traffic, and those by a router out of reach, with the reason", () => {
    const good = { destination: "10.50.0.0", prefixLength: 16, gateway: "10.99.0.9" }
    const routes = [
      good,
      { destination: "172.16.0.0", prefixLength: 12, gateway: "10.99.0.9" },
      { destination: "10.51.0.0", prefixLength: 16, gateway: "10.98.0.1" }
    ]
    const fitting = Result.getOrThrow(fitLease(lease("10.99.0.50", 24, routes), "eth0", present))
    expect(fitting.lease.routes).toEqual([good])
    expect(fitting.leftOut).toEqual([
      "the route to 172.16.0.0/12: it would take traffic of 172.20.0.0/16, which is on another interface",
      "the route to 10.51.0.0/16: 10.98.0.1 is not in 10.99.0.0/24"
    ])
  })

  it("keeps a route to what is on the link itself, wherever that is", () => {
    const onLink = lease("10.99.0.50", 24, [{ destination: "192.0.2.0", prefixLength: 24 }])
    expect(fitLease(onLink, "eth0", present)).toEqual(Result.succeed({ lease: onLink, leftOut: [] }))
  })

  it("does not mind an address of another interface that only counts on that link", () => {
    const beside = [...present, { ...on("eth1", "v4", "10.99.0.3", 24), scope: "link" as const }]
    const one = lease("10.99.0.50", 24)
    expect(fitLease(one, "eth0", beside)).toEqual(Result.succeed({ lease: one, leftOut: [] }))
  })

  it("needs no route to its own network, as some servers send it", () => {
    const routes = [{ destination: "10.99.0.0", prefixLength: 24 }]
    const fitting = Result.getOrThrow(fitLease(lease("10.99.0.50", 24, routes), "eth0", present))
    expect(fitting).toEqual({ lease: lease("10.99.0.50", 24), leftOut: [] })
  })
})
