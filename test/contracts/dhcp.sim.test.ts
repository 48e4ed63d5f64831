import type { Family } from "../../src/domain/Address.ts"
import { SimDhcp } from "../../src/layers/sim/lan/SimDhcp.ts"
import { dhcpContract } from "./dhcp.ts"

const router = "10.1.0.1"

dhcpContract("SimDhcp", () => {
  const dhcp = new SimDhcp()
  const done = (change: () => unknown) => Promise.resolve().then(() => void change())
  return Promise.resolve({
    layer: dhcp.layer,
    pool: { v4: ["10.1.0.50", "10.1.0.51"], v6: ["fd01::50", "fd01::51"] },
    router,
    world: {
      link: "eth0",
      offer: (family: Family, address: string, last?: string) =>
        done(() =>
          dhcp.offers.set(family, { address, others: last === undefined ? [] : [last], leaseSeconds: 120, router })
        ),
      silence: () => done(() => dhcp.offers.clear()),
      configure: () => Promise.resolve(),
      kill: () => done(() => dhcp.killAll()),
      leases: () => Promise.resolve(dhcp.leases())
    },
    dispose: () => Promise.resolve()
  })
})
