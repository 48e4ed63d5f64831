import { SimResolver } from "../../src/layers/sim/lan/SimResolver.ts"
import { resolverContract } from "./resolver.ts"

resolverContract("SimResolver", () => {
  const resolver = new SimResolver()
  return Promise.resolve({
    layer: resolver.layer,
    world: {
      set: (hostname, addresses) => void resolver.set(hostname, addresses),
      silence: (silent) => {
        resolver.available = !silent
      }
    }
  })
})
