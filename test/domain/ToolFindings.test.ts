import { describe, expect, it } from "vitest"
import {
  rulesetFindings,
  toolFindings,
  tools,
  toolsOf,
  type ToolAnswer,
  type ToolAnswers
} from "../../src/domain/ToolFindings.ts"
import { ok, saidIn, settingsOf, verdictsOf, warn } from "./doctorSettings.ts"

const says = (text: string): ToolAnswer => ({ _tag: "Runs", text })

const good: ToolAnswers = {
  nft: says("nftables v1.1.3 (Commodore Bullmoose #4)"),
  ip: says("ip utility, iproute2-6.15.0, libbpf 1.5.0"),
  conntrack: says("conntrack v1.4.8 (conntrack-tools)"),
  udhcpc: says("BusyBox v1.37.0 (Debian 1:1.37.0-6+b3) multi-call binary."),
  udhcpc6: says("BusyBox v1.37.0 (Debian 1:1.37.0-6+b3) multi-call binary.")
}

const anchor = settingsOf("network-anchor")
const dhcp = settingsOf("network-anchor", { ANCHORD_ADDRESS_MODE: "dhcp-refresh" })
const withNft = (nft: ToolAnswer) => toolFindings(anchor, { ...good, nft })

describe("programs", () => {
  it("are those that the mode runs", () => {
    expect(toolsOf(anchor)).toEqual(["nft", "ip", "conntrack"])
    expect(toolsOf(dhcp)).toEqual(tools)
    expect(toolsOf(settingsOf("service-anchor"))).toEqual(["ip"])
    for (const mode of ["external-rebinder", "wrap-rebinder"] as const)
      expect(toolFindings(settingsOf(mode), {})).toEqual([])
  })

  it("are told with their versions where all is well", () => {
    expect(toolFindings(anchor, good)).toEqual([ok("tools", "nft 1.1.3, ip 6.15.0, conntrack 1.4.8")])
    expect(toolFindings(dhcp, good)).toEqual([
      ok("tools", "nft 1.1.3, ip 6.15.0, conntrack 1.4.8, udhcpc 1.37.0, udhcpc6 1.37.0")
    ])
  })

  it("need no version of their own but nft, and an older one of the others will do", () => {
    expect(toolFindings(anchor, { ...good, ip: says("ip utility"), conntrack: says("conntrack v0.9.1") })).toEqual([
      ok("tools", "nft 1.1.3, ip, conntrack 0.9.1")
    ])
  })

  it.each([
    ["nftables v1.0.6 (Lester Gooch #5)", "fail", "nft 1.0.6 is too old"],
    ["nftables v0.9.8 (E.D.S.)", "fail", "nft 0.9.8 is too old"],
    ["nftables v1.0.7 (Old Doc Yak)", "warn", "nft 1.0.7 is older than what anchord is tested with"],
    ["nftables v1.0.9 (Old Doc Yak #3)", "warn", "nft 1.0.9 is older"],
    ["nftables of some kind", "warn", 'it says "nftables of some kind"'],
    ["nftables v1.1.0 (Commodore Bullmoose)", "ok", "nft 1.1.0"],
    ["nftables v2.0", "ok", "nft 2.0"],
    ["nftables v10.0", "ok", "nft 10.0"]
  ])("count an nft that says %s as %s", (text, verdict, said) => {
    const found = withNft(says(text))
    expect(verdictsOf(found)).toEqual(verdict === "ok" ? ["ok"] : ["ok", verdict])
    expect(saidIn(found)).toContain(said)
  })

  const gone: ToolAnswer = { _tag: "Fails", message: "spawn ENOENT" }

  it("fail when one cannot be run, with what that means, beside the versions of the others", () => {
    const versions = ["nft 1.1.3", "ip 6.15.0", "conntrack 1.4.8", "udhcpc 1.37.0", "udhcpc6 1.37.0"]
    for (const tool of tools) {
      const [right, ...wrong] = toolFindings(dhcp, { ...good, [tool]: gone })
      expect(right).toEqual(ok("tools", versions.filter((one) => !one.startsWith(`${tool} `)).join(", ")))
      expect(verdictsOf(wrong)).toEqual(["fail"])
      expect(saidIn(wrong)).toMatch(
        new RegExp(`^${tool} cannot be run, so .*: spawn ENOENT → run anchord from its own`)
      )
    }
  })

  it("are each told of when none can be run", () => {
    const found = toolFindings(anchor, { nft: gone, ip: gone, conntrack: gone })
    expect(verdictsOf(found)).toEqual(["fail", "fail", "fail"])
  })

  it("are worth a warning when nobody asked them", () => {
    expect(toolFindings(settingsOf("service-anchor"), {})).toEqual([
      warn("tools", "not looked at: ip was not asked for its version")
    ])
  })
})

describe("the ruleset", () => {
  it("is right when the kernel takes it", () => {
    expect(rulesetFindings("6.12.1", { _tag: "Accepted" })).toEqual([
      ok("nftables", "kernel 6.12.1 takes the ruleset (tried, not installed)")
    ])
    for (const release of ["4.18.0-553.el8", "10.0.1", "next"])
      expect(verdictsOf(rulesetFindings(release, { _tag: "Accepted" }))).toEqual(["ok"])
  })

  it("fails when nft or the kernel refuses it, with what they said", () => {
    const found = rulesetFindings("6.12.1", { _tag: "Refused", message: "Could not process rule" })
    expect(verdictsOf(found)).toEqual(["fail"])
    expect(saidIn(found)).toMatch(/cannot be installed: Could not process rule → .*nf_tables/)
  })

  it("fails on a kernel before 4.18, whatever that says", () => {
    const found = rulesetFindings("4.17.19-generic", { _tag: "Accepted" })
    expect(verdictsOf(found)).toEqual(["fail"])
    expect(saidIn(found)).toMatch(/^the kernel is 4\.17\.19-generic → 4\.18 or later is needed/)
  })

  it("is worth a warning when it was not tried", () => {
    expect(rulesetFindings("6.12.1", { _tag: "Unknown", message: "no NET_ADMIN" })).toEqual([
      warn("nftables", "not looked at: no NET_ADMIN")
    ])
  })
})
