import * as fc from "fast-check"
import type { AddressPair, Family } from "../../src/domain/Address.ts"

/** A backend's address; the numbers are few, so that several backends may share one namespace. */
export const backendAddress = (family: Family, host: number): string =>
  family === "v4" ? `172.20.0.${host}` : `fd20::${host.toString(16)}`

export const hosts = fc.integer({ min: 10, max: 16 })

/** One family, the other, or both. */
export const addressPairs: fc.Arbitrary<AddressPair> = hosts.chain((host) => {
  const pair = { v4: backendAddress("v4", host), v6: backendAddress("v6", host) }
  return fc.constantFrom<AddressPair>(pair, pair, { v4: pair.v4 }, { v6: pair.v6 })
})

/** The project's own addresses on the external network. */
export const localAddresses: Readonly<Record<Family, ReadonlyArray<string>>> = {
  v4: ["10.99.0.5", "10.99.0.6"],
  v6: ["fd99::5", "fd99::6"]
}

export const foreignAddresses: Readonly<Record<Family, ReadonlyArray<string>>> = {
  v4: ["9.9.9.9", "10.99.0.1"],
  v6: ["2620:fe::fe", "fd99::1"]
}
