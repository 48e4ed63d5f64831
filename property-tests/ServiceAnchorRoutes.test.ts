import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { families, familyOf, type AddressPair } from "../src/domain/Address.ts"
import { isOurs, metricOf } from "../src/domain/DefaultRoute.ts"
import { ORIGINALS_TABLE, type DefaultRoute, type RouteStep } from "../src/domain/Routing.ts"
import { planFollow, planRestore } from "../src/domain/ServiceAnchorRoutes.ts"
import type { SimNetns } from "../src/layers/sim/kernel/SimNetns.ts"
import { allDefaults, crowded, gatewayPair, inward, namespace } from "./arbitraries/routes.ts"

const originalsOf = (netns: SimNetns): ReadonlyArray<DefaultRoute> =>
  families.flatMap((family) => netns.defaultRoutes(family, ORIGINALS_TABLE))

const stepsTowards = (netns: SimNetns, gateways: AddressPair) =>
  planFollow({ main: allDefaults(netns), originals: originalsOf(netns), addresses: netns.addresses() }, gateways)

const follow = (netns: SimNetns, gateways: AddressPair) => {
  for (const step of stepsTowards(netns, gateways)) netns.apply(step)
}

const restore = (netns: SimNetns) => {
  for (const family of families) {
    const steps = planRestore({ main: allDefaults(netns), originals: originalsOf(netns) }, family)
    for (const step of steps) netns.apply(step)
  }
}

/** The default of each family that counts: the one with the lowest metric comes first. */
const effective = (netns: SimNetns) => families.map((family) => netns.defaultRoutes(family)[0])

/** A namespace that no anchor has touched, and in which metrics say which default counts. */
const untouched = namespace.filter((make) => {
  const defaults = allDefaults(make())
  const metrics = defaults.map((route) => `${route.family} ${metricOf(route)}`)
  return !defaults.some(isOurs) && new Set(metrics).size === metrics.length
})
const gateways = gatewayPair(inward)

describe("following a gateway", () => {
  it("makes it the only default of its family, and planning again asks for nothing", () => {
    fc.assert(
      fc.property(untouched, fc.array(gateways, { minLength: 1, maxLength: 4 }), (make, sequence) => {
        const netns = make()
        for (const wanted of sequence) {
          follow(netns, wanted)
          for (const family of families) {
            const gateway = wanted[family]
            if (gateway === undefined) continue
            expect(netns.defaultRoutes(family).filter(isOurs)).toMatchObject([{ gateway, link: inward }])
            expect(netns.defaultRoutes(family)[0]).toMatchObject({ gateway })
          }
          expect(stepsTowards(netns, wanted)).toEqual([])
        }
      })
    )
  })

  it("has no moment without a default where there was one", () => {
    fc.assert(
      fc.property(untouched, gateways, (make, wanted) => {
        const netns = make()
        const had = families.filter((family) => netns.defaultRoutes(family).length > 0)
        for (const step of stepsTowards(netns, wanted)) {
          netns.apply(step)
          for (const family of had) expect(netns.defaultRoutes(family).length).toBeGreaterThan(0)
        }
      })
    )
  })

  it("and restoring leaves the default that counts as it was found, whatever gateways came between and however often it was killed", () => {
    fc.assert(
      fc.property(untouched, fc.array(gateways, { maxLength: 4 }), (make, sequence) => {
        const netns = make()
        const found = effective(netns)
        // A successor after a kill knows only what is in the namespace: so does each turn here.
        for (const wanted of sequence) follow(netns, wanted)
        restore(netns)
        expect(effective(netns)).toEqual(found)
        expect(originalsOf(netns)).toEqual([])
        expect(allDefaults(netns).filter(isOurs)).toEqual([])
      })
    )
  })

  it("to nowhere changes nothing", () => {
    fc.assert(
      fc.property(namespace, (make) => {
        expect(stepsTowards(make(), {})).toEqual([])
      })
    )
  })
})

interface Life {
  readonly gateways: AddressPair
  /** How many steps of each of its plans it lives to carry out. */
  readonly following: number
  readonly restoring: number
}

/** Service-anchors that one after the other were killed, while they followed or while they put things back. */
const lives: fc.Arbitrary<ReadonlyArray<Life>> = fc.array(
  fc.record({ gateways, following: fc.nat({ max: 8 }), restoring: fc.constantFrom(0, 0, 1, 2, 3, 4) }),
  { maxLength: 4 }
)

const stepsBack = (netns: SimNetns) =>
  families.flatMap((family) => planRestore({ main: allDefaults(netns), originals: originalsOf(netns) }, family))

/** Lives them all, and looks after every step. */
const live = (netns: SimNetns, all: ReadonlyArray<Life>, look: () => void = () => {}) => {
  const carryOut = (steps: ReadonlyArray<RouteStep>) => {
    for (const step of steps) {
      netns.apply(step)
      look()
    }
  }
  for (const { gateways: wanted, following, restoring } of all) {
    carryOut(stepsTowards(netns, wanted).slice(0, following))
    carryOut(stepsBack(netns).slice(0, restoring))
  }
}

/** Somebody else's default that does not stand in the way of anchord's. */
const isHarmless = (route: DefaultRoute): boolean =>
  !isOurs(route) && (route.protocol === "ra" || metricOf(route) > (route.family === "v4" ? 0 : 1024))

