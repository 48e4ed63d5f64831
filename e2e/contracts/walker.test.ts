import * as Effect from "effect/Effect"
import { copyFileSync } from "node:fs"
import * as fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { families, type Family } from "../../src/domain/Address.ts"
import type { DnatEntry, Protocol } from "../../src/domain/Dnat.ts"
import * as IpRoute2 from "../../src/layers/netlink/IpRoute2.ts"
import { send as walk } from "../../src/layers/sim/lan/SimWalker.ts"
import { Netlink } from "../../src/services/Netlink.ts"
import { attachLab } from "../lab/attach.ts"
import { run } from "../lab/command.ts"
import { project } from "../lab/folders.ts"
import { inNetns } from "../lab/lan.ts"
import { CLIENT, FIRST, INSIDE, OWN, packetStep, SECOND, type PacketStep } from "../lab/packetSteps.ts"
import { openPacketWorlds, type PacketWorlds } from "../lab/packetWorlds.ts"
import { eventually } from "../lab/steps.ts"

const STEPS = 100

const port = (family: Family, protocol: Protocol, at: number, address: string, backendPort = at): DnatEntry => ({
  _tag: "Port",
  family,
  protocol,
  port: at,
  address,
  backendPort
})

const plan = (...coming: ReadonlyArray<DnatEntry>): PacketStep => ({ _tag: "Plan", going: [], coming })

const send = (
  host: string,
  family: Family,
  source: string,
  destination: string,
  destinationPort: number,
  more: { readonly sourcePort?: number; readonly protocol?: Protocol } = {}
): Extract<PacketStep, { readonly _tag: "Send" }> => ({
  _tag: "Send",
  host,
  packet: { family, protocol: "udp", source, sourcePort: 40_000, destination, destinationPort, ...more }
})

