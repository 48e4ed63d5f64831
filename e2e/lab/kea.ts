import { spawn } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { inNetns } from "./lan.ts"
import type { Lab } from "./lab.ts"
import { eventually } from "./steps.ts"

export interface KeaServer {
  readonly stop: () => Promise<void>
  /** Its lease file, by column: every change is one more line. */
  readonly leases: () => ReadonlyArray<KeaLease>
  readonly log: () => string
}

/** A line of the lease file; columns that are empty are empty text. */
export type KeaLease = Readonly<Record<string, string>>

/** As Kea's `option-data` has it: by name with text, or by code with bytes in hexadecimal. */
export type KeaOption =
  | { readonly name: string; readonly data: string }
  | { readonly code: number; readonly "csv-format": false; readonly data: string }

/** What a subnet gives: one address or those up to `last`, for so many seconds, to be renewed after so many. */
export interface KeaOffer {
  readonly address: string
  readonly last?: string
  readonly leaseSeconds: number
  readonly renewSeconds: number
  readonly options?: ReadonlyArray<KeaOption>
  /** As Kea has them. */
  readonly reservations?: ReadonlyArray<Readonly<Record<string, unknown>>>
}

const configOf = (folder: string, offer: KeaOffer) => {
  const { address, last = address, leaseSeconds, renewSeconds, options = [], reservations = [] } = offer
  const v6 = address.includes(":")
  const common = {
    "interfaces-config": { interfaces: ["lan"] },
    "lease-database": { type: "memfile", persist: true, name: `${folder}/leases.csv` },
    "valid-lifetime": leaseSeconds,
    "renew-timer": renewSeconds,
    "rebind-timer": Math.floor(leaseSeconds * 0.8),
    loggers: [{ name: "*", severity: "DEBUG", debuglevel: 40, output_options: [{ output: "stdout" }] }]
  }
  const subnet = { pools: [{ pool: `${address} - ${last}` }], "option-data": options, reservations }
  return v6
    ? {
        Dhcp6: {
          ...common,
          "server-id": { type: "LL", htype: 1, identifier: "020000000001", persist: false },
          "preferred-lifetime": leaseSeconds,
          subnet6: [{ ...subnet, subnet: "fd99::/64", interface: "lan" }]
        }
      }
    : {
        Dhcp4: {
          ...common,
          authoritative: true,
          "calculate-tee-times": false,
          subnet4: [{ ...subnet, subnet: "10.99.0.0/24" }]
        }
      }
}

const tableOf = (path: string): ReadonlyArray<KeaLease> => {
  if (!existsSync(path)) return []
  const [header = "", ...lines] = readFileSync(path, "utf8").trim().split("\n")
  const names = header.split(",")
  return lines.map((line) => {
    const values = line.split(",")
    return Object.fromEntries(names.map((name, index) => [name, values[index] ?? ""]))
  })
}

/** Kea on the LAN's router, with an empty lease file: for lease times of seconds. */
export const startKea = async (lab: Lab, name: string, offer: KeaOffer): Promise<KeaServer> => {
  const folder = `${lab.engine.work}/kea-${name}`
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const table = `${folder}/leases.csv`
  writeFileSync(`${folder}/kea.conf`, JSON.stringify(configOf(folder, offer)))
  const daemon = offer.address.includes(":") ? "kea-dhcp6" : "kea-dhcp4"
  const environment = ["env", `KEA_PIDFILE_DIR=${folder}`, `KEA_LOCKFILE_DIR=${folder}`]
  const [program = "", ...args] = [
    ...["setpriv", "--pdeathsig", "KILL"],
    ...inNetns(lab.router.netns, ...environment, daemon, "-c", `${folder}/kea.conf`)
  ]
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] })
  let log = ""
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (log += String(data)))
  const ended = new Promise<void>((resolve) => {
    child.on("close", () => resolve())
  })
  await eventually(`${daemon} runs`, 10_000, () => {
    if (child.exitCode !== null) throw new Error(`it ended: ${log.slice(-3_000)}`)
    if (!/DHCP[46]_STARTED/.test(log)) throw new Error("not yet")
  }).catch((error: unknown) => {
    child.kill("SIGKILL")
    throw error
  })
  return {
    stop: async () => {
      child.kill("SIGTERM")
      await ended
    },
    leases: () => tableOf(table),
    log: () => log
  }
}