/** The kernel lets a replacement take the place of an advertised default of its metric, for want of another. */
const besideAdvertised = (make: () => SimNetns): boolean => {
  const defaults = allDefaults(make()).filter(({ family }) => family === "v6")
  const advertised = defaults.filter(({ protocol }) => protocol === "ra").map(metricOf)
  return defaults.some((route) => route.protocol !== "ra" && advertised.includes(metricOf(route)))
}

const crowdedApart = crowded.filter((make) => !besideAdvertised(make))

/** What the kernel says to a step; that a route to delete is gone is as good as done. */
const refusal = (netns: SimNetns, step: RouteStep) => {
  const said = netns.apply(step)
  return step._tag === "Delete" && said?.includes("No such process") === true ? undefined : said
}

/** One that lives to put things back. */
const lastLife = (netns: SimNetns, wanted: AddressPair) => {
  follow(netns, wanted)
  restore(netns)
}

describe("service-anchors that are killed, wherever in their work", () => {
  it("leave it to the last to put every default back as it was found, and no trace", () => {
    fc.assert(
      fc.property(untouched, lives, gateways, (make, killed, wanted) => {
        const netns = make()
        const found = allDefaults(netns)
        live(netns, killed)
        lastLife(netns, wanted)
        expect(allDefaults(netns)).toEqual(found)
        expect(originalsOf(netns)).toEqual([])
      }),
      { numRuns: 1_000 }
    )
  })

  it("never leave a family without a default that had one, not between two steps", () => {
    fc.assert(
      fc.property(untouched, lives, (make, killed) => {
        const netns = make()
        const had = families.filter((family) => netns.defaultRoutes(family).length > 0)
        live(netns, killed, () => {
          for (const family of had) expect(netns.defaultRoutes(family).length).toBeGreaterThan(0)
        })
      }),
      { numRuns: 500 }
    )
  })

  it("never put by a route of anchord's own, and never touch a default that is in nobody's way", () => {
    fc.assert(
      fc.property(fc.oneof(untouched, crowdedApart), lives, (make, killed) => {
        const netns = make()
        const harmless = allDefaults(netns).filter(isHarmless)
        live(netns, killed, () => {
          expect(originalsOf(netns).filter(isOurs)).toEqual([])
          expect(allDefaults(netns)).toEqual(expect.arrayContaining([...harmless]))
        })
      }),
      { numRuns: 500 }
    )
  })

  it("leave a crowded namespace with the default that counted, and no trace", () => {
    const foreign = crowdedApart.filter((make) => !allDefaults(make()).some(isOurs))
    fc.assert(
      fc.property(foreign, lives, gateways, (make, killed, wanted) => {
        const netns = make()
        const found = effective(netns)
        live(netns, killed)
        lastLife(netns, wanted)
        expect(effective(netns)).toEqual(found)
        expect(originalsOf(netns)).toEqual([])
        expect(allDefaults(netns).filter(isOurs)).toEqual([])
      }),
      { numRuns: 500 }
    )
  })
})

describe("an original beside an advertised default of its metric", () => {
  it("is put back without taking its place", () => {
    const beside = crowded.filter((make) => besideAdvertised(make) && !allDefaults(make()).some(isOurs))
    fc.assert(
      fc.property(beside, gateways, (make, wanted) => {
        const netns = make()
        const advertised = allDefaults(netns).filter(({ protocol }) => protocol === "ra")
        lastLife(netns, wanted)
        expect(allDefaults(netns).filter(({ protocol }) => protocol === "ra")).toEqual(advertised)
      })
    )
  })
})

describe("the steps of a service-anchor for one family", () => {
  it("are the same whatever the other one looks like, and whether or not it has a gateway", () => {
    fc.assert(
      fc.property(crowded, lives, gateways, (make, killed, wanted) => {
        const netns = make()
        live(netns, killed)
        const whole = { main: allDefaults(netns), originals: originalsOf(netns), addresses: netns.addresses() }
        for (const family of families) {
          const only = <A extends { readonly family: string }>(all: ReadonlyArray<A>) =>
            all.filter((one) => one.family === family)
          const originals = only(whole.originals)
          // Whether an IPv4 route to an IPv6 next hop could come back is told by the IPv6 addresses.
          const crosses = originals.some(({ gateway }) => gateway !== undefined && familyOf(gateway) !== family)
          const addresses = crosses ? whole.addresses : only(whole.addresses)
          const alone = { main: only(whole.main), originals, addresses }
          const gateway = wanted[family]
          const steps = planFollow(whole, wanted).filter(({ route }) => route.family === family)
          expect(steps).toEqual(planFollow(alone, gateway === undefined ? {} : { [family]: gateway }))
          expect(planRestore(whole, family)).toEqual(planRestore(alone, family))
          expect(planRestore(whole, family).every(({ route }) => route.family === family)).toBe(true)
        }
      })
    )
  })

  it("are accepted by the kernel, leave one default of its own, and are none once they are carried out", () => {
    fc.assert(
      fc.property(crowded, lives, gateways, (make, killed, wanted) => {
        const netns = make()
        live(netns, killed)
        for (const step of stepsTowards(netns, wanted)) expect(refusal(netns, step)).toBeUndefined()
        expect(stepsTowards(netns, wanted)).toEqual([])
        for (const family of families.filter((one) => wanted[one] !== undefined)) {
          expect(netns.defaultRoutes(family).filter(isOurs)).toMatchObject([{ gateway: wanted[family], link: inward }])
        }
        for (const step of stepsBack(netns)) expect(refusal(netns, step)).toBeUndefined()
        expect(stepsBack(netns)).toEqual([])
      })
    )
  })
})
