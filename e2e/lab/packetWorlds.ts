import * as Effect from "effect/Effect"
import { families } from "../../src/domain/Address.ts"
import {
  baseRuleset,
  nftFamily,
  parseTable,
  planCommands,
  tableName,
  type NftCommand
} from "../../src/domain/NftJson.ts"
import * as ConntrackTool from "../../src/layers/conntrack/ConntrackTool.ts"
import { exchange, type SimPacket } from "../../src/layers/sim/lan/SimWalker.ts"
import { Conntrack } from "../../src/services/Conntrack.ts"
import { run } from "./command.ts"
import { inNetns } from "./lan.ts"
import { openNftShell } from "./nftShell.ts"
import { openPacketLab, type PacketLab, type Seen } from "./packetLab.ts"
import { hosts, OWN, PORTS, type PacketStep } from "./packetSteps.ts"
import { simulateHosts, type PacketTwin } from "./packetTwin.ts"

/** How long a packet that does not arrive is waited for: in the real world that it is lost can only be told by time. */
const LOST_MILLIS = 60
const ARRIVAL_MILLIS = 5_000

const until = async (holds: () => boolean, limit: number): Promise<boolean> => {
  const end = Date.now() + limit
  while (!holds()) {
    if (Date.now() > end) return false
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  return true
}

const place = (address: string, at_: number) => `${address} ${at_}`

export interface PacketWorlds {
  readonly step: (step: PacketStep) => Promise<string>
  readonly lab: PacketLab
  readonly twin: PacketTwin
  /** What runs a command in the anchor's namespace, with nft and conntrack at hand. */
  readonly prefix: ReadonlyArray<string>
  /** Ends both; complains of packets that arrived after all. */
  readonly close: () => Promise<void>
}

const tupleOf = (fields: ReadonlyArray<string>, from: number) =>
  [0, 1, 2, 3].map((index) => fields[from + index]?.split("=")[1] ?? "?").join(" ")

/** The tables of connections as `conntrack -L` shows them: both tuples of each. */
const realFlows = async (prefix: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  const outputs = await Promise.all(
    ["ipv4", "ipv6"].map((of) => run([...prefix, "sh", "-c", `conntrack -L -f ${of} 2>/dev/null || true`]))
  )
  return outputs
    .join("\n")
    .split("\n")
    .filter((line) => /^(tcp|udp) /.test(line))
    .map((line) => {
      const fields = line.split(/\s+/).filter((one) => /^(src|dst|sport|dport)=/.test(one))
      return `${line.slice(0, 3)} ${tupleOf(fields, 0)} / ${tupleOf(fields, 4)}`
    })
    .toSorted()
}

const simulatedFlows = (twin: PacketTwin): ReadonlyArray<string> =>
  twin
    .kernel("anchor")
    .conntrack.tracked()
    .map(({ protocol: by, original, reply }) => {
      const text = [original, reply].map((one) =>
        [one.source, one.destination, one.sourcePort, one.destinationPort].join(" ")
      )
      return `${by} ${text.join(" / ")}`
    })
    .toSorted()

/** The simulation's time stands still unless a test lets it pass, so the kernel's connections must not expire either. */
const TIMELESS = ["net.netfilter.nf_conntrack_udp_timeout=3600", "net.netfilter.nf_conntrack_udp_timeout_stream=3600"]

/** Both worlds, empty but for anchord's rule set, and how a step is carried out and compared in them. */
export const openPacketWorlds = async (
  root: string,
  settings: ReadonlyArray<string> = TIMELESS
): Promise<PacketWorlds> => {
  let chance = 0
  const lab = await openPacketLab(hosts, PORTS, settings)
  const twin = simulateHosts(hosts, { next: () => chance })
  const prefix = inNetns(lab.netns("anchor"), "chroot", root)
  const shell = openNftShell(prefix)
  const anchor = twin.kernel("anchor")
  const lost = new Set<number>()
  const connections = new Set<string>()

  const execute = async (commands: ReadonlyArray<NftCommand>) => {
    const [real, simulated] = [await shell.execute(commands), anchor.ruleset.execute(commands)]
    if ((real === undefined) !== (simulated === undefined)) {
      throw new Error(`nft: ${real ?? "accepts"}; simulation: ${simulated ?? "accepts"}: ${JSON.stringify(commands)}`)
    }
  }
  await execute(baseRuleset({ extIface: "eth0" }))

  const present = () =>
    families.flatMap((of) => parseTable(anchor.ruleset.list(nftFamily[of], tableName[of]), of).entries)

  const find = (id: number, event: Seen["event"]) => lab.seen.find((one) => one.id === id && one.event === event)

  /** Where masquerading took another port, the simulation begins to look for one where the kernel found it. */
  const walk = async (host: string, packet: SimPacket, id: number) => {
    const from = twin.kernel(host)
    const before = new Set(anchor.conntrack.tracked())
    const first = exchange(from, packet)
    const made = anchor.conntrack.tracked().find((flow) => !before.has(flow))
    if (made === undefined || made.reply.destinationPort === made.original.sourcePort) return first
    await until(() => find(id, "arrived") !== undefined, ARRIVAL_MILLIS)
    const found = find(id, "arrived")?.from[1] ?? packet.sourcePort
    if (found === packet.sourcePort) return first
    anchor.conntrack.remove(made)
    const [start, count] = packet.sourcePort < 512 ? [1, 511] : packet.sourcePort < 1_024 ? [600, 424] : [1_024, 64_512]
    chance = ((found - start + count) % count) / 65_536
    const again = exchange(from, packet)
    chance = 0
    return again
  }

  const send = async (host: string, packet: SimPacket): Promise<string> => {
    const name = `${packet.protocol} ${place(packet.source, packet.sourcePort)} > ${place(packet.destination, packet.destinationPort)}`
    if (packet.protocol === "tcp" && connections.has(name)) return `${name}: is open already`
    connections.add(name)
    const id = lab.send(host, packet)
    await until(() => find(id, "answered") !== undefined, LOST_MILLIS)
    const { there, back, answered } = await walk(host, packet, id)
    const arrives = there._tag === "Delivered" && (packet.protocol === "udp" || answered)
    const why = there._tag === "Lost" ? there.why : back?._tag === "Lost" ? `answer lost: ${back.why}` : ""
    const simulated = arrives
      ? `${there.kernel.name} ${place(there.packet.destination, there.packet.destinationPort)} from ${place(there.packet.source, there.packet.sourcePort)}`
      : "lost"
    if (arrives) await until(() => find(id, "arrived") !== undefined, ARRIVAL_MILLIS)
    else lost.add(id)
    const came = find(id, "arrived")
    const real = came === undefined ? "lost" : `${came.host} ${place(...came.at)} from ${place(...came.from)}`
    if (real !== simulated) throw new Error(`${name}: really ${real}; simulated ${simulated} ${why}`)
    const back_ = back?._tag === "Delivered" && back.kernel.name === host && arrives
    const simulatedBack = back_ ? place(back.packet.source, back.packet.sourcePort) : "no answer"
    if (back_) await until(() => find(id, "answered") !== undefined, ARRIVAL_MILLIS)
    const answer = find(id, "answered")
    const realBack = answer === undefined ? "no answer" : place(...answer.from)
    if (realBack !== simulatedBack) {
      throw new Error(`${name}: answered really by ${realBack}; simulated by ${simulatedBack} ${why}`)
    }
    return `${name}: ${simulated}; answered by ${simulatedBack} ${why}`
  }

  const carryOut = async (step: PacketStep): Promise<string> => {
    switch (step._tag) {
      case "Send":
        return send(step.host, step.packet)
      case "Plan": {
        const there = present()
        const remove = new Set(step.going.flatMap((index) => there[index % there.length] ?? []))
        const commands = planCommands({ remove: [...remove], add: step.coming })
        if (commands.length > 0) await execute(commands)
        return `${commands.length} commands`
      }
      case "Flush": {
        const flush = Effect.flatMap(Conntrack, (conntrack) => conntrack.flush([step.selector]))
        const real = await Effect.runPromise(flush.pipe(Effect.provide(ConntrackTool.layer({ prefix }))))
        const simulated = await Effect.runPromise(flush.pipe(Effect.provide(anchor.conntrack.layer)))
        if (real !== simulated) throw new Error(`flushed ${real} flows, and simulated ${simulated}`)
        return `${real} flushed`
      }
      case "Readdress": {
        const address = OWN[step.family]
        const length = step.family === "v4" ? 24 : 64
        const nodad = step.family === "v4" ? [] : ["nodad"]
        await lab.ip("anchor", "address", "del", `${address}/${length}`, "dev", "eth0")
        await lab.ip("anchor", "address", "add", `${address}/${length}`, "dev", "eth0", ...nodad)
        anchor.netns.applyAddress({
          _tag: "DeleteAddress",
          family: step.family,
          link: "eth0",
          address,
          prefixLength: length
        })
        anchor.netns.addAddress("eth0", `${address}/${length}`)
        return "readdressed"
      }
    }
  }

  return {
    lab,
    twin,
    prefix,
    step: async (step) => {
      const said = await carryOut(step)
      const late = lab.seen.filter(({ id, event }) => lost.has(id) && event === "arrived")
      if (late.length > 0) throw new Error(`arrived, though lost in the simulation: ${JSON.stringify(late)}`)
      const [real, simulated] = [await realFlows(prefix), simulatedFlows(twin)]
      if (JSON.stringify(real) !== JSON.stringify(simulated)) {
        const only = (some: ReadonlyArray<string>, others: ReadonlyArray<string>) =>
          some.filter((one) => !others.includes(one)).join("\n  ")
        throw new Error(
          `${said}\nflows only real:\n  ${only(real, simulated)}\nonly simulated:\n  ${only(simulated, real)}`
        )
      }
      return said
    },
    close: async () => {
      await shell.close()
      await lab.close()
    }
  }
}
