import * as fc from "fast-check"
import { families, type Family } from "../../src/domain/Address.ts"
import { protocols, type DnatEntry, type FlowSelector, type Protocol } from "../../src/domain/Dnat.ts"
import type { SimPacket } from "../../src/layers/sim/lan/SimWalker.ts"
import type { PacketHost } from "./packetLab.ts"

export const OWN = { v4: "10.99.0.7", v6: "fd99::7" } as const
export const INSIDE = { v4: "172.20.0.2", v6: "fd20::2" } as const
export const CLIENT = { v4: "10.99.0.201", v6: "fd99::201" } as const
export const OTHER = { v4: "10.99.0.202", v6: "fd99::202" } as const
export const INTERNET = { v4: "203.0.113.1", v6: "2001:db8::1" } as const
export const FIRST = { v4: "172.20.0.5", v6: "fd20::5" } as const
export const SECOND = { v4: "172.20.0.6", v6: "fd20::6" } as const

const at = (segment: string, { v4, v6 }: Readonly<Record<Family, string>>) => ({
  segment,
  addresses: [`${v4}/24`, `${v6}/64`]
})
const both = ({ v4, v6 }: Readonly<Record<Family, string>>) => [v4, v6]
const defaultBy = (gateway: Readonly<Record<Family, string>>) => both(gateway).map((one) => `default via ${one}`)

/** A client that is also the way to the internet, another that knows a way to the project, an anchor, and two backends. */
export const hosts: ReadonlyArray<PacketHost> = [
  {
    name: "client",
    links: {
      eth0: { segment: "lan", addresses: [...at("lan", CLIENT).addresses, `${INTERNET.v4}/32`, `${INTERNET.v6}/128`] }
    },
    speaksAt: [...both(CLIENT), ...both(INTERNET)]
  },
  {
    name: "other",
    links: { eth0: at("lan", OTHER) },
    routes: [`172.20.0.0/24 via ${OWN.v4}`, `fd20::/64 via ${OWN.v6}`],
    speaksAt: both(OTHER)
  },
  {
    name: "anchor",
    links: { eth0: at("lan", OWN), eth1: at("transit", INSIDE) },
    routes: defaultBy(CLIENT),
    speaksAt: [...both(OWN), ...both(INSIDE)],
    forwards: true
  },
  { name: "first", links: { eth0: at("transit", FIRST) }, routes: defaultBy(INSIDE), speaksAt: both(FIRST) },
  {
    name: "second",
    links: { eth0: at("transit", SECOND) },
    routes: defaultBy(INSIDE),
    speaksAt: [...both(SECOND), ...both(FIRST)]
  }
]

/** Few ports, so that flows meet; sources of all three kinds among which masquerading chooses. */
export const PORTS = [25, 26, 27, 28, 29, 30]
const SOURCES = [40_000, 40_001, 700, 500]

type Place = Readonly<Record<Family, string>>
const senders: ReadonlyArray<readonly [host: string, address: Place]> = [
  ["client", CLIENT],
  ["client", INTERNET],
  ["other", OTHER],
  ["anchor", OWN],
  ["anchor", INSIDE],
  ["first", FIRST],
  ["second", SECOND]
]
const destinations: ReadonlyArray<Place> = [OWN, OWN, OWN, OWN, INSIDE, CLIENT, OTHER, INTERNET, FIRST, SECOND]

/** What is done to both worlds. */
export type PacketStep =
  | { readonly _tag: "Send"; readonly host: string; readonly packet: SimPacket }
  | { readonly _tag: "Plan"; readonly going: ReadonlyArray<number>; readonly coming: ReadonlyArray<DnatEntry> }
  | { readonly _tag: "Flush"; readonly selector: FlowSelector }
  /** The anchor loses its address on the LAN and gets it again. */
  | { readonly _tag: "Readdress"; readonly family: Family }

const family = fc.constantFrom(...families)
const protocol: fc.Arbitrary<Protocol> = fc.constantFrom("udp", "udp", "tcp")
const port = fc.constantFrom(...PORTS)

const sendStep: fc.Arbitrary<PacketStep> = fc
  .record({
    family,
    protocol,
    sender: fc.constantFrom(...senders, ...senders.slice(4)),
    to: fc.constantFrom(...destinations),
    sourcePort: fc.oneof(
      { weight: 3, arbitrary: fc.constant(40_000) },
      { weight: 2, arbitrary: fc.constantFrom(...SOURCES) }
    ),
    destinationPort: port
  })
  .map(({ family: of, protocol: by, sender: [host, source], to, sourcePort, destinationPort }) => ({
    _tag: "Send",
    host,
    packet: { family: of, protocol: by, source: source[of], sourcePort, destination: to[of], destinationPort }
  }))

const entry: fc.Arbitrary<DnatEntry> = fc
  .record({
    family,
    protocol: fc.constantFrom(...protocols),
    from: port,
    to: port,
    wide: fc.boolean(),
    second: fc.boolean()
  })
  .map(({ family: of, protocol: by, from, to, wide, second }) => {
    const address = (second ? SECOND : FIRST)[of]
    return wide && from !== to
      ? { _tag: "Range", family: of, protocol: by, from: Math.min(from, to), to: Math.max(from, to), address }
      : { _tag: "Port", family: of, protocol: by, port: from, address, backendPort: to }
  })

const planStep: fc.Arbitrary<PacketStep> = fc
  .record({ going: fc.array(fc.nat(), { maxLength: 3 }), coming: fc.array(entry, { maxLength: 3 }) })
  .map((plan) => ({ _tag: "Plan", ...plan }))

const flushStep: fc.Arbitrary<PacketStep> = fc
  .record({
    family,
    protocol: fc.constantFrom(...protocols),
    from: port,
    to: port,
    second: fc.boolean(),
    dnated: fc.boolean()
  })
  .map(({ family: of, protocol: by, from, to, second, dnated }) => {
    const span = { family: of, from: Math.min(from, to), to: Math.max(from, to) }
    const address = (second ? SECOND : FIRST)[of]
    const selector: FlowSelector = dnated
      ? { _tag: "DnatedTo", protocol: by, address, ...span }
      : { _tag: "NotDnated", protocol: "udp", ...span }
    return { _tag: "Flush", selector }
  })

export const packetStep: fc.Arbitrary<PacketStep> = fc.oneof(
  { weight: 12, arbitrary: sendStep },
  { weight: 4, arbitrary: planStep },
  { weight: 2, arbitrary: flushStep },
  { weight: 1, arbitrary: family.map((of) => ({ _tag: "Readdress" as const, family: of })) }
)
