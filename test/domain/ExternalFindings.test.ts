import { sentence } from "../../src/domain/Sentence.ts"
import { describe, expect, it } from "vitest"
import { externalFindings, forwardingFindings } from "../../src/domain/ExternalFindings.ts"
import { fail, ok, saidIn, settingsOf, verdictsOf, warn } from "./doctorSettings.ts"

const byNetwork = settingsOf("network-anchor")
const byInterface = settingsOf("network-anchor", { ANCHORD_EXT_NETWORK: "", ANCHORD_EXT_IFACE: "eth0" })
const found = {
  _tag: "Found",
  link: "eth0",
  index: 2,
  networkId: "n1",
  addresses: { v4: "10.99.0.7", v6: "fd99::7" }
} as const
const attachments = [
  { networkId: "n1", networkName: "dmz" },
  { networkId: "n2", networkName: "shop_transit" }
]

describe("the external network", () => {
  it("is right when it is attached, and found by its name", () => {
    expect(externalFindings(byNetwork, found, attachments)).toEqual([
      ok("external-network", "dmz is attached as eth0: 10.99.0.7, fd99::7")
    ])
  })

  it("is called what Docker calls it, whatever else is attached", () => {
    expect(saidIn(externalFindings(byNetwork, found, attachments.toReversed()))).toContain("dmz is attached as eth0")
    expect(saidIn(externalFindings(byNetwork, found, []))).toContain("a network that Docker does not know is attached")
  })

  it("is right without an address of Docker's, and by its interface where there is no other", () => {
    expect(externalFindings(byInterface, { ...found, addresses: {} }, attachments.slice(0, 1))).toEqual([
      ok("external-network", "dmz is attached as eth0: no address of Docker's")
    ])
  })

  it("is worth a warning when it is named by an interface among several", () => {
    const warned = externalFindings(byInterface, found, attachments)
    expect(verdictsOf(warned)).toEqual(["warn"])
    expect(saidIn(warned)).toMatch(/^eth0 is taken, which is dmz: .* → set ANCHORD_EXT_NETWORK/)
  })

  it("fails when it is not there, with where it is attached", () => {
    const missing = { _tag: "Missing", retryable: true, message: sentence`not attached` } as const
    expect(externalFindings(byNetwork, missing, attachments)).toEqual([
      fail(
        "external-network",
        "not attached",
        "attach the service to it in the compose file (networks, with external: true and name: dmz), or set ANCHORD_EXT_NETWORK to the one that it is"
      )
    ])
    expect(saidIn(externalFindings(byInterface, missing, attachments))).toContain("→ set ANCHORD_EXT_NETWORK")
  })

  it("is not looked at while Docker does not tell", () => {
    expect(verdictsOf(externalFindings(byNetwork, undefined, []))).toEqual(["warn"])
  })
})

describe("forwarding", () => {
  const on = { ipForward: "1", ipv6Forwarding: "1", acceptRa: "2" }

  it("is right when both families are forwarded", () => {
    expect(forwardingFindings(on, "eth0", "bootstrap")).toEqual([ok("forwarding", "IPv4 and IPv6 are forwarded")])
    expect(forwardingFindings({ ...on, ipv6Forwarding: undefined }, "eth0", "bootstrap")).toEqual([
      ok("forwarding", "IPv4 is forwarded; the kernel has no IPv6")
    ])
    expect(forwardingFindings(on, "eth0", "slaac-ra-only")).toEqual([
      ok("forwarding", "IPv4 and IPv6 are forwarded, and router advertisements are heard")
    ])
  })

  it("fails without IPv4, and warns without IPv6, with the lines for the compose file", () => {
    const off = forwardingFindings({ ...on, ipForward: "0", ipv6Forwarding: "0" }, "eth0", "bootstrap")
    expect(verdictsOf(off)).toEqual(["fail", "warn"])
    expect(off[0]?.fix).toBe('set it in the compose file: sysctls: { net.ipv4.ip_forward: "1" }')
  })

  it("warns where router advertisements are needed and not heard, or where that cannot be seen", () => {
    const deaf = forwardingFindings({ ...on, acceptRa: "1" }, "eth0", "slaac-ra-only")
    expect(verdictsOf(deaf)).toEqual(["warn"])
    expect(saidIn(deaf)).toMatch(
      /^net\.ipv6\.conf\.eth0\.accept_ra is 1, .* \{ net\.ipv6\.conf\.eth0\.accept_ra: "2" \}$/
    )
    expect(forwardingFindings({ ...on, acceptRa: undefined }, undefined, "slaac-ra-only")).toEqual([
      ok("forwarding", "IPv4 and IPv6 are forwarded"),
      warn("forwarding", "not looked at: accept_ra of the external interface")
    ])
  })
})
