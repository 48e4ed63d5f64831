import * as Effect from "effect/Effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { families, type Family } from "../../src/domain/Address.ts"
import { planAddresses, type AddressStep } from "../../src/domain/AddressPlan.ts"
import type { Prefixed } from "../../src/domain/Network.ts"
import { ownDefault } from "../../src/domain/DefaultRoute.ts"
import type { Lease } from "../../src/domain/DhcpLease.ts"
import { Netlink } from "../../src/services/Netlink.ts"
import type { NetlinkSetup } from "./netlink.ts"

const LINK = "ext"
const bootstrap: Readonly<Record<Family, Prefixed>> = {
  v4: { address: "10.1.0.2", prefixLength: 24 },
  v6: { address: "fd01::2", prefixLength: 64 }
}
const router = { v4: "10.1.0.1", v6: "fd01::1" }

const leaseOf = (family: Family, address: string): Lease => ({
  family,
  address,
  prefixLength: family === "v4" ? 24 : 128,
  leaseSeconds: 3_600,
  renewSeconds: 1_800,
  rebindSeconds: 3_150,
  routes: []
})

const pool = {
  v4: [leaseOf("v4", "10.1.0.50"), leaseOf("v4", "10.1.0.51")],
  v6: [leaseOf("v6", "fd01::50"), leaseOf("v6", "fd01::51")]
} as const

