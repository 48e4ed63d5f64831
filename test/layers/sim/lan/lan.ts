import { families, type Family } from "../../../../src/domain/Address.ts"
import type { DnatEntry, Protocol } from "../../../../src/domain/Dnat.ts"
import { baseRuleset, fillCommands, planCommands, type NftCommand } from "../../../../src/domain/NftJson.ts"
import type { SimPacket } from "../../../../src/layers/sim/kernel/SimFlow.ts"
import { SimKernel } from "../../../../src/layers/sim/kernel/SimKernel.ts"
import { SimTime } from "../../../../src/layers/sim/SimTime.ts"
import { SimSegment } from "../../../../src/layers/sim/lan/SimWire.ts"

/** A client on the LAN, an anchor with a leg on the LAN and one in the project, and two backends. */
export const OWN = { v4: "10.99.0.7", v6: "fd99::7" } as const
export const INSIDE = { v4: "172.20.0.2", v6: "fd20::2" } as const
export const CLIENT = { v4: "10.99.0.201", v6: "fd99::201" } as const
export const OTHER_CLIENT = { v4: "10.99.0.202", v6: "fd99::202" } as const
export const FIRST = { v4: "172.20.0.5", v6: "fd20::5" } as const
export const SECOND = { v4: "172.20.0.6", v6: "fd20::6" } as const

export const port = (family: Family, protocol: Protocol, at: number, address: string, backendPort = at): DnatEntry => ({
  _tag: "Port",
  family,
  protocol,
  port: at,
  address,
  backendPort
})

export const range = (family: Family, protocol: Protocol, from: number, to: number, address: string): DnatEntry => ({
  _tag: "Range",
  family,
  protocol,
  from,
  to,
  address
})

export const makeLan = () => {
  const time = new SimTime()
  const lan = new SimSegment("lan")
  const transit = new SimSegment("transit")
  let made = 0
  const host = (name: string) => {
    const kernel = new SimKernel({ name, timers: time })
    kernel.netns.addLink("lo", "127.0.0.1/8", "::1/128")
    return kernel
  }
  const join = (kernel: SimKernel, link: string, segment: SimSegment, v4: string, v6: string) => {
    made += 1
    kernel.netns.addLink(link, `${v4}/24`, `${v6}/64`)
    segment.plug(kernel, link, `02:00:00:00:01:${made.toString(16).padStart(2, "0")}`)
  }
  const on = (name: string, segment: SimSegment, { v4, v6 }: { v4: string; v6: string }, gateway?: typeof INSIDE) => {
    const kernel = host(name)
    join(kernel, "eth0", segment, v4, v6)
    if (gateway !== undefined) for (const family of families) kernel.netns.add({ family, gateway: gateway[family] })
    return kernel
  }
  const anchor = host("anchor")
  join(anchor, "eth0", lan, OWN.v4, OWN.v6)
  join(anchor, "eth1", transit, INSIDE.v4, INSIDE.v6)
  for (const name of ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"]) anchor.netns.setSysctl(name, "1")
  const run = (...commands: ReadonlyArray<NftCommand>) => {
    const refusal = anchor.ruleset.execute(commands)
    if (refusal !== undefined) throw new Error(refusal)
  }
  run(...baseRuleset({ extIface: "eth0" }))
  return {
    time,
    lan,
    transit,
    anchor,
    client: on("client", lan, CLIENT),
    otherClient: on("other", lan, OTHER_CLIENT),
    first: on("first", transit, FIRST, INSIDE),
    second: on("second", transit, SECOND, INSIDE),
    on,
    join,
    run,
    map: (...entries: ReadonlyArray<DnatEntry>) => run(...fillCommands(entries)),
    unmap: (...entries: ReadonlyArray<DnatEntry>) => run(...planCommands({ remove: entries, add: [] }))
  }
}

export type Lan = ReturnType<typeof makeLan>

/** A packet to a port of the anchor's own address, or to another address. */
export const packet = (
  family: Family,
  protocol: Protocol,
  destinationPort: number,
  more: Partial<SimPacket> = {}
): SimPacket => ({
  family,
  protocol,
  source: CLIENT[family],
  sourcePort: 40_000,
  destination: OWN[family],
  destinationPort,
  ...more
})
