import { describe, expect, it } from "vitest"
import { families, type Family } from "../../../../src/domain/Address.ts"
import { send } from "../../../../src/layers/sim/lan/SimWalker.ts"
import { FIRST, INSIDE, makeLan, packet, port, SECOND } from "../lan/lan.ts"

const begin = (family: Family) => {
  const lan = makeLan()
  const { anchor, client, first, time, map } = lan
  map(port(family, "udp", 53, FIRST[family]))
  const changes: Array<string> = []
  const state = () => anchor.netns.neighbours(family).find(({ address }) => address === FIRST[family])?.state
  anchor.netns.listen((change) => change === "neighbour" && changes.push(state() ?? "gone"))
  return {
    ...lan,
    state,
    changes,
    walk: () => send(client, packet(family, "udp", 53)),
    /** The address of the first backend is at another MAC address from now on. */
    move: (to: typeof first) => {
      for (const kernel of [first, lan.second]) kernel.netns.removeAddress("eth0", FIRST[family])
      to.netns.addAddress("eth0", `${FIRST[family]}/24`)
    },
    pass: (millis: number) => time.advance(millis)
  }
}

describe.each(families)("a neighbour (%s)", (family) => {
  it("is reachable for 30 s, then stale, and confirmed once it is used again", () => {
    const { walk, state, pass, changes } = begin(family)
    changes.length = 0
    walk()
    expect(state()).toBe("reachable")
    pass(30_000)
    expect(state()).toBe("stale")
    walk()
    expect(state()).toBe("delay")
    pass(5_000)
    expect(state()).toBe("reachable")
    expect(changes.filter((one) => one !== "gone")).toEqual(["reachable", "stale", "probe", "reachable"])
  })

  it("that has moved is lost until it was probed in vain, and then found anew", () => {
    const { walk, state, pass, move, first, second } = begin(family)
    expect(walk()).toMatchObject({ _tag: "Delivered", kernel: first })
    move(second)
    expect(walk()).toMatchObject({ _tag: "Lost", kernel: first })
    pass(30_000)
    expect(walk()).toMatchObject({ _tag: "Lost" })
    pass(5_000)
    expect(state()).toBe("probe")
    pass(2_999)
    expect(walk()).toMatchObject({ _tag: "Lost" })
    pass(1)
    expect(state()).toBe("failed")
    expect(walk()).toMatchObject({ _tag: "Delivered", kernel: second })
  })

  it("that nobody is fails after three requests a second apart, and may appear in between", () => {
    const { walk, state, pass, first } = begin(family)
    first.netns.removeAddress("eth0", FIRST[family])
    expect(walk()).toMatchObject({ _tag: "Lost", why: `nobody answers for ${FIRST[family]} on transit` })
    pass(2_999)
    expect(state()).toBe("incomplete")
    pass(1)
    expect(state()).toBe("failed")
    walk()
    expect(state()).toBe("incomplete")
    pass(500)
    first.netns.addAddress("eth0", `${FIRST[family]}/24`)
    pass(500)
    expect(state()).toBe("reachable")
  })

  it("is asked for more often where somebody has set so, and given up no sooner", () => {
    const { walk, state, pass, first, anchor } = begin(family)
    anchor.netns.setRetransmission("eth1", 100)
    first.netns.removeAddress("eth0", FIRST[family])
    walk()
    pass(2_950)
    expect(state()).toBe("incomplete")
    first.netns.addAddress("eth0", `${FIRST[family]}/24`)
    first.netns.removeAddress("eth0", FIRST[family])
    pass(50)
    expect(state()).toBe("failed")
    walk()
    first.netns.addAddress("eth0", `${FIRST[family]}/24`)
    pass(100)
    expect(state()).toBe("reachable")
  })

  it("that has moved is found at once when it is forgotten, or announces itself", () => {
    const { walk, move, first, second, anchor } = begin(family)
    walk()
    move(second)
    anchor.netns.forgetNeighbours([FIRST[family]])
    expect(walk()).toMatchObject({ _tag: "Delivered", kernel: second })
    move(first)
    expect(walk()).toMatchObject({ _tag: "Lost" })
    first.netns.applyAddress({ _tag: "Announce", family, link: "eth0", address: FIRST[family] })
    expect(walk()).toMatchObject({ _tag: "Delivered", kernel: first })
  })

  it("that has moved makes itself known to whom it asks for", () => {
    const { walk, move, second } = begin(family)
    walk()
    move(second)
    send(second, packet(family, "udp", 9, { source: FIRST[family], destination: INSIDE[family] }))
    expect(walk()).toMatchObject({ _tag: "Delivered", kernel: second })
  })

  it("that somebody says has failed is asked for when it is used", () => {
    const { walk, anchor, first, state } = begin(family)
    anchor.netns.setNeighbour("eth1", FIRST[family], "failed")
    expect(walk()).toMatchObject({ _tag: "Delivered", kernel: first })
    expect(state()).toBe("reachable")
  })

  it("that was told for ever stays at its MAC address", () => {
    const { walk, anchor, pass, state, second } = begin(family)
    anchor.netns.setNeighbour("eth1", FIRST[family], "permanent", second.netns.link("eth0")?.mac)
    expect(walk()).toMatchObject({ _tag: "Lost", kernel: second })
    pass(60_000)
    walk()
    expect(state()).toBe("permanent")
  })

  it("whose link goes down is forgotten", () => {
    const { walk, anchor, state } = begin(family)
    walk()
    anchor.netns.setUp("eth1", false)
    expect(state()).toBeUndefined()
  })
})

