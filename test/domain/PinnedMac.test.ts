import { describe, expect, it } from "vitest"
import { macFindings, type MacFacts } from "../../src/domain/PinnedMac.ts"
import { ok, saidIn, settingsOf, verdictsOf, warn } from "./doctorSettings.ts"
import { differing, inspectionOf } from "./inspections.ts"

const bootstrap = settingsOf("network-anchor")
const dhcp = settingsOf("network-anchor", { ANCHORD_ADDRESS_MODE: "dhcp-refresh" })
const slaac = settingsOf("network-anchor", { ANCHORD_ADDRESS_MODE: "slaac-ra-only" })

/** Two networks, the MAC address pinned on each, as Docker 26.1 tells it. */
const facts: MacFacts = { inspection: inspectionOf("networks"), network: "varied_first", apiVersion: "1.45" }

/** What is not pinned, on engines before Docker 28. */
const withEndpoint = (endpoint: object, config: object = { MacAddress: "" }): MacFacts => ({
  ...facts,
  inspection: differing("networks", { Config: config, NetworkSettings: { Networks: { varied_first: endpoint } } })
})

const generated = { IPAddress: "172.30.90.9", MacAddress: "02:42:ac:1e:5a:09" }

describe("the MAC address of the external network", () => {
  it("does not matter where no address follows from it", () => {
    expect(macFindings(bootstrap, withEndpoint(generated))).toEqual([])
  })

  it("is right when Docker says that it is pinned, or could not have made it up", () => {
    for (const [network, mac] of [
      ["varied_first", "02:aa:00:00:00:01"],
      ["varied_second", "02:aa:00:00:00:02"]
    ] as const)
      expect(macFindings(dhcp, { ...facts, network })).toEqual([ok("mac-address", `${mac} is pinned`)])
  })

  it("is right when Docker says that it is pinned, though it makes up others at random", () => {
    for (const apiVersion of ["1.48", undefined])
      expect(macFindings(dhcp, { ...facts, apiVersion })).toEqual([ok("mac-address", "02:aa:00:00:00:01 is pinned")])
  })

  it("is judged by itself where Docker tells of no pinned one at all", () => {
    expect(verdictsOf(macFindings(dhcp, withEndpoint(generated, { MacAddress: null })))).toEqual(["fail"])
  })

  it("fails when it is not pinned with dhcp-refresh, and warns with slaac-ra-only, with the lines for the compose file", () => {
    const [failed, warned] = [dhcp, slaac].map((settings) => macFindings(settings, withEndpoint(generated)))
    expect([...verdictsOf(failed ?? []), ...verdictsOf(warned ?? [])]).toEqual(["fail", "warn"])
    expect(saidIn(failed ?? [])).toMatch(/^02:42:ac:1e:5a:09 is not pinned: .*DHCPv6.* → .*mac_address.*priority: 1000/)
    expect(saidIn(warned ?? [])).toContain("gets another IPv6 address")
  })

  it("fails when it is another network that got the pinned one", () => {
    const found = macFindings(dhcp, withEndpoint(generated, { MacAddress: "02:aa:00:00:00:01" }))
    expect(verdictsOf(found)).toEqual(["fail"])
    expect(saidIn(found)).toContain("02:aa:00:00:00:01 is pinned, but the external network has 02:42:")
  })

  it("is worth a warning when it only follows from a fixed IPv4 address", () => {
    const found = macFindings(dhcp, withEndpoint({ ...generated, IPAMConfig: { IPv4Address: "172.30.90.9" } }))
    expect(verdictsOf(found)).toEqual(["warn"])
    expect(saidIn(found)).toContain("follows from the fixed IPv4 address")
  })

  it.each(["1.48", "1.52", "2.0", undefined])(
    "is worth a warning when an engine with API %s may have made it up at random",
    (apiVersion) => {
      const found = macFindings(dhcp, {
        ...withEndpoint({ ...generated, MacAddress: "7a:01:02:03:04:05" }),
        apiVersion
      })
      expect(verdictsOf(found)).toEqual(["warn"])
      expect(saidIn(found)).toContain("cannot tell whether 7a:01:02:03:04:05 is pinned")
    }
  )

  it("is not looked at when Docker tells nothing of it, or the network is not attached", () => {
    expect(macFindings(dhcp, { ...facts, inspection: undefined })).toEqual([
      warn("mac-address", "not looked at: Docker does not tell of this container")
    ])
    const unattached = warn("mac-address", "not looked at: the external network is not attached")
    for (const network of [undefined, "elsewhere"])
      expect(macFindings(dhcp, { ...facts, network })).toEqual([unattached])
    for (const nothing of [{}, { MacAddress: "" }])
      expect(macFindings(dhcp, withEndpoint(nothing, { MacAddress: null }))).toEqual([unattached])
    const nowhere = differing("networks", { NetworkSettings: { Networks: null } })
    expect(macFindings(dhcp, { ...facts, inspection: nowhere })).toEqual([unattached])
  })
})
