import { copyFileSync } from "node:fs"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { families } from "../../src/domain/Address.ts"
import * as IpRoute2 from "../../src/layers/netlink/IpRoute2.ts"
import { Netlink } from "../../src/services/Netlink.ts"
import { attachLab } from "../lab/attach.ts"
import { project } from "../lab/folders.ts"
import { inNetns } from "../lab/lan.ts"
import { makeCable } from "../lab/cable.ts"
import { eventually } from "../lab/steps.ts"

const mine = { v4: "10.1.0.50", v6: "fd01::50" }
const SOMEBODY_ELSE = "02:00:00:00:00:77"

describe("an announced address", () => {
  for (const family of families) {
    it(`${family}: a neighbour that remembers another machine under it knows better at once, without asking`, async () => {
      const { root } = attachLab()
      copyFileSync(`${project}/image/advertise-neighbour`, `${root}/usr/local/bin/advertise-neighbour`)
      const { server, client, ip, dispose } = await makeCable()
      try {
        const address = mine[family]
        const nodad = family === "v4" ? [] : ["nodad"]
        await ip(client, "address", "add", `${address}/${family === "v4" ? 24 : 64}`, "dev", "eth0", ...nodad)
        const remembered = ["to", address, "dev", "lan"]
        await ip(server, "neigh", "replace", address, "lladdr", SOMEBODY_ELSE, "dev", "lan", "nud", "stale")
        const prefix = inNetns(client, "chroot", root)
        await Effect.runPromise(
          Effect.flatMap(Netlink, ({ applyAddresses }) =>
            applyAddresses([{ _tag: "Announce", family, link: "eth0", address }])
          ).pipe(Effect.provide(IpRoute2.layer({ prefix })))
        )
        const mac = /link\/ether (\S+)/.exec(await ip(client, "link", "show", "eth0"))?.[1] ?? "none"
        await eventually("the neighbour's own entry", 10_000, async () =>
          expect(await ip(server, "neigh", "show", ...remembered)).toContain(`lladdr ${mac}`)
        )
      } finally {
        await dispose()
      }
    })
  }
})
