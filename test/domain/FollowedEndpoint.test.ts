import { describe, expect, it } from "vitest"
import {
  configuredNetwork,
  defaultEndpoint,
  firstNetwork,
  firstNetworkId,
  rememberEndpoint
} from "../../src/domain/FollowedEndpoint.ts"
import type { Endpoint, Inspection } from "../../src/domain/Inspection.ts"
import { container } from "./lifecycleListings.ts"
import { inspectionOf } from "./inspections.ts"

const BACK = "shop_back"
const asked = {
  IPAMConfig: { IPv4Address: "172.20.0.50", IPv6Address: "fd20::50" },
  Aliases: ["db"],
  Links: null,
  DriverOpts: { "com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.log_martians=1" }
}
const there = {
  ...asked,
  NetworkID: "a".repeat(64),
  EndpointID: "b".repeat(64),
  IPAddress: "172.20.0.50",
  MacAddress: "02:42:ac:14:00:32",
  DNSNames: ["web", "db"]
}

const plain = inspectionOf("plain")
const on = (endpoint: Endpoint | null | undefined, more: Partial<Inspection> = {}): Inspection => ({
  ...plain,
  ...more,
  NetworkSettings: { Networks: endpoint === undefined ? {} : { [BACK]: endpoint } }
})

describe("the network that a container is configured with", () => {
  it("is told by its ID, as empty before Docker has looked for it, and is absent where there is none", () => {
    expect(configuredNetwork(on(there), BACK)).toBe(there.NetworkID)
    expect(configuredNetwork(on({ ...asked, NetworkID: "" }), BACK)).toBe("")
    expect(configuredNetwork(on(null), BACK)).toBe("")
    expect(configuredNetwork(on(undefined), BACK)).toBeUndefined()
    expect(configuredNetwork(on(there), "shop")).toBeUndefined()
  })
})

describe("the network that a container was created on", () => {
  const id = "d".repeat(64)
  const by = (NetworkMode: string, State: object = plain.State) =>
    on(there, { HostConfig: { ...plain.HostConfig, NetworkMode }, State: { ...plain.State, ...State } })

  it("is known by its ID only where Docker was told that", () => {
    expect(firstNetworkId(by(id))).toBe(id)
    for (const mode of [BACK, "bridge", `container:${id}`]) expect(firstNetworkId(by(mode))).toBeUndefined()
    expect(firstNetwork(by(BACK), BACK, true)).toBeUndefined()
  })

  it("comes with another network, if there is one, and with whether it was missed at the last start", () => {
    expect(firstNetwork(by(id), BACK, true)).toEqual({ id, isThere: true, wasMissed: false })
    expect(firstNetwork(by(id), "shop_other", false)).toEqual({ id, isThere: false, wasMissed: false, other: BACK })
    const Error = `could not find a network matching network mode ${id}: network ${id} not found`
    expect(firstNetwork(by(id, { Status: "exited", Error }), BACK, false)?.wasMissed).toBe(true)
    expect(firstNetwork(by(id, { Status: "running", Error }), BACK, false)?.wasMissed).toBe(false)
  })
})

describe("what is remembered of an endpoint", () => {
  const known = rememberEndpoint(undefined, on(there), BACK)

  it("is what was asked for, and nothing that Docker chose", () => {
    expect(known).toEqual({ follower: plain.Id, settings: asked })
    const pinned = rememberEndpoint(undefined, on({ ...there, MacAddress: "02:aa:00:00:00:01" }), BACK)
    expect(pinned?.settings["MacAddress"]).toBe("02:aa:00:00:00:01")
    const createdThere = {
      HostConfig: { ...plain.HostConfig, NetworkMode: BACK },
      Config: { ...plain.Config, MacAddress: there.MacAddress }
    }
    expect(rememberEndpoint(undefined, on(there, createdThere), BACK)?.settings["MacAddress"]).toBe(there.MacAddress)
  })

  it("is what was asked for on that network, whatever others the container is on", () => {
    const both = { first: { ...there, Aliases: ["first"], NetworkID: "1".repeat(64) }, [BACK]: there }
    const onBoth = { ...plain, NetworkSettings: { Networks: both } }
    expect(rememberEndpoint(undefined, onBoth, BACK)).toEqual(known)
  })

  it("stays when the container has left, or was refused", () => {
    expect(rememberEndpoint(known, on(undefined), BACK)).toBe(known)
    expect(rememberEndpoint(known, on({ NetworkID: "", IPAMConfig: null }), BACK)).toBe(known)
  })

  it("is what the container asks for next time, when nothing better is known", () => {
    const refused = on({ ...asked, NetworkID: "" })
    expect(rememberEndpoint(undefined, refused, BACK)).toEqual({ follower: plain.Id, settings: asked })
  })

  it("is replaced by what somebody else asked for, and forgotten with the container", () => {
    const moved = { ...there, IPAMConfig: { IPv4Address: "172.20.0.51" } }
    expect(rememberEndpoint(known, on(moved), BACK)?.settings["IPAMConfig"]).toEqual({ IPv4Address: "172.20.0.51" })
    expect(rememberEndpoint(known, on(undefined, { Id: "c".repeat(64) }), BACK)).toBeUndefined()
  })
})

describe("an endpoint of which nothing is known", () => {
  it("has the service's name for an alias, as Compose gives it", () => {
    expect(defaultEndpoint(container("mail-web-1", { service: "web" }))).toEqual({ Aliases: ["web"] })
    expect(defaultEndpoint(container("web", { project: "" }))).toEqual({})
  })
})
