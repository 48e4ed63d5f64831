import { describe, expect, it } from "vitest"
import { createRequest } from "../../src/domain/CreateRequest.ts"
import type { Json } from "../../src/domain/Inspection.ts"
import { differing, inspectionOf, inspections } from "./inspections.ts"

const requestOf = (name: string) => createRequest(inspectionOf(name))
const hostConfigOf = (request: { readonly body: Json }) => request.body["HostConfig"] as Json

describe("networks", () => {
  it("are all asked for, that of the mode first, with fixed addresses, aliases and pinned MAC addresses", () => {
    const { networks, body } = requestOf("networks")
    expect(networks).toEqual([
      {
        name: "varied_first",
        endpoint: {
          IPAMConfig: { IPv4Address: "172.30.90.9", IPv6Address: "fd00:90::9" },
          Links: null,
          Aliases: ["here"],
          DriverOpts: null,
          MacAddress: "02:aa:00:00:00:01"
        }
      },
      {
        name: "varied_second",
        endpoint: {
          IPAMConfig: { IPv4Address: "172.30.91.9" },
          Links: null,
          Aliases: ["there", "yonder"],
          DriverOpts: null,
          MacAddress: "02:aa:00:00:00:02"
        }
      }
    ])
    expect(body["MacAddress"]).toBe("02:aa:00:00:00:01")
  })

  it("begin with that of the mode, in whatever order the engine tells them", () => {
    const Networks = Object.fromEntries(
      Object.entries(inspectionOf("networks").NetworkSettings.Networks ?? {}).toReversed()
    )
    expect(Object.keys(Networks)).toEqual(["varied_second", "varied_first"])
    const { networks } = createRequest(differing("networks", { NetworkSettings: { Networks } }))
    expect(networks.map(({ name }) => name)).toEqual(["varied_first", "varied_second"])
  })

  it("are not taken for that of the mode because their ID begins like its name", () => {
    const Networks = { other: { NetworkID: `cafe${"0".repeat(60)}` }, unknown: null }
    const leaves = (NetworkMode: string) =>
      createRequest(differing("plain", { HostConfig: { NetworkMode }, NetworkSettings: { Networks } })).leave
    expect(["cafe", "shop_default", `cafe${"0".repeat(8)}`].map(leaves)).toEqual(["cafe", "shop_default", undefined])
  })

  it("get no address that the engine chose, and no MAC address that it made of that", () => {
    const { networks } = requestOf("connected")
    expect(networks.map(({ name }) => name)).toEqual(["bridge", "varied_first", "varied_second"])
    expect(networks.map(({ endpoint }) => endpoint)).toEqual([
      { IPAMConfig: null, Links: null, Aliases: null, DriverOpts: null },
      {
        IPAMConfig: { IPv6Address: "fd00:90::a" },
        Links: null,
        Aliases: [],
        DriverOpts: { "com.docker.network.endpoint.sysctls": "" }
      },
      { IPAMConfig: { IPv4Address: "172.30.91.10" }, Links: null, Aliases: ["later"], DriverOpts: {} }
    ])
  })

  it("keep a MAC address of which nobody can tell whether it was pinned", () => {
    const random = { NetworkID: "1", IPAddress: "172.17.0.2", MacAddress: "7a:01:02:03:04:05", GwPriority: 3 }
    const docker28 = differing("plain", { NetworkSettings: { Networks: { bridge: random } } })
    expect(createRequest(docker28).networks[0]?.endpoint).toEqual({ MacAddress: "7a:01:02:03:04:05", GwPriority: 3 })
  })

  it("do not keep for aliases what engines before API 1.45 add to them: the old container's ID, and its host name", () => {
    const id = inspectionOf("plain").Id
    const aliases = (Aliases: ReadonlyArray<string>) => {
      const Networks = { bridge: { Aliases, NetworkID: "1".repeat(64) } }
      const older = differing("plain", { Config: { Hostname: "own" }, NetworkSettings: { Networks } })
      return createRequest(older).networks[0]?.endpoint["Aliases"]
    }
    expect(aliases(["web", id.slice(0, 12), "own"])).toEqual(["web"])
    expect(aliases(["web", "own"])).toEqual(["web", "own"])
  })

  it("are left that it was disconnected from", () => {
    const { networks, leave } = requestOf("moved")
    expect(networks.map(({ name }) => name)).toEqual(["varied_second"])
    expect(leave).toBe("varied_first")
    const leaving = [...inspections.keys()].filter((name) => requestOf(name).leave !== undefined)
    expect(leaving).toEqual(["moved"])
  })

  it("may be meant by ID, or by the oldest name of Docker's bridge", () => {
    const id = inspectionOf("plain").NetworkSettings.Networks?.["bridge"]?.NetworkID ?? ""
    for (const mode of ["default", id, id.slice(0, 12)]) {
      const request = createRequest(differing("plain", { HostConfig: { NetworkMode: mode } }))
      expect(request, mode).not.toHaveProperty("leave")
      expect(hostConfigOf(request)["NetworkMode"]).toBe(mode)
    }
  })
})
