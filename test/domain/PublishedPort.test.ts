import { describe, expect, it } from "vitest"
import {
  canonicalPorts,
  outsideOf,
  printPublished,
  publishedPorts,
  type PublishedPort
} from "../../src/domain/PublishedPort.ts"

const port = (outside: number | string, inside: number, more: Partial<PublishedPort> = {}): PublishedPort => ({
  protocol: "tcp",
  inside,
  outside,
  hostAddress: "",
  ...more
})

describe("what a container publishes", () => {
  it("is read from Docker's bindings: fixed ports, addresses of the host, and what Docker chooses", () => {
    const bindings = {
      "443/tcp": [{ HostIp: "", HostPort: "8443" }],
      "7001/udp": [{ HostIp: "::1", HostPort: "7001" }],
      "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "" }],
      "81/tcp": [{ HostPort: "8100-8105" }],
      "82/tcp": [{ HostPort: "0" }, { HostPort: "82" }],
      "83/tcp": null
    }
    expect(publishedPorts(bindings, { "90/tcp": {} }, false)).toEqual([
      port(8443, 443),
      port(7001, 7001, { protocol: "udp", hostAddress: "::1" }),
      port("", 80, { hostAddress: "0.0.0.0" }),
      port("8100-8105", 81),
      port("", 82),
      port(82, 82)
    ])
  })

  it("is with docker run -P every exposed port beside the bound ones, wherever Docker likes", () => {
    const exposed = { "80/tcp": {}, "81/udp": {} }
    expect(publishedPorts({ "80/tcp": [{ HostPort: "8080" }] }, exposed, true)).toEqual([
      port(8080, 80),
      port("", 81, { protocol: "udp" })
    ])
  })

  it("is one port when a range has only one", () => {
    expect(["80-80", "80-81", " 80 ", "", "0"].map(outsideOf)).toEqual([80, "80-81", 80, "", ""])
  })

  it.each([
    [port(8443, 443), "8443:443"],
    [port(53, 53, { protocol: "udp" }), "53:53/udp"],
    [port(25, 25, { hostAddress: "127.0.0.1" }), "127.0.0.1:25:25"],
    [port(25, 25, { hostAddress: "::1" }), "[::1]:25:25"],
    [port("", 80), "80"],
    [port("", 80, { hostAddress: "0.0.0.0" }), "0.0.0.0::80"],
    [port("8100-8105", 81, { protocol: "udp" }), "8100-8105:81/udp"]
  ])("is printed as a compose file has it: %o", (one, text) => {
    expect(printPublished(one)).toBe(text)
  })

  it("is put into an order of its own, without repetitions", () => {
    const sorted = [port(25, 25), port(110, 110), port(53, 53, { protocol: "udp" })]
    expect(canonicalPorts([...sorted.toReversed(), port(110, 110)])).toEqual(sorted)
  })
})
