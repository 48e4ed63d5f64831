import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { planAddresses, type AddressSituation, type Prefixed } from "../src/domain/AddressPlan.ts"
import type { Lease } from "../src/domain/DhcpLease.ts"
import { SimNetns } from "../src/layers/sim/SimNetns.ts"

const LINK = "eth0"
const bootstrap: Prefixed = { address: "10.1.0.9", prefixLength: 24 }
const STRANGER = "10.1.0.77"

const route = fc.constantFrom(
  { destination: "10.50.0.0", prefixLength: 16, gateway: "10.1.0.7" },
  { destination: "192.0.2.0", prefixLength: 24 }
)

const lease: fc.Arbitrary<Lease> = fc.record(
  {
    family: fc.constant("v4" as const),
    address: fc.constantFrom("10.1.0.9", "10.1.0.50", "10.1.0.51", "10.2.0.50"),
    prefixLength: fc.constantFrom(16, 24),
    leaseSeconds: fc.integer({ min: 1, max: 100_000 }),
    renewSeconds: fc.constant(1),
    rebindSeconds: fc.constant(1),
    routes: fc.uniqueArray(route, { selector: ({ destination }) => destination }),
    mtu: fc.constant(1400)
  },
  { requiredKeys: ["family", "address", "prefixLength", "leaseSeconds", "renewSeconds", "rebindSeconds", "routes"] }
)

/** The life of an interface: leases that come, are renewed, change and are lost. */
const life = fc.array(fc.option(lease, { nil: undefined }), { minLength: 1, maxLength: 8 })

const begin = () => new SimNetns().addLink(LINK, `${bootstrap.address}/${bootstrap.prefixLength}`, `${STRANGER}/28`)

const globalAddresses = (netns: SimNetns) =>
  netns.addresses().filter(({ link, family, scope }) => link === LINK && family === "v4" && scope === "global")

const situationOf = (netns: SimNetns, next: Lease | undefined, previous: Lease | undefined): AddressSituation => ({
  family: "v4",
  link: LINK,
  bootstrap,
  bootstrapMtu: 1500,
  lease: next,
  previous,
  present: netns.addresses()
})

/** Lives a life, and looks after every single step. */
const live = (leases: ReadonlyArray<Lease | undefined>, look: (netns: SimNetns) => void = () => {}) => {
  const netns = begin()
  let previous: Lease | undefined
  for (const next of leases) {
    for (const step of planAddresses(situationOf(netns, next, previous))) {
      netns.applyAddress(step)
      look(netns)
    }
    previous = next
  }
  return { netns, last: previous }
}

const mine = (netns: SimNetns) => globalAddresses(netns).filter(({ address }) => address !== STRANGER)

describe("the plan for the addresses of the external interface", () => {
  it("has no moment without an address of the project's", () => {
    fc.assert(
      fc.property(life, (leases) => void live(leases, (netns) => expect(mine(netns).length).toBeGreaterThan(0)))
    )
  })

  it("ends with exactly one: the lease's, or Docker's when there is none", () => {
    fc.assert(
      fc.property(life, (leases) => {
        const { netns, last } = live(leases)
        const leased = last !== undefined && last.address !== bootstrap.address
        const expected = leased ? { address: last.address, prefixLength: 32 } : bootstrap
        expect(mine(netns)).toMatchObject([expected])
      })
    )
  })

  it("never touches what somebody else put there", () => {
    fc.assert(
      fc.property(life, (leases) => {
        expect(globalAddresses(live(leases).netns).map(({ address }) => address)).toContain(STRANGER)
      })
    )
  })

  it("of an unchanged renewal sets lifetimes and what is there already, deletes nothing and announces nothing", () => {
    fc.assert(
      fc.property(life, lease, (leases, again) => {
        const { netns } = live([...leases, again])
        const kinds = planAddresses(situationOf(netns, again, again)).map(({ _tag }) => _tag)
        expect(kinds.filter((kind) => !["SetAddress", "SetOnLink", "SetRoute"].includes(kind))).toEqual([])
      })
    )
  })

  it("announces each address that is new on the link, once", () => {
    fc.assert(
      fc.property(life, (leases) => {
        const { netns } = live(leases)
        const { announced } = netns
        expect(announced.every((address, index) => address !== announced[index - 1])).toBe(true)
      })
    )
  })

  it("leaves the interface's own MTU when no lease says another", () => {
    fc.assert(
      fc.property(life, (leases) => {
        const { netns, last } = live(leases)
        expect(netns.mtus.get(LINK) ?? 1500).toBe(last?.mtu ?? 1500)
      })
    )
  })
})
