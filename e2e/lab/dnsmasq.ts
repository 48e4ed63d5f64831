import { spawn, type ChildProcess } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { inNetns } from "./lan.ts"
import { eventually } from "./steps.ts"

export interface DhcpServer {
  /** Ends it; what it has given stays in its table. */
  readonly stop: () => Promise<void>
  /** The lines of its lease table. */
  readonly leases: () => ReadonlyArray<string>
  /** Takes lines out of the table; only while it is stopped. */
  readonly forget: (text: string) => void
  /** What it said. */
  readonly log: () => string
}

/** Where a server runs and keeps its files: the lab has it. */
export interface ServerPlace {
  readonly router: { readonly netns: string }
  readonly engine: { readonly work: string }
}

/** A dnsmasq on the LAN's router (at the link `lan`) that serves DHCP as the given lines of its configuration say. */
export const startDnsmasq = async (
  { router, engine }: ServerPlace,
  name: string,
  lines: ReadonlyArray<string>
): Promise<DhcpServer> => {
  const folder = `${engine.work}/dnsmasq-${name}`
  mkdirSync(folder, { recursive: true })
  const table = `${folder}/leases`
  const config = `${folder}/dnsmasq.conf`
  const fixed = [
    "port=0",
    "interface=lan",
    "bind-interfaces",
    "dhcp-authoritative",
    "no-ping",
    "log-dhcp",
    "user=root",
    "group=root"
  ]
  writeFileSync(config, [...fixed, `dhcp-leasefile=${table}`, `pid-file=${folder}/pid`, ...lines, ""].join("\n"))
  rmSync(`${folder}/pid`, { force: true })
  let log = ""
  const [program = "", ...args] = [
    ...["setpriv", "--pdeathsig", "KILL"],
    ...inNetns(router.netns, "dnsmasq", "--no-daemon", `--conf-file=${config}`, "--log-facility=-")
  ]
  const child: ChildProcess = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] })
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data) => (log += String(data)))
  const ended = new Promise<void>((resolve) => {
    child.on("close", () => resolve())
  })
  await eventually("dnsmasq runs", 10_000, () => {
    if (child.exitCode !== null) throw new Error(`dnsmasq ended: ${log}`)
    if (!/DHCP, sockets bound|router advertisement enabled/.test(log)) throw new Error("not yet")
  }).catch((error: unknown) => {
    child.kill("SIGKILL")
    throw error
  })
  return {
    stop: async () => {
      child.kill("SIGTERM")
      await ended
    },
    leases: () =>
      existsSync(table)
        ? readFileSync(table, "utf8")
            .split("\n")
            .filter((line) => line !== "")
        : [],
    forget: (text) =>
      writeFileSync(
        table,
        readFileSync(table, "utf8")
          .split("\n")
          .filter((line) => !line.includes(text))
          .join("\n")
      ),
    log: () => log
  }
}
