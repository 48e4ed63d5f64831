import { describe, expect, it } from "vitest"
import { backendsOf, inScope, wantsPorts, type Discovered } from "../../src/domain/Backends.ts"
import type { ContainerSnapshot, DockerState, NetworkMember, Scope } from "../../src/domain/DockerState.ts"

const scope: Scope = { _tag: "Project", project: "mail" }

const idOf = (name: string) => Buffer.from(name).toString("hex").padEnd(64, "0")

const container = (name: string, { labels = {}, ...rest }: Partial<ContainerSnapshot> = {}): ContainerSnapshot => ({
  id: idOf(name),
  name,
  createdAt: 100,
  status: "running",
  networkMode: "mail_transit",
  networks: ["mail_transit"],
  ...rest,
  labels: { "com.docker.compose.project": "mail", ...labels }
})

const exposing = (name: string, expose: string, rest: Partial<ContainerSnapshot> = {}) =>
  container(name, { ...rest, labels: { "anchord.expose": expose, ...rest.labels } })

const member = (name: string, last: number, families = "46"): NetworkMember => ({
  containerId: idOf(name),
  ...(families.includes("4") ? { v4: `172.20.0.${last}` } : {}),
  ...(families.includes("6") ? { v6: `fd20::${last}` } : {})
})

const stateOf = (containers: ReadonlyArray<ContainerSnapshot>, members: ReadonlyArray<NetworkMember>): DockerState => ({
  selfId: idOf("anchord"),
  own: [{ networkId: "transit", networkName: "mail_transit", v4: "172.20.0.2" }],
  containers: new Map(containers.map((one) => [one.id, one])),
  networks: new Map([
    [
      "transit",
      {
        id: "transit",
        name: "mail_transit",
        gateway: {},
        members: new Map(members.map((one) => [one.containerId, one]))
      }
    ]
  ])
})

const discover = (
  containers: ReadonlyArray<ContainerSnapshot>,
  members: ReadonlyArray<NetworkMember>,
  wanted: Scope = scope
) => backendsOf(stateOf(containers, members), wanted, "transit")

const reached = ({ backends }: Discovered) =>
  backends.map(({ name, address }) => [name, address.v4, address.v6].filter(Boolean).join(" "))

const messages = ({ problems }: Discovered) => problems.map(({ level, message }) => `${level} ${message}`)

describe("the scope", () => {
  it("is the Compose project", () => {
    expect(inScope({ "com.docker.compose.project": "mail" }, scope)).toBe(true)
    expect(inScope({ "com.docker.compose.project": "shop" }, scope)).toBe(false)
    expect(inScope({}, scope)).toBe(false)
  })

  it("is every pair of a selector, whatever the project", () => {
    const selector: Scope = { _tag: "Selector", labels: { "anchord.identity": "mail", zone: "" } }
    expect(inScope({ "anchord.identity": "mail", zone: "", other: "x" }, selector)).toBe(true)
    expect(inScope({ "anchord.identity": "mail" }, selector)).toBe(false)
    expect(inScope({ "anchord.identity": "web", zone: "" }, selector)).toBe(false)
  })

  it("holds backends only where the label is there and not blank", () => {
    expect(wantsPorts(exposing("mta", "tcp/25"), scope)).toBe(true)
    expect(wantsPorts(container("db"), scope)).toBe(false)
    for (const blank of ["", "  "]) expect(wantsPorts(exposing("db", blank), scope)).toBe(false)
    expect(wantsPorts(exposing("web", "tcp/80", { labels: { "com.docker.compose.project": "shop" } }), scope)).toBe(
      false
    )
  })
})

