import * as fc from "fast-check"
import { families, type Address, type Family } from "../../src/domain/Address.ts"
import type { DefaultRoute } from "../../src/domain/Routing.ts"
import { SimNetns } from "../../src/layers/sim/SimNetns.ts"

export const EXTERNAL = "eth0"
const INWARD = "eth1"

const addressOn = (family: Family, link: string, last: number): Address =>
  family === "v4" ? `10.${link === EXTERNAL ? 1 : 2}.0.${last}` : `fd0${link === EXTERNAL ? 1 : 2}::${last}`

/** A default route as Docker, an operator, a router advertisement or anchord itself may have made it. */
const defaultRoute = (family: Family): fc.Arbitrary<DefaultRoute> =>
  fc
    .record({
      link: fc.constantFrom(EXTERNAL, INWARD),
      last: fc.constantFrom(1, 2, 3),
      metric: fc.constantFrom(undefined, 50, 100, 512, 1024),
      protocol: fc.constantFrom(undefined, "static", "97", ...(family === "v6" ? ["ra"] : ["dhcp"]))
    })
    .map(({ link, last, metric, protocol }) =>
      Object.assign(
        { family, link, gateway: addressOn(family, link, last) },
        protocol === undefined ? {} : { protocol },
        // The kernel gives every advertised default this metric.
        protocol === "ra" ? { metric: 1024 } : metric === undefined ? {} : { metric }
      )
    )

/** A namespace with an external and an inward link, and whatever defaults the kernel took of a random list. */
export const namespace: fc.Arbitrary<() => SimNetns> = fc
  .tuple(...families.map((family) => fc.array(defaultRoute(family), { maxLength: 4 })))
  .map((routes) => () => {
    const netns = new SimNetns()
      .addLink("lo", "127.0.0.1/8", "::1/128")
      .addLink(EXTERNAL, "10.1.0.9/24", "fd01::9/64")
      .addLink(INWARD, "10.2.0.9/24", "fd02::9/64")
    for (const route of routes.flat()) netns.add(route)
    return netns
  })

/** The same with routes that `ip route append` put behind others of their metric, and a router on a link-local address. */
export const crowded: fc.Arbitrary<() => SimNetns> = fc
  .record({
    make: namespace,
    behind: fc.tuple(...families.map((family) => fc.array(defaultRoute(family), { maxLength: 4 }))),
    router: fc.option(fc.constantFrom(EXTERNAL, INWARD), { nil: undefined })
  })
  .map(({ make, behind, router }) => () => {
    const netns = make()
    for (const route of behind.flat()) netns.append(route)
    if (router !== undefined) {
      netns.append({ family: "v6", gateway: "fe80::1", link: router, metric: 1024, protocol: "ra" })
    }
    return netns
  })

/** A gateway of each family on the external link, or none. */
export const gatewayPair = (link: string) =>
  fc.record(
    {
      v4: fc.constantFrom(1, 2, 7).map((last) => addressOn("v4", link, last)),
      v6: fc.constantFrom(1, 2, 7).map((last) => addressOn("v6", link, last))
    },
    { requiredKeys: [] }
  )

export const inward = INWARD

export const allDefaults = (netns: SimNetns): ReadonlyArray<DefaultRoute> =>
  families.flatMap((family) => netns.defaultRoutes(family))
