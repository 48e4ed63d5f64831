import { SimRefusal } from "./SimRefusal.ts"
import { type Address, type AddressPair, type Family, parseAddress } from "../../../domain/Address.ts"

/** The address pool of one network and family: hands out the lowest address that is free, as Docker's does. */
export interface SimPool {
  /** `172.20.0.0/16`. */
  readonly subnet: string
  /** As `GET /networks/{id}` reports it: only a gateway that was asked for (seen on 26.1), though the first address is kept for one anyway. */
  readonly gateway: Address | undefined
  /** What the network itself has and its containers get for a gateway. */
  readonly router: Address
  /** Takes the lowest free address, or `wanted`. Throws when that is taken or none is left. */
  readonly take: (wanted?: string) => Address
  readonly release: (address: Address) => void
}

const numberOf = (v4: string): number => v4.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0)

const v4At = (base: string, index: number): string => {
  const value = numberOf(base) + index
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".")
}

const canonical = (text: string): Address => {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new Error(`${text} is not an address`)
  return parsed.address
}

/** A pool over `subnet`; the bridge itself has `gateway`, or else the first address. */
export const makePool = (family: Family, subnet: string, gateway?: string): SimPool => {
  const [base = "", length = ""] = subnet.split("/")
  // Only for subnets that are written with a trailing `::`; the first 65,535 addresses are enough for a simulation.
  const stem = family === "v4" ? "" : canonical(`${base}1`).slice(0, -1)
  const at = (index: number): Address => (family === "v4" ? v4At(base, index) : `${stem}${index.toString(16)}`)
  const last = Math.min(2 ** ((family === "v4" ? 32 : 128) - Number(length)) - 2, 65_535)
  const router = canonical(gateway ?? at(1))
  const taken = new Set([router])

  const lowestFree = (): Address => {
    for (let index = 1; index <= last; index++) if (!taken.has(at(index))) return at(index)
    throw new SimRefusal(503, `no available ${family} addresses on ${subnet}`)
  }

  return {
    subnet,
    gateway: gateway === undefined ? undefined : router,
    router,
    take: (wanted) => {
      const address = wanted === undefined ? lowestFree() : canonical(wanted)
      if (taken.has(address)) throw new SimRefusal(403, "Address already in use")
      taken.add(address)
      return address
    },
    release: (address) => void taken.delete(address)
  }
}

/** The pools of a network; a family without one is a family that the network does not have. */
export type SimPools = Readonly<Partial<Record<Family, SimPool>>>

export const gatewaysOf = (pools: SimPools): AddressPair => ({
  ...(pools.v4?.gateway === undefined ? {} : { v4: pools.v4.gateway }),
  ...(pools.v6?.gateway === undefined ? {} : { v6: pools.v6.gateway })
})

/** An address of each family that there is a pool for; when one fails, none is taken. */
export const takePair = (pools: SimPools, wanted: AddressPair = {}): AddressPair => {
  const v4 = pools.v4?.take(wanted.v4)
  try {
    const v6 = pools.v6?.take(wanted.v6)
    return { ...(v4 === undefined ? {} : { v4 }), ...(v6 === undefined ? {} : { v6 }) }
  } catch (error) {
    if (v4 !== undefined) pools.v4?.release(v4)
    throw error
  }
}

export const releasePair = (pools: SimPools, pair: AddressPair): void => {
  if (pair.v4 !== undefined) pools.v4?.release(pair.v4)
  if (pair.v6 !== undefined) pools.v6?.release(pair.v6)
}
