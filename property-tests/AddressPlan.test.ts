import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { families, type Family } from "../src/domain/Address.ts"
import { isUndone, planAddresses, type AddressSituation } from "../src/domain/AddressPlan.ts"
import type { Prefixed } from "../src/domain/Network.ts"
import type { Lease } from "../src/domain/DhcpLease.ts"
import { SimNetns } from "../src/layers/sim/kernel/SimNetns.ts"

const LINK = "eth0"
const bootstraps: Readonly<Record<Family, Prefixed>> = {
  v4: { address: "10.1.0.9", prefixLength: 24 },
  v6: { address: "fd01::9", prefixLength: 64 }
}
const STRANGER = { v4: "10.1.0.77/28", v6: "fd01:0:0:77::77/64" }
const ROUTER = { v4: "10.1.0.1", v6: "fd01::1" }

const addresses = {
  v4: ["10.1.0.9", "10.1.0.50", "10.1.0.51", "192.168.7.52"],
  v6: ["fd01::9", "fd01::50", "fd01::51", "fd07::52"]
}

const route = fc.constantFrom(
  { destination: "10.50.0.0", prefixLength: 16, gateway: "10.1.0.7" },
  { destination: "192.0.2.0", prefixLength: 24 }
)

/** Routes are by a router in the lease's own network: others are left out before a plan is made. */
const withRoutesInReach = (lease: Lease): Lease =>
  lease.address.startsWith("10.1.") && lease.prefixLength < 32 ? lease : { ...lease, routes: [] }

const leaseOf = (family: Family): fc.Arbitrary<Lease> =>
  fc
    .record(
      {
        family: fc.constant(family),
        address: fc.constantFrom(...addresses[family]),
        prefixLength: family === "v4" ? fc.constantFrom(16, 24, 32) : fc.constant(128),
        router: fc.constant(ROUTER[family]),
        leaseSeconds: fc.integer({ min: 1, max: 100_000 }),
        renewSeconds: fc.constant(1),
        rebindSeconds: fc.constant(1),
        routes:
          family === "v4" ? fc.uniqueArray(route, { selector: ({ destination }) => destination }) : fc.constant([]),
        mtu: fc.constantFrom(1400, 1500, 9000)
      },
      {
        requiredKeys:
          family === "v4"
            ? ["router", "family", "address", "prefixLength", "leaseSeconds", "renewSeconds", "rebindSeconds", "routes"]
            : ["family", "address", "prefixLength", "leaseSeconds", "renewSeconds", "rebindSeconds", "routes"]
      }
    )
    .map(withRoutesInReach)

/** The life of an interface: leases of one family that come, are renewed, change and are lost; Docker gave it an address of that family, or none. */
interface Life {
  readonly family: Family
  readonly bootstrap: Prefixed | undefined
  readonly leases: ReadonlyArray<Lease | undefined>
}

const life: fc.Arbitrary<Life> = fc.constantFrom(...families).chain((family) =>
  fc.record({
    family: fc.constant(family),
    bootstrap: fc.option(fc.constant(bootstraps[family]), { nil: undefined, freq: 4 }),
    leases: fc.array(fc.option(leaseOf(family), { nil: undefined }), { minLength: 1, maxLength: 8 })
  })
)

const begin = ({ family, bootstrap }: Life) =>
  new SimNetns().addLink(
    LINK,
    ...(bootstrap === undefined ? [] : [`${bootstrap.address}/${bootstrap.prefixLength}`]),
    STRANGER[family]
  )

const globalAddresses = (netns: SimNetns, family: Family) =>
  netns.addresses().filter((one) => one.link === LINK && one.family === family && one.scope === "global")

const situationOf = (
  { family, bootstrap }: Life,
  netns: SimNetns,
  lease: Lease | undefined,
  previous: Lease | undefined
): AddressSituation => ({
  family,
  link: LINK,
  bootstrap,
  bootstrapMtu: 1500,
  mtu: netns.mtus.get(LINK) ?? 1500,
  lease,
  previous,
  present: netns.addresses()
})

const carryOut = (netns: SimNetns, situation: AddressSituation, look: (netns: SimNetns) => void = () => {}) => {
  for (const step of planAddresses(situation)) {
    expect(netns.applyAddress(step)).toBeUndefined()
    look(netns)
  }
}

/** Lives a life, and looks after every single step. */
const live = (lived: Life, look: (netns: SimNetns) => void = () => {}) => {
  const netns = begin(lived)
  let previous: Lease | undefined
  for (const lease of lived.leases) {
    carryOut(netns, situationOf(lived, netns, lease, previous), look)
    previous = lease
  }
  return { netns, last: previous }
}

const mine = (netns: SimNetns, family: Family) =>
  globalAddresses(netns, family).filter(({ address }) => !STRANGER[family].startsWith(`${address}/`))

