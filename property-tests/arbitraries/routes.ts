import * as fc from "fast-check"
import { families, type Address, type Family } from "../../src/domain/Address.ts"
import type { DefaultRoute } from "../../src/domain/Routing.ts"
import { SimNetns } from "../../src/layers/sim/kernel/SimNetns.ts"

export const EXTERNAL = "eth0"
export const INWARD = "eth1"

const addressOn = (family: Family, link: string, last: number): Address =>
  family === "v4" ? `10.${link === EXTERNAL ? 1 : 2}.0.${last}` : `fd0${link === EXTERNAL ? 1 : 2}::${last}`

/** How the gateway is named and what else a default says; an IPv4 one may lead to a router's IPv6 address. */
const attributes = (family: Family, link: string): fc.Arbitrary<Partial<DefaultRoute>> =>
  fc.oneof(
    { arbitrary: fc.constant({}), weight: 4 },
    {
      arbitrary: fc.record(
        {
          gateway: fc.constantFrom(
            addressOn("v6", link, 1),
            "fe80::1",
            ...(family === "v4" ? [addressOn("v4", link, 1)] : [])
          ),
          onLink: fc.constant(true as const),
          source: fc.constantFrom(addressOn(family, link, 9), addressOn(family, link, 8)),
          mtu: fc.constantFrom(1280, 1400)
        },
        { requiredKeys: [] }
      ),
      weight: 1
    },
    { arbitrary: fc.constant({ gateway: family === "v4" ? "192.0.2.1" : "2001:db8::1", onLink: true }), weight: 1 }
  )

/** A default route as Docker, an operator, a router advertisement or anchord itself may have made it. */
export const defaultRoute = (family: Family): fc.Arbitrary<DefaultRoute> =>
  fc
    .record({
      link: fc.constantFrom(EXTERNAL, INWARD),
      last: fc.constantFrom(1, 2, 3),
      metric: fc.constantFrom(undefined, 50, 100, 512, 1024),
      protocol: fc.constantFrom(undefined, "static", "97", ...(family === "v6" ? ["ra"] : ["dhcp"]))
    })
    .chain((made) => attributes(family, made.link).map((more) => ({ ...made, more })))
    .map(({ link, last, metric, protocol, more }) =>
      Object.assign(
        { family, link, gateway: addressOn(family, link, last) },
        more,
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
      .addLink(EXTERNAL, "10.1.0.9/24", "10.1.0.8/24", "fd01::9/64", "fd01::8/64", "fe80::9/64")
      .addLink(INWARD, "10.2.0.9/24", "10.2.0.8/24", "fd02::9/64", "fd02::8/64", "fe80::9/64")
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
