import { copyFileSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { layer } from "../../src/layers/dhcp/Udhcpc.ts"
import { dhcpContract } from "../../test/contracts/dhcp.ts"
import type { Family } from "../../src/domain/Address.ts"
import { attachLab } from "../lab/attach.ts"
import { makeCable, SERVER } from "../lab/cable.ts"
import { startDnsmasq, type DhcpServer } from "../lab/dnsmasq.ts"
import { project } from "../lab/folders.ts"
import { inNetns } from "../lab/lan.ts"
import { childrenRunning } from "../lab/processes.ts"

const rangeOf = (family: Family, address: string, last = address): ReadonlyArray<string> =>
  family === "v4"
    ? [`dhcp-range=${address},${last},255.255.255.0,120s`, `dhcp-option=option:router,${SERVER.v4}`]
    : [`dhcp-range=${address},${last},64,120s`]

dhcpContract("udhcpc and udhcpc6 with dnsmasq", async () => {
  const { root } = attachLab()
  copyFileSync(`${project}/image/dhcp-hook`, `${root}/usr/local/bin/dhcp-hook`)
  const { server, client, ip, dispose } = await makeCable()
  const work = mkdtempSync(`${tmpdir()}/anchord-dhcp-`)
  let dnsmasq: DhcpServer | undefined
  const silence = async () => {
    await dnsmasq?.stop()
    dnsmasq = undefined
  }
  const place = { router: { netns: server }, engine: { work } }
  return {
    layer: layer({ prefix: inNetns(client, "chroot", root) }),
    pool: { v4: ["10.1.0.50", "10.1.0.51"], v6: ["fd01::50", "fd01::51"] },
    router: SERVER.v4,
    world: {
      link: "eth0",
      offer: async (family, address, last) => {
        await dnsmasq?.stop()
        dnsmasq?.forget("")
        dnsmasq = await startDnsmasq(place, "contract", rangeOf(family, address, last))
      },
      silence,
      configure: async (family, address) => {
        const length = family === "v4" ? 24 : 128
        const nodad = family === "v4" ? [] : ["nodad"]
        await ip(client, "address", "add", `${address}/${length}`, "dev", "eth0", ...nodad)
      },
      kill: () => {
        for (const pid of childrenRunning("busybox udhcpc")) process.kill(pid, "SIGKILL")
        return Promise.resolve()
      },
      leases: () =>
        Promise.resolve(
          (dnsmasq?.leases() ?? [])
            .map((line) => line.split(" "))
            .filter(([expiry]) => /^\d+$/.test(expiry ?? ""))
            .map(([, , address = "", hostname = ""]) => ({ address, hostname }))
        )
    },
    dispose: async () => {
      await silence()
      await dispose()
      rmSync(work, { recursive: true, force: true })
    }
  }
})
