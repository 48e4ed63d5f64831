import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { run } from "./command.ts"
import { inNetns, makeNetns } from "./lan.ts"

const AGENT = fileURLToPath(new URL("packetAgent.mjs", import.meta.url))

/** A packet as an agent sends it. */
export interface SentPacket {
  readonly protocol: "tcp" | "udp"
  readonly source: string
  readonly sourcePort: number
  readonly destination: string
  readonly destinationPort: number
}

/** What an agent saw: a packet that arrived at it, or an answer to one of its own. */
export interface Seen {
  readonly host: string
  readonly event: "arrived" | "answered"
  readonly id: number
  readonly at: readonly [address: string, port: number]
  readonly from: readonly [address: string, port: number]
}

/** A host of the packet lab: a namespace whose links are plugged into segments. */
export interface PacketHost {
  readonly name: string
  readonly links: Readonly<Record<string, { readonly segment: string; readonly addresses: ReadonlyArray<string> }>>
  /** `ip route add` with these words. */
  readonly routes?: ReadonlyArray<string>
  /** Where its agent listens and what it sends from. */
  readonly speaksAt: ReadonlyArray<string>
  readonly forwards?: boolean
}

export interface PacketLab {
  /** The network namespace of a host. */
  readonly netns: (host: string) => string
  readonly ip: (host: string, ...args: ReadonlyArray<string>) => Promise<string>
  /** Sends a packet; what is seen of it bears the number that is answered. */
  readonly send: (host: string, packet: SentPacket) => number
  readonly seen: ReadonlyArray<Seen>
  readonly close: () => Promise<void>
}

const flagOf = (words: string) => (words.includes(":") ? "-6" : "-4")

const startAgent = async (
  netns: string,
  host: PacketHost,
  ports: ReadonlyArray<number>,
  onSeen: (seen: Seen) => void
) => {
  const command = inNetns(netns, process.execPath, AGENT, ports.join(","), host.speaksAt.join(","))
  const [program = "", ...args] = command
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] })
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()))
  await new Promise<void>((resolve, reject) => {
    child.on("close", () => reject(new Error(`the agent of ${host.name} ended`)))
    createInterface({ input: child.stdout }).on("line", (line) => {
      const said = JSON.parse(line) as { readonly ready?: true } & Omit<Seen, "host">
      if (said.ready) resolve()
      else onSeen({ ...said, host: host.name })
    })
  })
  return {
    write: (line: string) => void child.stdin.write(`${line}\n`),
    close: async () => {
      child.stdin.end()
      await ended
    }
  }
}

/** So that an agent can wait at an address which its host will only have later. */
const nonLocal = ["net.ipv4.ip_nonlocal_bind=1", "net.ipv6.ip_nonlocal_bind=1"]

/** Namespaces with links to bridges in a namespace of their own, and a Node process in each that sends, listens and tells. `more` are kernel parameters of all. */
export const openPacketLab = async (
  hosts: ReadonlyArray<PacketHost>,
  ports: ReadonlyArray<number>,
  more: ReadonlyArray<string> = []
): Promise<PacketLab> => {
  const made: Array<{ readonly name: string; readonly dispose: () => Promise<void> }> = []
  const makeQuiet = async () => {
    const netns = await makeNetns()
    made.push(netns)
    // Duplicate address detection would keep a link-local address back for seconds, and with it all solicitations.
    const settings = ["net.ipv6.conf.default.accept_dad=0", "net.ipv4.conf.all.rp_filter=0", ...nonLocal, ...more]
    await run(inNetns(netns.name, "sysctl", "-qw", ...settings))
    return netns.name
  }
  const lab = await makeQuiet()
  const inLab = (...args: ReadonlyArray<string>) => run(["ip", "-n", lab, ...args])
  const netnsOf = new Map<string, string>()
  const seen: Array<Seen> = []
  const agents = new Map<string, Awaited<ReturnType<typeof startAgent>>>()
  const close = async () => {
    await Promise.all([...agents.values()].map((agent) => agent.close()))
    for (const { dispose } of made) await dispose()
  }
  try {
    const segments = new Set(hosts.flatMap(({ links }) => Object.values(links).map(({ segment }) => segment)))
    for (const segment of segments) {
      await inLab("link", "add", "name", segment, "type", "bridge")
      await inLab("link", "set", segment, "up")
    }
    let cables = 0
    for (const host of hosts) {
      const netns = await makeQuiet()
      netnsOf.set(host.name, netns)
      for (const [link, { segment, addresses }] of Object.entries(host.links)) {
        cables += 1
        await inLab(
          ...["link", "add", "name", `port${cables}`, "type", "veth"],
          ...["peer", "name", link, "netns", netns]
        )
        await inLab("link", "set", "dev", `port${cables}`, "master", segment, "up")
        await run(["ip", "-n", netns, "link", "set", "dev", link, "up"])
        for (const address of addresses) {
          const nodad = address.includes(":") ? ["nodad"] : []
          await run(["ip", "-n", netns, "address", "add", address, "dev", link, ...nodad])
        }
      }
      for (const route of host.routes ?? []) {
        await run(["ip", "-n", netns, flagOf(route), "route", "add", ...route.split(" ")])
      }
      if (host.forwards) {
        await run(inNetns(netns, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"))
      }
      agents.set(host.name, await startAgent(netns, host, ports, (one) => void seen.push(one)))
    }
  } catch (error) {
    await close()
    throw error
  }
  const netns = (host: string) => netnsOf.get(host) ?? host
  let sent = 0
  return {
    netns,
    ip: (host, ...args) => run(["ip", "-n", netns(host), ...args]),
    send: (host, packet) => {
      sent += 1
      agents.get(host)?.write(JSON.stringify({ id: sent, ...packet }))
      return sent
    },
    seen,
    close
  }
}
