import { describe, expect, it } from "vitest"
import type { ContainerSnapshot, DockerState } from "../../src/domain/DockerState.ts"
import { explain } from "../../src/domain/Explanation.ts"

const scope = { _tag: "Project", project: "mail" } as const

const container = (name: string, expose?: string, more: Partial<ContainerSnapshot> = {}): ContainerSnapshot => ({
  id: name.padEnd(64, "0"),
  name,
  createdAt: 100,
  status: "running",
  networkMode: "mail_transit",
  networks: ["mail_transit"],
  ...more,
  labels: {
    "com.docker.compose.project": "mail",
    ...(expose === undefined ? {} : { "anchord.expose": expose }),
    ...more.labels
  }
})

const stateOf = (...containers: ReadonlyArray<ContainerSnapshot>): DockerState => ({
  selfId: "anchord".padEnd(64, "0"),
  own: [{ networkId: "transit", networkName: "mail_transit", v4: "172.20.0.2" }],
  containers: new Map(containers.map((one) => [one.id, one])),
  networks: new Map([
    [
      "transit",
      {
        id: "transit",
        name: "mail_transit",
        gateway: {},
        members: new Map(
          containers
            .filter(({ status, networkMode }) => status === "running" && networkMode === "mail_transit")
            .map(({ id }, index) => [id, { containerId: id, v4: `172.20.0.${index + 3}`, v6: `fd20::${index + 3}` }])
        )
      }
    ]
  ])
})

const verdicts = (...containers: ReadonlyArray<ContainerSnapshot>) =>
  explain(stateOf(...containers), scope, "transit").map(({ id: _id, ...rest }) => rest)

describe("what becomes of a container in scope", () => {
  it("is mapped, with its ports and where it is reached", () => {
    expect(verdicts(container("smtp", "tcp/25, tcp/465:1465"))).toEqual([
      {
        name: "smtp",
        verdict: "mapped",
        v4: "172.20.0.3",
        v6: "fd20::3",
        ports: [
          { ports: "tcp/25", verdict: "mapped" },
          { ports: "tcp/465:1465", verdict: "mapped" }
        ]
      }
    ])
  })

  it("is mapped without IPv6 when it opted out of that", () => {
    const [one] = verdicts(container("smtp", "tcp/25", { labels: { "anchord.expose.v6": "off" } }))
    expect(one).not.toHaveProperty("v6")
  })

  it("is mapped in part: what an older container has is on standby, cut out of its range", () => {
    const [, young] = verdicts(
      container("old", "udp/20-29"),
      container("young", "udp/10-39, tcp/1000-1009:2000-2009", { createdAt: 200 })
    )
    expect(young).toMatchObject({
      verdict: "mapped",
      ports: [
        { ports: "tcp/1000-1009:2000-2009", verdict: "mapped" },
        { ports: "udp/10-19", verdict: "mapped" },
        { ports: "udp/20-29", verdict: "standby", holder: "old" },
        { ports: "udp/30-39", verdict: "mapped" }
      ]
    })
  })

  it("is on standby only for the protocol and the port that an older container has", () => {
    const [, young] = verdicts(
      container("old", "tcp/25, tcp/80"),
      container("young", "tcp/80, udp/25, udp/80", { createdAt: 200 })
    )
    expect(young?.ports).toEqual([
      { ports: "tcp/80", verdict: "standby", holder: "old" },
      { ports: "udp/25", verdict: "mapped" },
      { ports: "udp/80", verdict: "mapped" }
    ])
    const [, other] = verdicts(container("old", "tcp/80"), container("young", "tcp/25, tcp/80", { createdAt: 200 }))
    expect(other?.ports).toEqual([
      { ports: "tcp/25", verdict: "mapped" },
      { ports: "tcp/80", verdict: "standby", holder: "old" }
    ])
  })

  it("is on standby when others have all of its ports, and says who", () => {
    const [a, b, young] = verdicts(
      container("a", "tcp/25"),
      container("b", "tcp/26"),
      container("young", "tcp/25-26:125-126", { createdAt: 200 })
    )
    expect([a?.verdict, b?.verdict]).toEqual(["mapped", "mapped"])
    expect(young).toMatchObject({
      verdict: "standby",
      why: "a, b was created first, and has its ports",
      ports: [
        { ports: "tcp/25:125", verdict: "standby", holder: "a" },
        { ports: "tcp/26:126", verdict: "standby", holder: "b" }
      ]
    })
  })

  it("is refused with the rule that its label breaks", () => {
    expect(verdicts(container("web", "tpc/80"))).toMatchObject([
      { verdict: "refused", why: expect.stringContaining('label anchord.expose, entry "tpc/80"'), ports: [] }
    ])
  })

  it("is refused when it is not on the shared network", () => {
    expect(verdicts(container("web", "tcp/80", { networkMode: "other", networks: ["other"] }))).toMatchObject([
      { verdict: "refused", why: expect.stringContaining("it is on other") }
    ])
  })

  it("is down when it, or the owner of its namespace, does not run", () => {
    const app = container("app", "tcp/80", { networkMode: `container:${"owner".padEnd(64, "0")}` })
    expect(verdicts(container("owner", undefined, { status: "exited" }), app)).toMatchObject([
      { name: "app", verdict: "down", why: "owner is exited" },
      { name: "owner", verdict: "none" }
    ])
    expect(verdicts(container("web", "tcp/80", { status: "created" }))).toMatchObject([
      { verdict: "down", why: "web is created" }
    ])
  })

  it("asks for nothing, and is named all the same", () => {
    expect(verdicts(container("db"))).toEqual([
      { name: "db", verdict: "none", why: "it has no anchord.expose label", ports: [] }
    ])
  })

  it("is not told of anchord's own container, nor of another project's", () => {
    const foreign = container("web", "tcp/80", { labels: { "com.docker.compose.project": "shop" } })
    expect(verdicts(foreign, container("anchord"))).toEqual([])
  })
})
