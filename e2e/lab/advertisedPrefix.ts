import type { Service } from "./composeProject.ts"
import { run } from "./command.ts"
import { addressesOfHost, forgetLan } from "./dhcpProject.ts"
import type { Lab } from "./lab.ts"
import { eventually } from "./steps.ts"

/** What a network-anchor's service needs to hear router advertisements, whichever number its interface has. */
export const hearsAdvertisements: Service = {
  sysctls: {
    "net.ipv4.ip_forward": "1",
    "net.ipv6.conf.all.forwarding": "1",
    "net.ipv6.conf.eth0.accept_ra": "2",
    "net.ipv6.conf.eth1.accept_ra": "2"
  }
}

/** A prefix of its own for the LAN's router to advertise, as lines for dnsmasq; hosts make their addresses of it by themselves. */
export const advertisedPrefix = async (lab: Lab, prefix: string) => {
  const onRouter = (verb: "add" | "del") =>
    run(["ip", "-n", lab.router.netns, "-6", "address", verb, `${prefix}::1/64`, "dev", "lan"])
  await onRouter("add")
  return {
    lines: ["enable-ra", `dhcp-range=${prefix}::,ra-only`, "ra-param=lan,4"],
    /** Waits until the hosts of the LAN have heard of it, and so know that it is on the link. */
    heard: async () => {
      for (const host of lab.hosts) {
        await eventually("a host's own address of the prefix", 20_000, async () => {
          const addresses = await addressesOfHost(host)
          if (!addresses.some((one) => one.startsWith(`${prefix}:`))) throw new Error(addresses.join(", "))
        })
      }
    },
    withdraw: async () => {
      await onRouter("del")
      for (const host of lab.hosts) await forgetLan(host, `${prefix}::/64`)
    }
  }
}
