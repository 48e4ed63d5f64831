import { describe, expect, it } from "vitest"
import type { PublishedPort } from "../../src/domain/PublishedPort.ts"
import { container, failure, port, remarks, wrap } from "./projectsToWrap.ts"

const expose = (...ports: ReadonlyArray<PublishedPort>) => wrap([container("web", ports)]).wrapped[0]?.expose

describe("the ports of a service-anchor", () => {
  it("are the published ones outside, and the container's inside", () => {
    expect(expose(port("8443:443"), port("25:25"), port("53:53", "udp"))).toBe("tcp/25,tcp/8443:443,udp/53")
  })

  it("that are published on several addresses of the host are exposed once", () => {
    expect(expose(port("80", "tcp", "192.0.2.1"), port("80", "tcp", "2001:db8::1"), port("80"))).toBe("tcp/80")
  })

  it("in a row are a range, kept or translated", () => {
    const row = [0, 1, 2].flatMap((n) => [port(`${8000 + n}:${9000 + n}`), port(`${7000 + n}`, "udp")])
    expect(expose(...row)).toBe("tcp/8000-8002:9000-9002,udp/7000-7002")
    expect(expose(port("8000:9000"), port("8001:9002"), port("8002:9003"))).toBe(
      "tcp/8000:9000,tcp/8001-8002:9002-9003"
    )
  })

  it("that are not in a row, or of two protocols, are no range", () => {
    expect(expose(port("25"), port("80"))).toBe("tcp/25,tcp/80")
    expect(expose(port("25"), port("26", "udp"))).toBe("tcp/25,udp/26")
  })

  it("in a row that is too wide for a translated range are several of them", () => {
    const row = Array.from({ length: 1030 }, (_, n) => port(`${8000 + n}:${20_000 + n}`))
    expect(expose(...row)).toBe("tcp/8000-9023:20000-21023,tcp/9024-9029:21024-21029")
    const kept = Array.from({ length: 1030 }, (_, n) => port(`${8000 + n}`))
    expect(expose(...kept)).toBe("tcp/8000-9029")
  })

  it("are not for IPv6 where all of them are published on IPv4 addresses only", () => {
    const v6 = (...ports: ReadonlyArray<PublishedPort>) => wrap([container("web", ports)]).wrapped[0]?.exposeV6
    expect(v6(port("80", "tcp", "0.0.0.0"), port("81", "tcp", "192.0.2.1"))).toBe("off")
    expect(v6(port("80", "tcp", "0.0.0.0"), port("81"))).toBe("auto")
    expect(v6(port("80", "tcp", "127.0.0.1"), port("81", "tcp", "::"))).toBe("auto")
  })
})

describe("what cannot be decided, or is left out, is told with its reason", () => {
  it("for a port that Docker chooses, and for another protocol", () => {
    const ports = [port("25"), port(":80"), port("8000-8004:81"), port("9899", "sctp")]
    expect(remarks([container("web", ports)])).toEqual([
      "undecided: cloud-web-1 9899:9899/sctp: anchord maps TCP and UDP, not SCTP; leave it published on the host",
      expect.stringMatching(/^undecided: cloud-web-1 80: Docker takes any port that is free; choose one, /),
      expect.stringMatching(/^undecided: cloud-web-1 8000-8004:81: Docker takes any port of 8000-8004 that is free; /)
    ])
  })

  it("for a port that is for the host alone, which is no question", () => {
    const ports = [
      port("25"),
      port("9000", "tcp", "127.0.0.1"),
      port("9001", "tcp", "::1"),
      port("9002", "tcp", "127.1.2.3")
    ]
    const { wrapped } = wrap([container("web", ports)])
    expect(wrapped[0]?.expose).toBe("tcp/25")
    expect(remarks([container("web", ports)])).toEqual([
      "note: cloud-web-1 127.0.0.1:9000:9000, [::1]:9001:9001, 127.1.2.3:9002:9002: published for the host alone; it stays so; to have it on the LAN, add it to anchord.expose"
    ])
  })

  it("for a port that leads to two containers, or to two ports of one, on different addresses of the host", () => {
    const a = container("a", [port("80", "tcp", "192.0.2.1"), port("81")])
    const b = container("b", [
      port("80:8080", "tcp", "192.0.2.2"),
      port("82:1", "tcp", "192.0.2.1"),
      port("82:2", "tcp", "192.0.2.2")
    ])
    expect(wrap([a, b]).wrapped.map(({ container: name, expose: label }) => [name, label])).toEqual([
      ["cloud-a-1", "tcp/81"]
    ])
    expect(remarks([a, b])).toEqual([
      expect.stringMatching(
        /^undecided: cloud-a-1 192.0.2.1:80:80: tcp\/80 leads to cloud-a-1 \(80\/tcp\) and cloud-b-1 \(8080\/tcp\) /
      ),
      expect.stringMatching(/^undecided: cloud-b-1 192.0.2.2:80:8080: tcp\/80 leads to /),
      expect.stringMatching(
        /^undecided: cloud-b-1 192.0.2.1:82:1, 192.0.2.2:82:2: tcp\/82 leads to cloud-b-1 \(1\/tcp\) and cloud-b-1 \(2\/tcp\) /
      )
    ])
  })

  it("but not for a port that another container publishes for the host alone", () => {
    const a = container("a", [port("80", "tcp", "127.0.0.1")])
    const { wrapped } = wrap([a, container("b", [port("80:8080")])])
    expect(wrapped.map(({ container: name, expose: label }) => [name, label])).toEqual([["cloud-b-1", "tcp/80:8080"]])
  })

  it("but not for a port that is only wanted by a container which cannot be wrapped as well", () => {
    const host = container("host", [port("80")], { namespace: "host", networks: [] })
    expect(wrap([container("web", [port("80")]), host]).wrapped.map(({ expose: label }) => label)).toEqual(["tcp/80"])
  })

  it("for containers without a namespace of their own", () => {
    const web = container("web", [port("80")])
    expect(remarks([web, container("vpn", [], { namespace: "host", networks: [] })])).toEqual([
      expect.stringMatching(/^undecided: cloud-vpn-1: it is in the network namespace of the host/)
    ])
    expect(remarks([web, container("odd", [port("81")], { namespace: "none", networks: [] })])).toEqual([
      expect.stringMatching(/^undecided: cloud-odd-1 81:81: it is on no network; /)
    ])
    expect(remarks([web, container("side", [], { namespace: "shared", networks: [] })])).toEqual([])
  })

  it("for a container that a network-anchor serves already", () => {
    expect(remarks([container("web", [port("80")]), container("mail", [port("25")], { exposed: true })])).toEqual([
      "undecided: cloud-mail-1 25:25: it carries anchord.expose: a network-anchor serves it already; leave it to that one"
    ])
  })

  it("for one that does not run: it is wrapped all the same", () => {
    const stopped = container("web", [port("80")], { runs: false })
    expect(wrap([stopped]).wrapped).toHaveLength(1)
    expect(remarks([stopped])).toEqual([
      "note: cloud-web-1: it does not run, and a service-anchor can only join one that does; start it first"
    ])
  })

  it("when there is nothing to wrap at all", () => {
    expect(failure([container("db", [])])).toEqual({
      message: "the project cloud publishes no port on the host: there is nothing to wrap",
      remarks: []
    })
    const none = failure([container("web", [port(":80")]), container("db", [])])
    expect(none.message).toBe("none of the ports that the project cloud publishes can be wrapped")
    expect(none.remarks).toHaveLength(1)
  })
})