/** The part of the contract of {@link Netlink} that is about addresses: what a kernel does with the plans for them. */
export const netlinkAddressContract = (title: string, setUp: () => Promise<NetlinkSetup>): void => {
  describe(`${title}: the contract of Netlink, addresses`, () => {
    let setup: NetlinkSetup
    beforeEach(async () => {
      setup = await setUp()
      await setup.world.addLink(LINK, "10.1.0.2/24", "fd01::2/64")
    })
    afterEach(() => setup.dispose())

    const run = <A, E>(use: (netlink: Netlink["Service"]) => Effect.Effect<A, E>): Promise<A> =>
      Effect.runPromise(Effect.flatMap(Netlink, use).pipe(Effect.provide(setup.layer)))

    const globals = async (family: Family) =>
      (await run((netlink) => netlink.addresses))
        .filter((one) => one.link === LINK && one.family === family && one.scope === "global")
        .map(({ address, prefixLength }) => `${address}/${prefixLength}`)

    const move = (family: Family, previous: Lease | undefined, lease: Lease | undefined) =>
      run((netlink) =>
        Effect.flatMap(netlink.addresses, (present) =>
          netlink.applyAddresses(
            planAddresses({
              family,
              link: LINK,
              bootstrap: bootstrap[family],
              bootstrapMtu: 1_500,
              mtu: 1_500,
              lease,
              previous,
              present
            })
          )
        )
      )

    const setDefault = (family: Family) =>
      run((netlink) => netlink.applyRoutes([{ _tag: "Replace", route: ownDefault(family, router[family], LINK) }]))
    const gateways = async (family: Family) =>
      (await run((netlink) => netlink.defaultRoutes(family))).map(({ gateway }) => gateway)

    for (const family of families) {
      const [first, second] = pool[family]
      const length = family === "v4" ? 32 : 128

      it(`${family}: one lease after the other is the only address, and the router stays within reach`, async () => {
        let previous: Lease | undefined
        for (const lease of [first, second, second]) {
          await move(family, previous, lease)
          expect(await globals(family)).toEqual([`${lease.address}/${length}`])
          await setDefault(family)
          expect(await gateways(family)).toEqual([router[family]])
          previous = lease
        }
      })

      it(`${family}: without the lease Docker's address is back, and the router still within reach`, async () => {
        await move(family, undefined, first)
        await move(family, first, undefined)
        expect(await globals(family)).toEqual([`${bootstrap[family].address}/${bootstrap[family].prefixLength}`])
        await setDefault(family)
        expect(await gateways(family)).toEqual([router[family]])
      })

      it(`${family}: a network that is put on the link makes its router reachable, and one that is taken off does not`, async () => {
        const network =
          family === "v4" ? { address: "10.7.0.0", prefixLength: 24 } : { address: "fd07::", prefixLength: 64 }
        const gateway = family === "v4" ? "10.7.0.1" : "fd07::1"
        const step = { family, link: LINK, network }
        const route = { ...ownDefault(family, gateway, LINK) }
        await run((netlink) =>
          netlink.applyAddresses([{ _tag: "SetOnLink", ...step, source: bootstrap[family].address }])
        )
        await run((netlink) => netlink.applyRoutes([{ _tag: "Replace", route }]))
        await run((netlink) => netlink.applyRoutes([{ _tag: "Delete", route }]))
        await run((netlink) => netlink.applyAddresses([{ _tag: "DeleteOnLink", ...step }]))
        const refusal = await run((netlink) => Effect.flip(netlink.applyRoutes([{ _tag: "Replace", route }])))
        expect(refusal).toMatchObject({ _tag: "NetlinkError", reason: "failed" })
      })

      it(`${family}: deleting what is not there is as good as done`, async () => {
        const network =
          family === "v4" ? { address: "10.7.0.0", prefixLength: 24 } : { address: "fd07::", prefixLength: 64 }
        const at = { family, link: LINK }
        const gone: ReadonlyArray<AddressStep> = [
          { _tag: "DeleteAddress", ...at, address: first.address, prefixLength: length },
          { _tag: "DeleteOnLink", ...at, network },
          {
            _tag: "DeleteRoute",
            ...at,
            route: { destination: network.address, prefixLength: 24, gateway: router[family] }
          }
        ]
        await run((netlink) => netlink.applyAddresses(gone))
        expect(await globals(family)).toHaveLength(1)
      })

      it(`${family}: a route by a router on no network is refused, and the steps after it are not taken`, async () => {
        const nowhere = family === "v4" ? "10.77.0.1" : "fd77::1"
        const destination = family === "v4" ? "10.8.0.0" : "fd08::"
        const refusal = await run((netlink) =>
          Effect.flip(
            netlink.applyAddresses([
              { _tag: "SetRoute", family, link: LINK, route: { destination, prefixLength: 24, gateway: nowhere } },
              { _tag: "SetAddress", family, link: LINK, address: first.address, prefixLength: length }
            ])
          )
        )
        expect(refusal).toMatchObject({ _tag: "NetlinkError", reason: "failed" })
        expect(await globals(family)).toHaveLength(1)
      })
    }

    const routesBy = async (family: Family, gateways_: ReadonlyArray<string>) => {
      for (const [index, gateway] of gateways_.entries()) {
        const route = { family, gateway, link: LINK, metric: 100 + index }
        await run((netlink) => netlink.applyRoutes([{ _tag: "Replace", route }]))
      }
    }

    it("v4: a route stays when the network of its gateway goes, unless it has the address as source or the link has no other", async () => {
      const at = { family: "v4", link: LINK } as const
      const [own, more] = [bootstrap.v4, { address: "10.7.0.2", prefixLength: 24 }]
      await run((netlink) => netlink.applyAddresses([{ _tag: "SetAddress", ...at, ...more }]))
      await routesBy("v4", [router.v4, "10.7.0.1"])
      const sourced = { ...at, gateway: "10.7.0.1", metric: 200, source: own.address }
      await run((netlink) => netlink.applyRoutes([{ _tag: "Replace", route: sourced }]))
      await run((netlink) => netlink.applyAddresses([{ _tag: "DeleteAddress", ...at, ...own }]))
      expect(await gateways("v4")).toEqual([router.v4, "10.7.0.1"])
      await run((netlink) => netlink.applyAddresses([{ _tag: "DeleteAddress", ...at, ...more }]))
      expect(await gateways("v4")).toEqual([])
    })

    it("v6: a route stays when the network of its gateway goes, also with the last address, and only loses its source", async () => {
      const at = { family: "v6", link: LINK } as const
      const route = { ...at, gateway: router.v6, metric: 100, source: bootstrap.v6.address }
      await run((netlink) => netlink.applyRoutes([{ _tag: "Replace", route }]))
      await run((netlink) => netlink.applyAddresses([{ _tag: "DeleteAddress", ...at, ...bootstrap.v6 }]))
      const { source: _source, ...without } = route
      expect(await run((netlink) => netlink.defaultRoutes("v6"))).toEqual([without])
    })

    it("v4: a route in a table of its own stays when its source goes", async () => {
      const at = { family: "v4", link: LINK } as const
      const apart = { ...at, gateway: router.v4, metric: 100, source: bootstrap.v4.address, table: 29_793 }
      await run((netlink) =>
        netlink.applyAddresses([{ _tag: "SetAddress", ...at, address: "10.7.0.2", prefixLength: 24 }])
      )
      await run((netlink) => netlink.applyRoutes([{ _tag: "Replace", route: apart }]))
      await run((netlink) => netlink.applyAddresses([{ _tag: "DeleteAddress", ...at, ...bootstrap.v4 }]))
      expect(await run((netlink) => netlink.defaultRoutes("v4", apart.table))).toEqual([apart])
    })

    it("v6: an address that is set again has the route of its network again", async () => {
      const at = { family: "v6", link: LINK } as const
      const network = { address: "fd01::", prefixLength: 64 }
      const again: ReadonlyArray<AddressStep> = [
        { _tag: "SetOnLink", ...at, network, source: bootstrap.v6.address },
        { _tag: "DeleteOnLink", ...at, network },
        { _tag: "SetAddress", ...at, ...bootstrap.v6 }
      ]
      await run((netlink) => netlink.applyAddresses(again))
      await routesBy("v6", [router.v6])
      expect(await gateways("v6")).toEqual([router.v6])
    })

    it("v4: the first address of a network takes the others of it along, and no others", async () => {
      const at = { family: "v4", link: LINK } as const
      for (const more of [
        { address: "10.1.0.3", prefixLength: 24 },
        { address: "10.1.0.4", prefixLength: 32 },
        { address: "10.7.0.2", prefixLength: 24 }
      ]) {
        await run((netlink) => netlink.applyAddresses([{ _tag: "SetAddress", ...at, ...more }]))
      }
      await run((netlink) => netlink.applyAddresses([{ _tag: "DeleteAddress", ...at, ...bootstrap.v4 }]))
      expect((await globals("v4")).toSorted()).toEqual(["10.1.0.4/32", "10.7.0.2/24"])
    })

    it("a network is put on no link that is down", async () => {
      await setup.world.setUp(LINK, false)
      const network = { address: "10.1.0.0", prefixLength: 24 }
      const step = { _tag: "SetOnLink", family: "v4", link: LINK, network, source: bootstrap.v4.address } as const
      expect(await run((netlink) => Effect.flip(netlink.applyAddresses([step])))).toMatchObject({ reason: "failed" })
    })

    it("the MTU of a link that is not there is refused", async () => {
      const step: AddressStep = { _tag: "SetMtu", link: "nolink", mtu: 1_400 }
      expect(await run((netlink) => Effect.flip(netlink.applyAddresses([step])))).toMatchObject({ reason: "failed" })
    })
  })
}