describe("the address of a backend", () => {
  it("is the one on the shared network, in both families", () => {
    const found = discover([exposing("mta", "tcp/25,tcp/465:10465", { createdAt: 7 })], [member("mta", 5)])
    expect(found.problems).toEqual([])
    expect(found.backends).toEqual([
      {
        id: idOf("mta"),
        name: "mta",
        createdAt: 7,
        mappings: [
          { protocol: "tcp", from: 25, to: 25, backendFrom: 25 },
          { protocol: "tcp", from: 465, to: 465, backendFrom: 10465 }
        ],
        address: { v4: "172.20.0.5", v6: "fd20::5" }
      }
    ])
  })

  it("is IPv4 alone where the label or the network says so", () => {
    for (const off of ["off", " OFF "])
      expect(
        reached(discover([exposing("mta", "tcp/25", { labels: { "anchord.expose.v6": off } })], [member("mta", 5)]))
      ).toEqual(["mta 172.20.0.5"])
    expect(reached(discover([exposing("mta", "tcp/25")], [member("mta", 5, "4")]))).toEqual(["mta 172.20.0.5"])
  })

  it("is IPv6 alone where there is no other", () => {
    expect(reached(discover([exposing("mta", "tcp/25")], [member("mta", 5, "6")]))).toEqual(["mta fd20::5"])
  })

  it("is known before the container has started, and until its endpoint is gone", () => {
    for (const status of ["created", "exited", "removing", "dead"] as const) {
      const containers = [exposing("mta", "tcp/25", { status })]
      expect(reached(discover(containers, [member("mta", 5)]))).toEqual(["mta 172.20.0.5 fd20::5"])
      expect(discover(containers, [])).toEqual({ backends: [], problems: [] })
    }
  })

  it("stays while the container is paused or restarting", () => {
    for (const status of ["paused", "restarting"] as const)
      expect(reached(discover([exposing("mta", "tcp/25", { status })], [member("mta", 5)]))).toHaveLength(1)
  })

  it("is missing with one warning that names both networks", () => {
    const elsewhere = exposing("mta", "tcp/25", { networkMode: "mail_back", networks: ["mail_back", "mail_front"] })
    expect(messages(discover([elsewhere], []))).toEqual([
      "WARN container mta: it is on mail_back, mail_front, without a usable address on the shared network mail_transit; its ports are not mapped"
    ])
    const host = exposing("mta", "tcp/25", { networkMode: "host", networks: [] })
    expect(messages(discover([host], []))[0]).toContain("it is on network_mode host, without a usable address")
  })

  it("is missing when there is only the family that is switched off", () => {
    const found = discover(
      [exposing("mta", "tcp/25", { labels: { "anchord.expose.v6": "off" } })],
      [member("mta", 5, "6")]
    )
    expect(found.backends).toEqual([])
    expect(messages(found)[0]).toMatch(/^WARN container mta: .*mail_transit/)
  })

  it("is never given to anchord's own container, nor to one that is out of scope or exposes nothing", () => {
    const others = [
      exposing("anchord", "tcp/25"),
      exposing("web", "tcp/80", { labels: { "com.docker.compose.project": "shop" } }),
      container("db")
    ]
    expect(
      discover(
        others,
        others.map(({ name }, index) => member(name, index + 2))
      )
    ).toEqual({ backends: [], problems: [] })
  })
})

