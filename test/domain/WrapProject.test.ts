import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import type { ConfiguredNetwork, ContainerToWrap, NetworkConfiguration } from "../../src/domain/ProjectToWrap.ts"
import type { PublishedPort } from "../../src/domain/PublishedPort.ts"
import { remarkText } from "../../src/domain/WrapFiles.ts"
import { wrapProject } from "../../src/domain/WrapProject.ts"

const port = (text: string, protocol = "tcp", hostAddress = ""): PublishedPort => {
  const [outside = "", inside = outside] = text.split(":")
  return { protocol, hostAddress, inside: Number(inside), outside: /^\d+$/.test(outside) ? Number(outside) : outside }
}

const on = (...names: ReadonlyArray<string>): ReadonlyArray<ConfiguredNetwork> =>
  names.map((name) => ({ name, pinned: {} }))

const container = (
  service: string,
  ports: ReadonlyArray<PublishedPort>,
  more: Partial<ContainerToWrap> = {}
): ContainerToWrap => ({
  name: `cloud-${service}-1`,
  service,
  runs: true,
  namespace: "own",
  networks: on("cloud_default"),
  ports,
  exposed: false,
  ...more
})

const bridge = (name: string, more: Partial<NetworkConfiguration> = {}): NetworkConfiguration => ({
  name,
  driver: "bridge",
  internal: false,
  subnets: [],
  taken: [],
  ...more
})

const outcome = (containers: ReadonlyArray<ContainerToWrap>, ...networks: ReadonlyArray<NetworkConfiguration>) =>
  wrapProject({ project: "cloud", containers, networks: new Map(networks.map((network) => [network.name, network])) })

const wrap = (...args: Parameters<typeof outcome>) => Result.getOrThrow(outcome(...args))
const failure = (...args: Parameters<typeof outcome>) => Result.getOrThrow(Result.flip(outcome(...args)))
const expose = (...ports: ReadonlyArray<PublishedPort>) => wrap([container("web", ports)]).wrapped[0]?.expose
const remarks = (...args: Parameters<typeof outcome>) =>
  wrap(...args).remarks.map((remark) => `${remark.kind}: ${remarkText(remark)}`)

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

describe("the network on which anchord reaches the containers", () => {
  it("is the one that most of those with ports are on; the others are told of", () => {
    const containers = [
      container("a", [port("1")], { networks: on("front", "back") }),
      container("b", [port("2")], { networks: on("front") }),
      container("c", [port("3")], { networks: on("back") }),
      container("d", [], { networks: on("back") }),
      container("e", [], { networks: on("back") }),
      container("f", [port("4")], { networks: on("front") })
    ]
    expect(wrap(containers).network).toBe("front")
    expect(wrap(containers).wrapped.map(({ container: name }) => name)).toEqual(["cloud-a-1", "cloud-b-1", "cloud-f-1"])
    expect(remarks(containers)).toEqual([
      "undecided: cloud-c-1 3:3: it is not on front, where most of the others are, and a network-anchor reaches containers on one network; put it on front as well, and wrap again"
    ])
  })

  it("is of several rather one that is not internal, then one with IPv6, then the alphabetically first", () => {
    const v4 = { subnets: [{ address: "172.30.1.0", prefixLength: 24 }] }
    const v6 = { subnets: [{ address: "fd00::", prefixLength: 64 }] }
    for (const names of [on("c", "b", "a"), on("a", "b", "c"), on("b", "a", "c"), on("b", "c", "a")]) {
      const containers = [container("a", [port("1")], { networks: names })]
      expect(wrap(containers).network).toBe("a")
      expect(wrap(containers, bridge("a", v4), bridge("b", v4), bridge("c", v6)).network).toBe("c")
      expect(wrap(containers, bridge("a", v4), bridge("b", v6), bridge("c", v6)).network).toBe("b")
      expect(wrap(containers, bridge("a", { internal: true, ...v6 }), bridge("c")).network).toBe("b")
      expect(wrap(containers, bridge("a", { internal: true }), bridge("b", { internal: true })).network).toBe("c")
    }
  })

  it("that is internal is wrapped, with a word on what to do", () => {
    expect(remarks([container("a", [port("1")])], bridge("cloud_default", { internal: true }))).toEqual([
      expect.stringMatching(/^undecided: cloud_default is internal: where net.bridge.bridge-nf-call-iptables is 1, /)
    ])
  })

  it("is never Docker's own bridge, nor a network of another driver", () => {
    const containers = [container("a", [port("1")], { networks: on("bridge", "lan") })]
    expect(failure(containers, bridge("lan", { driver: "macvlan" })).remarks.map(remarkText)).toEqual([
      "cloud-a-1 1:1: it is on no bridge network of its own; Docker's default bridge and other drivers do not do; give it one, and wrap again"
    ])
  })
})

