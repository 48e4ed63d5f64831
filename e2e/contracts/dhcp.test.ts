import { copyFileSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { expect } from "vitest"
import { layer } from "../../src/layers/dhcp/Udhcpc.ts"
import { dhcpContract } from "../../test/contracts/dhcp.ts"
import type { Family } from "../../src/domain/Address.ts"
import { attachLab } from "../lab/attach.ts"
import { run } from "../lab/command.ts"
import { startDnsmasq, type DhcpServer } from "../lab/dnsmasq.ts"
import { project } from "../lab/folders.ts"
import { inNetns, makeNetns } from "../lab/lan.ts"
import { childrenRunning } from "../lab/processes.ts"
import { eventually } from "../lab/steps.ts"

const router = "10.1.0.1"

/** Two namespaces with a cable between them: a server's and a client's. */
const makeCable = async () => {
  const [server, client] = [await makeNetns(), await makeNetns()]
  for (const { name } of [server, client]) {
    // A link-local address that is tested for duplicates cannot be used for a second or two.
    await run(inNetns(name, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0"))
  }
  const ip = (netns: string, ...args: ReadonlyArray<string>) => run(["ip", "-n", netns, ...args])
  await ip(server.name, "link", "add", "name", "lan", "type", "veth", "peer", "name", "eth0", "netns", client.name)
  await ip(server.name, "address", "add", `${router}/24`, "dev", "lan")
  await ip(server.name, "-6", "address", "add", "fd01::1/64", "dev", "lan", "nodad")
  await ip(server.name, "link", "set", "lan", "up")
  await ip(client.name, "link", "set", "eth0", "up")
  await eventually("a link-local address", 10_000, async () =>
    expect(await ip(client.name, "-6", "address", "show", "dev", "eth0", "scope", "link")).toContain("fe80:")
  )
  return { server, client, ip }
}

const rangeOf = (family: Family, address: string): ReadonlyArray<string> =>
  family === "v4"
    ? [`dhcp-range=${address},${address},255.255.255.0,120s`, `dhcp-option=option:router,${router}`]
    : [`dhcp-range=${address},${address},64,120s`]

dhcpContract("udhcpc and udhcpc6 with dnsmasq", async () => {
  const { root } = attachLab()
  copyFileSync(`${project}/image/dhcp-hook`, `${root}/usr/local/bin/dhcp-hook`)
  const { server, client, ip } = await makeCable()
  const work = mkdtempSync(`${tmpdir()}/anchord-dhcp-`)
  let dnsmasq: DhcpServer | undefined
  const silence = async () => {
    await dnsmasq?.stop()
    dnsmasq = undefined
  }
  const place = { router: { netns: server.name }, engine: { work } }
  return {
    layer: layer({ prefix: inNetns(client.name, "chroot", root) }),
    pool: { v4: ["10.1.0.50", "10.1.0.51"], v6: ["fd01::50", "fd01::51"] },
    router,
    world: {
      link: "eth0",
      offer: async (family, address) => {
        await dnsmasq?.stop()
        dnsmasq?.forget("")
        dnsmasq = await startDnsmasq(place, "contract", rangeOf(family, address))
      },
      silence,
      configure: async (family, address) => {
        const length = family === "v4" ? 24 : 128
        const nodad = family === "v4" ? [] : ["nodad"]
        await ip(client.name, "address", "add", `${address}/${length}`, "dev", "eth0", ...nodad)
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
      await client.dispose()
      await server.dispose()
      rmSync(work, { recursive: true, force: true })
    }
  }
})
