import { describe, expect, it } from "vitest"
import { families } from "../../../src/domain/Address.ts"
import { protocols } from "../../../src/domain/Dnat.ts"
import { exchange, send } from "../../../src/layers/sim/SimWalker.ts"
import { CLIENT, FIRST, INSIDE, makeLan, OWN, packet, port, range, SECOND } from "./lan.ts"

describe("a packet", () => {
  it.each(families.flatMap((family) => protocols.map((protocol) => ({ family, protocol }))))(
    "to a mapped port comes out at the backend with the client's address, and is answered: $family $protocol",
    ({ family, protocol }) => {
      const { client, first, map } = makeLan()
      map(port(family, protocol, 25, FIRST[family], 2_525))
      const { there, answered } = exchange(client, packet(family, protocol, 25))
      expect(there).toMatchObject({
        _tag: "Delivered",
        kernel: first,
        link: "eth0",
        packet: { source: CLIENT[family], sourcePort: 40_000, destination: FIRST[family], destinationPort: 2_525 },
        hops: ["client:eth0", "anchor:eth1"]
      })
      expect(answered).toBe(true)
    }
  )

  it.each(families)("to a port of an interval keeps the port, and single ports come first: %s", (family) => {
    const { client, first, second, map } = makeLan()
    map(range(family, "udp", 100, 200, SECOND[family]), port(family, "udp", 150, FIRST[family]))
    for (const [at, kernel] of [
      [100, second],
      [149, second],
      [150, first],
      [200, second]
    ] as const) {
      const { there } = exchange(client, packet(family, "udp", at))
      expect(there).toMatchObject({ _tag: "Delivered", kernel, packet: { destinationPort: at } })
    }
    expect(send(client, packet(family, "udp", 201))).toMatchObject({ kernel: { name: "anchor" } })
  })

  it.each(families)("from a backend to the LAN has the anchor's address: %s", (family) => {
    const { client, first } = makeLan()
    const sent = packet(family, "udp", 53, { source: FIRST[family], destination: CLIENT[family] })
    const { there, answered } = exchange(first, sent)
    expect(there).toMatchObject({
      _tag: "Delivered",
      kernel: client,
      packet: { source: OWN[family], sourcePort: 40_000 }
    })
    expect(answered).toBe(true)
  })

  it.each(families)("from a backend to the project's own address reaches the service, masqueraded: %s", (family) => {
    const { first, map } = makeLan()
    map(port(family, "tcp", 80, FIRST[family], 8_080))
    const { there, answered } = exchange(first, packet(family, "tcp", 80, { source: FIRST[family] }))
    expect(there).toMatchObject({
      _tag: "Delivered",
      kernel: first,
      packet: { source: INSIDE[family], destinationPort: 8_080 }
    })
    expect(answered).toBe(true)
  })
})