const snapshot = (netns: SimNetns) => ({
  addresses: netns.addresses(),
  routes: netns.staticRoutes(),
  reaches: [ROUTER.v4, ROUTER.v6].map((router) => netns.reaches(router)),
  mtu: netns.mtus.get(LINK) ?? 1500
})

describe("the plan for the addresses of the external interface", () => {
  it("has no moment without an address of the project's, nor one in which its router is out of reach", () => {
    fc.assert(
      fc.property(life, (lived) => {
        const { family, bootstrap } = lived
        if (bootstrap === undefined) return
        live(lived, (netns) => {
          expect(mine(netns, family).length).toBeGreaterThan(0)
          // For IPv6 the kernel takes the network off the link with Docker's address, and the next step puts it back.
          expect(family === "v6" || netns.reaches(ROUTER[family])).toBe(true)
        })
      })
    )
  })

  it("ends with exactly one: the lease's, or Docker's when there is none, or none at all; and the router is within reach", () => {
    fc.assert(
      fc.property(life, (lived) => {
        const { netns, last } = live(lived)
        const { family, bootstrap } = lived
        const leased = last !== undefined && last.address !== bootstrap?.address
        const expected = leased ? { address: last.address, prefixLength: family === "v4" ? 32 : 128 } : bootstrap
        expect(mine(netns, family)).toMatchObject(expected === undefined ? [] : [expected])
        expect(bootstrap === undefined || netns.reaches(ROUTER[family])).toBe(true)
      })
    )
  })

  it("never touches what somebody else put there", () => {
    fc.assert(
      fc.property(life, (lived) => {
        const left = globalAddresses(live(lived).netns, lived.family)
        expect(left.map(({ address, prefixLength }) => `${address}/${prefixLength}`)).toContain(STRANGER[lived.family])
      })
    )
  })

  it("carried out a second time changes nothing, and then nothing is undone", () => {
    fc.assert(
      fc.property(life, (lived) => {
        const { netns, last } = live(lived)
        const before = snapshot(netns)
        carryOut(netns, situationOf(lived, netns, last, last))
        expect(snapshot(netns)).toEqual(before)
        expect(isUndone(situationOf(lived, netns, last, last))).toBe(false)
      })
    )
  })

  it("brings back what somebody took away or put back, and tells that it has to", () => {
    fc.assert(
      fc.property(life, fc.boolean(), (lived, flushed) => {
        const { netns, last } = live(lived)
        const { family, bootstrap } = lived
        if (last === undefined || bootstrap === undefined) return
        const before = mine(netns, family)
        // Docker's own address is never one that had gone.
        if (flushed || last.address === bootstrap.address) netns.removeAddress(LINK, last.address)
        else netns.addAddress(LINK, `${bootstrap.address}/${bootstrap.prefixLength}`)
        expect(isUndone(situationOf(lived, netns, last, last))).toBe(true)
        carryOut(netns, situationOf(lived, netns, last, last))
        expect(mine(netns, family)).toEqual(before)
        expect(netns.reaches(ROUTER[family])).toBe(true)
      })
    )
  })

  it("has the routes of the lease that holds, and those of no earlier one", () => {
    fc.assert(
      fc.property(life, (lived) => {
        const { netns, last } = live(lived)
        const expected = (last?.routes ?? []).map(
          ({ destination, prefixLength, gateway }) => `${destination}/${prefixLength} via ${gateway ?? "link"}`
        )
        expect(netns.staticRoutes()).toEqual(expected.toSorted())
      })
    )
  })

  it("of an unchanged renewal sets lifetimes and what is there already, deletes nothing and announces nothing", () => {
    const renewed = life.chain((lived) => fc.tuple(fc.constant(lived), leaseOf(lived.family)))
    fc.assert(
      fc.property(renewed, ([lived, again]) => {
        const { netns } = live({ ...lived, leases: [...lived.leases, again] })
        const kinds = planAddresses(situationOf(lived, netns, again, again)).map(({ _tag }) => _tag)
        expect(kinds.filter((kind) => !["SetAddress", "SetOnLink", "SetRoute"].includes(kind))).toEqual([])
      })
    )
  })

  it("announces each address of the project's that comes on the link, and no other", () => {
    fc.assert(
      fc.property(life, (lived) => {
        const { family } = lived
        const netns = begin(lived)
        let previous: Lease | undefined
        const came: Array<string> = []
        for (const lease of lived.leases) {
          const before = mine(netns, family).map(({ address }) => address)
          carryOut(netns, situationOf(lived, netns, lease, previous))
          came.push(...mine(netns, family).flatMap(({ address }) => (before.includes(address) ? [] : [address])))
          previous = lease
        }
        expect(netns.announced).toEqual(came)
      })
    )
  })

  it("leaves the interface's own MTU when no lease says a smaller one", () => {
    fc.assert(
      fc.property(life, (lived) => {
        const { netns, last } = live(lived)
        expect(netns.mtus.get(LINK) ?? 1500).toBe(Math.min(last?.mtu ?? 1500, 1500))
      })
    )
  })
})