/** Every step says where packets came out, really and in the simulation; a difference anywhere, also of the flows, is thrown. */
describe("the packet walker agrees with the kernel", () => {
  let worlds: PacketWorlds
  const open = (settings?: ReadonlyArray<string>) => {
    beforeAll(async () => {
      worlds = await openPacketWorlds(attachLab().root, settings)
    })
    afterAll(() => worlds.close())
  }

  describe("whatever happens", () => {
    open()
    it(`in ${STEPS} random packets, changes of the maps, deleted flows and changes of address`, async () => {
      const seed = Math.floor(Math.random() * 2 ** 31)
      console.log(`packets: seed ${seed}`)
      for (const [index, step] of fc.sample(packetStep, { seed, numRuns: STEPS }).entries()) {
        await worlds.step(step).catch((error: unknown) => {
          throw new Error(`seed ${seed}, step ${index}: ${JSON.stringify(step)}`, { cause: error })
        })
      }
    })
  })

  describe("about ports", () => {
    open()
    it.each(families)(
      "%s: two backends with one source port leave by two, each of its kind, and both are answered",
      async (family) => {
        for (const sourcePort of [40_000, 700, 500]) {
          for (const protocol of ["udp", "tcp"] as const) {
            for (const [host, { [family]: source }] of [
              ["first", FIRST],
              ["second", SECOND]
            ] as const) {
              const said = await worlds.step(send(host, family, source, CLIENT[family], 25, { sourcePort, protocol }))
              expect(said).toContain(`client ${CLIENT[family]} 25 from ${OWN[family]}`)
              expect(said).toContain(`answered by ${CLIENT[family]} 25`)
            }
          }
        }
      }
    )

    it.each(families)("%s: one source has one port towards several destinations", async (family) => {
      for (const destinationPort of [26, 27]) {
        for (const host of ["first", "second"] as const) {
          const source = { first: FIRST, second: SECOND }[host][family]
          await worlds.step(send(host, family, source, CLIENT[family], destinationPort, { sourcePort: 40_001 }))
        }
      }
    })

    it.each(families)("%s: a flow past the maps keeps out of the way of one through them", async (family) => {
      await worlds.step(plan(port(family, "udp", 28, FIRST[family])))
      const other = family === "v4" ? "10.99.0.202" : "fd99::202"
      expect(await worlds.step(send("other", family, other, OWN[family], 28))).toContain(
        `${FIRST[family]} 28 from ${other} 40000`
      )
      expect(await worlds.step(send("other", family, other, FIRST[family], 28))).not.toContain(`from ${other} 40000`)
    })
  })

  describe("about hairpins", () => {
    open()
    it.each(families)("%s: a backend reaches itself and another at the project's own address", async (family) => {
      await worlds.step(plan(port(family, "tcp", 25, FIRST[family], 26), port(family, "tcp", 27, SECOND[family])))
      for (const destinationPort of [25, 27]) {
        const said = await worlds.step(
          send("first", family, FIRST[family], OWN[family], destinationPort, { protocol: "tcp" })
        )
        expect(said).toContain(`from ${INSIDE[family]} 40000`)
      }
      // An ICMP redirect after the first hairpin must not lead later ones astray.
      const again = send("first", family, FIRST[family], OWN[family], 27, { protocol: "tcp", sourcePort: 40_001 })
      expect(await worlds.step(again)).toContain(`answered by ${OWN[family]} 27`)
    })
  })

  describe("about links and forwarding", () => {
    open()
    it("what was masqueraded by a link ends with it, and its IPv4 address stays one of the namespace", async () => {
      const { lab, twin } = worlds
      for (const family of families) await worlds.step(send("first", family, FIRST[family], CLIENT[family], 25))
      expect(twin.kernel("anchor").conntrack.flows()).toHaveLength(2)
      await lab.ip("anchor", "link", "set", "eth0", "down")
      twin.kernel("anchor").netns.setUp("eth0", false)
      expect(await worlds.step(send("first", "v4", FIRST.v4, OWN.v4, 26))).toContain(`anchor ${OWN.v4} 26`)
      expect(await worlds.step(send("first", "v6", FIRST.v6, OWN.v6, 26))).toContain("lost")
      expect(await worlds.step(send("first", "v4", FIRST.v4, CLIENT.v4, 26))).toContain("lost")
      await lab.ip("anchor", "link", "set", "eth0", "up")
      twin.kernel("anchor").netns.setUp("eth0", true)
      expect(await worlds.step(send("first", "v4", FIRST.v4, CLIENT.v4, 27))).toContain("answered by 10.99.0.201 27")
      expect(await worlds.step(send("first", "v6", FIRST.v6, CLIENT.v6, 27))).toContain("lost")
    })

    it("nothing is forwarded where that is off, and what is for the namespace itself arrives", async () => {
      const { lab, twin } = worlds
      await worlds.step(plan(port("v4", "udp", 28, FIRST.v4)))
      await run(inNetns(lab.netns("anchor"), "sysctl", "-qw", "net.ipv4.ip_forward=0"))
      twin.kernel("anchor").netns.setSysctl("net.ipv4.ip_forward", "0")
      expect(await worlds.step(send("client", "v4", CLIENT.v4, OWN.v4, 28))).toContain("does not forward")
      expect(await worlds.step(send("client", "v4", CLIENT.v4, OWN.v4, 29))).toContain(`anchor ${OWN.v4} 29`)
    })
  })

  describe("about lives of flows", () => {
    open([])
    it("that were not answered, were, have become a stream, or are TCP", async () => {
      const { lab, twin, prefix } = worlds
      const stream = send("client", "v4", CLIENT.v4, OWN.v4, 26)
      await worlds.step(plan(port("v4", "udp", 25, FIRST.v4)))
      await worlds.step(stream)
      await eventually("two seconds have passed", 10_000, async () => {
        const [left] =
          /(\d+) src=.*dport=26/.exec(await run([...prefix, "conntrack", "-L", "-p", "udp"]))?.slice(1) ?? []
        expect(Number(left)).toBeLessThanOrEqual(27)
      })
      twin.time.advance(3_000)
      await worlds.step(stream)
      await worlds.step(send("client", "v4", CLIENT.v4, OWN.v4, 25))
      await worlds.step(send("client", "v4", CLIENT.v4, OWN.v4, 27, { protocol: "tcp" }))
      // Nobody listens there: its only answer is an ICMP error.
      const unanswered = send("client", "v4", CLIENT.v4, OWN.v4, 99)
      lab.send("client", unanswered.packet)
      walk(twin.kernel("client"), unanswered.packet)
      const listing = () => run([...prefix, "conntrack", "-L", "-f", "ipv4"])
      await eventually("the last flow is there", 5_000, async () => expect(await listing()).toContain("dport=99"))
      const listed = await listing()
      const real = listed.split("\n").flatMap((line) => {
        const found = /^(?:tcp|udp) +\d+ (\d+) .*?dport=(\d+)/.exec(line)
        return found === null ? [] : [[Number(found[2]), Number(found[1])] as const]
      })
      const simulated = new Map(
        twin
          .kernel("anchor")
          .conntrack.tracked()
          .map(({ original, expires }) => [original.destinationPort, (expires - twin.time.now()) / 1_000])
      )
      expect([...simulated.keys()].toSorted()).toEqual([25, 26, 27, 99])
      expect(real).toHaveLength(4)
      for (const [at, left] of real) expect(Math.abs((simulated.get(at) ?? 0) - left)).toBeLessThan(5)
    })
  })

  describe("about neighbours", () => {
    open()
    const move = async (address: string, from: string | undefined, to: string | undefined) => {
      const words = [`${address}/${address.includes(":") ? 64 : 24}`, "dev", "eth0"]
      for (const [host, verb] of [
        [from, "del"],
        [to, "add"]
      ] as const) {
        if (host === undefined) continue
        await worlds.lab.ip(
          host,
          "address",
          verb,
          ...words,
          ...(verb === "add" && address.includes(":") ? ["nodad"] : [])
        )
        const { netns } = worlds.twin.kernel(host)
        if (verb === "add") netns.addAddress("eth0", words[0]!)
        else netns.removeAddress("eth0", address)
      }
    }
    const forget = async (host: string, address: string) => {
      await worlds.lab.ip(host, "neigh", "flush", "to", address)
      worlds.twin.kernel(host).netns.forgetNeighbours([address])
    }

    it.each(families)(
      "%s: an address that has moved is found again only when its old place is forgotten or the new one announced",
      async (family) => {
        const { lab, twin } = worlds
        const root = attachLab().root
        copyFileSync(`${project}/image/advertise-neighbour`, `${root}/usr/local/bin/advertise-neighbour`)
        // Both keep a second address, so that none of their routes goes with the first.
        const [address, stays] = family === "v4" ? [FIRST.v4, "10.77.0.1"] : [FIRST.v6, "fd77::1"]
        await move(stays, undefined, "first")
        await worlds.step(plan(port(family, "udp", 25, address)))
        const probe = send("client", family, CLIENT[family], OWN[family], 25)
        const comesOut = async (where: string) => expect(await worlds.step(probe)).toContain(`: ${where}`)
        await comesOut("first")
        await move(address, "first", "second")
        await comesOut("lost")
        await forget("anchor", address)
        await comesOut("second")
        await move(address, "second", "first")
        await comesOut("lost")
        const announce = Effect.flatMap(Netlink, ({ applyAddresses }) =>
          applyAddresses([{ _tag: "Announce", family, link: "eth0", address }])
        )
        const prefix = inNetns(lab.netns("first"), "chroot", root)
        await Effect.runPromise(announce.pipe(Effect.provide(IpRoute2.layer({ prefix }))))
        const mac = /link\/ether (\S+)/.exec(await lab.ip("first", "link", "show", "eth0"))?.[1] ?? "none"
        await eventually("the announcement is heard", 10_000, async () =>
          expect(await lab.ip("anchor", "neigh", "show", "to", address)).toContain(mac)
        )
        twin.kernel("first").netns.applyAddress({ _tag: "Announce", family, link: "eth0", address })
        await comesOut("first")
        // Whoever asks for the anchor tells it where the address is.
        await move(address, "first", "second")
        await forget("second", INSIDE[family])
        await worlds.step(send("second", family, address, INSIDE[family], 26))
        await comesOut("second")
        await move(address, "second", undefined)
        await forget("anchor", address)
        await comesOut("lost")
        const real = () => lab.ip("anchor", "neigh", "show", "to", address)
        const simulated = () =>
          twin
            .kernel("anchor")
            .netns.neighbours(family)
            .find((one) => one.address === address)?.state
        expect(simulated()).toBe("incomplete")
        await eventually("the neighbour has failed", 10_000, async () => expect(await real()).toContain("FAILED"))
        twin.time.advance(3_000)
        expect(simulated()).toBe("failed")
        await move(address, undefined, "first")
        await comesOut("first")
      }
    )
  })
})
