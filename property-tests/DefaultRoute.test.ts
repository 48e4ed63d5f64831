import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { families } from "../src/domain/Address.ts"
import { chooseGateways, isOurs, planExternalDefault } from "../src/domain/DefaultRoute.ts"
import type { DefaultRoute, RouteStep } from "../src/domain/Routing.ts"
import type { SimNetns } from "../src/layers/sim/kernel/SimNetns.ts"
import { allDefaults, crowded, EXTERNAL, gatewayPair, namespace } from "./arbitraries/routes.ts"

const isAdvertised = (route: DefaultRoute): boolean => route.protocol === "ra" && route.link === EXTERNAL

const planFor = (netns: SimNetns, pin: { v4?: string; v6?: string }) =>
  planExternalDefault({
    link: EXTERNAL,
    gateways: chooseGateways({ pin, ipam: {} }),
    current: allDefaults(netns)
  })

/** What the kernel says to a step; that a route to delete is gone is as good as done. */
const refusal = (netns: SimNetns, step: RouteStep) => {
  const said = netns.apply(step)
  return step._tag === "Delete" && said?.includes("No such process") === true ? undefined : said
}

const world = fc.tuple(fc.oneof(namespace, crowded), gatewayPair(EXTERNAL))

describe("the plan for the external default route", () => {
  it("is accepted by the kernel, and leaves the chosen gateway as the only default beside advertised ones", () => {
    fc.assert(
      fc.property(world, ([make, pin]) => {
        const netns = make()
        for (const step of planFor(netns, pin)) expect(refusal(netns, step)).toBeUndefined()
        for (const family of families) {
          const gateway = pin[family]
          if (gateway === undefined) continue
          const others = netns.defaultRoutes(family).filter((route) => !isAdvertised(route))
          expect(others).toHaveLength(1)
          expect(others[0]).toMatchObject({ gateway, link: EXTERNAL, protocol: "97" })
        }
      })
    )
  })

  it("is empty on its own result", () => {
    fc.assert(
      fc.property(world, ([make, pin]) => {
        const netns = make()
        for (const step of planFor(netns, pin)) netns.apply(step)
        expect(planFor(netns, pin)).toEqual([])
      })
    )
  })

  it("never touches a default that was advertised on the external link", () => {
    fc.assert(
      fc.property(world, ([make, pin]) => {
        const netns = make()
        const before = allDefaults(netns).filter(isAdvertised)
        for (const step of planFor(netns, pin)) netns.apply(step)
        expect(allDefaults(netns).filter(isAdvertised)).toEqual(before)
      })
    )
  })

  it("has no moment without a default where there was one", () => {
    fc.assert(
      fc.property(world, ([make, pin]) => {
        const netns = make()
        const had = families.filter((family) => netns.defaultRoutes(family).length > 0)
        for (const step of planFor(netns, pin)) {
          netns.apply(step)
          for (const family of had) expect(netns.defaultRoutes(family).length).toBeGreaterThan(0)
        }
      })
    )
  })

  it("does for a family the same whatever the other one looks like", () => {
    fc.assert(
      fc.property(world, ([make, pin]) => {
        const current = allDefaults(make())
        const gateways = chooseGateways({ pin, ipam: {} })
        const whole = planExternalDefault({ link: EXTERNAL, gateways, current })
        for (const family of families) {
          const alone = planExternalDefault({
            link: EXTERNAL,
            gateways: gateways.filter((gateway) => gateway.family === family),
            current: current.filter((route) => route.family === family)
          })
          expect(whole.filter(({ route }) => route.family === family)).toEqual(alone)
        }
      })
    )
  })

  it("never leaves two defaults of anchord's own where it has a gateway", () => {
    fc.assert(
      fc.property(world, ([make, pin]) => {
        const netns = make()
        for (const step of planFor(netns, pin)) netns.apply(step)
        for (const family of families.filter((one) => pin[one] !== undefined)) {
          expect(netns.defaultRoutes(family).filter(isOurs)).toHaveLength(1)
        }
      })
    )
  })
})

describe("a family without a gateway", () => {
  it("keeps its defaults as they are, unless a router has advertised one: then that is all it keeps", () => {
    fc.assert(
      fc.property(world, ([make, pin]) => {
        const netns = make()
        const without = families.filter((family) => pin[family] === undefined)
        const before = without.map((family) => netns.defaultRoutes(family))
        for (const step of planFor(netns, pin)) netns.apply(step)
        const kept = before.map((routes) => (routes.some(isAdvertised) ? routes.filter(isAdvertised) : routes))
        expect(without.map((family) => netns.defaultRoutes(family))).toEqual(kept)
      })
    )
  })
})

describe("a plan that was cut short", () => {
  it("is finished by the next, with the same result, and with no moment without a default", () => {
    fc.assert(
      fc.property(world, fc.nat({ max: 8 }), ([make, pin], done) => {
        const [whole, cut] = [make(), make()]
        for (const step of planFor(whole, pin)) whole.apply(step)
        for (const step of planFor(cut, pin).slice(0, done)) cut.apply(step)
        const had = families.filter((family) => make().defaultRoutes(family).length > 0)
        for (const step of planFor(cut, pin)) {
          expect(refusal(cut, step)).toBeUndefined()
          for (const family of had) expect(cut.defaultRoutes(family).length).toBeGreaterThan(0)
        }
        expect(allDefaults(cut)).toEqual(allDefaults(whole))
      })
    )
  })
})

describe("the choice of gateways", () => {
  const address = fc.constantFrom("10.1.0.1", "10.1.0.2", undefined)
  it("takes for IPv4 the lease, then the pin, then IPAM; a source that is absent changes nothing for the others", () => {
    fc.assert(
      fc.property(address, address, address, (lease, pin, ipam) => {
        const pair = (v4: string | undefined) => (v4 === undefined ? {} : { v4 })
        const [chosen] = chooseGateways({ lease, pin: pair(pin), ipam: pair(ipam) })
        expect(chosen?.address).toBe(lease ?? pin ?? ipam)
      })
    )
  })

  it("of one family never depends on the other", () => {
    fc.assert(
      fc.property(gatewayPair(EXTERNAL), gatewayPair(EXTERNAL), (pin, ipam) => {
        const of = (family: "v4" | "v6") => chooseGateways({ pin, ipam }).find((gateway) => gateway.family === family)
        expect(of("v4")?.address).toBe(pin.v4 ?? ipam.v4)
        expect(of("v6")?.address).toBe(pin.v6 ?? ipam.v6)
      })
    )
  })

  it("takes for IPv6 the pin, then IPAM unless a router is to say it, and never a lease; each with its source", () => {
    const v6 = fc.constantFrom("fd01::1", "fd01::2", undefined)
    const sources = fc.record({ lease: address, pin: v6, ipam: v6, v6ByAdvertisement: fc.boolean() })
    fc.assert(
      fc.property(sources, ({ lease, pin, ipam, v6ByAdvertisement }) => {
        const pair = (one: string | undefined) => (one === undefined ? {} : { v6: one })
        const chosen = chooseGateways({ lease, pin: pair(pin), ipam: pair(ipam), v6ByAdvertisement })
        const fallBack = v6ByAdvertisement ? undefined : ipam
        const wanted = pin ?? fallBack
        const source = pin === undefined ? "IPAM" : "ANCHORD_EXT_GATEWAY_IP"
        expect(chosen).toEqual([
          ...(lease === undefined ? [] : [{ family: "v4", address: lease, source: "DHCP" }]),
          ...(wanted === undefined ? [] : [{ family: "v6", address: wanted, source }])
        ])
      })
    )
  })
})
