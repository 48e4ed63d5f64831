import { families } from "../../../domain/Address.ts"
import { SimKernel } from "../kernel/SimKernel.ts"
import type { SimTimers } from "../SimTime.ts"
import { SimSegment } from "./SimWire.ts"

/** The LAN's networks, its router with the world behind it, two hosts, and the Docker host's own address. */
export const LAN = {
  subnet: { v4: "10.99.0.0/24", v6: "fd99::/64" },
  router: { v4: "10.99.0.1", v6: "fd99::1" },
  /** Another way to the same router. */
  otherRouter: { v4: "10.99.0.254" },
  /** Where the router's advertisements come from (RFC 4861 §6.1.2). */
  advertiser: "fe80::1",
  internet: { v4: "203.0.113.1", v6: "2001:db8::1" },
  clients: [
    { v4: "10.99.0.201", v6: "fd99::201" },
    { v4: "10.99.0.202", v6: "fd99::202" }
  ],
  dockerHost: { v4: "10.99.0.2", v6: "fd99::2" }
} as const

const FORWARDING = ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"]

/** Makes a namespace a router. */
export const letForward = ({ netns }: SimKernel): void => {
  for (const name of FORWARDING) netns.setSysctl(name, "1")
}

export interface SimLan {
  readonly segment: SimSegment
  /** The router; what comes out at {@link LAN.internet} has left the site. */
  readonly router: SimKernel
  readonly clients: ReadonlyArray<SimKernel>
  /** Plugs a namespace in that has one address of each family there, and the router as its default. */
  readonly plugHost: (kernel: SimKernel, addresses: { readonly v4: string; readonly v6: string }) => void
}

export const makeLan = (timers: SimTimers): SimLan => {
  const segment = new SimSegment("lan")
  let hosts = 0
  const plug = (kernel: SimKernel, { v4, v6 }: { readonly v4: string; readonly v6: string }) => {
    hosts += 1
    const mac = `02:99:00:00:00:${hosts.toString(16).padStart(2, "0")}`
    kernel.netns.addLink("eth0", `${v4}/24`, `${v6}/64`)
    segment.plug(kernel, "eth0", mac)
  }
  const router = new SimKernel({ name: "router", timers })
  plug(router, LAN.router)
  router.netns.addAddress("eth0", `${LAN.advertiser}/64`)
  router.netns.addAddress("eth0", `${LAN.otherRouter.v4}/24`)
  router.netns.addLink("wan0", `${LAN.internet.v4}/32`, `${LAN.internet.v6}/128`)
  letForward(router)
  const plugHost: SimLan["plugHost"] = (kernel, addresses) => {
    plug(kernel, addresses)
    for (const family of families) kernel.netns.add({ family, gateway: LAN.router[family] })
  }
  const clients = LAN.clients.map((addresses, index) => {
    const kernel = new SimKernel({ name: `client-${index + 1}`, timers })
    plugHost(kernel, addresses)
    return kernel
  })
  return { segment, router, clients, plugHost }
}
