import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { families, type AddressPair } from "../src/domain/Address.ts"
import { isOurs, metricOf } from "../src/domain/DefaultRoute.ts"
import { ORIGINALS_TABLE, type DefaultRoute } from "../src/domain/Routing.ts"
import { planFollow, planRestore } from "../src/domain/ServiceAnchorRoutes.ts"
import type { SimNetns } from "../src/layers/sim/SimNetns.ts"
import { allDefaults, gatewayPair, inward, namespace } from "./arbitraries/routes.ts"

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