describe("a segment", () => {
  it("refuses a second station of one MAC address", () => {
    const { transit, second, first } = makeLan()
    const mac = first.netns.link("eth0")?.mac ?? ""
    expect(() => transit.plug(second, "eth0", mac)).toThrow(`${mac} is on transit already, at first`)
  })

  it("forgets the MAC address that a link had before, and that of a dead station when another has it", () => {
    const { transit, first, second } = makeLan()
    const [before = "", other = ""] = [first, second].map(({ netns }) => netns.link("eth0")?.mac)
    transit.plug(first, "eth0", "02:00:00:00:01:99")
    expect(transit.at(before)).toBeUndefined()
    expect(transit.at("02:00:00:00:01:99")?.station).toBe(first)
    second.alive = false
    transit.plug(first, "eth0", other)
    expect(transit.at(other)?.station).toBe(first)
    transit.unplug(second, "eth0")
    expect(transit.at(other)?.station).toBe(first)
  })

  it("has its frames for a MAC address that is gone lost", () => {
    const { client, first, transit, map } = makeLan()
    map(port("v4", "udp", 53, FIRST.v4))
    const walk = () => send(client, packet("v4", "udp", 53))
    walk()
    transit.unplug(first, "eth0")
    expect(walk()).toMatchObject({ _tag: "Lost", kernel: { name: "anchor" } })
    transit.plug(first, "eth0", "02:00:00:00:01:99")
    expect(walk()).toMatchObject({ _tag: "Lost", kernel: { name: "anchor" } })
  })

  it("lets ARP be heard by all who know the sender, once they have known it for a second", () => {
    const { client, first, second, anchor, time, map } = makeLan()
    map(port("v4", "udp", 53, FIRST.v4))
    send(client, packet("v4", "udp", 53))
    second.netns.addAddress("eth0", `${FIRST.v4}/24`)
    first.netns.removeAddress("eth0", FIRST.v4)
    const ask = (destination: string) => send(second, packet("v4", "udp", 9, { source: FIRST.v4, destination }))
    ask("172.20.0.88")
    expect(send(client, packet("v4", "udp", 53))).toMatchObject({ _tag: "Lost" })
    time.advance(1_001)
    ask("172.20.0.89")
    expect(send(client, packet("v4", "udp", 53))).toMatchObject({ _tag: "Delivered", kernel: second })
    expect(anchor.netns.neighbours("v4").some(({ address }) => address === SECOND.v4)).toBe(false)
  })
})
