import type { AddressPair } from "../../src/domain/Address.ts"
import { layer } from "../../src/layers/dns/SystemResolver.ts"
import { A, NXDOMAIN, serving, v4, v6 } from "../layers/dns/dnsServer.ts"
import { resolverContract } from "./resolver.ts"

/** `fd20::2` with all of its eight groups. */
const groups = (address: string): string => {
  const [head = "", tail = ""] = address.split("::")
  const known = [head, tail].map((part) => part.split(":").filter((group) => group !== ""))
  const missing = 8 - known.flat().length
  return [...(known[0] ?? []), ...Array.from({ length: missing }, () => "0"), ...(known[1] ?? [])].join(":")
}

// Needs nothing but loopback, so it runs here and not with the end-to-end tests.
resolverContract("the system's resolver", async () => {
  const names = new Map<string, AddressPair>()
  let silent = false
  const { server } = await serving(({ name, type }) => {
    if (silent) return undefined
    const addresses = names.get(name)
    if (addresses === undefined) return { code: NXDOMAIN }
    const address = type === A ? addresses.v4 : addresses.v6
    if (address === undefined) return {}
    return { records: [type === A ? v4(address) : v6(groups(address))] }
  })
  return {
    layer: layer({ servers: [server] }),
    world: {
      set: (hostname, addresses) =>
        void (addresses === undefined ? names.delete(hostname) : names.set(hostname, addresses)),
      silence: (now) => {
        silent = now
      }
    }
  }
})
