import * as fc from "fast-check"
import { families, type Address, type Family } from "../../src/domain/Address.ts"
import type { AddressStep } from "../../src/domain/AddressPlan.ts"
import type { Network, Prefixed } from "../../src/domain/Network.ts"
import type { NeighbourState, RouteStep } from "../../src/domain/Routing.ts"
import { ORIGINALS_TABLE } from "../../src/domain/Routing.ts"
import { defaultRoute, EXTERNAL, INWARD } from "./routes.ts"

/** One thing that is done to a namespace, by anchord or by somebody else. */
export type IpStep =
  | { readonly _tag: "Route"; readonly step: RouteStep }
  | { readonly _tag: "Address"; readonly step: AddressStep }
  | { readonly _tag: "Link"; readonly link: string; readonly up: boolean }
  | { readonly _tag: "Neighbour"; readonly link: string; readonly address: Address; readonly state: NeighbourState }
  | { readonly _tag: "Forget"; readonly addresses: ReadonlyArray<Address> }

const link = fc.constantFrom(EXTERNAL, EXTERNAL, INWARD)
const family = fc.constantFrom(...families)

const route: fc.Arbitrary<IpStep> = fc
  .record({
    verb: fc.constantFrom("Replace", "Replace", "Append", "Delete", "Delete"),
    table: fc.constantFrom(undefined, undefined, ORIGINALS_TABLE),
    // Only the kernel itself can make a route that is really one of an advertisement.
    made: family.chain(defaultRoute).filter(({ protocol }) => protocol !== "ra")
  })
  .map(({ verb, table, made }) => ({
    _tag: "Route",
    // Several IPv6 next hops are one route to the kernel, which keeps those of a dead link and shows the attributes of one for all.
    step: {
      _tag: verb === "Append" && made.family === "v6" ? "Replace" : verb,
      route: { ...made, ...(table === undefined ? {} : { table }) }
    }
  }))

/** The addresses that a namespace begins with, those of leases, and one in a network of its own. */
const addresses: Readonly<Record<Family, ReadonlyArray<Prefixed>>> = {
  v4: [
    { address: "10.1.0.9", prefixLength: 24 },
    { address: "10.1.0.8", prefixLength: 24 },
    { address: "10.1.0.50", prefixLength: 32 },
    { address: "10.1.0.51", prefixLength: 32 },
    { address: "10.7.0.9", prefixLength: 24 }
  ],
  v6: [
    { address: "fd01::9", prefixLength: 64 },
    { address: "fd01::8", prefixLength: 64 },
    { address: "fd01::50", prefixLength: 128 },
    { address: "fd01::51", prefixLength: 128 },
    { address: "fd07::9", prefixLength: 64 }
  ]
}

const networks: Readonly<Record<Family, ReadonlyArray<Network>>> = {
  v4: [
    { address: "10.1.0.0", prefixLength: 24 },
    { address: "10.7.0.0", prefixLength: 24 },
    { address: "10.1.0.1", prefixLength: 32 }
  ],
  v6: [
    { address: "fd01::", prefixLength: 64 },
    { address: "fd07::", prefixLength: 64 }
  ]
}

const statics: Readonly<Record<Family, ReadonlyArray<Network>>> = {
  v4: [
    { address: "10.50.0.0", prefixLength: 16 },
    { address: "10.51.0.0", prefixLength: 16 }
  ],
  v6: [
    { address: "fd50::", prefixLength: 64 },
    { address: "fd51::", prefixLength: 64 }
  ]
}

const gateways: Readonly<Record<Family, ReadonlyArray<Address>>> = {
  v4: ["10.1.0.1", "10.7.0.1", "10.77.0.1"],
  v6: ["fd01::1", "fd07::1", "fd77::1"]
}

const addressStep: fc.Arbitrary<AddressStep> = family.chain((of) => {
  const at = { family: of, link: EXTERNAL }
  const address = fc.constantFrom(...addresses[of])
  const network = fc.constantFrom(...networks[of])
  const destination = fc.constantFrom(...statics[of])
  return fc.oneof(
    { weight: 4, arbitrary: address.map((one): AddressStep => ({ _tag: "SetAddress", ...at, ...one })) },
    { weight: 4, arbitrary: address.map((one): AddressStep => ({ _tag: "DeleteAddress", ...at, ...one })) },
    {
      weight: 3,
      arbitrary: fc
        .tuple(network, address)
        .map(([one, source]): AddressStep => ({ _tag: "SetOnLink", ...at, network: one, source: source.address }))
    },
    { weight: 2, arbitrary: network.map((one): AddressStep => ({ _tag: "DeleteOnLink", ...at, network: one })) },
    {
      weight: 3,
      arbitrary: fc.tuple(destination, fc.constantFrom(...gateways[of])).chain(([one, gateway]) =>
        fc.constantFrom<AddressStep>(
          ...(["SetRoute", "DeleteRoute"] as const).map((_tag) => ({
            _tag,
            ...at,
            route: { destination: one.address, prefixLength: one.prefixLength, gateway }
          }))
        )
      )
    }
  )
})

/** Nobody answers for these, so that the kernel leaves them as they are. */
const neighbour = fc.constantFrom("10.2.0.77", "10.2.0.78", "fd02::77", "fd02::78")

export const ipStep: fc.Arbitrary<IpStep> = fc.oneof(
  { weight: 8, arbitrary: route },
  { weight: 10, arbitrary: addressStep.map((step): IpStep => ({ _tag: "Address", step })) },
  {
    weight: 2,
    arbitrary: fc.tuple(link, fc.boolean()).map(([one, up]): IpStep => ({ _tag: "Link", link: one, up }))
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(neighbour, fc.constantFrom<NeighbourState>("permanent", "stale", "failed"))
      .map(([address, state]): IpStep => ({ _tag: "Neighbour", link: INWARD, address, state }))
  },
  {
    weight: 1,
    arbitrary: fc.array(neighbour, { maxLength: 2 }).map((all): IpStep => ({ _tag: "Forget", addresses: all }))
  }
)

/** What a namespace has before the first step. */
export const ipStart: ReadonlyArray<readonly [link: string, addresses: ReadonlyArray<string>]> = [
  [EXTERNAL, ["10.1.0.9/24", "10.1.0.8/24", "fd01::9/64", "fd01::8/64"]],
  [INWARD, ["10.2.0.9/24", "10.2.0.8/24", "fd02::9/64", "fd02::8/64"]]
]
