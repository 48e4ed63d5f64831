import { families, type AddressPair, type Family } from "./Address.ts"
import type { ServiceAnchorStatus } from "./Status.ts"

/** Where a service-anchor leads its namespace; `hostname` is that of a gateway that is looked up. */
export const serviceAnchorStatus = (
  hostname: string | undefined,
  gateways: AddressPair,
  routed: ReadonlySet<Family>
): ServiceAnchorStatus => ({
  ...(hostname === undefined ? {} : { hostname }),
  gateways: families.map((family) => {
    const [address, leads] = [gateways[family], routed.has(family)]
    return address === undefined ? { family, routed: leads } : { family, address, routed: leads }
  })
})
