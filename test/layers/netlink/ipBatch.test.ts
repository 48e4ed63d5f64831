import { describe, expect, it } from "vitest"
import type { DefaultRoute, RouteStep } from "../../../src/domain/Routing.ts"
import { batchesOf, failedDeletions, saysGone } from "../../../src/layers/netlink/ipBatch.ts"

const replace = (route: DefaultRoute): RouteStep => ({ _tag: "Replace", route })
const remove = (route: DefaultRoute): RouteStep => ({ _tag: "Delete", route })

const linesOf = (...steps: ReadonlyArray<RouteStep>) =>
  batchesOf(steps[0]?.route.family ?? "v4", steps).flatMap(({ lines }) => lines)

describe("a step as ip takes it", () => {
  it("has every part that the route has, in ip's words", () => {
    const route: DefaultRoute = {
      family: "v6",
      gateway: "fd99::1",
      link: "eth0",
      onLink: true,
      source: "fd99::5",
      mtu: 1400,
      metric: 512,
      protocol: "97",
      table: 29793
    }
    const words = "default via fd99::1 dev eth0 onlink src fd99::5 mtu 1400 metric 512 proto 97 table 29793"
    expect(linesOf(replace(route), remove(route))).toEqual([`route replace ${words}`, `route del ${words}`])
  })

  it("names the family of a gateway that is not the route's", () => {
    expect(linesOf(replace({ family: "v4", gateway: "fe80::1", link: "eth0" }))).toEqual([
      "route replace default via inet6 fe80::1 dev eth0"
    ])
  })

  it("leaves out what the route has not", () => {
    expect(linesOf(replace({ family: "v4", gateway: "10.99.0.1" }))).toEqual(["route replace default via 10.99.0.1"])
    expect(linesOf(replace({ family: "v4", link: "tun9", metric: 300 }))).toEqual([
      "route replace default dev tun9 metric 300"
    ])
  })

  it("names the protocol in a deletion always, lest the kernel take a route of somebody else", () => {
    expect(linesOf(remove({ family: "v4", gateway: "10.99.0.1" }))).toEqual([
      "route del default via 10.99.0.1 proto boot"
    ])
    expect(linesOf(remove({ family: "v4", gateway: "10.99.0.1", protocol: "dhcp" }))).toEqual([
      "route del default via 10.99.0.1 proto dhcp"
    ])
  })

  it("may have the metric 0", () => {
    expect(linesOf(remove({ family: "v4", gateway: "10.99.0.1", metric: 0 }))).toEqual([
      "route del default via 10.99.0.1 metric 0 proto boot"
    ])
  })
})

describe("the batches of a plan", () => {
  const [a, b, c] = ["10.99.0.1", "10.99.0.2", "10.99.0.3"].map((gateway): DefaultRoute => ({ family: "v4", gateway }))
  const six: DefaultRoute = { family: "v6", gateway: "fd99::1" }

  it("keep the order, and replacements apart from deletions", () => {
    const steps = [replace(a!), replace(b!), remove(c!), remove(a!), replace(c!)]
    expect(batchesOf("v4", steps).map(({ kind, lines }) => `${kind} ${lines.length}`)).toEqual([
      "Replace 2",
      "Delete 2",
      "Replace 1"
    ])
    expect(
      batchesOf("v4", steps).flatMap(({ lines }) => lines.map((line) => line.slice(6, 7) + line.split(" ")[4]))
    ).toEqual(["r10.99.0.1", "r10.99.0.2", "d10.99.0.3", "d10.99.0.1", "r10.99.0.3"])
  })

  it("hold one family, and are not parted by steps of the other", () => {
    const steps = [replace(a!), remove(six), replace(b!), replace(six)]
    expect(batchesOf("v4", steps)).toEqual([
      {
        family: "v4",
        kind: "Replace",
        lines: ["route replace default via 10.99.0.1", "route replace default via 10.99.0.2"]
      }
    ])
    expect(batchesOf("v6", steps).map(({ family, kind }) => `${family} ${kind}`)).toEqual(["v6 Delete", "v6 Replace"])
  })

  it("are none for no steps", () => {
    expect(batchesOf("v4", [])).toEqual([])
    expect(batchesOf("v4", [replace(six)])).toEqual([])
  })
})

describe("what ip complains of", () => {
  // Printed by `ip -force -batch -`, iproute2 6.1.
  const gone = "RTNETLINK answers: No such process\nCommand failed -:1\n"
  const wrong = 'Error: inet address is expected rather than "999".\n'
  const denied = "RTNETLINK answers: Operation not permitted\nCommand failed -:2\n"

  it("is nothing when the routes were gone already", () => {
    expect(failedDeletions(gone)).toBe("")
    expect(failedDeletions(gone + gone)).toBe("")
    expect(failedDeletions("")).toBe("")
  })

  it("is what is left without those", () => {
    expect(failedDeletions(gone + wrong)).toBe(wrong.trim())
    expect(failedDeletions(gone + denied + gone)).toBe("RTNETLINK answers: Operation not permitted")
    expect(failedDeletions(`${denied}Error: x\nCommand failed -:3\n`)).toBe(
      "RTNETLINK answers: Operation not permitted; Error: x"
    )
  })

  it("tells what is not there, a route or a whole table, from everything else", () => {
    expect(saysGone("RTNETLINK answers: No such process")).toBe(true)
    expect(saysGone("Error: ipv6: FIB table does not exist.\nDump terminated")).toBe(true)
    expect(saysGone("Error: ipv4: FIB table does not exist.\nDump terminated")).toBe(true)
    for (const text of ["", wrong, denied, 'Cannot find device "eth0"', "RTNETLINK answers: File exists"]) {
      expect(saysGone(text)).toBe(false)
    }
  })
})
