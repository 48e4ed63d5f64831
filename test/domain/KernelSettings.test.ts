import { describe, expect, it } from "vitest"
import { kernelFindings, type KernelSettings } from "../../src/domain/KernelSettings.ts"

const good: KernelSettings = { ipForward: "1", ipv6Forwarding: "1", acceptRa: "2" }

const findings = (
  change: Partial<KernelSettings>,
  addressMode: Parameters<typeof kernelFindings>[2] = "bootstrap",
  link = "eth1"
) =>
  kernelFindings({ ...good, ...change }, link, addressMode).map(({ level, finding, fix }) => ({
    level,
    message: `${finding}; ${fix}`
  }))

describe("kernel parameters", () => {
  it("are nothing to speak of when they are right", () => {
    expect(findings({})).toEqual([])
    expect(findings({}, "slaac-ra-only")).toEqual([])
  })

  it("are an error without IPv4 forwarding, with the line for the compose file", () => {
    for (const ipForward of ["0", undefined])
      expect(findings({ ipForward })).toEqual([
        {
          level: "ERROR",
          message:
            'net.ipv4.ip_forward is off, so no IPv4 packet reaches a backend; set it in the compose file: sysctls: { net.ipv4.ip_forward: "1" }'
        }
      ])
  })

  it("are worth a warning without IPv6 forwarding, with the line for the compose file", () => {
    expect(findings({ ipv6Forwarding: "0" })).toEqual([
      {
        level: "WARN",
        message:
          'net.ipv6.conf.all.forwarding is off, so no IPv6 packet reaches a backend; set it in the compose file: sysctls: { net.ipv6.conf.all.forwarding: "1" }'
      }
    ])
  })

  it("do not count for IPv6 on a kernel without it", () => {
    expect(findings({ ipv6Forwarding: undefined })).toEqual([])
  })

  it("are worth a warning where router advertisements are needed and would not be heard; the interface is named", () => {
    for (const acceptRa of ["0", "1"])
      expect(findings({ acceptRa }, "slaac-ra-only", "macvlan0")).toEqual([
        {
          level: "WARN",
          message: `net.ipv6.conf.macvlan0.accept_ra is ${acceptRa}, so router advertisements are ignored while forwarding is on; set it in the compose file: sysctls: { net.ipv6.conf.macvlan0.accept_ra: "2" }`
        }
      ])
    expect(findings({ acceptRa: undefined }, "slaac-ra-only")[0]?.message).toContain("accept_ra is not there")
  })

  it("may refuse router advertisements where none are needed", () => {
    for (const acceptRa of ["0", "1", undefined]) expect(findings({ acceptRa }, "bootstrap")).toEqual([])
  })

  it("are all told at once", () => {
    expect(
      findings({ ipForward: "0", ipv6Forwarding: "0", acceptRa: "1" }, "slaac-ra-only").map(({ level }) => level)
    ).toEqual(["ERROR", "WARN", "WARN"])
  })
})
