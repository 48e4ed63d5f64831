import { describe, expect, it } from "vitest"
import { remarkText } from "../../src/domain/WrapFiles.ts"
import { bridge, container, failure, on, port, remarks, wrap } from "./projectsToWrap.ts"

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