describe("anchord's own address there", () => {
  const pinned = (v4?: string, v6?: string) =>
    container("db", [], {
      networks: [{ name: "cloud_default", pinned: { ...(v4 && { v4 }), ...(v6 && { v6 }) } }]
    })
  const known = bridge("cloud_default", {
    subnets: [
      { address: "172.30.1.0", prefixLength: 24 },
      { address: "fd00::", prefixLength: 64 }
    ],
    taken: ["172.30.1.1", "172.30.1.254"]
  })
  const web = container("web", [port("80")])

  it("is Docker's choice where no container has a fixed one", () => {
    expect(wrap([web], known).gateway).toEqual({})
  })

  it("is fixed, per family, where a container has a fixed one, though it may be stopped", () => {
    expect(wrap([web, pinned("172.30.1.253")], known).gateway).toEqual({ v4: "172.30.1.252" })
    expect(wrap([web, pinned(undefined, "fd00::9")], known).gateway).toEqual({ v6: "fd00::fffe" })
  })

  it("does not depend on what containers have on other networks", () => {
    const elsewhere = container("db", [], { networks: [{ name: "cloud_back", pinned: { v4: "172.30.1.9" } }] })
    expect(wrap([web, elsewhere], known).gateway).toEqual({})
    expect(remarks([web, elsewhere], known)).toEqual([])
  })

  it("is asked for in the family alone that has none to be found", () => {
    const both = [web, pinned("172.30.1.9", "fd09::9")]
    expect(wrap(both, known).gateway).toEqual({ v4: "172.30.1.253" })
    expect(remarks(both, known)).toEqual([expect.stringContaining("fixed addresses on cloud_default (fd09::9)")])
  })

  it("is asked for where there is none to be found", () => {
    expect(wrap([web, pinned("172.30.1.9")]).gateway).toEqual({})
    expect(remarks([web, pinned("172.30.1.9")])).toEqual([
      expect.stringMatching(
        /^undecided: containers of the project have fixed addresses on cloud_default \(172.30.1.9\)/
      )
    ])
  })
})

describe("names", () => {
  const named = (...containers: ReadonlyArray<readonly [name: string, service: string]>) =>
    wrap(containers.map(([name, service], index) => container(service, [port(`${index + 1}`)], { name }))).wrapped.map(
      ({ anchor }) => anchor
    )

  it("of the project, and of anchord on its network, are made of the project's", () => {
    expect(wrap([container("web", [port("80")])])).toMatchObject({
      upstream: "cloud",
      project: "cloud-wrap",
      gatewayName: "cloud-wrap-anchord"
    })
  })

  it("of service-anchors are those of the services", () => {
    expect(named(["cloud-a-1", "a"], ["other", "b"])).toEqual(["a-anchor", "b-anchor"])
  })

  it("are those of the containers where a service has several of them", () => {
    expect(named(["cloud-a-1", "a"], ["cloud-a-2", "a"], ["cloud-b-1", "b"])).toEqual([
      "cloud-a-1-anchor",
      "cloud-a-2-anchor",
      "cloud-b-1-anchor"
    ])
  })
})

describe("the override", () => {
  it("is for services with a port on the LAN, and keeps what is not on it", () => {
    const web = container("web", [port("80"), port(":81"), port("9000", "tcp", "127.0.0.1")])
    const { unpublished } = wrap([web, container("mail", [port("25")]), container("odd", [port(":1")])])
    expect(unpublished).toEqual([
      { service: "mail", expose: "tcp/25", kept: [] },
      { service: "web", expose: "tcp/80", kept: [port(":81"), port("9000", "tcp", "127.0.0.1")] }
    ])
  })

  it("has nothing for a container of no service", () => {
    expect(wrap([container("web", [port("80")], { service: undefined })]).unpublished).toEqual([])
  })
})