describe("a backend in another container's namespace", () => {
  const sharing = (name: string, ref: string, rest: Partial<ContainerSnapshot> = {}) =>
    exposing(name, "tcp/25", { networkMode: `container:${ref}`, networks: [], ...rest })

  it("has that container's addresses, by name or ID", () => {
    for (const ref of ["sa", "/sa", idOf("sa"), idOf("sa").slice(0, 12)])
      expect(reached(discover([container("sa"), sharing("mta", ref)], [member("sa", 5)]))).toEqual([
        "mta 172.20.0.5 fd20::5"
      ])
  })

  it("is followed from one to the next", () => {
    const chain = [container("sa"), container("middle", { networkMode: "container:sa" }), sharing("mta", "middle")]
    expect(reached(discover(chain, [member("sa", 5)]))).toEqual(["mta 172.20.0.5 fd20::5"])
  })

  it("may live with a container that is out of scope", () => {
    const owner = container("sa", { labels: { "com.docker.compose.project": "shop" } })
    expect(reached(discover([owner, sharing("mta", "sa")], [member("sa", 5)]))).toEqual(["mta 172.20.0.5 fd20::5"])
  })

  it("opts out of IPv6 by its own label, not by its owner's", () => {
    const off = { "anchord.expose.v6": "off" }
    expect(reached(discover([container("sa"), sharing("mta", "sa", { labels: off })], [member("sa", 5)]))).toEqual([
      "mta 172.20.0.5"
    ])
    expect(reached(discover([container("sa", { labels: off }), sharing("mta", "sa")], [member("sa", 5)]))).toEqual([
      "mta 172.20.0.5 fd20::5"
    ])
  })

  it("is nothing while it does not run, or its owner does not", () => {
    const nothing = { backends: [], problems: [] }
    expect(discover([container("sa"), sharing("mta", "sa", { status: "created" })], [member("sa", 5)])).toEqual(nothing)
    expect(discover([container("sa", { status: "exited" }), sharing("mta", "sa")], [])).toEqual(nothing)
  })

  it("is warned of when the owner does not exist, with the container that must carry the label", () => {
    expect(messages(discover([sharing("mta", "gone")], []))).toEqual([
      "WARN container mta: its network_mode names container gone, which does not exist; put anchord.expose on the container that owns the network namespace"
    ])
  })

  it("is warned of when the references go in a circle", () => {
    const circle = [sharing("mta", "other"), container("other", { networkMode: "container:mta" })]
    expect(messages(discover(circle, []))).toEqual([
      "WARN container mta: its network_mode leads back to container mta; put anchord.expose on the container that owns the network namespace"
    ])
    expect(messages(discover([sharing("mta", "mta")], []))[0]).toContain("leads back to container mta")
  })

  it("is warned of when the networks of its owner are not known yet", () => {
    const { networks: _unknown, ...owner } = container("sa", { networkMode: "mail_back" })
    expect(messages(discover([owner, sharing("mta", "sa")], []))[0]).toMatch(
      /^WARN container mta: it is on network_mode mail_back through sa, without a usable address/
    )
  })

  it("is warned of when its owner is not on the shared network", () => {
    const owner = container("sa", { networkMode: "mail_back", networks: ["mail_back"] })
    expect(messages(discover([owner, sharing("mta", "sa")], []))[0]).toMatch(
      /^WARN container mta: it is on .* through sa, without a usable address on the shared network mail_transit/
    )
  })
})

describe("a label that breaks a rule", () => {
  it("refuses the whole container with one error that names container, entry and rule", () => {
    const found = discover([exposing("mta", "tcp/25,tcp/0,sctp/9")], [member("mta", 5)])
    expect(found.backends).toEqual([])
    expect(messages(found)).toEqual([
      'ERROR container mta: label anchord.expose, entry "tcp/0": port 0 is out of range: ports are 1 to 65535; none of its ports are mapped'
    ])
  })

  it("refuses the whole container when it is anchord.expose.v6", () => {
    const found = discover([exposing("mta", "tcp/25", { labels: { "anchord.expose.v6": "on" } })], [member("mta", 5)])
    expect(found.backends).toEqual([])
    expect(messages(found)).toEqual([
      'ERROR container mta: label anchord.expose.v6, value "on": it is auto or off; none of its ports are mapped'
    ])
  })

  it("disturbs no other backend", () => {
    const found = discover(
      [exposing("a", "tcp/1"), exposing("b", "tcp/nothing"), exposing("c", "tcp/3"), exposing("d", "tcp/4")],
      [member("a", 5), member("b", 6), member("c", 7)]
    )
    expect(reached(found)).toEqual(["a 172.20.0.5 fd20::5", "c 172.20.0.7 fd20::7"])
    expect(found.problems.map(({ level }) => level)).toEqual(["ERROR", "WARN"])
  })

  it("keeps its key for as long as it is the same container", () => {
    const keysOf = (label: string) =>
      discover([exposing("mta", label)], [member("mta", 5)]).problems.map(({ key }) => key)
    expect(keysOf("tcp/0")).toEqual(keysOf("tcp/99999"))
    expect(keysOf("tcp/0")).toHaveLength(1)
  })

  it("has a key of its own for each container", () => {
    const found = discover([exposing("a", "tcp/0"), exposing("b", "tcp/0")], [])
    expect(new Set(found.problems.map(({ key }) => key)).size).toBe(2)
  })

  it("is told in the order of the IDs, whatever the order of the list", () => {
    const bad = ["a", "b", "c"].map((name) => exposing(name, "tcp/0"))
    const good = ["d", "e", "f"].map((name) => exposing(name, "tcp/1"))
    const members = ["d", "e", "f"].map((name, index) => member(name, index + 5))
    const sorted = discover([...bad, ...good], members)
    expect(sorted.problems.map(({ message }) => message.slice(0, 11))).toEqual([
      "container a",
      "container b",
      "container c"
    ])
    expect(discover([...bad, ...good].toReversed(), members)).toEqual(sorted)
  })
})
