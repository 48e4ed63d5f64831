import { familyOf } from "../../src/domain/Address.ts"
import { SimKernel } from "../../src/layers/sim/kernel/SimKernel.ts"
import { SimTime } from "../../src/layers/sim/SimTime.ts"
import { SimSegment } from "../../src/layers/sim/lan/SimWire.ts"
import type { PacketHost } from "./packetLab.ts"

/** The same hosts, simulated. Where masquerading begins to look for a free port is said with `random`. */
export const simulateHosts = (hosts: ReadonlyArray<PacketHost>, random: { readonly next: () => number }) => {
  const time = new SimTime()
  const segments = new Map<string, SimSegment>()
  const segmentOf = (name: string) => {
    const segment = segments.get(name) ?? new SimSegment(name)
    segments.set(name, segment)
    return segment
  }
  let made = 0
  const kernels = new Map(
    hosts.map((host) => {
      const kernel = new SimKernel({ name: host.name, timers: time, random })
      kernel.netns.addLink("lo", "127.0.0.1/8", "::1/128")
      for (const [link, { segment, addresses }] of Object.entries(host.links)) {
        made += 1
        kernel.netns.addLink(link, ...addresses)
        segmentOf(segment).plug(kernel, link, `02:00:00:00:02:${made.toString(16).padStart(2, "0")}`)
      }
      for (const route of host.routes ?? []) addRoute(kernel, route)
      if (host.forwards) {
        for (const name of ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"]) kernel.netns.setSysctl(name, "1")
      }
      return [host.name, kernel] as const
    })
  )
  return {
    time,
    segment: segmentOf,
    kernel: (name: string): SimKernel => {
      const found = kernels.get(name)
      if (found === undefined) throw new Error(`there is no host ${name}`)
      return found
    },
    hostOf: (kernel: SimKernel): string => kernel.name
  }
}

export type PacketTwin = ReturnType<typeof simulateHosts>

/** `DESTINATION via GATEWAY`, as `ip route add` takes it. */
const addRoute = (kernel: SimKernel, route: string): void => {
  const [destination = "", , gateway = ""] = route.split(" ")
  const family = familyOf(gateway)
  const [address = "", length] = destination.split("/")
  const link = kernel.netns.links().find(({ name }) => name !== "lo")?.name ?? ""
  const refusal =
    destination === "default"
      ? kernel.netns.add({ family, gateway })
      : kernel.netns.applyAddress({
          _tag: "SetRoute",
          family,
          link,
          route: { destination: address, prefixLength: Number(length), gateway }
        })
  if (refusal !== undefined) throw new Error(`${kernel.name}: ${route}: ${refusal}`)
}
