import { describe, expect, it } from "vitest"
import type { AddressStep } from "../../../src/domain/AddressPlan.ts"
import { addressLine, mayBeGone } from "../../../src/layers/netlink/ipAddressLines.ts"

const link = "eth0"
const v4 = { family: "v4", link } as const
const v6 = { family: "v6", link } as const
const leased = { validSeconds: 3_600, preferredSeconds: 1_800 }

/** Each kind of step in each family, and the line of `ip` that carries it out. */
const lines: ReadonlyArray<readonly [AddressStep, string | undefined]> = [
  [{ _tag: "SetAddress", ...v4, address: "10.99.0.9", prefixLength: 32 }, "address replace 10.99.0.9/32 dev eth0"],
  [
    { _tag: "SetAddress", ...v4, address: "10.99.0.9", prefixLength: 32, lifetime: leased },
    "address replace 10.99.0.9/32 dev eth0 valid_lft 3600 preferred_lft 1800"
  ],
  [{ _tag: "SetAddress", ...v6, address: "fd99::9", prefixLength: 128 }, "address replace fd99::9/128 dev eth0 nodad"],
  [
    { _tag: "SetAddress", ...v6, address: "fd99::9", prefixLength: 128, lifetime: leased },
    "address replace fd99::9/128 dev eth0 nodad valid_lft 3600 preferred_lft 1800"
  ],
  [{ _tag: "DeleteAddress", ...v4, address: "10.99.0.9", prefixLength: 24 }, "address del 10.99.0.9/24 dev eth0"],
  [{ _tag: "DeleteAddress", ...v6, address: "fd99::9", prefixLength: 64 }, "address del fd99::9/64 dev eth0"],
  [
    {
      _tag: "SetOnLink",
      ...v4,
      network: { address: "10.99.0.0", prefixLength: 24 },
      source: "10.99.0.9"
    },
    "route replace 10.99.0.0/24 dev eth0 proto 97 scope link src 10.99.0.9"
  ],
  [
    {
      _tag: "SetOnLink",
      ...v6,
      network: { address: "fd99::", prefixLength: 64 },
      source: "fd99::9"
    },
    "route replace fd99::/64 dev eth0 proto 97 scope link src fd99::9 metric 256"
  ],
  [
    { _tag: "DeleteOnLink", ...v4, network: { address: "10.99.0.0", prefixLength: 24 } },
    "route del 10.99.0.0/24 dev eth0 proto 97"
  ],
  [
    { _tag: "DeleteOnLink", ...v6, network: { address: "fd99::", prefixLength: 64 } },
    "route del fd99::/64 dev eth0 proto 97"
  ],
  [
    { _tag: "SetRoute", ...v4, route: { destination: "192.0.2.0", prefixLength: 24, gateway: "10.99.0.3" } },
    "route replace 192.0.2.0/24 via 10.99.0.3 dev eth0 proto 97"
  ],
  [
    { _tag: "SetRoute", ...v4, route: { destination: "192.0.2.7", prefixLength: 32 } },
    "route replace 192.0.2.7/32 dev eth0 proto 97"
  ],
  [
    { _tag: "SetRoute", ...v6, route: { destination: "2001:db8::", prefixLength: 32, gateway: "fe80::1" } },
    "route replace 2001:db8::/32 via fe80::1 dev eth0 proto 97"
  ],
  [
    { _tag: "DeleteRoute", ...v4, route: { destination: "192.0.2.0", prefixLength: 24, gateway: "10.99.0.3" } },
    "route del 192.0.2.0/24 via 10.99.0.3 dev eth0 proto 97"
  ],
  [
    { _tag: "DeleteRoute", ...v4, route: { destination: "192.0.2.7", prefixLength: 32 } },
    "route del 192.0.2.7/32 dev eth0 proto 97"
  ],
  [
    { _tag: "DeleteRoute", ...v6, route: { destination: "2001:db8::", prefixLength: 32, gateway: "fe80::1" } },
    "route del 2001:db8::/32 via fe80::1 dev eth0 proto 97"
  ],
  [{ _tag: "SetMtu", link, mtu: 1_400 }, "link set dev eth0 mtu 1400"],
  [{ _tag: "Announce", ...v4, address: "10.99.0.9" }, undefined],
  [{ _tag: "Announce", ...v6, address: "fd99::9" }, undefined]
]

describe("a step of an address plan", () => {
  it.each(lines)("%j is a line of ip, or nothing that ip does", (step, line) => {
    expect(addressLine(step)).toBe(line)
  })

  it("may find nothing to do exactly when it deletes", () => {
    const gone = new Set(lines.flatMap(([step]) => (mayBeGone(step) ? [step._tag] : [])))
    expect([...gone]).toEqual(["DeleteAddress", "DeleteOnLink", "DeleteRoute"])
  })
})
