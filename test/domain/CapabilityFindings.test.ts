import { describe, expect, it } from "vitest"
import { capabilitiesIn, capabilityFindings } from "../../src/domain/CapabilityFindings.ts"
import { fail, ok, settingsOf, warn } from "./doctorSettings.ts"

const bootstrap = settingsOf("network-anchor")
const dhcp = settingsOf("network-anchor", { ANCHORD_ADDRESS_MODE: "dhcp-refresh" })

describe("capabilities of a process", () => {
  it.each([
    ["0000000000001000", ["NET_ADMIN"]],
    ["0000000000003000", ["NET_ADMIN", "NET_RAW"]],
    ["0000000000000000", []],
    ["0000010000000001", ["CHOWN", "CHECKPOINT_RESTORE"]]
  ])("are %s in /proc/self/status as %j", (hex, names) => {
    const status = `Name:\tnode\nCapInh:\t0000000000000000\nCapPrm:\t000001ffffffffff\nCapEff:\t${hex}\nCapBnd:\t000001ffffffffff\n`
    expect(capabilitiesIn(status)).toEqual(names)
  })

  it("are not known where the file does not tell them", () => {
    expect(capabilitiesIn("")).toBeUndefined()
    expect(capabilityFindings(bootstrap, undefined)).toEqual([
      warn("capabilities", "not looked at: /proc/self/status does not tell them")
    ])
  })

  it("are right when they are those that the mode needs", () => {
    expect(capabilityFindings(bootstrap, ["NET_ADMIN"])).toEqual([ok("capabilities", "NET_ADMIN, and no other")])
    expect(capabilityFindings(dhcp, ["NET_ADMIN", "NET_RAW"])).toEqual([
      ok("capabilities", "NET_ADMIN, NET_RAW, and no other")
    ])
    expect(capabilityFindings(settingsOf("wrap-rebinder"), [])).toEqual([ok("capabilities", "none is needed")])
  })

  it("are worth a warning when there are more, with the line for the compose file", () => {
    expect(capabilityFindings(bootstrap, ["CHOWN", "NET_ADMIN", "NET_RAW"])).toEqual([
      warn(
        "capabilities",
        "NET_ADMIN; not needed: CHOWN, NET_RAW",
        "in the compose file: cap_drop: [ALL], cap_add: [NET_ADMIN]"
      )
    ])
    expect(capabilityFindings(settingsOf("external-rebinder"), ["CHOWN"])).toEqual([
      warn("capabilities", "none is needed; not needed: CHOWN", "in the compose file: cap_drop: [ALL]")
    ])
  })

  it("fail when one is missing, with what that means and the line for the compose file", () => {
    for (const settings of [bootstrap, settingsOf("service-anchor")])
      expect(capabilityFindings(settings, ["CHOWN"])).toEqual([
        fail(
          "capabilities",
          "NET_ADMIN is missing, so nothing of the network can be changed",
          "in the compose file: cap_drop: [ALL], cap_add: [NET_ADMIN]"
        )
      ])
    expect(capabilityFindings(dhcp, ["NET_ADMIN"])).toEqual([
      fail(
        "capabilities",
        "NET_RAW is missing, so no address can be had by DHCP: the project stays on Docker's addresses",
        "in the compose file: cap_drop: [ALL], cap_add: [NET_ADMIN, NET_RAW]"
      )
    ])
  })
})
